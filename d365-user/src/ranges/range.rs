//! One range of source addresses.

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use crate::geo::Geo;

/// One range: a prefix without host bits, its geo, and its Azure region if known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Range {
    /// The prefix; all bits after its length are zero.
    pub prefix: IpNet,
    /// The geo.
    #[serde(flatten)]
    pub geo: Geo,
    /// The Azure region's name (`WestUS2`).
    pub region: Option<String>,
}
