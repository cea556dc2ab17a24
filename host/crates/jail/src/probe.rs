//! Tries from inside a helper what it must not be able to do: what a machine's kernel really keeps it from, not
//! what was asked for.

use std::{fs::File, net::TcpListener, os::unix::net::UnixStream, process::Command};

/// Does in a helper what it must not be able to do. Gives a line for each attempt that was made: `held` or `open`,
/// and what was tried.
pub fn probe() -> String {
    let host = rustix::process::getppid();
    let attempts: [(&str, bool); 6] = [
        ("open a file", File::open("/etc/passwd").is_err()),
        (
            "write a file",
            File::create("/tmp/tollgate-jail-probe").is_err(),
        ),
        ("open a port", TcpListener::bind("127.0.0.1:0").is_err()),
        ("open a socket", UnixStream::pair().is_err()),
        (
            "start a program",
            Command::new("/bin/true").status().is_err(),
        ),
        (
            "signal the host",
            host.is_none_or(|host| rustix::process::test_kill_process(host).is_err()),
        ),
    ];
    let lines =
        attempts.map(|(what, held)| format!("{} {what}\n", if held { "held" } else { "open" }));
    lines.concat()
}
