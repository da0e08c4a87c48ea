//! `export`: writes the list that the daemon of a state directory published last, in a form that another
//! program reads. It changes no file but the one that it is asked to write.

use std::{
    ffi::OsStr,
    fs::File,
    io::{self, Read as _},
    path::Path,
    time::SystemTime,
};

use super::{error::CommandError, output::show};
use crate::{
    cli,
    exit::Exit,
    export::{Export, Format, LONGEST_TEMPLATE, Selection, Template, TemplateError},
    gate::Timestamp,
    published::{PublishedList, file},
    state::{Beneath, StateError, replace_public},
};

pub(super) fn run(flags: &cli::Export) -> Result<Exit, CommandError> {
    let form = Form::of(flags)?;
    let directory = &flags.state_dir;
    let list = file::look(directory)?.ok_or_else(|| CommandError::NotPublished(directory.clone()))?;
    let selection = Selection {
        geos: flags.geo.clone(),
        family: flags.family,
        include_retired: flags.include_retired,
        on_lapse: flags.on_lapse,
    };
    let text = form.render(&list, &selection, Timestamp::from(SystemTime::now()).0)?;
    let Some(path) = &flags.output else {
        show(&text)?;
        return Ok(Exit::Success);
    };
    replace(path, &text).map_err(|cause| CommandError::Written { path: path.clone(), cause })?;
    Ok(Exit::Success)
}

/// The form that the operator chose.
enum Form<'a> {
    Format(Format),
    Template(&'a Path, Box<Template>),
}

impl<'a> Form<'a> {
    fn of(flags: &'a cli::Export) -> Result<Self, CommandError> {
        let Some(path) = &flags.template else {
            // The command line accepts only the names of formats, and one of the two flags.
            let format = flags.format.as_deref().and_then(Format::named);
            return format.map(Self::Format).ok_or(CommandError::NoForm);
        };
        let mut text = Vec::new();
        // One byte more than allowed shows that the file is too long.
        let read = File::open(path).and_then(|file| file.take(LONGEST_TEMPLATE + 1).read_to_end(&mut text));
        read.map_err(|cause| CommandError::TemplateFile { path: path.clone(), cause })?;
        let template = Template::parse(text).map_err(|cause| template_error(path, cause))?;
        Ok(Self::Template(path, Box::new(template)))
    }

    fn render(&self, list: &PublishedList, selection: &Selection, now: u64) -> Result<String, CommandError> {
        match self {
            Self::Format(format) => Ok((format.render)(&Export::new(list, selection, format.name, now)?)),
            Self::Template(path, template) => {
                let export = Export::for_template(list, selection, path, now)?;
                template.render(&export).map_err(|cause| template_error(path, cause))
            }
        }
    }
}

fn template_error(path: &Path, cause: TemplateError) -> CommandError {
    CommandError::Template { path: path.to_path_buf(), cause }
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
