//! Errors of the kernel object, and the text of their causes. Nothing here calls the kernel.

mod chain;
mod load;
mod publish;
mod verify;

pub(super) use chain::error_chain;
pub use load::LoadError;
pub use publish::PublishError;
pub use verify::{MapIndexError, VerifyError};
