//! The shell as a person meets it: on a terminal, in a pipe, from files.

mod commands;
mod engine;
mod errors;
mod files;
mod init;
mod output;
mod paging;
pub mod pty;
mod readme;
mod running;
mod script;
mod sessions;
mod terminal;
mod typing;

use std::sync::LazyLock;

use crate::support::sandbox::{Ran, Sandbox};

/// Nobody writes into it.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

/// Runs a shell with these lines, each as a `-c`.
fn shell(sandbox: &Sandbox, lines: &[&str]) -> Ran {
    let mut words = vec!["--no-init"];
    for line in lines {
        words.extend(["-c", line]);
    }
    sandbox.run(&words)
}

fn samples(lines: &[&str]) -> Ran {
    shell(&SAMPLES, lines)
}
