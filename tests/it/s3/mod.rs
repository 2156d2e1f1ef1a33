//! Runs in S3, against a server on loopback.

mod address;
mod archives;
mod export;
mod maintenance;
mod network;
mod readers;
mod requests;
mod second;
mod secrets;
mod sources;
mod store;
mod uploads;
mod words;
mod writers;

use crate::support::s3::S3Server;
use crate::support::sandbox::{Ran, Sandbox};

/// A command that reaches the server.
fn reaching(server: &S3Server, sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    server.reached_by(&mut command);
    sandbox.finish(command, "")
}
