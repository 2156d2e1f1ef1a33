//! The one integration-test binary: every file beside this one is a module here.

#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a test stops where it cannot go on"
)]

mod architecture;
mod cli;
mod comparison;
mod docs;
mod exec;
mod extremes;
mod interop;
mod json_schemas;
mod maintenance;
mod model;
mod oracle;
mod peers;
mod properties;
mod repl;
mod rerun;
mod resume;
mod s3;
mod schema;
mod slt;
mod statistics;
mod support;
mod synthetic;
mod views;
mod watch;
