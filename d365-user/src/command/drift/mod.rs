//! `drift`: compares the lists that should be the same. It reads, and changes nothing.
//!
//! [`lists`] reads the lists, [`comparison`] compares them, [`table`] and [`json`] show the result.

use super::{error::CommandError, output::show};
use crate::{cli, exit::Exit};

mod comparison;
mod documents;
mod expected;
mod json;
mod kernel;
mod list;
mod lists;
mod table;

use comparison::Comparison;

/// Reads and compares the lists, and shows the result.
pub(super) fn run(flags: &cli::Drift) -> Result<Exit, CommandError> {
    let (mut lists, known) = lists::read(flags)?;
    let prefixes = comparison::prefixes(&lists);
    lists.extend(kernel::lists(&prefixes));
    let comparison = Comparison::new(lists, &prefixes, &known);
    show(&if flags.json { json::render(&comparison)? } else { table::render(&comparison) })?;
    Ok(if comparison.differ() { Exit::FINDINGS } else { Exit::Success })
}
