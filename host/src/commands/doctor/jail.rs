//! How `doctor` words what the jail is on this machine.

use std::fmt::Write;

use tollgate_deploy::jail::Jail;

pub(super) fn render(jail: &Jail, out: &mut String) -> std::fmt::Result {
    if let Some(problem) = &jail.problem {
        return writeln!(out, "jail          none: {problem}");
    }
    let names = |there: bool| {
        let all = jail.layers.iter().filter(|layer| layer.there == there);
        let all: Vec<String> = all
            .map(|layer| match &layer.reason {
                Some(reason) => format!("{} ({reason})", layer.name),
                None => layer.name.to_owned(),
            })
            .collect();
        all.join(", ")
    };
    writeln!(out, "jail          {}", names(true))?;
    if jail.layers.iter().any(|layer| !layer.there) {
        writeln!(out, "  lacks       {}", names(false))?;
    }
    let tried = |held: bool| {
        let all = jail.tried.iter().filter(|attempt| attempt.held == held);
        let all: Vec<&str> = all.map(|attempt| attempt.what.as_str()).collect();
        all.join(", ")
    };
    writeln!(out, "  cannot      {}", tried(true))?;
    if jail.tried.iter().any(|attempt| !attempt.held) {
        writeln!(out, "  still can   {}", tried(false))?;
    }
    Ok(())
}
