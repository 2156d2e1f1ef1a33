//! `runq store`: is the store whole, and which versions does it have?

use clap::{Args, Subcommand};

use super::context::{Context, shown_path};
use super::exit::{BAD_DATA, CliError, OK};
use crate::questions::store::{checked, versions};
use crate::store::Depth;

/// How many versions are listed unless told otherwise.
const VERSIONS_SHOWN: u32 = 20;

/// Look at the store itself: whether every run in it is whole, and which versions it has.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq store check
  runq store check --deep --json
  runq store versions --limit 5")]
pub struct StoreArgs {
    #[command(subcommand)]
    command: StoreCommand,
}

#[derive(Debug, Subcommand)]
enum StoreCommand {
    Check(CheckArgs),
    Versions(VersionsArgs),
}

/// Check that every published run is there with all of its rows, and that every file is what the log says.
///
/// Rows that belong to no run, and files that the newest state does not need, are counted: they change no answer, and
/// runq optimize and runq vacuum remove them.
///
/// Exit code 0 when every run is whole, 65 when one is not.
#[derive(Debug, Args)]
struct CheckArgs {
    /// Read every file whole; otherwise only the end of each, which says what is in it.
    #[arg(long)]
    deep: bool,

    /// Name every file that the newest state does not need, and every ingest of rows that belong to no run.
    #[arg(long, short)]
    verbose: bool,
}

/// List the versions of the store, newest first: when each was made, and the runs that it added or replaced. --as-of
/// VERSION asks about one.
#[derive(Debug, Args)]
struct VersionsArgs {
    /// How many are listed [default: 20; all when exported].
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    limit: Option<u32>,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: StoreArgs, context: &Context<'_>) -> Result<u8, CliError> {
    context.refuse_past("store")?;
    let store = context.store().await?;
    let origin = shown_path(store.label().as_ref());
    match args.command {
        StoreCommand::Check(args) => {
            let depth = if args.deep { Depth::Whole } else { Depth::Footers };
            let reading = context.output.progress("reading files");
            let found = store.check(depth).await?;
            reading.finish();
            context.output.answer(&checked(&found, args.verbose, origin)?)?;
            Ok(if found.is_whole() { OK } else { BAD_DATA })
        }
        StoreCommand::Versions(args) => {
            let page = if context.output.is_exporting() { u32::MAX } else { VERSIONS_SHOWN };
            let most = usize::try_from(args.limit.unwrap_or(page)).unwrap_or(usize::MAX);
            context.output.answer(&versions(&store.versions(most).await?, origin)?)?;
            Ok(OK)
        }
    }
}
