//! `runq resume --exec`.

use super::super::args::ImportArgs;
use super::super::context::Context;
use super::super::exit::CliError;
use crate::questions::resume::{Plan, Resume};

/// A plan that is to be carried out, with what is needed to make it again.
pub struct Execution {
    /// The plan.
    pub plan: Plan,
    /// What it answers.
    pub resume: Resume,
    /// How files are read.
    pub import: ImportArgs,
    /// The runs and paths as they were named, or the one that was meant.
    pub names: Vec<String>,
}

/// Carries a plan out.
///
/// # Errors
/// What the person is told when it cannot be done.
pub async fn exec(asked: Execution, _context: &Context<'_>) -> Result<u8, CliError> {
    let said = format!("--exec cannot run --{} yet", asked.resume.mode.as_str());
    Err(CliError::usage(said, Some("--format sh prints the commands")))
}
