//! Errors of the kernel object, and the text of their causes. Nothing here calls the kernel.

mod chain;
mod load;

pub(super) use chain::error_chain;
pub use load::LoadError;
