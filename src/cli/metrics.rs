//! `runq metrics`.

use clap::Args;

use super::args::ImportArgs;
use super::context::{Context, open};
use super::exit::CliError;
use crate::questions::metrics::metrics;

/// List the metrics of the runs in scope: which way each is better, how it is aggregated, and who said so.
#[derive(Debug, Args)]
pub struct MetricsArgs {
    /// Runs or paths; the whole store without any.
    #[arg(value_name = "RUN|PATH")]
    names: Vec<String>,

    #[command(flatten)]
    import: ImportArgs,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: MetricsArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let (mut session, code) = open(context.asked(&args.names, &args.import).await?).await?;
    context.output.answer(&metrics(&mut session).await?)?;
    Ok(code)
}
