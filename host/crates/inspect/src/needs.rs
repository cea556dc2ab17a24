//! What an import needs: nothing, a grant, or something that this host does not offer.

use serde::Serialize;
use tollgate_services::Grants;

/// What an import needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Need {
    /// It is always offered.
    Nothing,
    /// It is offered, but only reaches what was granted.
    Grant,
    /// It is not offered, so the file cannot run here unchanged.
    NotOffered,
}

/// What an import may be granted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// Models by their names.
    Models,
    /// Models that it brings itself.
    Load,
    /// Both.
    ModelsAndLoad,
    /// Configuration values.
    Config,
    /// That its log lines are seen.
    Logging,
    /// Key-value buckets.
    KeyValue,
    /// Folders, which only commands are given.
    Folders,
    /// Variables and arguments, which only commands are given.
    Environment,
    /// A command's standard streams, which need nothing; what a plugin writes there is log lines.
    StandardStreams,
    /// The network, which is never given.
    Network,
    /// Folders of a preview1 module.
    ModuleFolders,
    /// Variables of a preview1 module.
    ModuleVariables,
}

/// What an import needs, with the grant, or the reason why it is not offered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Needs {
    /// As [`Need::Nothing`].
    Nothing,
    /// As [`Need::Grant`].
    Grant(Grant),
    /// As [`Need::NotOffered`].
    NotOffered(String),
}

/// The versions of wasi-nn that components may import.
const WASI_NN: [&str; 2] = ["0.2.0-rc-2024-10-28", "0.2.0-rc-2024-08-19"];

/// The packages of WASI 0.2 that are offered. 0.3 has all of them but one that it dropped.
const WASI: [&str; 6] = [
    "wasi:cli",
    "wasi:clocks",
    "wasi:filesystem",
    "wasi:io",
    "wasi:random",
    "wasi:sockets",
];

/// The package of an interface.
fn package(interface: &str) -> &str {
    interface
        .split_once('/')
        .map_or(interface, |(package, _)| package)
}

/// What an interface needs when these functions of it are called.
pub(super) fn of(name: &str, functions: &[String]) -> Needs {
    let calls = |function: &str| functions.iter().any(|called| called == function);
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    match interface {
        _ if interface.starts_with("wasi:nn/") && !WASI_NN.contains(&version) => {
            Needs::NotOffered(format!(
                "version {version} is not accepted: rebuild it against {}",
                WASI_NN.join(" or ")
            ))
        }
        "wasi:nn/graph" | "wasi_ephemeral_nn" => Needs::Grant(
            match (
                calls("load"),
                calls("load-by-name") || calls("load_by_name"),
            ) {
                (true, false) => Grant::Load,
                (true, true) => Grant::ModelsAndLoad,
                _ => Grant::Models,
            },
        ),
        _ if interface.starts_with("wasi:nn/") => Needs::Nothing,
        // A release candidate is another version than the release.
        _ if WASI.contains(&package(interface))
            && !(version.starts_with("0.2.") || version.starts_with("0.3."))
            || package(interface) == "wasi:io" && !version.starts_with("0.2.")
            || version.starts_with("0.3.") && version.contains('-') =>
        {
            Needs::NotOffered(format!(
                "version {version} is not accepted: rebuild it for WASI 0.2 or 0.3.0"
            ))
        }
        "tollgate:nn/inference" | "tollgate:nn/prepared" if version == "0.1.0" => Needs::Nothing,
        _ if interface.starts_with("tollgate:nn/") => Needs::NotOffered(format!(
            "version {version} is not accepted: rebuild it against 0.1.0"
        )),
        _ if interface.starts_with("tollgate:plugin/types") => Needs::Nothing,
        "tollgate:plugin/panic" => of_version(version, "0.1.0", Needs::Nothing),
        "wasi:config/store" => of_version(version, "0.2.0-rc.1", Needs::Grant(Grant::Config)),
        "wasi:logging/logging" => of_version(version, "0.1.0-draft", Needs::Grant(Grant::Logging)),
        "wasi:keyvalue/store" => of_version(version, "0.2.0-draft", Needs::Grant(Grant::KeyValue)),
        "wasi:keyvalue/atomics" | "wasi:keyvalue/batch" => {
            of_version(version, "0.2.0-draft", Needs::Nothing)
        }
        "wasi:filesystem/preopens" | "wasi:filesystem/types" => Needs::Grant(Grant::Folders),
        "wasi:cli/environment" => Needs::Grant(Grant::Environment),
        "wasi:cli/stdin" | "wasi:cli/stdout" | "wasi:cli/stderr" => {
            Needs::Grant(Grant::StandardStreams)
        }
        _ if interface.starts_with("wasi:sockets/") => Needs::Grant(Grant::Network),
        _ if WASI.contains(&package(interface)) => Needs::Nothing,
        "wasi_snapshot_preview1" => match () {
            () if calls("path_open") => Needs::Grant(Grant::ModuleFolders),
            () if calls("environ_get") => Needs::Grant(Grant::ModuleVariables),
            () => Needs::Nothing,
        },
        _ => Needs::NotOffered("no interface of this name is offered".to_owned()),
    }
}

/// The grant for an import that reaches nothing because nothing was granted for it.
pub fn missing(import: &str, grants: &Grants) -> Option<Grant> {
    let interface = import.split('@').next().unwrap_or(import);
    match interface {
        "wasi:config/store" if grants.config.is_empty() => Some(Grant::Config),
        "wasi:logging/logging" if grants.logging.is_none() => Some(Grant::Logging),
        "wasi:keyvalue/store" if grants.keyvalue.buckets.is_empty() => Some(Grant::KeyValue),
        _ => None,
    }
}

/// What an interface of this version needs, if only one version is offered.
fn of_version(version: &str, offered: &str, needs: Needs) -> Needs {
    if version == offered {
        return needs;
    }
    Needs::NotOffered(format!(
        "version {version} is not accepted: rebuild it against {offered}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_import_is_told_what_it_takes() {
        let need = |name: &str, functions: &[&str]| {
            let functions: Vec<String> = functions.iter().map(|&f| f.to_owned()).collect();
            of(name, &functions)
        };
        let newest = "wasi:nn/graph@0.2.0-rc-2024-10-28";
        for (name, functions, granted) in [
            (newest, &["load-by-name"][..], Grant::Models),
            (newest, &["load"], Grant::Load),
            (newest, &["load", "load-by-name"], Grant::ModelsAndLoad),
            ("wasi:filesystem/types@0.2.3", &[], Grant::Folders),
            ("wasi:filesystem/types@0.3.1", &[], Grant::Folders),
            (
                "wasi_snapshot_preview1",
                &["path_open"],
                Grant::ModuleFolders,
            ),
            ("wasi:keyvalue/store@0.2.0-draft", &[], Grant::KeyValue),
            ("wasi:config/store@0.2.0-rc.1", &[], Grant::Config),
            ("wasi:logging/logging@0.1.0-draft", &[], Grant::Logging),
        ] {
            assert_eq!(need(name, functions), Needs::Grant(granted), "{name}");
        }
        for (name, functions) in [
            ("wasi:nn/tensor@0.2.0-rc-2024-08-19", &[][..]),
            ("wasi:io/streams@0.2.6", &[]),
            ("wasi:clocks/monotonic-clock@0.3.0", &[]),
            ("wasi_snapshot_preview1", &["fd_read"]),
            ("wasi:keyvalue/atomics@0.2.0-draft", &[]),
        ] {
            assert_eq!(need(name, functions), Needs::Nothing, "{name}");
        }
        for (name, words) in [
            ("wasi:nn/graph@0.2.0-rc-2024-06-25", "0.2.0-rc-2024-06-25"),
            ("wasi:nn/graph@0.2.0-rc-2024-06-25", "0.2.0-rc-2024-10-28"),
            ("wasi:io/streams@0.3.0", "0.3.0"),
            (
                "wasi:clocks/monotonic-clock@0.3.0-rc-2025-09-16",
                "0.3.0-rc-2025-09-16",
            ),
            ("wasi:filesystem/types@0.1.0", "0.1.0"),
            ("my:own/thing@1.0.0", "no interface of this name"),
            ("wasi:keyvalue/store@0.2.0-draft2", "0.2.0-draft2"),
            (
                "wasi:config/runtime@0.2.0-draft",
                "no interface of this name",
            ),
        ] {
            let Needs::NotOffered(why) = need(name, &[]) else {
                panic!("{name} is offered");
            };
            assert!(why.contains(words), "{why}");
        }
    }
}
