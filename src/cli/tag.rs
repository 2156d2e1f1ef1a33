//! `runq tag`.

use clap::Args;

use super::args::pair;
use super::context::{Context, ProcessSurroundings};
use super::exit::CliError;
use crate::ingest::{Labels, Surroundings as _, relabel};
use crate::session::resolve_run;

/// Give a run labels, or a name, after it was taken in; its rows stay as they are.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq tag last owner=ann branch=main
  runq tag baseline::2026-05-06T05-36-19-075Z --name baseline")]
pub struct TagArgs {
    /// The run: id, beginning of one, name, last, last~2 or a glob.
    #[arg(value_name = "RUN")]
    run: String,

    /// Labels to set.
    #[arg(value_name = "KEY=VALUE", value_parser = pair)]
    tags: Vec<(String, String)>,

    /// Name to give.
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be done.
pub async fn run(args: TagArgs, context: &Context<'_>) -> Result<u8, CliError> {
    if args.tags.is_empty() && args.name.is_none() {
        return Err(CliError::usage("nothing to set: give KEY=VALUE or --name NAME", None));
    }
    let store = context.store().await?;
    let facts = context.stored_facts().await?;
    let runs: Vec<_> =
        resolve_run(&facts.runs, &args.run)?.into_iter().map(|entry| entry.run.clone()).collect();
    let labels = Labels { name: args.name, tags: args.tags, params: Vec::new() };
    let changed = relabel(&store, &runs, &labels, ProcessSurroundings::quiet().now()).await?;
    context.output.line(&match changed.as_slice() {
        [] => "nothing changed: the labels are there already".to_owned(),
        [run] => format!("{}: {}", run.run_id, run.tags.as_deref().unwrap_or("{}")),
        several => format!("{} runs labelled", several.len()),
    });
    Ok(0)
}
