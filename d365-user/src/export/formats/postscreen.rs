//! `postscreen`: a table in Postfix's form `cidr_table(5)` for `postscreen_access_list`. With `permit` a
//! client skips the tests of postscreen(8). All restrictions of smtpd(8) apply to it.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    super::lines(export, |prefix| format!("{prefix} permit\n"))
}
