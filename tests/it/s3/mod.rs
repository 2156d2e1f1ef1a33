//! Runs in S3, against a server on loopback.

mod address;
mod archives;
mod export;
mod maintenance;
mod network;
mod page;
mod readers;
mod requests;
mod second;
mod secrets;
mod sources;
mod store;
mod uploads;
mod waiting;
mod words;
mod writers;

use std::path::Path;

use crate::support::moto::Moto;
use crate::support::s3::S3Server;
use crate::support::sandbox::{Ran, Sandbox};

/// A server with a bucket, whoever wrote it.
trait Served {
    /// The variables that reach it.
    fn environment(&self) -> [(&'static str, String); 6];

    /// Puts the files of a folder into the bucket, under a prefix.
    fn put_folder(&self, folder: &Path, prefix: &str);
}

impl Served for S3Server {
    fn environment(&self) -> [(&'static str, String); 6] {
        self.environment()
    }

    fn put_folder(&self, folder: &Path, prefix: &str) {
        self.put_folder(folder, prefix);
    }
}

impl Served for Moto {
    fn environment(&self) -> [(&'static str, String); 6] {
        self.environment()
    }

    fn put_folder(&self, folder: &Path, prefix: &str) {
        self.put_folder(folder, prefix);
    }
}

/// A command that reaches a server.
fn reaching(server: &impl Served, sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command = sandbox.command(words);
    command.envs(server.environment());
    sandbox.finish(command, "")
}
