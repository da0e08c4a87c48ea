//! The registry of formats.

use super::{
    Export,
    formats::{
        bind_acl, cisco_hat, csv, exchange_online, exim, haproxy, ipset, json, nftables, pf, plain,
        postfix_cidr, postscreen, rspamd_map, spamassassin,
    },
};

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

/// All formats, in the order of the documents.
pub const FORMATS: [Format; 15] = [
    text("plain", "d365.txt", plain::render),
    Format { content_type: "application/json", ..text("json", "d365.json", json::render) },
    Format { content_type: "text/csv; charset=utf-8", ..text("csv", "d365.csv", csv::render) },
    text("postfix-cidr", "d365-postfix.cidr", postfix_cidr::render),
    text("postscreen", "d365-postscreen.cidr", postscreen::render),
    text("rspamd-map", "d365-rspamd.map", rspamd_map::render),
    text("spamassassin", "d365-spamassassin.cf", spamassassin::render),
    text("exim", "d365-exim.list", exim::render),
    text("haproxy", "d365-haproxy.acl", haproxy::render),
    text("bind-acl", "d365-bind.conf", bind_acl::render),
    text("nftables", "d365.nft", nftables::render),
    text("ipset", "d365.ipset", ipset::render),
    text("cisco-hat", "d365-cisco.hat", cisco_hat::render),
    text("exchange-online", "d365-exchange-online.ps1", exchange_online::render),
    text("pf", "d365-pf.table", pf::render),
];

/// A format that is plain text.
const fn text(name: &'static str, file: &'static str, render: fn(&Export) -> String) -> Format {
    Format { name, file, content_type: "text/plain; charset=utf-8", render }
}

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
