//! The registry of formats.

use super::{Export, formats};

/// A format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// The value of `--format`.
    pub name: &'static str,
    /// The name of its file in the directory of `--export`.
    pub file: &'static str,
    /// The value of `Content-Type` over HTTP.
    pub content_type: &'static str,
    /// Renders an export.
    pub render: fn(&Export) -> String,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";

/// All formats, in the order of the documents.
pub const FORMATS: [Format; 15] = [
    Format { name: "plain", file: "d365.txt", content_type: TEXT, render: formats::plain::render },
    Format { name: "json", file: "d365.json", content_type: JSON, render: formats::json::render },
    Format {
        name: "csv",
        file: "d365.csv",
        content_type: "text/csv; charset=utf-8",
        render: formats::csv::render,
    },
    Format {
        name: "postfix-cidr",
        file: "d365-postfix.cidr",
        content_type: TEXT,
        render: formats::postfix_cidr::render,
    },
    Format {
        name: "postscreen",
        file: "d365-postscreen.cidr",
        content_type: TEXT,
        render: formats::postscreen::render,
    },
    Format {
        name: "rspamd-map",
        file: "d365-rspamd.map",
        content_type: TEXT,
        render: formats::rspamd_map::render,
    },
    Format {
        name: "spamassassin",
        file: "d365-spamassassin.cf",
        content_type: TEXT,
        render: formats::spamassassin::render,
    },
    Format { name: "exim", file: "d365-exim.list", content_type: TEXT, render: formats::exim::render },
    Format {
        name: "haproxy",
        file: "d365-haproxy.acl",
        content_type: TEXT,
        render: formats::haproxy::render,
    },
    Format {
        name: "bind-acl",
        file: "d365-bind.conf",
        content_type: TEXT,
        render: formats::bind_acl::render,
    },
    Format { name: "nftables", file: "d365.nft", content_type: TEXT, render: formats::nftables::render },
    Format { name: "ipset", file: "d365.ipset", content_type: TEXT, render: formats::ipset::render },
    Format {
        name: "cisco-hat",
        file: "d365-cisco.hat",
        content_type: TEXT,
        render: formats::cisco_hat::render,
    },
    Format {
        name: "exchange-online",
        file: "d365-exchange-online.ps1",
        content_type: TEXT,
        render: formats::exchange_online::render,
    },
    Format { name: "pf", file: "d365-pf.table", content_type: TEXT, render: formats::pf::render },
];

/// Two formats of the same name are the same.
impl PartialEq for Format {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name
    }
}

impl Eq for Format {}

impl Format {
    /// The format of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        FORMATS.into_iter().find(|format| format.name == name)
    }
}
