//! Runs in S3, against a server on loopback.

mod sources;
mod store;
