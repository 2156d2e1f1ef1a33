//! `runq resume --exec`: carries a plan out. Runs the tool's own commands, follows them, takes the run in again, and
//! accounts for what they did.
//!
//! The run is taken in before anything starts, so that its attempts stay in the store also where the tool rewrites its
//! file, and after every command.

mod commands;
mod follow;
mod taken;

use std::collections::BTreeMap;

use crate::cli::args::ImportArgs;
use crate::cli::context::{Context, here};
use crate::cli::exit::{self, CliError};
use crate::cli::output::Report;
use crate::import::rerun::RerunError;
use crate::jobs::{Jobs, RunLock, resolve_program};
use crate::questions::account;
use crate::questions::resume::{Plan, Resume, RunPlan, answer};
use crate::session::PlannedCase;
use crate::store::Store;
use commands::Work;

/// A plan that is to be carried out, with what is needed to make it again.
#[derive(Debug)]
pub struct Execution {
    /// The plan.
    pub plan: Plan,
    /// What it answers.
    pub resume: Resume,
    /// How files are read.
    pub import: ImportArgs,
    /// The runs and paths as they were named, or the one that was meant.
    pub names: Vec<String>,
    /// The cases of `--cases`; empty without.
    pub planned: Vec<PlannedCase>,
}

/// Carries a plan out and prints what came of it, one answer per run.
///
/// The exit code is 0, 75 when the tool failed, 130 when it was stopped, or what unreadable files call for.
///
/// # Errors
/// Before anything is started: when the store may only be read (77), there is no command, a program or folder is not
/// there (66), another command works on the run (75), or the job cannot be recorded (69). Later: when the store cannot be
/// reached.
pub async fn exec(asked: Execution, context: &Context<'_>) -> Result<u8, CliError> {
    context.refuse_read_only()?;
    if is_done(&asked.plan) {
        context.output.answer(&answer(&asked.plan, &here())?)?;
        return Ok(exit::OK);
    }
    check_commands(&asked.plan)?;
    let store = context.store_for_writing().await?;
    let jobs = context.jobs(&store)?;
    let mut locks = BTreeMap::new();
    lock_all(&jobs, &asked.plan, &mut locks)?;
    let asked = taken::up_to_date(asked, context, &store).await?;
    if is_done(&asked.plan) {
        context.output.answer(&answer(&asked.plan, &here())?)?;
        return Ok(exit::OK);
    }
    check_commands(&asked.plan)?;
    lock_all(&jobs, &asked.plan, &mut locks)?;
    carry_out(&asked, context, (&store, &jobs, &locks)).await
}

/// Runs the commands of one run after the other; the first one that fails or is stopped is the last one.
async fn carry_out(
    asked: &Execution,
    context: &Context<'_>,
    (store, jobs, locks): (&Store, &Jobs, &BTreeMap<String, RunLock>),
) -> Result<u8, CliError> {
    let mut code = exit::OK;
    let mut runs = asked.plan.runs.iter().filter(|run| run.has_work()).peekable();
    while let Some(run) = runs.next() {
        let Some(lock) = locks.get(&run.run.run_id) else { continue };
        let work = Work { asked, context, store, jobs, run, lock };
        let (account, problems) = work.carry_out().await?;
        context.output.answer(&account::answer(&account)?)?;
        code = code.max(problems);
        if account.is_failed() || account.is_cancelled() {
            for left in runs {
                context.output.note(&format!("nothing was started for {}", left.run.run_id));
            }
            return ended(&account);
        }
    }
    Ok(code)
}

/// What a tool that failed or was stopped means for the exit code.
fn ended(account: &account::Account) -> Result<u8, CliError> {
    if account.is_cancelled() {
        return Ok(exit::INTERRUPTED);
    }
    let (tool, end, id) = account.jobs.last().map_or_else(Default::default, |job| {
        (job.tool.clone(), job.end_in_words().unwrap_or_default(), job.job_id.clone())
    });
    let report = Report::new(format!("{tool} ended with {end}; what it wrote is in the store"))
        .hint(format!("runq jobs show {id}"));
    Err(CliError { code: exit::TOOL_FAILED, report: Some(report) })
}

fn is_done(plan: &Plan) -> bool {
    !plan.runs.iter().any(RunPlan::has_work)
}

/// Every run with rows to run must have a command that can be started, or none is.
fn check_commands(plan: &Plan) -> Result<(), CliError> {
    let path = std::env::var_os("PATH");
    for run in plan.runs.iter().filter(|run| run.has_work()) {
        let commands = run.commands.as_ref().map_err(|error| no_command(&run.run.run_id, error))?;
        if commands.is_empty() {
            let said = format!("{}: there is no command for what is planned", run.run.run_id);
            return Err(CliError::usage(said, Some("--format ids lists the cases")));
        }
        for planned in commands {
            let word = planned.command.argv.first().map_or("", String::as_str);
            resolve_program(word, &planned.command.folder, path.as_deref())?;
        }
    }
    Ok(())
}

fn no_command(run_id: &str, error: &RerunError) -> CliError {
    let said = format!("{run_id}: {error}; nothing was started");
    let hint = error.hint();
    match error {
        RerunError::NoRunDir { .. }
        | RerunError::NoRows { .. }
        | RerunError::NoSuite { .. }
        | RerunError::UnknownSuite
        | RerunError::Archived { .. }
        | RerunError::Remote { .. } => CliError::not_found(said, Some(&hint)),
        _ => CliError::usage(said, Some(&hint)),
    }
}

/// Takes the locks of all runs with work that have none yet.
fn lock_all(jobs: &Jobs, plan: &Plan, locks: &mut BTreeMap<String, RunLock>) -> Result<(), CliError> {
    for run in plan.runs.iter().filter(|run| run.has_work()) {
        if !locks.contains_key(&run.run.run_id) {
            locks.insert(run.run.run_id.clone(), jobs.lock_run(&run.run.run_id)?);
        }
    }
    Ok(())
}
