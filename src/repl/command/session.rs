//! Commands that say which runs are meant and what is compared: the flags of the session.

use async_trait::async_trait;

use super::DotCommand;
use crate::cli::exit::{self, CliError};
use crate::repl::Shell;

/// `.scope`: which runs.
pub struct Scope;

#[async_trait(?Send)]
impl DotCommand for Scope {
    fn name(&self) -> &'static str {
        "scope"
    }

    fn takes(&self) -> &'static str {
        "[PREDICATE | last N | --FLAG ...]"
    }

    fn about(&self) -> &'static str {
        "only some runs: a predicate over runs, the newest N, or flags of the session"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        if let Some(last) = rest.strip_prefix("last ").and_then(|count| count.trim().parse().ok()) {
            shell.global.session.last = Some(last);
        } else if !rest.is_empty() {
            shell.global.session.scope = Some(rest.to_owned());
        }
        Ok(())
    }
}

/// `.by`: what is compared.
pub struct By;

#[async_trait(?Send)]
impl DotCommand for By {
    fn name(&self) -> &'static str {
        "by"
    }

    fn takes(&self) -> &'static str {
        "[DIMENSION]"
    }

    fn about(&self) -> &'static str {
        "what is compared: each value of it is one arm"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        shell.global.session.by = Some(rest.to_owned()).filter(|by| !by.is_empty());
        Ok(())
    }
}

/// `.baseline`: what the others are compared against.
pub struct Baseline;

#[async_trait(?Send)]
impl DotCommand for Baseline {
    fn name(&self) -> &'static str {
        "baseline"
    }

    fn takes(&self) -> &'static str {
        "[ARM]"
    }

    fn about(&self) -> &'static str {
        "the arm that the others are compared against"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        shell.global.session.baseline = Some(rest.to_owned()).filter(|arm| !arm.is_empty());
        Ok(())
    }
}

/// `.reset`: back to what the shell was started with.
pub struct Reset;

#[async_trait(?Send)]
impl DotCommand for Reset {
    fn name(&self) -> &'static str {
        "reset"
    }

    fn takes(&self) -> &'static str {
        ""
    }

    fn about(&self) -> &'static str {
        "scope, by and baseline as they were at the start"
    }

    async fn run(&self, _rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        shell.global = shell.started_with.clone();
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
        &[".exit", "\\q", ".q"]
    }

    fn takes(&self) -> &'static str {
        "[CODE]"
    }

    fn about(&self) -> &'static str {
        "leave the shell, with this exit code"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let code = if rest.is_empty() { Some(exit::OK) } else { rest.parse().ok() };
        let said = || CliError::usage(format!(".quit {rest}: expected a number from 0 to 255"), None);
        shell.leave = Some(code.ok_or_else(said)?);
        Ok(())
    }
}
