//! Runs in S3, against a server on loopback.

mod archives;
mod export;
mod sources;
mod store;

use crate::support::s3::S3Server;
use crate::support::sandbox::{Ran, Sandbox};

/// A command that reaches the server.
fn reaching(server: &S3Server, sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    server.reached_by(&mut command);
    sandbox.finish(command, "")
}
