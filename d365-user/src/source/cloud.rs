//! The Azure clouds. Each publishes its own service tags document.

use std::fmt;
use std::str::FromStr;

/// An Azure cloud.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Cloud {
    /// The cloud that nearly everybody uses.
    #[default]
    Public,
    /// The cloud of the United States' government.
    Government,
    /// The cloud in China.
    China,
}

/// A word that names no cloud.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} names no Azure cloud; write public, government or china")]
pub struct UnknownCloud(pub String);

impl Cloud {
    /// Every cloud.
    pub const ALL: [Self; 3] = [Self::Public, Self::Government, Self::China];

    /// The word that the operator writes, and that [`FromStr`] reads.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Government => "government",
            Self::China => "china",
        }
    }

    /// The name of the cloud in the field `cloud` of its documents.
    #[must_use]
    pub const fn document_name(self) -> &'static str {
        match self {
            Self::Public => "Public",
            Self::Government => "AzureGovernment",
            Self::China => "China",
        }
    }

    /// Returns the cloud that the field `cloud` of a document names.
    #[must_use]
    pub fn from_document_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|cloud| cloud.document_name() == name)
    }
}

impl FromStr for Cloud {
    type Err = UnknownCloud;

    fn from_str(word: &str) -> Result<Self, UnknownCloud> {
        let cloud = Self::ALL.into_iter().find(|cloud| cloud.as_str() == word);
        cloud.ok_or_else(|| UnknownCloud(word.to_owned()))
    }
}

impl fmt::Display for Cloud {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_names_lead_back() {
        for cloud in Cloud::ALL {
            assert_eq!(cloud.to_string().parse(), Ok(cloud));
            assert_eq!(Cloud::from_document_name(cloud.document_name()), Some(cloud));
        }
        for word in ["", "Public", "azure", "gov"] {
            assert_eq!(word.parse::<Cloud>(), Err(UnknownCloud(word.to_owned())));
        }
        assert_eq!(Cloud::from_document_name("public"), None);
    }
}
