//! Tests of the log's lines, in both formats, and of its filters.

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

fn logged(format: LogFormat, filter: &str, emit: fn()) -> String {
    written(format, &filter.parse().unwrap(), emit)
}

/// The lines that are written while `emit` runs, for this thread only.
pub(super) fn written(format: LogFormat, filter: &LogFilter, emit: impl FnOnce()) -> String {
    let buffer = Buffer::default();
    let writer = buffer.clone();
    let guard = subscriber(format, filter, false, move || writer.clone()).set_default();
    emit();
    drop(guard);
    let bytes = buffer.0.lock().unwrap().clone();
    String::from_utf8(bytes).unwrap()
}

#[test]
fn text_has_level_target_and_fields() {
    let text = logged(LogFormat::Text, "info", || {
        tracing::info!(iface = "eth0", port = 25, error = %"no such \"file\"", "attached");
        tracing::debug!("not this one");
    });
    let fields = r#"attached iface=eth0 port=25 error="no such \"file\"""#;
    assert!(text.ends_with(&format!("d365_user::logging::tests: {fields}\n")), "{text}");
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
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = logged(format, "off,aya_log=info", || {
            log::info!(target: "aya_log", "from the kernel");
            log::info!(target: "other", "not this one");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        if format == LogFormat::Text {
            assert!(text.ends_with("INFO aya_log: from the kernel\n"), "{text}");
        } else {
            let line = members(&text);
            let names: Vec<_> = line.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(names, ["level", "message", "target", "timestamp"]);
            assert_eq!((&line["message"], &line["target"]), (&"from the kernel".into(), &"aya_log".into()));
        }
    }
}

fn members(line: &str) -> serde_json::Value {
    serde_json::from_str(line).unwrap()
}

/// The members of a line come from itself and from its spans; the innermost counts.
#[test]
fn fields_of_spans_are_the_lines_own() {
    let emit = || {
        let _read = tracing::error_span!("read", source = %"file:/etc/my list", generation = 1).entered();
        let _publish = tracing::error_span!("publish", generation = 2_u64, iface = "eth0").entered();
        tracing::info!(range = %"192.0.2.0/24", "published");
    };
    let text = logged(LogFormat::Text, "info", emit);
    let fields = r#"range=192.0.2.0/24 source="file:/etc/my list" generation=1 generation=2 iface=eth0"#;
    let line = format!("INFO read:publish: d365_user::logging::tests: published {fields}\n");
    assert!(text.ends_with(&line), "{text}");
    let line = members(&logged(LogFormat::Json, "info", emit));
    assert_eq!((&line["source"], &line["iface"]), (&"file:/etc/my list".into(), &"eth0".into()));
    assert_eq!((&line["generation"], &line["range"]), (&2.into(), &"192.0.2.0/24".into()));
    assert_eq!(line["message"], "published");
}

/// A message or a value from outside cannot begin a line of its own or command a terminal.
#[test]
fn control_characters_are_escaped() {
    for format in [LogFormat::Text, LogFormat::Json] {
        let text = logged(format, "info", || {
            let odd = "a\nb\u{1b}[2J\u{9b}c";
            let _span = tracing::error_span!("read", source = odd).entered();
            tracing::info!(list = odd, error = %odd, "{odd}");
        });
        assert_eq!(text.lines().count(), 1, "{text}");
        let is_odd = |char: char| char.is_control() && char != '\n';
        assert!(!text.contains(is_odd), "{text:?}");
        if format == LogFormat::Json {
            assert_eq!(members(&text)["error"], "a\nb\u{1b}[2J\u{9b}c");
        }
    }
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
    tracing::info!("no reader gets this");
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
    assert_eq!("info, é=debug ,\taya=off".parse::<LogFilter>().unwrap().to_string(), "info,é=debug,aya=off");
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
        let subscriber = subscriber(LogFormat::Text, &filter.parse().unwrap(), false, move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::info_span!("scrape", %peer).in_scope(|| tracing::info!("scraped"));
        });
        !buffer.0.lock().unwrap().is_empty()
    };
    assert!(log(value.clone()));
    assert!(!log("a".repeat(31)), "that is what the pattern matches");
}
