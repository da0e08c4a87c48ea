//! The form of a line: its message, then its fields and those of its spans. In text a field is `name=value`;
//! in JSON each field is a member of the line's object, however the line got it.
//!
//! A value may come from outside. In neither format may it break the line or reach a terminal as a control
//! character.

use std::fmt::{self, Debug};

use serde::Serialize;
use serde_json::{Map, Value};
use tracing::{
    Event, Subscriber,
    field::{Field, Visit},
};
use tracing_subscriber::{
    field::RecordFields,
    fmt::{
        FmtContext, FormatEvent, FormatFields, FormattedFields,
        format::{JsonFields, Writer},
        time::{FormatTime as _, SystemTime},
    },
    registry::{LookupSpan, Scope},
};

/// Names of fields that the bridge from the `log` crate adds.
const OF_LOG: &str = "log.";

/// The fields of a line of text.
pub(super) struct TextFields;

impl<'w> FormatFields<'w> for TextFields {
    fn format_fields<R: RecordFields>(&self, writer: Writer<'w>, fields: R) -> fmt::Result {
        let mut text = Text { writer, is_first: true, result: Ok(()) };
        fields.record(&mut text);
        text.result
    }
}

struct Text<'w> {
    writer: Writer<'w>,
    is_first: bool,
    result: fmt::Result,
}

impl Text<'_> {
    fn write(&mut self, name: &str, value: &str) -> fmt::Result {
        if !std::mem::replace(&mut self.is_first, false) {
            self.writer.write_char(' ')?;
        }
        if name == "message" {
            return value.chars().try_for_each(|char| match char.is_control() {
                true => write!(self.writer, "{}", char.escape_default()),
                false => self.writer.write_char(char),
            });
        }
        let (before, after) = if self.writer.has_ansi_escapes() { ("\x1b[3m", "\x1b[0m") } else { ("", "") };
        write!(self.writer, "{before}{name}{after}=")?;
        let is_plain = |char: char| char.is_ascii_graphic() && !matches!(char, '"' | '\\');
        match !value.is_empty() && value.chars().all(is_plain) {
            true => self.writer.write_str(value),
            false => write!(self.writer, "{value:?}"),
        }
    }
}

impl Visit for Text<'_> {
    fn record_str(&mut self, field: &Field, value: &str) {
        if self.result.is_ok() && !field.name().starts_with(OF_LOG) {
            self.result = self.write(field.name(), value);
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// A line as a JSON object.
pub(super) struct Json;

#[derive(Serialize)]
struct Line<'a> {
    timestamp: String,
    level: &'a str,
    target: Value,
    #[serde(flatten)]
    fields: Map<String, Value>,
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> FormatEvent<S, JsonFields> for Json {
    fn format_event(
        &self,
        context: &FmtContext<'_, S, JsonFields>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let mut fields = Map::new();
        let spans = context.event_scope().into_iter().flat_map(Scope::from_root);
        for span in spans {
            let of_span = span.extensions();
            if let Some(of_span) = of_span.get::<FormattedFields<JsonFields>>() {
                fields.extend(members(&of_span.fields)?);
            }
        }
        let mut own = String::new();
        context.format_fields(Writer::new(&mut own), event)?;
        fields.extend(members(&own)?);
        let target = fields.remove("log.target");
        fields.retain(|name, _| !name.starts_with(OF_LOG));
        let mut timestamp = String::new();
        SystemTime.format_time(&mut Writer::new(&mut timestamp))?;
        let line = Line {
            timestamp,
            level: event.metadata().level().as_str(),
            target: target.unwrap_or_else(|| event.metadata().target().into()),
            fields,
        };
        // JSON itself allows DEL and the control characters after it as they are.
        serde_json::to_string(&line).map_err(|_| fmt::Error)?.chars().try_for_each(|char| {
            if char.is_control() {
                write!(writer, "\\u{:04x}", u32::from(char))
            } else {
                writer.write_char(char)
            }
        })?;
        writer.write_char('\n')
    }
}

/// The members of formatted fields. A span without fields has none.
fn members(formatted: &str) -> Result<Map<String, Value>, fmt::Error> {
    if formatted.is_empty() {
        Ok(Map::new())
    } else {
        serde_json::from_str(formatted).map_err(|_| fmt::Error)
    }
}
