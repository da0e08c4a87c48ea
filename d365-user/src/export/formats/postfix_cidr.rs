//! `postfix-cidr`: a table in Postfix's form cidr_table(5) for access(5), such as `check_client_access`. The
//! action is `OK`: it ends the restriction list that has the table, so what the operator puts behind it (block
//! lists, greylisting) is skipped, and no other list is. Postfix has to know no restriction class for it.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    super::lines(export, |prefix| format!("{prefix} OK\n"))
}
