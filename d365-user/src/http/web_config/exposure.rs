//! A server that others can read from the network.

use super::WebConfig;
use crate::settings::Listen;

/// The reason for a warning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Exposure {
    /// There is neither TLS nor a password.
    #[error(
        "everybody who reaches this address can read the metrics; --web-config sets TLS and passwords (docs/serve.md), \
         or a firewall keeps others out"
    )]
    Open,
    /// There are passwords without TLS.
    #[error(
        "passwords cross the network in clear, because the web configuration has no tls_server_config; add one (docs/serve.md)"
    )]
    ClearPassword,
}

/// Logs the exposure of a server on these addresses.
pub fn warn_of_exposure(addresses: &[Listen], config: &WebConfig) {
    if let Some(remark) = exposure(addresses, config) {
        tracing::warn!(%remark, "the metrics are not protected");
    }
}

/// The exposure of a server on these addresses; `None` if it is protected, or if only this host can connect.
#[must_use]
pub fn exposure(addresses: &[Listen], config: &WebConfig) -> Option<Exposure> {
    if addresses.iter().all(Listen::is_local) || config.has_tls() {
        return None;
    }
    Some(if config.has_passwords() { Exposure::ClearPassword } else { Exposure::Open })
}
