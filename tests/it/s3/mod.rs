//! Runs in S3, against a server on loopback.

mod maintenance;
mod store;
