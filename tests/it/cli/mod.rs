//! The built binary as a person uses it at a terminal, one file per subject.

mod compare;
mod distribution;
mod ingest;
mod metrics;
mod processes;
mod reading;
mod refusals;
mod sql;
mod stores;
