//! `runq resume`.

pub mod exec;

pub use exec::Execution;
