//! Runs in S3, against a server on loopback.

mod address;
mod network;
mod requests;
mod secrets;
mod store;
mod uploads;
mod writers;
