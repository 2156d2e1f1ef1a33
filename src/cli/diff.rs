//! `runq diff`.

use clap::Args;

use super::args::ImportArgs;
use super::compare::{case_limit, only_newest_task};
use super::context::{Asked, Context, open};
use super::exit::{self, CliError};
use crate::diff::Level;
use crate::model::shell_word;
use crate::model::{few, nearest};
use crate::questions::compare::CaseLimit;
use crate::questions::diff::{Asked as Question, differences};
use crate::session::{By, Session, dimension_with};

/// Show what changed in the outputs between two runs, models, prompts or anything else.
///
/// Without --by the two words are runs of the store or paths of run files. With --by they are two of its values, and
/// further words (or --run) say in which runs or paths; without any, the runs of the newest run's task. The first one
/// is the baseline.
///
/// Cases whose output changed are shown, those whose score changed most first. Texts are compared by words, code by
/// lines, JSON by keys (--level). [-removed-] and {+added+} mark what changed; from 120 columns on the sides stand
/// beside each other. Long unchanged stretches are folded and very long changes shortened; --all shows everything.
///
/// json holds every hunk, exact to the byte; jsonl, csv and tsv give one row per hunk (changes by JSON path stand in
/// json only), ids the changed cases, html one self-contained page. Exit code 4 when the two have no case in common.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq diff baseline candidate
  runq diff results/baseline results/candidate --case refund-policy
  runq diff --by model gpt-x claude-y results/matrix
  runq diff last~1 last --format html > changes.html")]
pub struct DiffArgs {
    /// The two runs or paths; with --by the two values, then runs or paths.
    #[arg(value_name = "ARM")]
    names: Vec<String>,

    /// What is compared in a text: auto, words, lines or keys (of JSON) [default: auto].
    #[arg(long, value_name = "LEVEL", value_parser = level)]
    level: Option<LevelWish>,

    /// How many cases to show: a number or all [default: 10 on a screen, all in json].
    #[arg(long, value_name = "N", value_parser = case_limit)]
    cases: Option<CaseLimit>,

    /// Show every changed case, and all of its text.
    #[arg(long)]
    all: bool,

    #[command(flatten)]
    import: ImportArgs,
}

/// What `--level` asks for.
#[derive(Debug, Clone, Copy)]
enum LevelWish {
    Auto,
    Fixed(Level),
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: DiffArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let by = context.global.session.by.as_deref();
    let (mut session, candidate, code) = match by {
        None | Some("run" | "auto") if args.names.len() <= 2 => of_runs(&args, context).await?,
        None | Some("auto") => return Err(too_many_words(args.names.len())),
        Some(by) => of_arms(&args, by, context).await?,
    };
    let question = Question {
        level: args.level.and_then(|wish| match wish {
            LevelWish::Auto => None,
            LevelWish::Fixed(level) => Some(level),
        }),
        cases: args.cases.or_else(|| on_a_page(context)),
        all: args.all,
    };
    let found = differences(&mut session, &candidate, &question).await?;
    context.output.answer(&found.answer)?;
    Ok(match code {
        exit::OK if !found.comparable => exit::NOT_COMPARABLE,
        code => code,
    })
}

/// A page has room for every case.
pub(super) fn on_a_page(context: &Context<'_>) -> Option<CaseLimit> {
    (context.output.format().name() == "html").then_some(CaseLimit::All)
}

/// Two runs: those named, or the two that the session's flags leave.
async fn of_runs(args: &DiffArgs, context: &Context<'_>) -> Result<(Session, String, u8), CliError> {
    let asked = context.asked(&args.names, &args.import).await;
    let mut asked = match (asked, args.names.as_slice()) {
        (Err(error), [one, other]) if error.code == exit::NOT_FOUND => {
            return Err(meant_as_values(one, other, context).await?.unwrap_or(error));
        }
        (asked, _) => asked?,
    };
    asked.request.by = By::Dimension("run".to_owned());
    let (mut session, code) = opened(asked, context).await?;
    let baseline = session.baseline().await?;
    let arms = session.arms().await?;
    let mut others = arms.iter().filter(|arm| **arm != baseline);
    match (others.next(), others.next()) {
        (Some(candidate), None) => Ok((session, candidate.clone(), code)),
        // What was wrong with a path has been said.
        (None, _) if code != exit::OK => Err(CliError::silent(code)),
        (None, _) => Err(CliError::usage(
            format!("there is only one run, {baseline}: nothing to compare it with"),
            Some("runq diff RUN RUN, or --by for the models or prompts inside of a run"),
        )),
        _ => Err(CliError::usage(
            format!("two runs are compared at a time; these are {}: {}", arms.len(), few(&arms, 8)),
            Some("name two of them: runq diff --by run RUN RUN PATH"),
        )),
    }
}

/// Two words that name no runs, where they are two models (prompts, ...) of the store.
async fn meant_as_values(
    one: &str,
    other: &str,
    context: &Context<'_>,
) -> Result<Option<CliError>, CliError> {
    let Some(facts) = context.stored().await? else { return Ok(None) };
    let by = dimension_with(&facts, [one, other]).await?;
    Ok(by.map(|by| {
        let hint = format!("did you mean --by {by} {} {}?", shell_word(one), shell_word(other));
        CliError::not_found(format!("{one} and {other} are no runs of the store and no paths"), Some(&hint))
    }))
}

/// Two values of a dimension in some runs.
async fn of_arms(
    args: &DiffArgs,
    by: &str,
    context: &Context<'_>,
) -> Result<(Session, String, u8), CliError> {
    let [baseline, candidate, sources @ ..] = args.names.as_slice() else {
        return Err(CliError::usage(
            format!("expected two values of {by}"),
            Some(&format!("runq diff --by {by} BASELINE CANDIDATE [RUN|PATH ...]")),
        ));
    };
    let mut asked = context.asked(sources, &args.import).await?;
    if sources.is_empty() {
        only_newest_task(&asked.facts, &mut asked.request).await?;
    }
    asked.request.by = By::Dimension(by.to_owned());
    asked.request.baseline = Some(baseline.clone());
    let (mut session, code) = opened(asked, context).await?;
    let (first, second) = (session.baseline().await?, session.arm(candidate).await?);
    if first == second {
        return Err(CliError::usage(format!("both are {by} {first}"), Some("name two different ones")));
    }
    Ok((session, second, code))
}

/// A session whose primary metric is the one asked for by `--metric`.
async fn opened(mut asked: Asked, context: &Context<'_>) -> Result<(Session, u8), CliError> {
    let options = &mut asked.request.options;
    options.primary = options.primary.take().or_else(|| context.global.session.metrics.first().cloned());
    open(asked).await
}

fn too_many_words(count: usize) -> CliError {
    CliError::usage(
        format!("two runs or paths are compared at a time; found {count} words"),
        Some("for other dimensions: runq diff --by model BASELINE CANDIDATE [RUN|PATH ...]"),
    )
}

fn level(word: &str) -> Result<LevelWish, String> {
    if word == "auto" {
        return Ok(LevelWish::Auto);
    }
    Level::parse(word).map(LevelWish::Fixed).ok_or_else(|| {
        let near = nearest(word, Level::ALL.into_iter().map(Level::as_str).chain(["auto"]));
        let near = near.map(|near| format!("; did you mean {near}?"));
        format!("expected one of auto, words, lines, keys{}", near.unwrap_or_default())
    })
}
