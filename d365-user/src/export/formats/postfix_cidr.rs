//! `postfix-cidr`: a table in Postfix's form `cidr_table(5)` for access(5), such as `check_client_access`.
//! The action is `OK`: it ends the restriction list that has the table. The restrictions behind it (block
//! lists, greylisting) are skipped, those of other lists are not. `DUNNO` would spare nothing, and the name
//! of a restriction class would fail where main.cf does not define it.

use crate::export::Export;

pub(in crate::export) fn render(export: &Export) -> String {
    super::lines(export, |prefix| format!("{prefix} OK\n"))
}
