//! `runq compare`.

use clap::Args;

use super::args::ImportArgs;
use super::context::{Asked, Context, open};
use super::diff::on_a_page;
use super::exit::{self, CliError};
use crate::questions::compare::{CaseLimit, CaseOrder, Compare, Outcome, StepChoice, compare};
use crate::questions::diff;
use crate::session::{Facts, Request, SessionError};

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
  runq compare last~1 last --step all --step-type tool
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

    /// Order of the cases: change (largest first), name, or coverage (those that most arms ran first)
    /// [default: change].
    #[arg(long, value_name = "ORDER", default_value = "change", hide_default_value = true, value_parser = case_order)]
    sort: CaseOrder,

    /// How many runs, models, ... to show, those with the best primary metric: a number or all
    /// [default: 20; json, csv, tsv and jsonl hold all].
    #[arg(long, value_name = "N", value_parser = case_limit)]
    arms: Option<CaseLimit>,

    /// Show what was answered for each case, too.
    #[arg(long)]
    outputs: bool,

    /// Show the versions of each answer below it (retries, re-runs, variations), with the answers.
    #[arg(long)]
    versions: bool,

    /// Show below what changed in the outputs, against the baseline, as runq diff does.
    #[arg(long)]
    diff: bool,

    /// Compare a step (event, tool call) too, case by case, or all of them: its scores, calls, errors, duration,
    /// tokens and cost.
    #[arg(long, value_name = "NAME|all")]
    step: Option<String>,

    /// Only steps of this type: model, tool, chain or session. Without --step all of them.
    #[arg(long, value_name = "TYPE")]
    step_type: Option<String>,

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
            only_newest_task(&asked.facts, &mut asked.request).await?;
        }
        asked.request.scope.cases_only = true;
        Ok(asked)
    }
}

/// Runs the command.
///
/// # Errors
/// What the person is told when it cannot be answered.
pub async fn run(args: CompareArgs, context: &Context<'_>) -> Result<u8, CliError> {
    let question = Compare {
        metrics: context.global.session.metrics.clone(),
        only: args.only,
        cases: args.cases,
        sort: args.sort,
        outputs: args.outputs,
        versions: args.versions,
        arms: args.arms,
        steps: step_choice(args.step.clone(), args.step_type.clone()),
    };
    let (mut session, code) = open(args.asked(context).await?).await?;
    let mut compared = compare(&mut session, &question).await?;
    if args.diff {
        let asked =
            diff::Asked { cases: question.cases.or_else(|| on_a_page(context)), ..diff::Asked::default() };
        diff::append(&mut session, &mut compared.answer, &asked).await?;
    }
    context.output.answer(&compared.answer)?;
    Ok(match code {
        exit::OK if !compared.comparable => exit::NOT_COMPARABLE,
        code => code,
    })
}

/// The steps that are asked for; a type alone asks for all steps of it.
fn step_choice(step: Option<String>, kind: Option<String>) -> Option<StepChoice> {
    (step.is_some() || kind.is_some()).then(|| StepChoice { name: step.filter(|name| name != "all"), kind })
}

/// Without any word on runs: those of the task of the newest run that fits the flags.
pub(super) async fn only_newest_task(facts: &Facts, request: &mut Request) -> Result<(), SessionError> {
    let scope = &mut request.scope;
    if !scope.runs.is_empty() || scope.task.is_some() || scope.predicate.is_some() {
        return Ok(());
    }
    let narrowed = !scope.kinds.is_empty() || scope.asset.is_some() || scope.case.is_some();
    let newest = match narrowed {
        true => facts.clone().within(scope).await?.runs.pop(),
        false => facts.runs.last().cloned(),
    };
    scope.task = newest.map(|newest| newest.run.task);
    Ok(())
}

fn outcome(word: &str) -> Result<Outcome, String> {
    Outcome::parse(word).ok_or_else(|| {
        let names: Vec<&str> = Outcome::ALL.iter().map(|outcome| outcome.as_str()).collect();
        format!("expected one of {}", names.join(", "))
    })
}

fn case_order(word: &str) -> Result<CaseOrder, String> {
    let known = CaseOrder::ALL.into_iter().find(|order| order.as_str() == word);
    known.ok_or_else(|| format!("expected one of {}", CaseOrder::ALL.map(CaseOrder::as_str).join(", ")))
}

pub(super) fn case_limit(text: &str) -> Result<CaseLimit, String> {
    match text {
        "all" => Ok(CaseLimit::All),
        number => number.parse().map(CaseLimit::Most).map_err(|_| "expected a number or all".to_owned()),
    }
}
