//! Runs in S3, against a server on loopback.

mod requests;
mod store;
mod writers;
