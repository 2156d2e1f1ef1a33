//! `runq vacuum`.

use std::time::Duration;

use clap::Args;

use super::context::{Context, ProcessSurroundings, shown_path};
use super::exit::CliError;
use super::moment::{before, in_words, span};
use crate::ingest::Surroundings as _;
use crate::model::shell_word;
use crate::questions::store::{Vacuuming, vacuumed};

/// What is younger may belong to a question or an ingest that is at work.
const LEAST: Duration = Duration::from_secs(3600);

/// Remove data files that nobody needs any more; without --delete it only says which.
///
/// A file is needed by every state of the store since the given age, so questions that are being asked, ingests at work
/// and --as-of within that time go on. What no such state needs is removed: files that were merged or replaced before,
/// and what crashed ingests wrote and never finished. The log of what happened stays; --as-of for an older state then
/// says that its files are gone.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq vacuum
  runq vacuum --older-than 30d --delete
  runq vacuum --older-than 12h --verbose")]
pub struct VacuumArgs {
    /// How long ago a file must have been needed last, such as 30m, 12h or 7d [default: 7d].
    #[arg(long, value_name = "AGE", value_parser = span, default_value = "7d", hide_default_value = true)]
    older_than: Duration,

    /// Remove the files; they are only counted otherwise.
    #[arg(long)]
    delete: bool,

    /// Allow an age under one hour: nobody else reads or writes the store now.
    #[arg(long)]
    nobody_else: bool,

    /// Name every file.
    #[arg(long, short)]
    verbose: bool,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be done.
pub async fn run(args: VacuumArgs, context: &Context<'_>) -> Result<u8, CliError> {
    if args.older_than < LEAST && !args.nobody_else {
        let said = format!(
            "--older-than {}: files younger than 1h may be needed by a question or an ingest at work",
            in_words(args.older_than)
        );
        return Err(CliError::usage(
            said,
            Some("add --nobody-else when nobody else reads or writes the store now"),
        ));
    }
    if args.delete {
        context.refuse_read_only()?;
    }
    let store = context.store().await?;
    let surroundings = ProcessSurroundings::quiet();
    let here = surroundings.now();
    // A clock of ours that is ahead would make files seem old that are not.
    let now = if args.delete { here.min(store.clock(&surroundings.ingest_id()).await?) } else { here };
    let cutoff = before(now, args.older_than);
    let found = if args.delete { store.vacuum(cutoff).await? } else { store.unneeded(cutoff).await? };
    let asked = Vacuuming {
        delete: args.delete,
        verbose: args.verbose,
        age: in_words(args.older_than),
        cutoff,
        again: again(&args, context),
    };
    context.output.answer(&vacuumed(&found, &asked, shown_path(store.label().as_ref()))?)?;
    Ok(0)
}

/// The command that removes what was found.
fn again(args: &VacuumArgs, context: &Context<'_>) -> String {
    let mut words = format!("runq vacuum --older-than {} --delete", in_words(args.older_than));
    if args.nobody_else {
        words.push_str(" --nobody-else");
    }
    if let Some(store) = &context.global.store {
        words.push_str(&format!(" --store {}", shell_word(&store.display().to_string())));
    }
    words
}
