//! Progress on standard error: shown only on a terminal, and removed when done.

use std::{io::IsTerminal, thread, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// How often a spinner moves.
const TICK: Duration = Duration::from_millis(120);

/// Shows a spinner with a text, until it is dropped.
pub fn spinner(what: &str) -> Bar {
    let bar = visible(ProgressBar::new_spinner());
    bar.set_message(tollgate_report::terminal::escaped(what));
    turn(&bar);
    Bar(bar)
}

/// Shows a bar over this many frames, until it is dropped.
pub fn frames(total: u64) -> Bar {
    let bar = visible(ProgressBar::new(total));
    if let Ok(style) = ProgressStyle::with_template("{bar:30} {pos}/{len} frames, {eta} left") {
        bar.set_style(style);
    }
    Bar(bar)
}

/// Moves a spinner until it is dropped. If no thread can be started it stands still, where the
/// library's own tick would panic.
fn turn(bar: &ProgressBar) {
    if bar.is_hidden() {
        return;
    }
    let weak = bar.downgrade();
    let ticking = move || {
        while let Some(bar) = weak.upgrade().filter(|bar| !bar.is_finished()) {
            bar.tick();
            drop(bar);
            thread::sleep(TICK);
        }
    };
    let started = thread::Builder::new()
        .name("progress".to_owned())
        .spawn(ticking);
    if let Err(error) = started {
        tracing::debug!(%error, "the spinner stands still");
    }
}

fn visible(bar: ProgressBar) -> ProgressBar {
    bar.set_draw_target(if std::io::stderr().is_terminal() {
        ProgressDrawTarget::stderr_with_hz(8)
    } else {
        ProgressDrawTarget::hidden()
    });
    bar
}

/// A spinner or a bar, which is removed when it is dropped.
#[derive(Debug)]
pub struct Bar(ProgressBar);

impl Bar {
    /// Counts one more frame.
    pub fn advance(&self) {
        self.0.inc(1);
    }

    /// Changes the text.
    pub fn say(&self, what: String) {
        self.0
            .set_message(tollgate_report::terminal::escaped(&what));
    }

    /// Runs `print`, which writes to the terminal, while the bar is hidden.
    pub fn aside<T>(&self, print: impl FnOnce() -> T) -> T {
        self.0.suspend(print)
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
