//! `runq jobs`.

use std::path::Path;

use clap::{Args, Subcommand};

use super::context::{Context, ProcessSurroundings, shown_path};
use super::exit::CliError;
use crate::ingest::Surroundings as _;
use crate::jobs::Jobs;
use crate::questions::jobs::{Log, job, jobs};

/// How many jobs a person is shown unless told otherwise.
const JOBS_SHOWN: u32 = 20;

/// How many of a log's last lines are shown.
const LINES_SHOWN: usize = 20;

/// How many of a log's last bytes those are looked for in.
const TAIL_BYTES: u64 = 256 * 1024;

/// List the commands that `runq resume --exec` started, newest first, or show one of them with its log.
///
/// A job is interrupted when its runq is gone before the tool ended; the tool may still be at work then. ran counts the
/// attempts that came into the store with it.
#[derive(Debug, Args)]
#[command(
    args_conflicts_with_subcommands = true,
    after_help = "Examples:
  runq jobs
  runq jobs show last --log
  runq jobs --format json"
)]
pub struct JobsArgs {
    #[command(subcommand)]
    command: Option<JobsCommand>,

    /// How many are listed [default: 20; all when exported].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

#[derive(Debug, Subcommand)]
enum JobsCommand {
    Show(ShowArgs),
}

/// Show one job: its command, when it began and ended, its exit code, and the end of its log.
#[derive(Debug, Args)]
struct ShowArgs {
    /// The job: its id, the beginning of one, or last.
    #[arg(value_name = "JOB", default_value = "last")]
    job: String,

    /// All of the log.
    #[arg(long)]
    log: bool,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: JobsArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let store = context.store().await?;
    let (label, there) = (store.label(), context.jobs(&store)?);
    let now = ProcessSurroundings::quiet().now();
    let answer = match args.command {
        Some(JobsCommand::Show(show)) => {
            let seen = there.find(&show.job)?;
            let log = log(&there, &seen.job.job_id, show.log)?;
            job(&seen, &log, now)?
        }
        None => {
            let page = if context.output.is_exporting() { u32::MAX } else { JOBS_SHOWN };
            let most = usize::try_from(args.limit.unwrap_or(page)).unwrap_or(usize::MAX);
            jobs(&there.list()?, most, (shown_path(Path::new(&label)), now))?
        }
    };
    context.output.answer(&answer)?;
    Ok(0)
}

/// The lines of a job's log, the last ones unless all are wanted.
fn log(there: &Jobs, id: &str, all: bool) -> Result<Log, CliError> {
    let (bytes, before) = there.log(id, if all { u64::MAX } else { TAIL_BYTES })?;
    let text = String::from_utf8_lossy(&bytes);
    let mut lines: Vec<String> = text.lines().map(drawn).collect();
    let shown = if all { lines.len() } else { LINES_SHOWN };
    let cut = lines.len().saturating_sub(shown);
    lines.drain(..cut);
    Ok(Log { lines, cut: cut > 0 || before > 0 })
}

/// What a line shows in the end that was drawn over with carriage returns.
fn drawn(line: &str) -> String {
    line.rsplit('\r').find(|part| !part.is_empty()).unwrap_or_default().to_owned()
}
