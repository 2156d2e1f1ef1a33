//! The system around the shell: its commands, its folders, and how to leave.

use std::path::PathBuf;
use std::process::{Command, Stdio};

use async_trait::async_trait;

use super::{DotCommand, path, word};
use crate::cli::context::{Context, here};
use crate::cli::exit::{self, CliError};
use crate::cli::interrupt;
use crate::cli::output::Report;
use crate::cli::shell::Shell;
use crate::store::Place;

/// `.system`: a command of the system.
pub struct System;

#[async_trait(?Send)]
impl DotCommand for System {
    fn name(&self) -> &'static str {
        "system"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\!"]
    }

    fn takes(&self) -> &'static str {
        "PROGRAM ..."
    }

    fn about(&self) -> &'static str {
        "a command of the system, also \\!"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        if shell.global.read_only {
            return Err(CliError::refused(".system"));
        }
        if rest.is_empty() {
            return Err(CliError::usage(".system: expected a command", Some(".system ls")));
        }
        // Ctrl-C is the command's as long as it runs.
        let _mine = interrupt::claim_interrupts();
        let mut command = Command::new("sh");
        command.args(["-c", rest]);
        if !shell.interactive {
            // What stands there are the statements to come.
            command.stdin(Stdio::null());
        }
        let ended = tokio::task::block_in_place(|| command.status());
        let failed = |said: String| CliError { code: exit::TOOL_FAILED, report: Some(Report::new(said)) };
        match ended {
            Ok(status) if status.success() => Ok(()),
            Ok(status) => Err(failed(format!("{rest}: {status}"))),
            Err(error) => Err(failed(format!("{rest}: {error}"))),
        }
    }
}

/// `.cd`: the folder that paths are relative to.
pub struct Folder;

#[async_trait(?Send)]
impl DotCommand for Folder {
    fn name(&self) -> &'static str {
        "cd"
    }

    fn takes(&self) -> &'static str {
        "[FOLDER]"
    }

    fn about(&self) -> &'static str {
        "the folder that paths are relative to; the store stays"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let Some(folder) = word(".cd", rest)? else {
            return shell.tell(&here().display().to_string());
        };
        let folder = path(&folder);
        // The store is looked for where the shell is, and was found where it was.
        let place = Context::new(shell.global.clone(), shell.output).place()?;
        let store = place.as_ref().and_then(Place::folder).map(|store| here().join(store));
        std::env::set_current_dir(&folder)
            .map_err(|error| CliError::not_found(format!(".cd {folder}: {error}"), None))?;
        if let Some(store) = store {
            keep_store(shell, store);
        }
        Ok(())
    }
}

fn keep_store(shell: &mut Shell<'_>, store: PathBuf) {
    shell.global.store = Some(store.clone());
    shell.started_with.store = Some(store);
}

/// `.safe`: nothing is written or started any more.
pub struct Safe;

#[async_trait(?Send)]
impl DotCommand for Safe {
    fn name(&self) -> &'static str {
        "safe"
    }

    fn takes(&self) -> &'static str {
        ""
    }

    fn about(&self) -> &'static str {
        "refuse every write, launch and system call from now on"
    }

    fn more(&self) -> &'static str {
        "What --read-only does from the start. It cannot be taken back."
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        if !matches!(rest, "" | "on") {
            return Err(CliError::usage(
                format!(".safe {rest}: it takes no word, and cannot be taken back"),
                None,
            ));
        }
        // What answers go to so far was asked for before.
        shell.send_to(None, false)?;
        shell.destination.forget_once();
        shell.global.read_only = true;
        shell.started_with.read_only = true;
        Ok(())
    }
}

/// `.quit`: leaves the shell.
pub struct Quit;

#[async_trait(?Send)]
impl DotCommand for Quit {
    fn name(&self) -> &'static str {
        "quit"
    }

    fn others(&self) -> &'static [&'static str] {
        &[".exit", "\\q"]
    }

    fn takes(&self) -> &'static str {
        "[CODE]"
    }

    fn about(&self) -> &'static str {
        "leave the shell, with this exit code; Ctrl-D does too"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let code = if rest.is_empty() { Some(exit::OK) } else { rest.parse().ok() };
        let said = || CliError::usage(format!(".quit {rest}: expected a number from 0 to 255"), None);
        shell.leave = Some(code.ok_or_else(said)?);
        Ok(())
    }
}
