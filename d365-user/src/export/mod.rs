//! Renders the published list for other programs, one file a format. Pure: no I/O, no clock; the same list
//! and selection give the same bytes.
//!
//! A new format is a file in `formats` and a line in [`FORMATS`].

pub(crate) mod document;
mod error;
mod format;
mod formats;
mod selection;
mod template;

pub use document::Export;
pub use error::ExportError;
pub use format::{FORMATS, Format};
pub use selection::{Family, OnLapse, Selection};
pub use template::{LONGEST_TEMPLATE, Template, TemplateError};
