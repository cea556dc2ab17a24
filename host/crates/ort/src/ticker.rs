//! One thread that watches every deadline of the process.
//!
//! It wakes once every [`TICK`], which is the resolution of all deadlines, and calls all subscribers: engines
//! advance their epoch, running inferences compare their deadline. It runs only while there are subscribers,
//! so an idle process does not wake.

use std::{
    sync::{Mutex, MutexGuard, PoisonError, Weak},
    thread,
    time::Duration,
};

use crate::clock::Stamp;

/// The time between two ticks: short enough for deadlines in milliseconds, and long enough that the two
/// hundred wake-ups in a second cost nothing measurable.
pub const TICK: Duration = Duration::from_millis(5);

/// A subscriber of the ticker.
pub trait Tick: Send + Sync {
    /// Called once a tick. It must not block.
    fn tick(&self, now: Stamp);
}

struct Subscribers {
    list: Vec<Weak<dyn Tick>>,
    running: bool,
}

static SUBSCRIBERS: Mutex<Subscribers> = Mutex::new(Subscribers {
    list: Vec::new(),
    running: false,
});

fn subscribers() -> MutexGuard<'static, Subscribers> {
    // The list has no invariant that a panic could break.
    SUBSCRIBERS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Calls `subscriber` once a tick for as long as it lives.
///
/// # Errors
///
/// The system's, if it cannot start a thread.
pub fn subscribe(subscriber: Weak<dyn Tick>) -> std::io::Result<()> {
    let mut all = subscribers();
    if !all.running {
        thread::Builder::new()
            .name("tollgate-ticker".to_owned())
            .spawn(run)?;
        all.running = true;
    }
    all.list.push(subscriber);
    Ok(())
}

fn run() {
    loop {
        thread::sleep(TICK);
        let now = Stamp::now();
        let mut all = subscribers();
        all.list.retain(|subscriber| match subscriber.upgrade() {
            Some(subscriber) => {
                subscriber.tick(now);
                true
            }
            None => false,
        });
        if all.list.is_empty() {
            all.running = false;
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;

    struct Bell(mpsc::Sender<Stamp>);

    impl Tick for Bell {
        fn tick(&self, now: Stamp) {
            let _ = self.0.send(now);
        }
    }

    #[test]
    fn rings_while_the_subscriber_lives_and_not_after() {
        let (sender, receiver) = mpsc::channel();
        let bell: Arc<dyn Tick> = Arc::new(Bell(sender));
        subscribe(Arc::downgrade(&bell)).unwrap();
        receiver.recv().unwrap();
        receiver.recv().unwrap();
        drop(bell);
        // The sender was dropped with the bell, so the channel ends.
        while receiver.recv().is_ok() {}
    }
}
