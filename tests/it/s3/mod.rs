//! Runs in S3, against a server on loopback.

mod address;
mod network;
mod readers;
mod requests;
mod second;
mod secrets;
mod store;
mod uploads;
mod writers;
