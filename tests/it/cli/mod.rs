//! The built binary as a person uses it at a terminal, one file per subject.

mod compare;
mod diff;
mod distribution;
mod export;
mod ingest;
mod metrics;
mod picker;
mod processes;
mod reading;
mod refusals;
mod resume;
mod screens;
mod sql;
mod stores;
mod versions;
mod watch;
