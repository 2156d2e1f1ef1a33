//! runq: embedded analytics for the run outputs of AI evaluations and batch model jobs.
//!
//! The journey of the data is the order of the modules; each knows only what stands before it:
//! [`source`] (where bytes come from), [`import`] (one tool's files), [`model`] (the nouns), `ingest`, `store`,
//! `session`, `questions`, [`answer`], `render`, `cli`.

pub mod answer;
pub mod import;
pub mod model;
pub mod source;
pub mod store;
