//! Chooses by which way marks travel on each interface, and says so.
//!
//! The mark is right by either way: the tc program looks itself at what comes without a record. What is chosen is the cheaper
//! way, by what most packets bring. Once the tc program only looks itself, nothing shows any more what packets would bring, and
//! it stays so.

use std::{convert::Infallible, time::Duration};

use d365_common::path::{Path, Seen};

use super::state::State;
use crate::kernel::{TagError, TagPaths};

/// How often it is looked.
const LOOK: Duration = Duration::from_secs(1);
/// How many packets it takes.
const ENOUGH: u64 = 16;

/// Looks at each row; `before` is what had been seen when its way was chosen last.
fn look(paths: &mut TagPaths, rows: &[String], before: &mut Vec<Seen>) -> Result<(), TagError> {
    before.resize(rows.len(), Seen::default());
    for ((row, name), before) in (0..).zip(rows).zip(before) {
        let now = paths.path(row)?;
        if now == Path::Classify {
            continue;
        }
        let all = paths.seen(row)?;
        let seen = Seen { with: all.with - before.with, without: all.without - before.without };
        let Some(path) = choose(seen) else { continue };
        *before = all;
        if path != now {
            paths.set(row, path)?;
            tracing::info!("{name}: marks travel by {}: {}", path.as_str(), reason(seen));
        }
    }
    Ok(())
}

/// The way for an interface on which so much was seen; `None` while that is too little.
fn choose(seen: Seen) -> Option<Path> {
    let all = seen.with + seen.without;
    if all < ENOUGH {
        None
    } else if seen.with * 2 >= all {
        Some(Path::Metadata)
    } else {
        Some(Path::Classify)
    }
}

fn reason(seen: Seen) -> String {
    let Seen { with, without } = seen;
    format!("{with} of {} packets brought metadata from the XDP program to the tc program", with + without)
}

/// Looks for as long as the daemon runs, if packets are marked.
pub(super) async fn watch(state: &State) -> Infallible {
    let mut before = Vec::new();
    let mut has_failed = false;
    loop {
        tokio::time::sleep(LOOK).await;
        let Some(looked) = state.with_tag_paths(|paths, rows| look(paths, rows, &mut before)) else {
            // There are no marks.
            return std::future::pending().await;
        };
        match looked {
            Ok(()) => has_failed = false,
            Err(error) if !has_failed => {
                tracing::warn!("{error}; the tc program goes on as it does");
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
    fn a_way_is_chosen_by_what_most_packets_bring() {
        let choose = |with, without| choose(Seen { with, without });
        assert_eq!(choose(0, 0), None);
        assert_eq!(choose(15, 0), None);
        assert_eq!(choose(0, 15), None);
        assert_eq!(choose(16, 0), Some(Path::Metadata));
        assert_eq!(choose(8, 8), Some(Path::Metadata));
        assert_eq!(choose(8, 9), Some(Path::Classify));
        assert_eq!(choose(0, 16), Some(Path::Classify));
    }
}
