//! `cisco-hat`: a sender group for the host access table of Cisco's AsyncOS (Secure Email Gateway), in the
//! form of an exported table. The policy is `$ACCEPTED` of the default table: connections are neither
//! throttled nor rejected by reputation, and the content is checked as always (`$TRUSTED` would skip that).

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    let hosts: String = export.aggregated().into_iter().map(|prefix| format!("    {prefix}\n")).collect();
    format!("{}D365:\n{hosts}    $ACCEPTED (Dynamics 365 Customer Insights - Journeys)\n", export.head("#"))
}
