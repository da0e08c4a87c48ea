//! The names of the service tags that are read. A regional entry of a tag has the region behind its name:
//! `Dynamics365ForMarketingEmail.WestUS2`.

/// The service tag of Dynamics 365's mail.
pub const TAG: &str = "Dynamics365ForMarketingEmail";
/// The service tag for all of Azure. Its regional entries contain Azure's prefixes of one region.
pub(super) const AZURE: &str = "AzureCloud";
