//! Chromium, in which the tests open a report as its readers do.
//!
//! It is found under the names that systems give it, or installed from the system's packages where
//! that takes nobody's password. Where neither works, the message has the one command that helps.

use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::shell;

/// What the browser is called; the tests look for the same names.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// What to type where it cannot be installed from here.
const BY_HAND: &str = "sudo apt-get install --no-install-recommends chromium";

/// Sees to it that there is a Chromium.
///
/// # Errors
///
/// There is none and none could be installed; the message has the command that does.
pub fn ensure() -> Result<()> {
    if NAMES.iter().any(|name| works(name, &["--version"])) {
        return Ok(());
    }
    shell::step("Chromium, which the tests open a report in", || {
        install()
            .with_context(|| format!("the tests need Chromium; on Debian, `{BY_HAND}` installs it"))
    })
}

fn install() -> Result<()> {
    if !works("apt-get", &["--version"]) {
        bail!("this system has no apt-get to install it with");
    }
    let root = shell::read(Command::new("id").arg("-u"))?.trim() == "0";
    if !root && !works("sudo", &["-n", "true"]) {
        bail!("installing it takes root, and sudo asks for a password");
    }
    let apt = |arguments: &[&str]| {
        let mut words = vec!["env", "DEBIAN_FRONTEND=noninteractive", "apt-get"];
        if !root {
            words.splice(0..0, ["sudo", "-n"]);
        }
        words.extend(arguments);
        let mut words = words.into_iter();
        let mut command = Command::new(words.next().unwrap_or("env"));
        shell::run(command.args(words).stdin(Stdio::null()))
    };
    let packages = ["install", "--yes", "--no-install-recommends", "chromium"];
    // A fresh machine has no list of packages yet, or an old one.
    apt(&packages).or_else(|_| {
        apt(&["update"])?;
        apt(&packages)
    })
}

/// Whether a program is there and runs.
fn works(program: &str, arguments: &[&str]) -> bool {
    Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok_and(|status| status.success())
}
