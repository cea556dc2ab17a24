//! Tries from inside a helper what it must not be able to do: what a machine's kernel really keeps it from, not
//! what was asked for.

#![allow(
    unsafe_code,
    reason = "system calls that no library offers as safe; each block says why it is sound"
)]

use std::{
    fs::{self, File},
    io::{self, Write},
    net::{TcpListener, TcpStream},
    os::{fd::AsFd, unix::net::UnixStream},
    process::Command,
    ptr,
};

use rustix::process::{getppid, test_kill_process};

/// A file that anybody may write where nothing keeps them from it.
const WRITTEN: &str = "/tmp/tollgate-jail-probe";

/// Does in a helper what it must not be able to do. Gives a line for each attempt that was made: `held` if it was
/// forbidden, else `open`, and what was tried.
pub fn probe() -> String {
    let attempts: [(&str, io::Result<()>); 10] = [
        ("open a file", File::open("/proc/self/status").map(drop)),
        ("write a file", File::create_new(WRITTEN).map(drop)),
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
        ("start a process", fork()),
        (
            "connect to the network",
            TcpStream::connect(NOBODY).map(drop),
        ),
        ("trace the host", trace()),
        ("change what it was handed", change()),
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

/// A port at which nobody listens: trying it is refused by the machine if nothing forbids it.
const NOBODY: (&str, u16) = ("127.0.0.1", 9);

fn fork() -> io::Result<()> {
    // SAFETY: the child does nothing but end.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        // SAFETY: as above.
        0 => unsafe { libc::_exit(0) },
        child => {
            // SAFETY: the status goes nowhere, and `child` is ours.
            unsafe { libc::waitpid(child, ptr::null_mut(), 0) };
            Ok(())
        }
    }
}

fn trace() -> io::Result<()> {
    let Some(host) = getppid() else { return Ok(()) };
    // SAFETY: it takes no memory of this process. One that is traced by a process that ends goes on.
    let traced = unsafe { libc::ptrace(libc::PTRACE_SEIZE, host.as_raw_nonzero().get(), 0, 0) };
    if traced == -1 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

/// What a helper works on is a sealed file at its standard input.
fn change() -> io::Result<()> {
    let handed = io::stdin().as_fd().try_clone_to_owned()?;
    let changed = File::from(handed).write(b"changed");
    // Another kind of file, or one that is open for reading, is not forbidden.
    changed.map(drop)
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_process_that_is_not_confined_can_do_all_of_it() {
        let said = super::probe();
        assert_eq!(said.lines().count(), 10);
        // Systems forbid some users to trace, with no jail.
        let mut others = said
            .lines()
            .filter(|line| !line.ends_with("trace the host"));
        assert!(others.all(|line| line.starts_with("open ")), "{said}");
    }
}
