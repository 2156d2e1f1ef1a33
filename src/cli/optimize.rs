//! `runq optimize`.

use std::time::Duration;

use clap::Args;

use super::context::{Context, ProcessSurroundings, shown_path};
use super::exit::CliError;
use super::moment::{before, span};
use crate::ingest::Surroundings as _;
use crate::questions::store::optimized;
use crate::store::{Optimization, Pace};

/// Make the store fast again after many ingests: many small files become few large sorted ones.
///
/// Rows that crashed ingests and replaced runs have left are removed, the small files of every table are merged into
/// files of about 64 MiB that are sorted by run, metric and case, and the logs get checkpoints. Answers stay the same.
/// Others may read and write meanwhile; a run that is replaced meanwhile is left for the next time. Ctrl-C leaves a whole
/// store, in which some tables are done. A second time does nothing.
///
/// The files that were merged stay on the disk until runq vacuum removes them: readers that began before still need them,
/// and so does --as-of.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq optimize
  runq optimize && runq vacuum --older-than 7d --delete
  runq optimize --store s3://team-runs/evals --json")]
pub struct OptimizeArgs {
    /// Rows that belong to no run are removed when they are older than this: longer than any ingest takes, since an
    /// ingest that is at work looks the same [default: 1h].
    #[arg(long, value_name = "AGE", value_parser = span, default_value = "1h", hide_default_value = true)]
    litter_older_than: Duration,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be done.
pub async fn run(args: OptimizeArgs, context: &Context<'_>) -> Result<u8, CliError> {
    context.refuse_read_only()?;
    let store = context.store().await?;
    let now = ProcessSurroundings::quiet().now();
    let wish = Optimization::new(before(now, args.litter_older_than));
    let progress = context.output.progress("merging files");
    let pace = |pace| match pace {
        Pace::Total(bytes) => progress.set_total_bytes(bytes),
        Pace::Done(bytes) => progress.advance_bytes(bytes),
    };
    let done = store.optimize(&wish, &pace).await?;
    progress.finish();
    context.output.answer(&optimized(&done, shown_path(store.label().as_ref()))?)?;
    Ok(0)
}
