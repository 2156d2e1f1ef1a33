//! The shell.

mod engine;
mod errors;
mod files;
