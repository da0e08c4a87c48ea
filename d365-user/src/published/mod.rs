//! The published list as plain data: the form in which it leaves the daemon. The state directory, HTTP and
//! the exports have the same form. Pure, except for [`file`].

pub mod file;
mod lease;
mod list;

pub use lease::Lease;
pub use list::{ListFormat, PublishedList, PublishedRange, PublishedSource};

#[cfg(test)]
mod tests;
