//! Opens the sockets of the HTTP server, and follows its web configuration.

use std::{os::fd::OwnedFd, sync::Arc};

use super::StartError;
use crate::{
    config::Config,
    http::{Access, Failures, Hosts, Listeners, WebConfig, follow, warn_of_exposure},
    settings::Listen,
};

/// The HTTP server before its start.
pub(super) struct Listening {
    pub(super) listeners: Listeners,
    pub(super) access: Access,
    pub(super) hosts: Hosts,
    /// The URLs of the metrics, for the log.
    pub(super) urls: String,
}

/// Takes the listening sockets out of `passed`, the descriptors of the service manager; without any it
/// listens on the address of the configuration. `web_config` was read from the configuration's file.
///
/// # Errors
/// [`StartError`] if a socket cannot be used, or if there is no thread.
pub(super) fn listen(
    config: &Config,
    web_config: Option<WebConfig>,
    passed: &mut Vec<(String, OwnedFd)>,
    failures: &Arc<Failures>,
) -> Result<Listening, StartError> {
    let error = |source| StartError::Listen { address: config.listen.clone(), source };
    let activated = Listeners::passed(passed).map_err(StartError::Passed)?;
    let is_activated = activated.is_some();
    let listeners = activated.map_or_else(|| Listeners::open(&config.listen, failures).map_err(error), Ok)?;
    let addresses = listeners.addresses().map_err(error)?;
    if is_activated {
        tracing::info!(
            listen = joined(&addresses, ToString::to_string),
            "sockets of the service manager are used, not --listen"
        );
    }
    let scheme = if web_config.as_ref().is_some_and(WebConfig::has_tls) { "https" } else { "http" };
    let urls = joined(&addresses, |address| match address {
        Listen::Tcp(address) => format!("{scheme}://{address}/metrics"),
        Listen::Unix(_) => address.to_string(),
    });
    let hosts = Hosts::new(&addresses, &config.allow_http_host);
    let access = match (&config.web_config, web_config) {
        (Some(path), Some(first)) => {
            let current = follow(path.clone(), first, addresses, Arc::clone(failures))?;
            Access::new(current, Arc::clone(failures))?
        }
        _ => {
            warn_of_exposure(&addresses, &WebConfig::default());
            Access::open(Arc::clone(failures))
        }
    };
    Ok(Listening { listeners, access, hosts, urls })
}

fn joined(addresses: &[Listen], text: impl Fn(&Listen) -> String) -> String {
    addresses.iter().map(text).collect::<Vec<_>>().join(" ")
}
