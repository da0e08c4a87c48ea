//! `check`: reads the flags and variables of a daemon, and the files that they name. It fails where a start
//! would fail because of them, and warns where a start would continue. It touches no interface, needs no
//! privilege, downloads nothing, and changes nothing; `doctor` looks at the machine.

use std::{fs, io, os::unix::fs::FileTypeExt as _, path::Path};

use nix::unistd::{AccessFlags, eaccess, geteuid};

use super::{error::CommandError, output::show, saved_gates};
use crate::{
    cli::DaemonFlags,
    config::Config,
    exit::Exit,
    http::{WebConfig, exposure},
    ranges::{Policy, RangeSet},
    source::{
        Schedule, Spec,
        download::{Client, Options},
        limit::{PATIENCE, read_with_timeout},
    },
    state::{LIST_WRITERS, StateError, other_writers_of_file},
};

pub(super) fn run(flags: &DaemonFlags) -> Result<Exit, CommandError> {
    let (config, warnings) = Config::new(flags.clone())?;
    let mut remarks: Vec<String> = warnings.iter().map(ToString::to_string).collect();
    let web_config = config.web_config.as_deref().map(WebConfig::read).transpose()?.unwrap_or_default();
    remarks.extend(web_config.remarks().iter().map(ToString::to_string));
    remarks
        .extend(exposure(std::slice::from_ref(&config.listen), &web_config).map(|remark| remark.to_string()));
    let has_saved = state_directory(&config, &mut remarks)?;
    let (mut failures, files) = lists(&config, &mut remarks);
    let only_files = files == config.ranges.len();
    if only_files && failures.len() == files && !has_saved {
        return Err(CommandError::NoList(failures.remove(0)));
    }
    remarks.extend(failures);
    if config.targets.iter().any(Option::is_some)
        && let Err(error) = Options::from_environment().and_then(|options| Client::new(&options).map(drop))
    {
        remarks.push(error.to_string());
    }
    if let Some(path) = &config.export
        && let Err(error) = eaccess(path, AccessFlags::R_OK | AccessFlags::W_OK | AccessFlags::X_OK)
    {
        remarks.push(format!("--export {}: {error}; no export is written there", path.display()));
    }
    let remarks: String = remarks.iter().map(|remark| format!("warning: {remark}\n")).collect();
    show(&format!("{remarks}the configuration is valid\n"))?;
    Ok(Exit::Success)
}

/// Returns true if an earlier daemon saved accepted ranges. With the embedded list alone the daemon needs no
/// directory.
fn state_directory(config: &Config, remarks: &mut Vec<String>) -> Result<bool, CommandError> {
    let path = &config.state_dir;
    let gates = match usable(path) {
        Err(cause) => {
            let error = StateError::Directory { path: path.clone(), cause };
            if !config.ranges.iter().all(Spec::is_embedded) {
                return Err(error.into());
            }
            remarks.push(error.to_string());
            return Ok(false);
        }
        Ok(false) => return Ok(false),
        Ok(true) => saved_gates::gates(path, config.gate),
    };
    if let Err(cause) = eaccess(path, AccessFlags::W_OK) {
        remarks.push(StateError::Write { path: path.clone(), cause: cause.into() }.to_string());
    }
    match gates {
        Ok(gates) => Ok(gates.is_some_and(|gates| gates.values().any(|gate| gate.accepted().len() > 0))),
        Err(error) => {
            remarks.push(error.to_string());
            Ok(matches!(error, CommandError::Damaged { copy: Some(_), .. }))
        }
    }
}

/// Returns true if the directory exists and can be read, and false if it can be created. A daemon also works
/// with a directory that it can only read.
fn usable(path: &Path) -> io::Result<bool> {
    let nearest = path.ancestors().find(|path| path.exists()).unwrap_or(Path::new("."));
    if !nearest.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    let is_there = nearest == path;
    eaccess(nearest, AccessFlags::X_OK | if is_there { AccessFlags::R_OK } else { AccessFlags::W_OK })?;
    Ok(is_there)
}

/// Reads the files among the lists. Returns the failures, and the number of files.
fn lists(config: &Config, remarks: &mut Vec<String>) -> (Vec<String>, usize) {
    let (mut failures, mut files) = (Vec::new(), 0);
    for spec in &config.ranges {
        let Schedule::OnChange(path) = spec.kind().schedule() else { continue };
        files += 1;
        if fs::metadata(path).is_ok_and(|found| found.file_type().is_fifo()) {
            remarks.push(format!("{spec} is a pipe: only the daemon reads it"));
            continue;
        }
        failures.extend(list(spec, path, config).err());
        let writers = other_writers_of_file(path, geteuid().as_raw()).unwrap_or_default();
        if !writers.is_empty() {
            let writers: Vec<_> = writers.iter().map(ToString::to_string).collect();
            remarks.push(format!("{spec}: {LIST_WRITERS} ({})", writers.join(", ")));
        }
    }
    (failures, files)
}

/// Reads one list as the daemon does.
fn list(spec: &Spec, path: &Path, config: &Config) -> Result<(), String> {
    let policy = Policy { allow_special: config.allow_special, max_ranges: config.max_ranges };
    let own = spec.clone();
    let read = read_with_timeout(PATIENCE, path, move || own.kind().load(false));
    let (list, _) = read.map_err(|error| error.to_string())?;
    RangeSet::build(&[list], &policy).map(drop).map_err(|error| error.of_list(&spec.to_string()))
}
