//! The thread that starts helpers which go on: it lives as long as the process.
//!
//! A helper dies with the thread that started it, which the kernel takes for its parent. Workers come and go.

use std::{
    io,
    process::{Child, Command},
    sync::{OnceLock, mpsc},
    thread,
};

/// A command, and where its process goes.
type Order = (Command, mpsc::Sender<io::Result<Child>>);

/// Starts a command on the thread that lives as long as this process.
pub(crate) fn spawn(command: Command) -> io::Result<Child> {
    static SPAWNER: OnceLock<Result<mpsc::Sender<Order>, io::ErrorKind>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = mpsc::channel::<Order>();
        let started = thread::Builder::new()
            .name("helpers".to_owned())
            .spawn(move || {
                for (mut command, reply) in orders {
                    // Whoever asked may be gone.
                    reply.send(command.spawn()).ok();
                }
            });
        started.map(|_| sender).map_err(|error| error.kind())
    });
    let gone = || io::Error::other("the thread that starts helpers is gone");
    let spawner = spawner.as_ref().map_err(|&kind| io::Error::from(kind))?;
    let (reply, child) = mpsc::channel();
    spawner.send((command, reply)).map_err(|_| gone())?;
    child.recv().map_err(|_| gone())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_it_starts_outlives_the_thread_that_asked() {
        let asked = thread::spawn(|| {
            let mut command = Command::new("/bin/sleep");
            command.arg("600");
            spawn(command).unwrap()
        });
        let mut child = asked.join().unwrap();
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(spawn(Command::new("/nowhere/at/all")).is_err());
    }
}
