//! The log: text or JSON on standard error, filtered, including the records of the `log` crate (aya's).
//!
//! It must never stop the daemon: if standard error is gone, log lines are lost and nothing else happens.

use std::{fmt, io::IsTerminal as _, str::FromStr};

use thiserror::Error;
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{Builder, FilterFn, filter_fn},
    fmt::{MakeWriter, format::JsonFields},
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
};

use crate::resources::ResourceError;

mod format;
mod queue;
mod value;

pub use queue::Guard;
pub use value::{duration, list, time};

/// The format of log lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// One line of text, in colour on a terminal.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// A valid filter of log lines: a level, or directives of `tracing-subscriber`'s `EnvFilter`. The value of a
/// field is compared literally: as a pattern it could take any time and memory to compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogFilter(String);

/// A log filter that cannot be used.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum LogFilterError {
    /// A single word must be a level: `EnvFilter` would take it for a target and hide all other lines.
    #[error(
        "`{0}` is no level: use error, warn, info, debug, trace, off, or directives like `info,aya=debug`"
    )]
    Level(String),
    /// `EnvFilter` cannot read it.
    #[error("`{filter}` is no list of directives like `info,aya=debug`: {reason}")]
    Directive {
        /// The filter that was given.
        filter: String,
        /// The error of `EnvFilter`.
        reason: String,
    },
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(filter: &str) -> Result<Self, LogFilterError> {
        // `EnvFilter` miscounts its bytes if white space comes before a directive.
        let filter = filter.split(',').map(str::trim).collect::<Vec<_>>().join(",");
        // A span needs no level: a filter with a span is left to `EnvFilter` alone.
        if !filter.contains('[') {
            let level = |word: &str| word.parse::<LevelFilter>().is_ok() && !word.is_empty();
            for word in filter.split(',').filter(|word| !word.contains('=')) {
                if !level(word) {
                    return Err(LogFilterError::Level(word.to_owned()));
                }
            }
        }
        match directives().parse(&filter) {
            Ok(_) => Ok(Self(filter)),
            Err(error) => Err(LogFilterError::Directive { filter, reason: error.to_string() }),
        }
    }
}

impl LogFilter {
    /// Returns true if it has spans. The filter then decides about each line only when that line is written.
    #[must_use]
    pub fn is_by_spans(&self) -> bool {
        self.0.contains('[')
    }
}

impl fmt::Display for LogFilter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Maximum number of lines that wait for a reader; further ones are lost. The room for all of them is
/// allocated at once: a quarter of a megabyte.
const WAITING_LINES: usize = 8192;

/// Reads directives, without patterns.
fn directives() -> Builder {
    EnvFilter::builder().with_regex(false).with_default_directive(LevelFilter::ERROR.into())
}

/// Leaves out the lines that the HTTP client writes at `trace`: URLs with their queries, the bytes of its
/// requests with a proxy's password, and the targets of redirects. At `debug` the client hides these itself,
/// as long as `trace` is not enabled.
///
/// It is a filter of the whole subscriber, not of a layer: the client asks if `trace` is enabled before it
/// writes a line, and a layer's filter does not affect the answer.
fn without_requests(most: LevelFilter) -> FilterFn<impl Fn(&Metadata<'_>) -> bool + Send + Sync + 'static> {
    let is_shown = |of: &Metadata<'_>| *of.level() < Level::TRACE || !of.target().starts_with("ureq");
    filter_fn(is_shown).with_max_level_hint(most)
}

/// Starts logging to standard error for the whole process, until the guard is dropped. A second call panics.
pub fn init(format: LogFormat, filter: &LogFilter) -> Result<Guard, ResourceError> {
    let colour = std::io::stderr().is_terminal();
    let (writer, guard) = queue::start(std::io::stderr(), WAITING_LINES)?;
    subscriber(format, filter, colour, writer).init();
    Ok(guard)
}

/// The subscriber that [`init`] installs, with any writer.
fn subscriber<W>(
    format: LogFormat,
    filter: &LogFilter,
    colour: bool,
    writer: W,
) -> impl Subscriber + Send + Sync + use<W>
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    // The report of a failed write would go to standard error too, by a macro that panics when it fails.
    let layer = tracing_subscriber::fmt::layer().log_internal_errors(false).with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.compact().fmt_fields(format::TextFields).with_ansi(colour).boxed(),
        LogFormat::Json => {
            layer.with_ansi(false).fmt_fields(JsonFields::new()).event_format(format::Json).boxed()
        }
    };
    let directives = directives().parse_lossy(&filter.0);
    let most = directives.max_level_hint().unwrap_or(LevelFilter::TRACE);
    Registry::default().with(layer.with_filter(directives)).with(without_requests(most))
}

/// The lines that are written as text while `emit` runs, for this thread only, without their times.
#[cfg(test)]
pub(crate) fn logged(emit: impl FnOnce()) -> Vec<String> {
    let filter = LogFilter("trace".to_owned());
    let text = tests::written(LogFormat::Text, &filter, emit);
    let line = |line: &str| line.split_once(' ').map(|(_, line)| line.trim_start().to_owned());
    text.lines().map(|text| line(text).expect("a time")).collect()
}

#[cfg(test)]
mod tests;
