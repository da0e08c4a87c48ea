//! Unlisted sources inside Azure (`--watch-azure`): the daemon looks the kernel's samples up in the
//! document's `AzureCloud` entries and counts them by region. A rotation of the service's addresses shows
//! here before mail is missed. The counts decide nothing.

use std::{
    collections::BTreeMap,
    convert::Infallible,
    net::IpAddr,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use crate::{kernel::Samples, snapshot::Azure, source::service_tags::Regions};

/// Time between two reads of the kernel's samples. The kernel's ring holds the most samples that one read can
/// return.
const EVERY: Duration = Duration::from_secs(1);

/// The known prefixes of Azure, and the counts by region.
#[derive(Default)]
pub(crate) struct Known(Mutex<Inner>);

#[derive(Default)]
struct Inner {
    /// By the index of the source whose document has them.
    regions: BTreeMap<usize, Arc<Regions>>,
    connections: BTreeMap<String, u64>,
    lost: u64,
}

impl Known {
    /// Stores the prefixes of a source's newest document.
    pub(crate) fn set(&self, source: usize, regions: &Arc<Regions>) {
        let mut inner = self.inner();
        for name in regions.names() {
            inner.connections.entry(name.to_owned()).or_default();
        }
        inner.regions.insert(source, Arc::clone(regions));
    }

    /// Counts the sources of new connections. `lost` is the number of samples lost since the start.
    pub(crate) fn count(&self, sources: impl Iterator<Item = IpAddr>, lost: u64) {
        let mut inner = self.inner();
        for source in sources {
            let region = inner.regions.values().find_map(|regions| regions.of(source)).map(str::to_owned);
            if let Some(region) = region {
                *inner.connections.entry(region).or_default() += 1;
            }
        }
        inner.lost = lost;
    }

    pub(crate) fn counted(&self) -> Azure {
        let inner = self.inner();
        let connections = inner.connections.iter().map(|(region, count)| (region.clone(), *count));
        Azure { connections: connections.collect(), lost: inner.lost }
    }

    /// A poisoned lock is used all the same: a thread that panicked has left whole numbers.
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts samples while the daemon runs.
pub(crate) async fn watch(samples: Option<Samples>, known: &Known) -> Infallible {
    let Some(mut samples) = samples else { return std::future::pending().await };
    loop {
        tokio::time::sleep(EVERY).await;
        match samples.lost() {
            Ok(lost) => known.count(samples.drain(), lost),
            Err(error) => tracing::warn!(%error, "the samples of unlisted sources cannot be read"),
        }
    }
}
