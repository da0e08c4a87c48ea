//! The log: text or JSON on standard error, filtered, including the records of the `log` crate (aya's).
//!
//! It must never stop the daemon: if standard error is gone, log lines are lost and nothing else happens.

use std::{fmt, io::IsTerminal as _, str::FromStr};

use thiserror::Error;
use tracing::{Level, Metadata, Subscriber, level_filters::LevelFilter};
use tracing_subscriber::{
    EnvFilter, Layer as _, Registry,
    filter::{Builder, FilterFn, filter_fn},
    fmt::MakeWriter,
    layer::SubscriberExt as _,
    util::SubscriberInitExt as _,
    util::TryInitError,
};

use crate::{exit::Exit, resources::ResourceError};

mod queue;

pub use queue::Guard;

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

/// An error that prevents logging.
#[derive(Debug, Error)]
pub enum LogError {
    /// There is no thread to write the log.
    #[error(transparent)]
    Resource(#[from] ResourceError),
    /// Another logger is already installed in this process.
    #[error("cannot start logging: {0}")]
    Taken(#[from] TryInitError),
}

impl LogError {
    /// The exit code of this error.
    #[must_use]
    pub const fn exit(&self) -> Exit {
        match self {
            Self::Resource(_) => Exit::Resources,
            Self::Taken(_) => Exit::Internal,
        }
    }
}

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

/// Starts logging to standard error for the whole process, until the guard is dropped. It works only once.
///
/// # Errors
/// [`LogError`].
pub fn init(format: LogFormat, filter: &LogFilter) -> Result<Guard, LogError> {
    let colour = std::io::stderr().is_terminal();
    let (writer, guard) = queue::start(std::io::stderr(), WAITING_LINES)?;
    subscriber(format, filter, colour, writer).try_init()?;
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
        LogFormat::Text => layer.with_ansi(colour).boxed(),
        LogFormat::Json => layer
            .with_ansi(false)
            .json()
            .flatten_event(true)
            .with_current_span(false)
            .with_span_list(false)
            .boxed(),
    };
    let directives = directives().parse_lossy(&filter.0);
    let most = directives.max_level_hint().unwrap_or(LevelFilter::TRACE);
    Registry::default().with(layer.with_filter(directives)).with(without_requests(most))
}

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::util::SubscriberInitExt as _;

    use super::{EnvFilter, LogFilter, LogFilterError, LogFormat, subscriber};

    #[derive(Clone, Default)]
    struct Buffer(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Buffer {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    struct Gone;

    impl io::Write for Gone {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> io::Result<()> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
    }

    /// The lines that are written while `emit` runs, for this thread only.
    fn logged(format: LogFormat, filter: &str, emit: fn()) -> String {
        let buffer = Buffer::default();
        let writer = buffer.clone();
        let filter = filter.parse().unwrap();
        let guard = subscriber(format, &filter, false, move || writer.clone()).set_default();
        emit();
        drop(guard);
        let bytes = buffer.0.lock().unwrap().clone();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn text_has_level_target_and_fields() {
        let text = logged(LogFormat::Text, "info", || {
            tracing::info!(iface = "eth0", "attached");
            tracing::debug!("not this one");
        });
        assert!(text.ends_with("d365_user::logging::tests: attached iface=\"eth0\"\n"), "{text}");
        assert!(text.contains(" INFO "), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    #[test]
    fn json_is_one_object_a_line() {
        let text = logged(LogFormat::Json, "warn,d365_user=info", || {
            tracing::info!(iface = "eth0", ranges = 39, "line one\nline two");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let line: serde_json::Value = serde_json::from_str(&text).unwrap();
        assert_eq!(line["message"], "line one\nline two");
        assert_eq!(line["level"], "INFO");
        assert_eq!(line["iface"], "eth0");
        assert_eq!(line["ranges"], 39);
        assert_eq!(line["target"], "d365_user::logging::tests");
        assert!(line["timestamp"].is_string());
    }

    #[test]
    fn records_of_the_log_crate_come_too() {
        let text = logged(LogFormat::Text, "off,aya_log=info", || {
            log::info!(target: "aya_log", "from the kernel");
            log::info!(target: "other", "not this one");
        });
        assert!(text.ends_with("INFO aya_log: from the kernel\n"), "{text}");
        assert_eq!(text.lines().count(), 1, "{text}");
    }

    /// The client first asks if `trace` is enabled, and then shows queries in its `debug` lines.
    #[test]
    fn what_the_http_client_says_of_requests_is_never_written() {
        for filter in ["trace", "ureq=trace", "ureq_proto=trace,ureq::util=trace,info"] {
            let text = logged(LogFormat::Text, filter, || {
                for target in ["ureq::util", "ureq_proto::util"] {
                    log::trace!(target: target, "s3cret");
                    if log::log_enabled!(target: target, log::Level::Trace) {
                        log::error!("s3cret");
                    }
                }
                log::debug!(target: "ureq::util", "connected");
            });
            assert!(text.contains("connected") && !text.contains("s3cret"), "{filter}: {text}");
        }
        let text = logged(LogFormat::Text, "trace", || tracing::trace!("of others"));
        assert!(text.contains("of others"), "{text}");
    }

    #[test]
    fn a_writer_that_is_gone_stops_nothing() {
        let filter: LogFilter = "info".parse().unwrap();
        let _guard = subscriber(LogFormat::Text, &filter, false, || Gone).set_default();
        tracing::info!("nobody reads this");
    }

    #[test]
    fn filters_are_levels_or_directives() {
        for filter in ["error", "INFO", "trace", "off", " debug ", "info,aya=debug", "warn,hyper=off"] {
            assert_eq!(filter.parse::<LogFilter>().unwrap().to_string(), filter.trim());
        }
        assert!("info,[scrape{peer}]".parse::<LogFilter>().is_ok());
        for filter in ["", "verbose", "info,", "info,aya", "warning"] {
            let word = filter.rsplit(',').next().unwrap().to_owned();
            assert_eq!(filter.parse::<LogFilter>(), Err(LogFilterError::Level(word)), "{filter}");
        }
        assert!(matches!("aya=loud".parse::<LogFilter>(), Err(LogFilterError::Directive { .. })));
        assert_eq!(
            "info, é=debug ,\taya=off".parse::<LogFilter>().unwrap().to_string(),
            "info,é=debug,aya=off"
        );
        // The filter rejects a single word, because `EnvFilter` takes it for a target.
        assert!(EnvFilter::try_new("verbose").is_ok());
    }

    /// As a pattern, this value has two to the power of the repetitions states.
    #[test]
    fn a_value_is_compared_as_it_is_written() {
        let value = format!("(a|b)*a{}", "(a|b)".repeat(30));
        let filter = format!("off,[scrape{{peer={value}}}]=info");
        let log = |peer: String| {
            let buffer = Buffer::default();
            let writer = buffer.clone();
            let subscriber =
                subscriber(LogFormat::Text, &filter.parse().unwrap(), false, move || writer.clone());
            tracing::subscriber::with_default(subscriber, || {
                tracing::info_span!("scrape", %peer).in_scope(|| tracing::info!("scraped"));
            });
            !buffer.0.lock().unwrap().is_empty()
        };
        assert!(log(value.clone()));
        assert!(!log("a".repeat(31)), "that is what the pattern matches");
    }
}
