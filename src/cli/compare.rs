//! `runq compare`.

use clap::Args;

use super::args::ImportArgs;
use super::context::{Asked, Context, open};
use super::exit::{self, CliError};
use crate::questions::compare::{CaseLimit, Compare, Outcome, compare};
use crate::session::{Facts, Request};

/// Compare runs, models, prompts or anything else: winners, changes, and whether they are more than noise.
///
/// Names runs of the store or paths of run files; without any, all runs of the newest run's task. What is compared is
/// the dimension of --by: each of its values is one arm, and the baseline is the arm that the others are compared
/// against. A winner is marked only when it is best on its own cases and on the cases that all arms have. A verdict
/// says improved or regressed when the paired test, adjusted for how many were made, is below --alpha.
///
/// Exit code 0 whatever the outcome, 4 when no candidate shares a case with the baseline. csv, tsv and jsonl give one
/// row per task, metric and arm; json gives everything, docs/METHODOLOGY.md says what each number means.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  runq compare results/baseline results/candidate
  runq compare --by model results/matrix
  runq compare last~1 last --only regressed --cases all
  runq compare --last 2 --threshold 0.1 --errors-as zero --json")]
pub struct CompareArgs {
    /// Runs (id, beginning of one, name, last, last~2, glob) or paths; ./NAME is always a path.
    #[arg(value_name = "RUN|PATH")]
    names: Vec<String>,

    /// Only cases that are improved, regressed, unchanged, unscored, baseline_only or candidate_only.
    #[arg(long, value_name = "OUTCOME", value_parser = outcome)]
    only: Option<Outcome>,

    /// How many cases to show, those that changed most first: a number or all [default: 10 on a screen, all in json].
    #[arg(long, value_name = "N", value_parser = case_limit)]
    cases: Option<CaseLimit>,

    #[command(flatten)]
    import: ImportArgs,
}

impl CompareArgs {
    /// What was named: runs or paths.
    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// Names others instead.
    pub(super) fn set_names(&mut self, names: Vec<String>) {
        self.names = names;
    }

    /// The runs that are compared.
    pub(super) async fn asked(&self, context: &Context<'_>) -> Result<Asked, CliError> {
        let mut asked = context.asked(&self.names, &self.import).await?;
        if self.names.is_empty() {
            only_newest_task(&asked.facts, &mut asked.request);
        }
        Ok(asked)
    }
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: CompareArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let question =
        Compare { metrics: context.global.session.metrics.clone(), only: args.only, cases: args.cases };
    let (mut session, code) = open(args.asked(context).await?).await?;
    let compared = compare(&mut session, &question).await?;
    context.output.answer(&compared.answer)?;
    Ok(match code {
        exit::OK if !compared.comparable => exit::NOT_COMPARABLE,
        code => code,
    })
}

/// Without any word on runs: those of the newest run's task.
fn only_newest_task(facts: &Facts, request: &mut Request) {
    let scope = &mut request.scope;
    let unsaid = scope.runs.is_empty() && scope.task.is_none() && scope.predicate.is_none();
    if unsaid && let Some(newest) = facts.runs.last() {
        scope.task = Some(newest.run.task.clone());
    }
}

fn outcome(word: &str) -> Result<Outcome, String> {
    Outcome::parse(word).ok_or_else(|| {
        let names: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

pub(super) fn case_limit(text: &str) -> Result<CaseLimit, String> {
    match text {
        "all" => Ok(CaseLimit::All),
        number => number.parse().map(CaseLimit::Most).map_err(|_| "expected a number or all".to_owned()),
    }
}
