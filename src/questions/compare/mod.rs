//! Compares arms: which wins on which metric, what improved and regressed, and is it more than noise?
//!
//! Asks the views and gathers their rows; the document and the screen are made from them in the files beside.

mod case_table;
mod cases;
mod document;
mod next;
mod notes;
mod screen;
mod steps;
mod versions;

pub(crate) use screen::shown_value;

use serde::{Deserialize, Serialize};

use super::labels::Labels;
use crate::answer::Answer;
use crate::session::{Options, Rows, Session, SessionError};
use cases::Case;

pub use next::Named;
pub use steps::StepChoice;

/// What is asked beyond the session.
#[derive(Debug, Clone, Default)]
pub struct Compare {
    /// Metrics to show; the usual ones when empty. The first one is the metric of the cases.
    pub metrics: Vec<String>,
    /// Only cases with this outcome against the baseline.
    pub only: Option<Outcome>,
    /// How many cases to show; `None` for the default of the format.
    pub cases: Option<CaseLimit>,
    /// In which order the cases stand.
    pub sort: CaseOrder,
    /// Whether the answers themselves are shown.
    pub outputs: bool,
    /// Whether retries, re-runs and variations are shown below them; they come with the answers.
    pub versions: bool,
    /// How many arms a person is shown, those with the best primary metric; `None` for the usual number.
    pub arms: Option<CaseLimit>,
    /// Which steps to compare as well; none when `None`.
    pub steps: Option<StepChoice>,
    /// How the runs were named, for an answer that says what to ask next; `None` for one that does not.
    pub named: Option<Named>,
}

/// In which order cases stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum CaseOrder {
    /// Those that changed most first, then by name.
    #[default]
    Change,
    /// By task and case id.
    Name,
    /// Those that most arms ran first, then by name.
    Coverage,
}

impl CaseOrder {
    /// Every order.
    pub const ALL: [Self; 3] = [Self::Change, Self::Name, Self::Coverage];

    /// The word on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Change => "change",
            Self::Name => "name",
            Self::Coverage => "coverage",
        }
    }
}

/// How many cases are shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseLimit {
    /// All of them.
    All,
    /// So many, those that changed most.
    Most(usize),
}

/// What became of a case against the baseline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Better by at least the threshold.
    Improved,
    /// Worse by at least the threshold.
    Regressed,
    /// Neither.
    Unchanged,
    /// Only the baseline ran it.
    BaselineOnly,
    /// Only the candidate ran it.
    CandidateOnly,
    /// A value is missing on one side.
    Unscored,
}

impl Outcome {
    /// Every outcome, in the order of the document.
    pub const ALL: [Self; 6] = [
        Self::Improved,
        Self::Regressed,
        Self::Unchanged,
        Self::BaselineOnly,
        Self::CandidateOnly,
        Self::Unscored,
    ];

    /// The word in SQL and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Improved => "improved",
            Self::Regressed => "regressed",
            Self::Unchanged => "unchanged",
            Self::BaselineOnly => "baseline_only",
            Self::CandidateOnly => "candidate_only",
            Self::Unscored => "unscored",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|outcome| outcome.as_str() == word)
    }
}

/// A row of `arms`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Arm {
    pub arm: String,
    pub run_ids: Vec<String>,
    #[serde(default)]
    pub models: Vec<String>,
    pub result_count: i64,
    pub case_count: i64,
    pub superseded_count: i64,
    pub ok: i64,
    pub quality_failure: i64,
    pub execution_error: i64,
    pub scorer_error: i64,
    pub limit: i64,
    pub cancelled: i64,
    pub passed: i64,
    pub pass_rate_attempts: Option<f64>,
    pub pass_rate_latest: Option<f64>,
    pub pass_rate_scored: Option<f64>,
    pub pass_rate_first: Option<f64>,
    pub run_count: i64,
}

/// A row of `metric_coverage`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Coverage {
    pub metric: String,
    pub name: String,
    pub built_in: bool,
    pub cases: i64,
    pub scored: i64,
    pub all_cases: i64,
}

/// A row of `metric_winners` with the bounds of `metric_summary`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Value {
    pub task: Option<String>,
    pub metric: String,
    pub arm: String,
    /// What `n` counts: case, run or result.
    pub per: String,
    pub direction: String,
    pub unit: Option<String>,
    pub aggregate: String,
    pub value: Option<f64>,
    pub n: i64,
    pub unscored: i64,
    pub lowest: Option<f64>,
    pub highest: Option<f64>,
    pub winner: bool,
    pub tied: bool,
    pub winner_common: bool,
    pub n_common: i64,
    /// Place among the arms, 1 for the best; null without a value or direction.
    pub rank: Option<i64>,
}

/// A row of `change_counts`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Change {
    pub task: Option<String>,
    pub metric: String,
    pub baseline: String,
    pub candidate: String,
    pub common: i64,
    pub improved: i64,
    pub regressed: i64,
    pub unchanged: i64,
    pub baseline_only: i64,
    pub candidate_only: i64,
    pub unscored: i64,
    pub mean_baseline: Option<f64>,
    pub mean_candidate: Option<f64>,
    pub mean_delta: Option<f64>,
    pub normalized_gain: Option<f64>,
    pub standard_error: Option<f64>,
    pub ci_low: Option<f64>,
    pub ci_high: Option<f64>,
    pub p_value: Option<f64>,
    pub p_adjusted: Option<f64>,
    pub test: Option<String>,
    pub mde: Option<f64>,
    pub family: Option<String>,
    pub verdict: Option<String>,
}

/// A row of `score_changes`.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct CaseChange {
    pub candidate: String,
    pub task: String,
    pub case_id: String,
    pub metric: String,
    pub outcome: Outcome,
}

/// Everything that a comparison knows, baseline first.
pub(crate) struct Comparison {
    pub by: String,
    pub baseline: String,
    pub primary: String,
    pub alpha: f64,
    /// What arms are called on screen.
    pub labels: Labels,
    pub arms: Vec<Arm>,
    /// Arms that a person is not shown; none while anything else is made of the comparison.
    pub hidden: Vec<Arm>,
    pub coverage: Vec<Coverage>,
    /// How many cases any arm ran.
    pub case_count: i64,
    pub values: Vec<Value>,
    pub changes: Vec<Change>,
    pub improved_and_regressed: Vec<CaseChange>,
    /// Metric of `cases`.
    pub case_metric: String,
    pub cases: Vec<Case>,
    /// Versions of the answers, when they were asked for.
    pub stacks: Option<versions::Stacks>,
    pub notes: Vec<String>,
    /// The command that shows what changed in an answer.
    pub next: Option<String>,
    pub steps: Option<steps::Steps>,
    pub records: Rows,
}

/// An answer, and whether its arms have anything in common.
pub struct Compared {
    /// The answer.
    pub answer: Answer,
    /// False when there are several arms and no candidate shares a case with the baseline.
    pub comparable: bool,
}

/// Compares the arms of a session.
///
/// # Errors
/// When an arm or metric that was asked for does not exist, or the views cannot be computed.
pub async fn compare(session: &mut Session, asked: &Compare) -> Result<Compared, SessionError> {
    for kept in ["case_values", "metric_coverage", "arm_aggregates", "arms"] {
        session.materialize(kept).await?;
    }
    let baseline = session.baseline().await?;
    session.materialize("score_changes").await?;
    let mut arms: Vec<Arm> = session.rows("SELECT * FROM arms ORDER BY first_row, arm").await?.read()?;
    arms.sort_by_key(|arm| arm.arm != baseline);
    let coverage: Vec<Coverage> =
        session.rows("SELECT * FROM metric_coverage ORDER BY built_in DESC, metric").await?.read()?;
    let case_count: Vec<Counted> = session.rows(CASE_COUNT).await?.read()?;
    let records = session.rows(VALUES).await?;
    let values: Vec<Value> = records.read()?;
    known_metrics(&coverage, &values, (asked, &session.request().options))?;
    // A metric of runs has no value in a case.
    let case_metric =
        asked.metrics.iter().find(|metric| coverage.iter().any(|known| known.metric == **metric));
    let case_metric = case_metric.cloned().unwrap_or_else(|| session.primary().to_owned());
    let mut comparison = Comparison {
        by: session.by().to_owned(),
        primary: session.primary().to_owned(),
        alpha: session.request().options.alpha,
        labels: Labels::of(arms.iter().map(|arm| arm.arm.as_str()), session)
            .with_models(arms.iter().map(|arm| (arm.arm.as_str(), arm.models.as_slice()))),
        values,
        changes: Vec::new(),
        improved_and_regressed: Vec::new(),
        cases: cases::of(session, &case_metric, &baseline, asked).await?,
        case_metric,
        stacks: if asked.versions { Some(versions::of(session).await?) } else { None },
        notes: Vec::new(),
        next: None,
        steps: steps::of(session, asked, &arms).await?,
        baseline,
        arms,
        hidden: Vec::new(),
        coverage,
        case_count: case_count.first().map_or(0, |counted| counted.n),
        records,
    };
    if comparison.arms.len() > 1 {
        comparison.changes = session.rows(CHANGES).await?.read()?;
        comparison.improved_and_regressed = session.rows(MOVED).await?.read()?;
    }
    if let Some(named) = &asked.named {
        comparison.next = next::diff_command(session, &comparison, named).await?;
    }
    comparison.notes = notes::of(&comparison, session, asked);
    let comparable = comparison.arms.len() < 2 || shares_cases(&comparison);
    let document = document::of(&comparison, asked)?;
    comparison.hide_arms(asked);
    let answer = Answer {
        blocks: screen::blocks(&comparison, session, asked),
        document: Some(document),
        ids: Some(comparison.cases.iter().map(|case| case.case_id.clone()).collect()),
        records: comparison.records.into(),
        ..Answer::default()
    };
    Ok(Compared { answer, comparable })
}

/// How many arms a person is shown unless told otherwise.
const ARMS_SHOWN: usize = 20;

impl Comparison {
    /// How many arms there are, shown or not.
    fn arm_count(&self) -> usize {
        self.arms.len() + self.hidden.len()
    }

    /// Puts aside the arms that a screen has no room for: the baseline stays, and those with the best primary metric.
    fn hide_arms(&mut self, asked: &Compare) {
        let most = match asked.arms {
            Some(CaseLimit::All) => return,
            Some(CaseLimit::Most(count)) => count.max(1),
            None => ARMS_SHOWN,
        };
        if self.arms.len() <= most {
            return;
        }
        let line = self.values.iter().filter(|value| value.metric == self.primary).map(|value| &value.task);
        let line = line.min().cloned().flatten();
        let rank = |arm: &Arm| {
            let of_arm =
                |value: &&Value| value.arm == arm.arm && value.metric == self.primary && value.task == line;
            self.values.iter().find(of_arm).and_then(|value| value.rank).unwrap_or(i64::MAX)
        };
        let mut ranked: Vec<(i64, String)> =
            self.arms.iter().skip(1).map(|arm| (rank(arm), arm.arm.clone())).collect();
        // Ties keep the order of the comparison.
        ranked.sort_by_key(|(rank, _)| *rank);
        let gone: std::collections::HashSet<String> =
            ranked.into_iter().skip(most - 1).map(|(_, arm)| arm).collect();
        (self.hidden, self.arms) =
            std::mem::take(&mut self.arms).into_iter().partition(|arm| gone.contains(&arm.arm));
    }
}

const VALUES: &str = "SELECT winners.task, winners.metric, winners.arm, winners.per, winners.direction, winners.unit, \
     winners.aggregate, winners.value, winners.n, winners.unscored, summary.lowest, summary.highest, \
     winners.rank, winners.winner, winners.tied, winners.winner_common, winners.n_common \
     FROM metric_winners AS winners INNER JOIN metric_summary AS summary \
     ON winners.arm = summary.arm AND winners.metric = summary.metric \
     AND (winners.task IS NOT DISTINCT FROM summary.task) \
     ORDER BY winners.task NULLS FIRST, winners.metric, winners.arm";

#[derive(Deserialize)]
struct Counted {
    n: i64,
}

const CASE_COUNT: &str = "SELECT count(*) AS n FROM (SELECT DISTINCT task, case_id FROM arm_cases)";

const CHANGES: &str = "SELECT * FROM change_counts ORDER BY task NULLS FIRST, metric, candidate";

const MOVED: &str = "SELECT candidate, task, case_id, metric, outcome FROM score_changes \
     WHERE outcome IN ('improved', 'regressed') ORDER BY task, metric, candidate, case_id";

/// Whether any candidate ran a case that the baseline ran, whether or not it has a value.
fn shares_cases(comparison: &Comparison) -> bool {
    let met = |case: &Case| case.values.len() > 1 && case.values.contains_key(&comparison.baseline);
    comparison.changes.iter().any(shares_a_case) || comparison.cases.iter().any(met)
}

fn shares_a_case(change: &Change) -> bool {
    change.common + change.unscored > 0
}

/// Whether every metric that was asked for is there: by a wish to see it, or by an option that is about it. An
/// option for a metric holds for it at every step too.
fn known_metrics(
    coverage: &[Coverage],
    values: &[Value],
    (asked, options): (&Compare, &Options),
) -> Result<(), SessionError> {
    let mut names: Vec<String> = coverage.iter().map(|metric| metric.metric.clone()).collect();
    for value in values {
        if !names.contains(&value.metric) {
            names.push(value.metric.clone());
        }
    }
    let of_options = options
        .tests
        .iter()
        .chain(options.thresholds.iter().map(|(metric, _)| metric))
        .chain(options.aggregates.iter().map(|(metric, _)| metric))
        .filter(|name| !coverage.iter().any(|metric| metric.name == **name));
    let wanted = asked.metrics.iter().chain(&options.primary);
    match wanted.chain(of_options).find(|metric| !names.contains(metric)) {
        Some(unknown) => Err(SessionError::unknown_metric(unknown, &names)),
        None => Ok(()),
    }
}
