//! Tries from inside a helper what it must not be able to do: what a machine's kernel really keeps it from, not
//! what was asked for.

use std::{
    fs::{self, File},
    io,
    net::TcpListener,
    os::unix::net::UnixStream,
    process::Command,
};

use rustix::process::{getppid, test_kill_process};

/// A file that anybody may write where nothing keeps them from it.
const WRITTEN: &str = "/tmp/tollgate-jail-probe";

/// Does in a helper what it must not be able to do. Gives a line for each attempt that was made: `held` if it was
/// forbidden, else `open`, and what was tried.
pub fn probe() -> String {
    let attempts: [(&str, io::Result<()>); 6] = [
        ("open a file", File::open("/proc/self/status").map(drop)),
        ("write a file", File::create(WRITTEN).map(drop)),
        ("open a port", TcpListener::bind("127.0.0.1:0").map(drop)),
        ("open a socket", UnixStream::pair().map(drop)),
        (
            "start a program",
            Command::new("/bin/true").status().map(drop),
        ),
        (
            "signal the host",
            getppid().map_or(Ok(()), |host| Ok(test_kill_process(host)?)),
        ),
    ];
    let lines = attempts.map(|(what, tried)| {
        // What fails in another way was not forbidden.
        let held = tried.is_err_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
        format!("{} {what}\n", if held { "held" } else { "open" })
    });
    // There only if it could be written.
    fs::remove_file(WRITTEN).ok();
    lines.concat()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_that_is_not_confined_can_do_all_of_it() {
        let said = super::probe();
        assert_eq!(said.lines().count(), 6);
        assert!(said.lines().all(|line| line.starts_with("open ")), "{said}");
    }
}
