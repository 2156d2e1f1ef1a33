//! `runq show`.

use clap::Args;

use super::args::ImportArgs;
use super::compare::case_limit;
use super::context::{Context, here, open};
use super::exit::CliError;
use crate::model::{Status, nearest};
use crate::questions::compare::CaseLimit;
use crate::questions::show::{Show, show, status_word, the_only_run};

/// Show one run: where it is, how its cases ended, what is missing.
///
/// Names a run of the store (id, beginning of one, name, last, last~2) or a path of run files.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq show last
  runq show baseline --status error
  runq show results/baseline --case 'order-*' --json")]
pub struct ShowArgs {
    /// The run, or a path.
    #[arg(value_name = "RUN|PATH", default_value = "last", hide_default_value = true)]
    wanted: String,

    /// Only cases with this status: pass, fail, error, judge_error, limit, cancelled or missing.
    #[arg(long, value_parser = status)]
    status: Option<String>,

    /// How many cases to show: a number or all [default: 200; json, csv, tsv and jsonl hold all].
    #[arg(long, value_name = "N", value_parser = case_limit)]
    cases: Option<CaseLimit>,

    #[command(flatten)]
    import: ImportArgs,
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: ShowArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let mut asked = context.asked(std::slice::from_ref(&args.wanted), &args.import).await?;
    // The head tells of the whole run, whichever cases are listed below it.
    let case = asked.request.scope.case.take();
    let (mut session, code) = open(asked).await?;
    the_only_run(&session)?;
    let question = Show {
        status: args.status,
        case,
        metrics: context.global.session.metrics.clone(),
        cases: args.cases,
        here: here(),
        wanted: args.wanted,
    };
    context.output.answer(&show(&mut session, &question).await?)?;
    Ok(code)
}

fn status(word: &str) -> Result<String, String> {
    status_word(word).ok_or_else(|| {
        let words = Status::ALL.map(|status| status.screen_word().replace(' ', "_"));
        let mut names: Vec<&str> = words.iter().map(String::as_str).chain(["missing"]).collect();
        let stored = Status::ALL.map(Status::as_str);
        let near = nearest(word, names.iter().copied().chain(stored));
        let near = near.map(|near| format!("; did you mean {near}?"));
        names.extend(stored.iter().filter(|stored| !words.iter().any(|word| word == *stored)));
        format!("expected one of {}{}", names.join(", "), near.unwrap_or_default())
    })
}
