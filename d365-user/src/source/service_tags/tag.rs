//! The name of the service tag.

/// The service tag. Its regional entries are named `Dynamics365ForMarketingEmail.WestUS2` and so on.
pub const TAG: &str = "Dynamics365ForMarketingEmail";
