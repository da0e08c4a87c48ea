//! `spamassassin`: a rule of SpamAssassin's, `D365_LISTED`, on the relay that delivered the mail to the
//! operator's network. A file of `trusted_networks` would mean more than "listed": SpamAssassin would trust
//! the header fields that the relay wrote.
//!
//! SpamAssassin has no rule that compares a relay with prefixes, so the prefixes are a pattern on the text of
//! the address ([`pattern`]). The score is almost zero, because a rule without a score counts as spam; the
//! operator sets another one in a file that SpamAssassin reads later.

mod pattern;

use crate::export::Export;

/// An alternative that matches nothing. A pattern without alternatives would match everything.
const NOTHING: &str = "(?!)";

pub(in crate::export) fn render(export: &Export) -> String {
    let mut alternatives: Vec<String> = export.aggregated().iter().flat_map(pattern::alternatives).collect();
    if alternatives.is_empty() {
        alternatives.push(NOTHING.to_owned());
    }
    format!(
        "{}header   D365_LISTED X-Spam-Relays-External =~ /^\\[ ip=(?:{}) /i\n\
         describe D365_LISTED Relay is listed for Dynamics 365 Customer Insights\n\
         tflags   D365_LISTED nice\n\
         score    D365_LISTED -0.001\n",
        export.head("#"),
        alternatives.join("|")
    )
}
