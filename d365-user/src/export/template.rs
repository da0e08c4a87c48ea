//! A template of the operator's, for a program that no format is made for. It sees the data of an [`Export`]
//! and nothing else: no file, no other template, no clock.

use std::io;

use ipnet::IpNet;
use minijinja::{AutoEscape, Environment, UndefinedBehavior, Value, context, syntax::SyntaxConfig};

use super::{
    Export, Family,
    document::{printable, time},
};
use crate::published::{Lease, PublishedRange, PublishedSource};

/// The longest template, in bytes.
pub const LONGEST_TEMPLATE: u64 = 1 << 20;
/// The longest result, in bytes: a line of 500 bytes for each range of the largest list.
const LONGEST_RESULT: usize = 128 << 20;
/// The most instructions of a template engine for one result: almost 200 for each range of the largest list
/// (262,144), and a few seconds of the processor.
const FUEL: u64 = 50_000_000;
/// The name under which the environment keeps the template.
const NAME: &str = "template";

/// A template that was read without an error.
#[derive(Debug)]
pub struct Template(Environment<'static>);

/// Reason why a template gives no result.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// It is too long.
    #[error("the template has more than {LONGEST_TEMPLATE} bytes")]
    TooLong,
    /// It is not UTF-8.
    #[error("the template is no text in UTF-8")]
    NotText,
    /// The engine's error, with its line.
    #[error("line {line}: {what}")]
    Engine {
        /// The line, from 1.
        line: usize,
        /// The error.
        what: String,
    },
    /// The result is too long.
    #[error("the result has more than {LONGEST_RESULT} bytes")]
    ResultTooLong,
}

impl From<minijinja::Error> for TemplateError {
    fn from(error: minijinja::Error) -> Self {
        let what = error
            .detail()
            .map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()));
        Self::Engine { line: error.line().unwrap_or(1), what: what.escape_debug().to_string() }
    }
}

impl Template {
    /// Reads a template.
    ///
    /// # Errors
    /// [`TemplateError`]: it is too long, no text, or has a syntax error.
    pub fn parse(template: Vec<u8>) -> Result<Self, TemplateError> {
        Self::with_fuel(template, FUEL)
    }

    fn with_fuel(template: Vec<u8>, fuel: u64) -> Result<Self, TemplateError> {
        if template.len() as u64 > LONGEST_TEMPLATE {
            return Err(TemplateError::TooLong);
        }
        let text = String::from_utf8(template).map_err(|_| TemplateError::NotText)?;
        let mut environment = Environment::new();
        environment.set_undefined_behavior(UndefinedBehavior::Strict);
        environment.set_auto_escape_callback(|_| AutoEscape::None);
        environment.set_fuel(Some(fuel));
        // A line with nothing but a statement leaves no line in the result.
        let syntax = SyntaxConfig::builder()
            .trim_blocks(true)
            .lstrip_blocks(true)
            .keep_trailing_newline(true)
            .build()?;
        environment.set_syntax(syntax);
        environment.add_template_owned(NAME, text)?;
        Ok(Self(environment))
    }

    /// Renders an export.
    ///
    /// # Errors
    /// [`TemplateError`]: an expression fails or names no variable, or the template takes too long.
    pub fn render(&self, export: &Export) -> Result<String, TemplateError> {
        let mut result = Bounded::default();
        let rendered =
            self.0.get_template(NAME)?.render_captured_to(variables(export), &mut result).map(drop);
        if result.is_full {
            return Err(TemplateError::ResultTooLong);
        }
        rendered?;
        // The engine writes text only.
        String::from_utf8(result.text).map_err(|_| TemplateError::NotText)
    }
}

/// A text of at most [`LONGEST_RESULT`] bytes.
#[derive(Default)]
struct Bounded {
    text: Vec<u8>,
    is_full: bool,
}

impl io::Write for Bounded {
    fn write(&mut self, part: &[u8]) -> io::Result<usize> {
        self.is_full |= self.text.len() + part.len() > LONGEST_RESULT;
        if self.is_full {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.text.extend_from_slice(part);
        Ok(part.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The variables of a template. Their names are in `docs/reference.md`.
fn variables(export: &Export) -> Value {
    let list = &export.list;
    let [ranges, retired] = [(&list.ranges, false), (&list.retired, true)]
        .map(|(ranges, is_retired)| ranges.iter().map(move |one| range(one, is_retired)));
    context! {
        comment => &export.comment,
        generation => list.generation,
        digest => &list.digest,
        published => time(list.published),
        sources => list.sources.iter().map(source).collect::<Vec<_>>(),
        ranges => ranges.chain(retired).collect::<Vec<_>>(),
        aggregated => export.aggregated().iter().map(|one| Value::from_pairs(prefix(one))).collect::<Vec<_>>(),
    }
}

/// A source. Its name is in printable ASCII, because templates write it into comments.
fn source(source: &PublishedSource) -> Value {
    let trusted_until = match source.lease {
        Lease::Until(end) => time(end),
        Lease::Unconfirmed | Lease::Endless => String::new(),
    };
    let date = source.date.as_deref().unwrap_or_default();
    context! { name => printable(&source.name), date, trusted_until }
}

fn range(range: &PublishedRange, is_retired: bool) -> Value {
    let more = [
        ("geo", range.geo.code.as_str().into()),
        ("geo_source", range.geo.source.as_str().into()),
        ("region", range.region.as_deref().unwrap_or_default().into()),
        ("retired", is_retired.into()),
    ];
    Value::from_pairs(prefix(&range.prefix).into_iter().chain(more))
}

fn prefix(prefix: &IpNet) -> [(&'static str, Value); 6] {
    [
        ("prefix", prefix.to_string().into()),
        ("family", Family::of(prefix).as_str().into()),
        ("first", prefix.network().to_string().into()),
        ("last", prefix.broadcast().to_string().into()),
        ("length", prefix.prefix_len().into()),
        ("mask", prefix.netmask().to_string().into()),
    ]
}

#[cfg(test)]
mod tests;
