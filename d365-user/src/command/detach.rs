//! `detach`: removes what a daemon with `--keep-attached` left pinned, so that the kernel detaches its
//! programs. It touches nothing but the directory of pins, and does nothing while a daemon uses it.

use super::{error::CommandError, output::show};
use crate::{cli, exit::Exit, kernel};

pub(super) fn run(flags: &cli::Detach) -> Result<Exit, CommandError> {
    let names = kernel::detach(&flags.pin_dir)?;
    let path = flags.pin_dir.display();
    show(&match names.len() {
        0 => format!("nothing is pinned in {path}\n"),
        _ => format!("removed from {path}: {}\n", names.join(", ")),
    })?;
    Ok(Exit::Success)
}
