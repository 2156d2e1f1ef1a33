//! `runq runs`.

use clap::Args;

use super::context::Context;
use super::exit::CliError;
use crate::model::{RunStatus, nearest};
use crate::questions::runs::{Filter, runs};

/// How many runs a person is shown unless told otherwise.
const RUNS_SHOWN: usize = 20;

/// List the runs of the store, newest first, with counts, the three pass rates, tokens, cost and duration.
///
/// pass latest: the last attempt of every case, errors count as not passed. scored: errors left out. attempts: over
/// every attempt, also those that a retry superseded.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq runs --search baseline
  runq runs --status incomplete --format ids
  runq runs --tag owner=ann --limit 5 --page 2
  runq runs --kind 'analyze.*' --asset schema=sales --last 3
  runq runs --search nightly --format ids | runq compare -")]
pub struct RunsArgs {
    /// Only runs of this model.
    #[arg(long)]
    model: Option<String>,

    /// Only this status: complete, incomplete, running, failed, cancelled or unknown. AMX's success, ready_for_review
    /// and applied_partial are complete.
    #[arg(long, value_parser = status)]
    status: Option<String>,

    /// Only runs with this tag: KEY or KEY=VALUE.
    #[arg(long)]
    tag: Option<String>,

    /// Only runs whose id, name, task, experiment, command, scope, profiles, tags, eval file or path hold this text.
    #[arg(long, value_name = "TEXT")]
    search: Option<String>,

    /// How many runs a page has [default: 20; all when exported].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,

    /// Which page.
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..))]
    page: u32,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: RunsArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let request = context.global.session.request()?;
    let facts = context.stored_facts().await?.within(&request.scope).await?;
    let page = if context.output.is_exporting() { usize::MAX } else { RUNS_SHOWN };
    let filter = Filter {
        model: args.model,
        status: args.status,
        tag: args.tag,
        search: args.search,
        limit: args.limit.map_or(page, |limit| limit as usize),
        page: args.page as usize,
    };
    context.output.answer(&runs(facts, &filter).await?)?;
    Ok(0)
}

fn status(word: &str) -> Result<String, String> {
    let names = RunStatus::ALL.map(RunStatus::as_str);
    if names.contains(&word) {
        return Ok(word.to_owned());
    }
    let near = nearest(word, names.into_iter()).map(|near| format!("; did you mean {near}?"));
    Err(format!("expected one of {}{}", names.join(", "), near.unwrap_or_default()))
}
