//! The names of the service tags that are read.

/// The service tag. Its regional entries are named `Dynamics365ForMarketingEmail.WestUS2` and so on.
pub const TAG: &str = "Dynamics365ForMarketingEmail";
/// The service tag for all of Azure. Its regional entries contain Azure's prefixes of one region.
pub(super) const AZURE: &str = "AzureCloud";
