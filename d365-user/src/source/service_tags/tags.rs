//! The names of the service tags that are read, and the largest number of their prefixes.

/// The service tag. Its regional entries are named `Dynamics365ForMarketingEmail.WestUS2` and so on.
pub const TAG: &str = "Dynamics365ForMarketingEmail";
/// The service tag for all of Azure. Its regional entries contain Azure's prefixes of one region.
pub(super) const AZURE: &str = "AzureCloud";
/// Limit of prefixes of all entries that are kept. The largest real document so far has 13,767.
pub(super) const MAX_PREFIXES: usize = 1 << 18;
