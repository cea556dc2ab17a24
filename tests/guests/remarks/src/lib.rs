//! A plugin that says what its frame tells it to: on its standard streams, by a panic, by an output.

mod stdio;

use tollgate_guest::{Fault, Frame, Graph, Level, Output, Plugin, log};

struct Remarks;

impl Plugin for Remarks {
    fn new() -> Result<Self, Fault> {
        Ok(Self)
    }

    fn handle(&mut self, frame: &Frame) -> Result<Vec<Output>, Fault> {
        let text = String::from_utf8_lossy(&frame.data).into_owned();
        for line in text.lines() {
            let (command, argument) = line.split_once(' ').unwrap_or((line, ""));
            // `\n` and `\e` in an argument are the characters.
            let argument = argument.replace("\\n", "\n").replace("\\e", "\u{1b}");
            run(command, &argument)?;
        }
        Ok(vec![
            Output::text("said", text.clone()),
            Output::bytes("same", text.into_bytes()),
        ])
    }
}

tollgate_guest::export!(Remarks);

fn run(command: &str, argument: &str) -> Result<(), Fault> {
    match command {
        "out" => stdio::out(argument),
        "err" => stdio::err(argument),
        "log" => log(Level::Info, "test", argument),
        "graph" => drop(Graph::load(argument)?),
        "fault" => return Err(Fault::Internal(argument.to_owned())),
        #[expect(clippy::panic, reason = "what the test is about")]
        "panic" => panic!("sensor {argument} out of range"),
        #[expect(clippy::unwrap_used, reason = "likewise")]
        "unwrap" => {
            std::hint::black_box(argument.parse::<u32>().unwrap());
        }
        #[expect(clippy::indexing_slicing, reason = "likewise")]
        "index" => {
            std::hint::black_box(argument.as_bytes()[argument.len()]);
        }
        "long" => {
            let long = "x".repeat(argument.parse().unwrap_or(0));
            assert!(long.is_empty(), "{long}");
        }
        _ => return Err(Fault::InvalidFrame(format!("no command `{command}`"))),
    }
    Ok(())
}
