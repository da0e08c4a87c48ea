//! The formats, a file each. Each renders an [`Export`](super::Export), and decides nothing else.

pub(super) mod json;
pub(super) mod plain;
