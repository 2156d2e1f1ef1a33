//! Runs in S3, against a server on loopback.

mod play;
mod sources;
mod store;
