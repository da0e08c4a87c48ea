//! The flags of `export`.

use std::path::PathBuf;

use clap::{Args, builder::PossibleValuesParser};

use crate::{
    export::{FORMATS, Family, OnLapse},
    geo::GeoCode,
    state::DEFAULT_DIRECTORY,
};

/// Flags of `export`.
#[derive(Clone, Debug, Args)]
pub struct Export {
    /// The form of the list
    #[arg(long, value_name = "FORMAT", required_unless_present = "template", conflicts_with = "template",
        value_parser = PossibleValuesParser::new(FORMATS.map(|format| format.name)))]
    pub format: Option<String>,

    /// A template of your own in place of a format, in the syntax of Jinja
    #[arg(long, value_name = "FILE")]
    pub template: Option<PathBuf>,

    /// File to replace, in place of standard output
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,

    /// Only ranges of this geo; repeat it, or separate codes by commas
    #[arg(long, value_name = "CODE", value_delimiter = ',', value_parser = geo)]
    pub geo: Vec<GeoCode>,

    /// Only ranges of this address family
    #[arg(long, value_enum, value_name = "FAMILY")]
    pub family: Option<Family>,

    /// Include ranges that have left the list a short time ago
    #[arg(long)]
    pub include_retired: bool,

    /// Treatment of ranges whose lease has ended
    #[arg(long, value_enum, value_name = "WHAT", default_value_t = OnLapse::Keep)]
    pub on_lapse: OnLapse,

    /// The daemon's state directory
    #[arg(long, env = "D365_STATE_DIR", value_name = "DIR", default_value = DEFAULT_DIRECTORY)]
    pub state_dir: PathBuf,
}

/// Reads a geo's code.
fn geo(text: &str) -> Result<GeoCode, String> {
    GeoCode::new(text)
        .ok_or_else(|| "give three upper-case letters, as `d365-user ranges --geos` shows".to_owned())
}
