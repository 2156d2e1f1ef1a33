//! runq: embedded analytics for the run outputs of AI evaluations and batch model jobs.
//!
//! The journey of the data is the order of the modules; each knows only what stands before it:
//! [`objects`] (object stores, S3 above all), [`source`] (where bytes come from), [`import`] (one tool's files), [`model`] (the nouns), [`ingest`], [`store`],
//! [`jobs`] (commands that were started),
//! [`session`] with [`functions`] and the files under `sql/`, [`comparison`], [`diff`] (what changed between two texts),
//! [`questions`], [`answer`], [`interop`] (other tools' JSON shapes), [`render`], [`cli`]. A program that compares two
//! runs needs [`compare_runs`] and nothing else.

pub mod answer;
pub mod cli;
pub mod comparison;
pub mod diff;
pub mod functions;
pub mod import;
pub mod ingest;
pub mod interop;
pub mod jobs;
pub mod model;
pub mod objects;
pub mod questions;
pub mod render;
pub mod session;
pub mod source;
pub mod store;

pub use comparison::{CompareError, CompareOptions, RunComparison, RunSource, compare_runs};
