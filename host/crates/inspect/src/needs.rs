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

const CONFIG_GRANT: &str = "--config KEY=VALUE, for the values that it is to read";
const LOGGING_GRANT: &str = "--logging, for its log lines to be seen";
const KEYVALUE_GRANT: &str = "--keyvalue NAME=FILE, for the buckets that it is to use";

/// What an interface needs when these functions of it are called, with the option to add or the
/// reason why it is not offered.
pub(super) fn of(name: &str, functions: &[String]) -> (Need, String) {
    let calls = |function: &str| functions.iter().any(|called| called == function);
    let (interface, version) = name.split_once('@').unwrap_or((name, ""));
    let nothing = || (Need::Nothing, String::new());
    let grant = |words: &str| (Need::Grant, words.to_owned());
    match interface {
        _ if interface.starts_with("wasi:nn/") && !WASI_NN.contains(&version) => (
            Need::NotOffered,
            format!(
                "version {version} is not accepted: rebuild it against {}",
                WASI_NN.join(" or ")
            ),
        ),
        "wasi:nn/graph" | "wasi_ephemeral_nn" => grant(
            match (
                calls("load"),
                calls("load-by-name") || calls("load_by_name"),
            ) {
                (true, false) => "--allow load, for models that it brings itself",
                (true, true) => "--model NAME=PATH; --allow load, for models that it brings itself",
                _ => "--model NAME=PATH",
            },
        ),
        _ if interface.starts_with("wasi:nn/") => nothing(),
        // A release candidate is another version than the release.
        _ if WASI.contains(&package(interface))
            && !(version.starts_with("0.2.") || version.starts_with("0.3."))
            || package(interface) == "wasi:io" && !version.starts_with("0.2.")
            || version.starts_with("0.3.") && version.contains('-') =>
        {
            (
                Need::NotOffered,
                format!("version {version} is not accepted: rebuild it for WASI 0.2 or 0.3.0"),
            )
        }
        "tollgate:nn/inference" | "tollgate:nn/prepared" if version == "0.1.0" => nothing(),
        _ if interface.starts_with("tollgate:nn/") => (
            Need::NotOffered,
            format!("version {version} is not accepted: rebuild it against 0.1.0"),
        ),
        _ if interface.starts_with("tollgate:plugin/types") => nothing(),
        "tollgate:plugin/panic" => of_version(version, "0.1.0", ""),
        "wasi:config/store" => of_version(version, "0.2.0-rc.1", CONFIG_GRANT),
        "wasi:logging/logging" => of_version(version, "0.1.0-draft", LOGGING_GRANT),
        "wasi:keyvalue/store" => of_version(version, "0.2.0-draft", KEYVALUE_GRANT),
        "wasi:keyvalue/atomics" | "wasi:keyvalue/batch" => of_version(version, "0.2.0-draft", ""),
        "wasi:filesystem/preopens" | "wasi:filesystem/types" => {
            grant("--dir HOST::GUEST, for the folders that it is to see; only for commands")
        }
        "wasi:cli/environment" => {
            grant("--env KEY=VALUE, and arguments after `--`; only for commands")
        }
        "wasi:cli/stdin" | "wasi:cli/stdout" | "wasi:cli/stderr" => {
            grant("nothing in a command; what a plugin writes is shown with --logging")
        }
        _ if interface.starts_with("wasi:sockets/") => {
            grant("nothing; no network is ever reached through it")
        }
        _ if WASI.contains(&package(interface)) => nothing(),
        "wasi_snapshot_preview1" => match () {
            () if calls("path_open") => {
                grant("--dir HOST::GUEST, for the folders that it is to see")
            }
            () if calls("environ_get") => {
                grant("--env KEY=VALUE, for the variables that it is to see")
            }
            () => nothing(),
        },
        _ => (
            Need::NotOffered,
            "no interface of this name is offered".to_owned(),
        ),
    }
}

/// The option to add for an import that reaches nothing because nothing was granted for it.
pub fn missing(import: &str, grants: &Grants) -> Option<&'static str> {
    let interface = import.split('@').next().unwrap_or(import);
    match interface {
        "wasi:config/store" if grants.config.is_empty() => Some(CONFIG_GRANT),
        "wasi:logging/logging" if grants.logging.is_none() => Some(LOGGING_GRANT),
        "wasi:keyvalue/store" if grants.keyvalue.buckets.is_empty() => Some(KEYVALUE_GRANT),
        _ => None,
    }
}

/// What an interface of this version needs, if only one version is offered.
fn of_version(version: &str, offered: &str, grant: &str) -> (Need, String) {
    if version != offered {
        let words = format!("version {version} is not accepted: rebuild it against {offered}");
        return (Need::NotOffered, words);
    }
    let need = if grant.is_empty() {
        Need::Nothing
    } else {
        Need::Grant
    };
    (need, grant.to_owned())
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
        assert_eq!(need(newest, &["load-by-name"]).1, "--model NAME=PATH");
        assert!(need(newest, &["load"]).1.starts_with("--allow load"));
        assert_eq!(
            need("wasi:nn/tensor@0.2.0-rc-2024-08-19", &[]).0,
            Need::Nothing
        );
        let (needed, words) = need("wasi:nn/graph@0.2.0-rc-2024-06-25", &[]);
        assert_eq!(needed, Need::NotOffered);
        assert!(
            words.contains("2024-06-25") && words.contains("2024-10-28"),
            "{words}"
        );
        assert_eq!(need("wasi:filesystem/types@0.2.3", &[]).0, Need::Grant);
        assert_eq!(need("wasi:io/streams@0.2.6", &[]).0, Need::Nothing);
        assert_eq!(need("wasi:io/streams@0.3.0", &[]).0, Need::NotOffered);
        assert_eq!(
            need("wasi:clocks/monotonic-clock@0.3.0", &[]).0,
            Need::Nothing
        );
        assert_eq!(need("wasi:filesystem/types@0.3.1", &[]).0, Need::Grant);
        let (needed, words) = need("wasi:clocks/monotonic-clock@0.3.0-rc-2025-09-16", &[]);
        assert_eq!(needed, Need::NotOffered);
        assert!(words.contains("0.3.0-rc-2025-09-16"), "{words}");
        assert_eq!(need("wasi:filesystem/types@0.1.0", &[]).0, Need::NotOffered);
        assert_eq!(
            need("wasi_snapshot_preview1", &["fd_read"]).0,
            Need::Nothing
        );
        assert_eq!(
            need("wasi_snapshot_preview1", &["path_open"]).0,
            Need::Grant
        );
        assert_eq!(need("my:own/thing@1.0.0", &[]).0, Need::NotOffered);
        let (needed, words) = need("wasi:keyvalue/store@0.2.0-draft", &[]);
        assert_eq!(needed, Need::Grant);
        assert!(words.starts_with("--keyvalue NAME=FILE"), "{words}");
        assert_eq!(
            need("wasi:keyvalue/store@0.2.0-draft2", &[]).0,
            Need::NotOffered
        );
        assert_eq!(
            need("wasi:keyvalue/atomics@0.2.0-draft", &[]).0,
            Need::Nothing
        );
        assert_eq!(need("wasi:config/store@0.2.0-rc.1", &[]).0, Need::Grant);
        assert_eq!(
            need("wasi:config/runtime@0.2.0-draft", &[]).0,
            Need::NotOffered
        );
        assert_eq!(need("wasi:logging/logging@0.1.0-draft", &[]).0, Need::Grant);
    }
}
