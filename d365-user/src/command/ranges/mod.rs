//! `ranges`: the ranges and geos of this build, and the marks that follow from them. It reads nothing but the
//! program.
//!
//! The task `drift` shows the ranges that a running daemon recognises.

mod rows;
mod table;

use rows::{Geos, Ranges};

use super::{
    error::CommandError,
    output::{json, show},
};
use crate::{cli, exit::Exit};

pub(super) fn run(flags: &cli::Ranges) -> Result<Exit, CommandError> {
    let text = match (flags.geos, flags.json) {
        (true, true) => json(&Geos::new(flags.mark))?,
        (true, false) => table::geos(&Geos::new(flags.mark)),
        (false, true) => json(&Ranges::new(flags.mark)?)?,
        (false, false) => table::ranges(&Ranges::new(flags.mark)?),
    };
    show(&text)?;
    Ok(Exit::Success)
}
