//! `runq versions`.

use clap::Args;

use super::args::ImportArgs;
use super::compare::case_limit;
use super::context::{Asked, Context, is_path, open};
use super::diff::on_a_page;
use super::exit::CliError;
use crate::questions::compare::CaseLimit;
use crate::questions::versions::{Versions, versions};
use crate::session::{By, case_ids};

/// Show the versions that answers went through: retries within a run, re-runs and variations of it.
///
/// v1 is the run's own first answer to a case. L marks a lexical variation, S a semantic one; its seed is the
/// alternative that it varies. Variations of variations stand in the stack down to three levels, re-runs one level; what
/// lies further is named. Without a run: all runs that are themselves no version of another one, newest first.
///
/// csv, tsv and jsonl give one row per version, ids the cases; what --diff shows stands in json only, as `changes` of
/// every version but the first.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq versions
  runq versions sales.orders 1 --diff
  runq versions 'sales.*' --kind analyze.run --all
  runq versions history.db --case sales.orders.status --json")]
pub struct VersionsArgs {
    /// A case, or a glob over cases; then runs or paths. With --case, or when the first word is no case, all are runs
    /// or paths.
    #[arg(value_name = "CASE|GLOB] [RUN|PATH")]
    words: Vec<String>,

    /// Also cases with one version.
    #[arg(long)]
    all: bool,

    /// How many cases to show: a number or all [default: 20 on a screen, all in json].
    #[arg(long, value_name = "N", value_parser = case_limit)]
    cases: Option<CaseLimit>,

    /// Show what changed in the output from each version to the next.
    #[arg(long)]
    diff: bool,

    #[command(flatten)]
    import: ImportArgs,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: VersionsArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let words = context.names(&args.words)?;
    let (case, names) = match words.split_first() {
        Some((first, rest)) if is_case(first, &args, context).await? => (Some(first), rest),
        _ => (None, words.as_slice()),
    };
    let mut asked = context.asked(names, &args.import).await?;
    place(&mut asked, case);
    let (mut session, code) = open(asked).await?;
    let question =
        Versions { all: args.all, cases: args.cases.or_else(|| on_a_page(context)), diff: args.diff };
    context.output.answer(&versions(&mut session, &question).await?)?;
    Ok(code)
}

/// Whether the first word is a case: it names no run and no path, or a case of the store reads so.
async fn is_case(word: &str, args: &VersionsArgs, context: &Context<'_>) -> Result<bool, CliError> {
    if context.global.session.case.is_some() || args.words.first().is_none_or(|first| first == "-") {
        return Ok(false);
    }
    // Case ids may look like files (`sales.orders`); a word that is no file, before others that are, is a case.
    let followed = args.words.len() > 1 && !word.contains('/') && !is_path(word);
    if !context.is_run_or_path(word).await? || followed && context.place()?.is_none() {
        return Ok(true);
    }
    if word.contains('/') {
        return Ok(false);
    }
    let Some(facts) = context.stored().await? else { return Ok(false) };
    let is_case = case_ids(&facts).await?.contains(word);
    if is_case {
        context.output.note(&format!("{word} is taken as a case; --run {word} names the run"));
    }
    Ok(is_case)
}

/// The case joins the scope; without a run the originals stand for all; an arm is a run unless another one is asked for.
fn place(asked: &mut Asked, case: Option<&String>) {
    let request = &mut asked.request;
    if let Some(case) = case {
        request.scope.case = Some(case.clone());
    }
    request.scope.originals = request.scope.runs.is_empty();
    if request.by == By::Auto {
        request.by = By::Dimension("run".to_owned());
    }
}
