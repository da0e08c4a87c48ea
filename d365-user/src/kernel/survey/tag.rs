//! The path of a running daemon's tags, read from the map of its program without asking the daemon.

use std::collections::BTreeSet;

use aya::{
    maps::{Array, Map, MapData, MapError, MapInfo},
    programs::{ProgramInfo, loaded_programs},
};
use d365_common::{names, path::Path};

use super::{Fact, Program, Unknown};
use crate::kernel::{chain, inspect};

/// The paths of the tc program that tags, if there is one. `counting` is the XDP program of its interface.
pub(super) fn paths<'a>(
    counting: impl Iterator<Item = &'a Program>,
    tagging: impl Iterator<Item = &'a Program>,
) -> Fact<Option<BTreeSet<&'static str>>> {
    let tags = |program: &&Program| program.name.as_deref() == Ok(names::PROGRAM_TAG);
    let Some(tag) = tagging.into_iter().find(tags).and_then(|program| program.id) else { return Ok(None) };
    let ours = counting.into_iter().filter(|program| program.is_ours()).find_map(|program| program.id);
    let rows = match ours {
        Some(id) => rows_of(id)?,
        None => 1,
    };
    let by_id = |wanted: &[u32]| {
        let found = loaded_programs().filter_map(Result::ok).filter(|program| wanted.contains(&program.id()));
        found.collect::<Vec<ProgramInfo>>()
    };
    let holding: Vec<u32> = [Some(tag), ours].into_iter().flatten().collect();
    for program in by_id(&holding) {
        for map in program.map_ids().map_err(Unknown::from)?.unwrap_or_default() {
            let info = MapInfo::from_id(map).map_err(unread)?;
            if info.name_as_str() == Some(names::TAG_PATHS) {
                return read(map, rows).map(Some).map_err(unread);
            }
        }
    }
    Err(Unknown::Failed(format!("its program has no map {}: it is another release's", names::TAG_PATHS)))
}

/// Number of rows in which a program counts: one for each interface that it is attached to.
fn rows_of(program: u32) -> Fact<u32> {
    let bearing = inspect::bearing().map_err(|error| Unknown::Failed(error.to_string()))?;
    Ok(bearing.get(&program).map_or(1, |interfaces| u32::try_from(interfaces.len()).unwrap_or(u32::MAX)))
}

fn read(map: u32, rows: u32) -> Result<BTreeSet<&'static str>, MapError> {
    let paths: Array<MapData, u32> = Map::from_map_data(MapData::from_id(map)?)?.try_into()?;
    let word = |row| Ok(Path::from_number(paths.get(&row, 0)?).as_str());
    (0..rows.min(paths.len())).map(word).collect()
}

fn unread(error: MapError) -> Unknown {
    let said = format!("cannot read map {}: {}", names::TAG_PATHS, chain(&error));
    match error {
        MapError::SyscallError(call) => Unknown::said(&call.io_error, said),
        _ => Unknown::Failed(said),
    }
}
