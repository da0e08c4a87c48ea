//! Chooses by which way marks travel on each interface, once it was seen, and says so.
//!
//! Until then the tc program looks itself at what comes without a record, so that nothing depends on how soon this is.

use std::{convert::Infallible, time::Duration};

use d365_common::path::{Path, Seen};

use super::state::State;
use crate::kernel::{TagError, TagPaths};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How many packets it takes.
const ENOUGH: u64 = 16;

/// Chooses the way of each row that has none yet; the rows of which that was said are in `said`.
fn look(paths: &mut TagPaths, rows: &[String], said: &mut Vec<bool>) -> Result<(), TagError> {
    said.resize(rows.len(), false);
    for ((row, name), said) in (0..).zip(rows).zip(said) {
        if *said {
            continue;
        }
        if paths.path(row)? == Path::Undecided {
            let seen = paths.seen(row)?;
            let Some(path) = choose(seen) else { continue };
            paths.set(row, path)?;
            tracing::info!("{name}: marks travel by {}: {}", path.as_str(), reason(seen));
        }
        *said = true;
    }
    Ok(())
}

/// The way for an interface on which so much was seen; `None` while that is too little. A record that comes with nearly
/// every packet comes: a few may have passed before the XDP program was there. Where only some bring one, looking is right
/// for all.
fn choose(seen: Seen) -> Option<Path> {
    let all = seen.with + seen.without;
    if all < ENOUGH {
        None
    } else if seen.with >= all - all / 8 {
        Some(Path::Metadata)
    } else {
        Some(Path::Classify)
    }
}

fn reason(seen: Seen) -> String {
    let Seen { with, without } = seen;
    format!("{with} of {} packets brought metadata from the XDP program to the tc program", with + without)
}

/// Looks until every way is chosen.
pub(super) async fn watch(state: &State) -> Infallible {
    let mut said = Vec::new();
    let mut has_failed = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(looked) = state.with_tag_paths(|paths, rows| look(paths, rows, &mut said)) else {
            // There are no marks.
            return std::future::pending().await;
        };
        match looked {
            Ok(()) if said.iter().all(|said| *said) => return std::future::pending().await,
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                tracing::warn!("{error}; the tc program goes on looking at packets itself");
                has_failed = true;
            }
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_way_is_chosen_by_what_nearly_all_packets_bring() {
        let choose = |with, without| choose(Seen { with, without });
        assert_eq!(choose(0, 0), None);
        assert_eq!(choose(15, 0), None);
        assert_eq!(choose(0, 15), None);
        assert_eq!(choose(16, 0), Some(Path::Metadata));
        assert_eq!(choose(14, 2), Some(Path::Metadata), "those before the program was there");
        assert_eq!(choose(13, 3), Some(Path::Classify));
        assert_eq!(choose(0, 16), Some(Path::Classify));
        assert_eq!(choose(8, 8), Some(Path::Classify));
    }
}
