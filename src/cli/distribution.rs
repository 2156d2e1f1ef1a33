//! `runq distribution`.

use clap::Args;

use super::args::ImportArgs;
use super::compare::only_newest_task;
use super::context::{Context, open};
use super::exit::CliError;
use crate::questions::distribution::distribution;

/// Show how the values of each arm are distributed, and whether an improvement is broad or driven by a few cases.
///
/// A histogram of the values per arm, one of the changes of each candidate from the baseline, and how much of all
/// change the cases carry that changed most. A bin holds its upper edge; scores from 0 to 1 are counted over 0 to 1,
/// anything else over the range of its values, with the same bins for all arms. Changes have an odd number of bins, so
/// that no change lies in the middle one. Cases without a value (errors) are in no bin.
///
/// csv, tsv and jsonl give one row per task, metric, arm and bin; json gives these and the share of every case.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq distribution results/baseline results/candidate
  runq distribution --by model --metric score --metric duration_ms
  runq distribution --last 2 --bins 20 --format csv")]
pub struct DistributionArgs {
    /// Runs (id, beginning of one, name, last, last~2, glob) or paths; ./NAME is always a path.
    #[arg(value_name = "RUN|PATH")]
    names: Vec<String>,

    #[command(flatten)]
    import: ImportArgs,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: DistributionArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let mut asked = context.asked(&args.names, &args.import).await?;
    if args.names.is_empty() {
        only_newest_task(&asked.facts, &mut asked.request).await?;
    }
    let (mut session, code) = open(asked).await?;
    context.output.answer(&distribution(&mut session, &context.global.session.metrics).await?)?;
    Ok(code)
}
