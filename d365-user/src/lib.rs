//! The daemon as a library. Each stage of `source → ranges → generation → kernel → snapshot → view` is a
//! module, so that tests run the same code as `main`.
//!
//! No stage before [`kernel`] knows aya; no stage after [`snapshot`] knows the kernel.

pub mod cli;
pub mod command;
pub mod config;
pub mod counters;
pub mod daemon;
pub mod exit;
pub mod export;
pub mod gate;
pub mod generation;
pub mod geo;
pub mod http;
pub mod kernel;
pub mod logging;
pub mod process;
pub mod published;
pub mod ranges;
pub mod resources;
pub mod runtime;
mod service_manager;
pub mod settings;
pub mod shutdown;
pub mod snapshot;
pub mod source;
pub mod start_over;
pub mod state;
pub mod state_files;
pub mod tag;
pub mod updater;
pub mod version;
pub mod view;
