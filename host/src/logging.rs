//! Log lines on standard error: each event is one line, and its text cannot control the terminal.
//!
//! Fields may contain text from a guest, a model or a file name. So each event is first written
//! without colours and escaped as one field; only then are our own colours added.

use std::{
    fmt,
    io::{self, IsTerminal},
};

use tracing::{Event, Level, Subscriber};
use tracing_subscriber::{
    Layer,
    filter::{LevelFilter, Targets},
    fmt::{
        FmtContext, FormatEvent, FormatFields,
        format::Writer,
        time::{FormatTime, SystemTime},
    },
    layer::SubscriberExt,
    registry::LookupSpan,
    util::SubscriberInitExt,
};

use tollgate_report::terminal::escape;

/// Starts logging, in colour on a terminal unless `plain`.
pub fn init(filter: &str, plain: bool) {
    let (filter, refused) = match filter.parse::<Targets>() {
        Ok(filter) => (filter, None),
        Err(error) => (Targets::new().with_default(LevelFilter::WARN), Some(error)),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(io::stderr)
        // Such an error would panic if standard error cannot be written to.
        .log_internal_errors(false)
        .event_format(Lines {
            colours: io::stderr().is_terminal() && !plain,
        })
        .with_filter(filter);
    tracing_subscriber::registry().with(lines).init();
    if let Some(error) = refused {
        tracing::warn!(%error, "TOLLGATE_LOG is no filter that can be read, so only warnings show");
    }
}

/// Formats an event: time, level, target and fields.
struct Lines {
    colours: bool,
}

impl<S, N> FormatEvent<S, N> for Lines
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(
        &self,
        context: &FmtContext<'_, S, N>,
        mut to: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let metadata = event.metadata();
        let mut fields = String::new();
        context.format_fields(Writer::new(&mut fields), event)?;
        let mut line = String::with_capacity(fields.len());
        escape(metadata.target(), &mut line);
        line.push_str(": ");
        escape(&fields, &mut line);

        SystemTime.format_time(&mut to)?;
        let level = metadata.level();
        match self.colours.then(|| colour(*level)) {
            Some(colour) => write!(to, " \u{1b}[{colour}m{level:>5}\u{1b}[0m ")?,
            None => write!(to, " {level:>5} ")?,
        }
        writeln!(to, "{line}")
    }
}

/// A level's colour, as a terminal's colour number.
fn colour(level: Level) -> u8 {
    match level {
        Level::ERROR => 31,
        Level::WARN => 33,
        Level::INFO => 32,
        Level::DEBUG => 34,
        Level::TRACE => 35,
    }
}
