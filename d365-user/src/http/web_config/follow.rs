//! Reads the web configuration again when it or one of its files changes. A configuration that cannot be used
//! changes nothing.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use tokio::sync::watch;

use super::{WebConfig, exposure::warn_of_exposure};
use crate::{
    http::health::Failures,
    resources::{self, ResourceError},
    settings::Listen,
    source::watch::{Attributes, INTERVAL, Look},
};

/// Follows the file at `path`, of which `first` was read. Returns the current configuration, which changes
/// some seconds after the file, a certificate or a key. Logs remarks on each configuration, the first one
/// included.
///
/// # Errors
/// There is no thread to follow it.
pub fn follow(
    path: PathBuf,
    first: WebConfig,
    addresses: Vec<Listen>,
    failures: Arc<Failures>,
) -> Result<watch::Receiver<Arc<WebConfig>>, ResourceError> {
    follow_at(INTERVAL, path, first, addresses, failures)
}

pub(super) fn follow_at(
    interval: Duration,
    path: PathBuf,
    first: WebConfig,
    addresses: Vec<Listen>,
    failures: Arc<Failures>,
) -> Result<watch::Receiver<Arc<WebConfig>>, ResourceError> {
    remark(&path, &first, &addresses);
    let mut files = Files::of(&first);
    let (sender, current) = watch::channel(Arc::new(first));
    let work = move || {
        let mut failed: Option<String> = None;
        while !sender.is_closed() {
            thread::sleep(interval);
            // A configuration that failed is read again each time: the cause may be none that a look shows.
            if !files.are_to_be_read() {
                continue;
            }
            match WebConfig::read(&path) {
                Ok(config) => {
                    tracing::info!(path = %path.display(), "the web configuration was read again");
                    remark(&path, &config, &addresses);
                    files = Files::of(&config);
                    failed = None;
                    sender.send_replace(Arc::new(config));
                }
                Err(error) => {
                    failures.count_web_config();
                    let error = error.to_string();
                    if failed.as_ref() != Some(&error) {
                        tracing::error!(error, "the web configuration that was read before stays in use");
                    }
                    failed = Some(error);
                }
            }
        }
    };
    resources::thread_apart("web config", "follow the web configuration", work)?;
    Ok(current)
}

fn remark(path: &Path, config: &WebConfig, addresses: &[Listen]) {
    for remark in config.remarks() {
        tracing::warn!(path = %path.display(), %remark, "a remark on the web configuration");
    }
    warn_of_exposure(addresses, config);
}

/// The files of a configuration.
struct Files {
    looks: Vec<(PathBuf, Look)>,
    /// True from a change on, until the configuration is read.
    have_changed: bool,
    /// False if the last look found a file in another state than the look before. Its writer may not be done.
    are_settled: bool,
}

impl Files {
    fn of(config: &WebConfig) -> Self {
        let look = |(path, read): &(PathBuf, Attributes)| (path.clone(), Look::new(Some(*read)));
        Self { looks: config.files.iter().map(look).collect(), have_changed: false, are_settled: true }
    }

    /// Looks at the files. Returns true if one has changed since they were read, and all are settled.
    fn are_to_be_read(&mut self) -> bool {
        self.are_settled = true;
        for (path, look) in &mut self.looks {
            let found = Attributes::at(path);
            self.are_settled &= look.is_settled(found);
            self.have_changed |= look.again(found);
        }
        self.have_changed && self.are_settled
    }
}
