//! `export`: writes the list that the daemon of a state directory published last, in a form that another
//! program reads. It changes no file but the one that it is asked to write.

use std::{ffi::OsStr, io, path::Path, time::SystemTime};

use super::{error::CommandError, output::show};
use crate::{
    cli,
    exit::Exit,
    export::{Export, Format, Selection},
    gate::Timestamp,
    published::file,
    state::{Beneath, StateError, replace_public},
};

pub(super) fn run(flags: &cli::Export) -> Result<Exit, CommandError> {
    let directory = &flags.state_dir;
    let list = file::look(directory)?.ok_or_else(|| CommandError::NotPublished(directory.clone()))?;
    let selection = Selection {
        geos: flags.geo.clone(),
        family: flags.family,
        include_retired: flags.include_retired,
        on_lapse: flags.on_lapse,
    };
    // The command line accepts only the names of formats.
    let Some(format) = Format::named(&flags.format) else { return Ok(Exit::Usage) };
    let now = Timestamp::from(SystemTime::now()).0;
    let text = (format.render)(&Export::new(&list, &selection, format.name, now)?);
    let Some(path) = &flags.output else {
        show(&text)?;
        return Ok(Exit::Success);
    };
    replace(path, &text).map_err(|cause| CommandError::Written { path: path.clone(), cause })?;
    Ok(Exit::Success)
}

/// Replaces the file, unless it has this content.
fn replace(path: &Path, text: &str) -> io::Result<()> {
    let name = path.file_name().and_then(OsStr::to_str).ok_or(io::ErrorKind::InvalidFilename)?;
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = Beneath::open(parent.unwrap_or(Path::new(".")))?;
    let replaced = replace_public(&directory, name, text.as_bytes());
    replaced.map(drop).map_err(|error| match error {
        StateError::Write { cause, .. } => cause,
        error => io::Error::other(error),
    })
}
