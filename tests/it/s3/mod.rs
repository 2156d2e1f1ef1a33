//! Runs in S3, against a server on loopback.

mod readers;
mod second;
mod store;
