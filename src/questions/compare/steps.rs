//! The steps of a comparison: what each came to in each arm, what changed, and the pairs of one step case by case.
//!
//! Reads `step_summary`, `step_changes` and `step_pairs`. A metric is paired with the same metric of the same step and
//! kind, never by its name alone.

mod screen;

use std::collections::BTreeSet;

use datafusion::common::ScalarValue;
use serde::{Deserialize, Serialize};

pub(super) use screen::blocks;

use super::{Arm, Compare, Comparison, Outcome};
use crate::model::nearest;
use crate::session::{Session, SessionError};

/// Which steps are compared (`--step`, `--step-type`).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepChoice {
    /// Steps of this name; every step when `None`.
    pub name: Option<String>,
    /// Only steps of this kind: model, tool, chain, session or a tool's own word.
    pub kind: Option<String>,
}

/// What a comparison knows of the steps that were asked for.
pub(crate) struct Steps {
    choice: StepChoice,
    steps: Vec<Step>,
    /// Arms whose results have no step at all.
    without: Vec<String>,
}

/// One step of one task.
#[derive(Debug, Serialize)]
pub(super) struct Step {
    task: String,
    step: String,
    step_kind: Option<String>,
    metrics: Vec<Metric>,
    changes: Vec<StepChange>,
    /// Pairs case by case; only when the step was named.
    #[serde(skip_serializing_if = "Option::is_none")]
    cases: Option<Vec<StepPair>>,
}

#[derive(Debug, Serialize)]
struct Metric {
    metric: String,
    direction: String,
    unit: Option<String>,
    aggregate: String,
    is_score: bool,
    arms: Vec<ArmValue>,
}

#[derive(Debug, Serialize)]
struct ArmValue {
    arm: String,
    value: Option<f64>,
    n: i64,
    unscored: i64,
    mean: Option<f64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// A row of `step_summary`.
#[derive(Debug, Clone, Deserialize)]
struct Summary {
    task: String,
    step: String,
    step_kind: Option<String>,
    arm: String,
    metric: String,
    direction: String,
    unit: Option<String>,
    aggregate: String,
    is_score: bool,
    value: Option<f64>,
    n: i64,
    unscored: i64,
    mean: Option<f64>,
    sum: Option<f64>,
    min: Option<f64>,
    max: Option<f64>,
    p50: Option<f64>,
    p90: Option<f64>,
    p95: Option<f64>,
    p99: Option<f64>,
}

/// A row of `step_changes`.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct StepChange {
    #[serde(skip_serializing)]
    task: String,
    #[serde(skip_serializing)]
    step: String,
    #[serde(skip_serializing)]
    step_kind: Option<String>,
    baseline: String,
    candidate: String,
    metric: String,
    presence: String,
    common: i64,
    improved: i64,
    regressed: i64,
    unchanged: i64,
    baseline_only: i64,
    candidate_only: i64,
    unscored: i64,
    mean_baseline: Option<f64>,
    mean_candidate: Option<f64>,
    mean_delta: Option<f64>,
    standard_error: Option<f64>,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    p_value: Option<f64>,
    test: Option<String>,
}

/// A row of `step_pairs`.
#[derive(Debug, Clone, Deserialize, Serialize)]
struct StepPair {
    #[serde(skip_serializing)]
    task: String,
    #[serde(skip_serializing)]
    step: String,
    #[serde(skip_serializing)]
    step_kind: Option<String>,
    candidate: String,
    case_id: String,
    metric: String,
    baseline_value: Option<f64>,
    candidate_value: Option<f64>,
    delta: Option<f64>,
    outcome: Outcome,
}

#[derive(Debug, Deserialize)]
struct Known {
    step: String,
    step_kind: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ArmName {
    arm: String,
}

const KNOWN: &str = "SELECT DISTINCT step, step_kind FROM step_coverage ORDER BY step, step_kind";

const ARMS: &str = "SELECT DISTINCT arm FROM step_values";

const SUMMARY: &str = "SELECT * FROM step_summary \
     WHERE ($step IS NULL OR step = $step) AND ($kind IS NULL OR step_kind = $kind) \
     ORDER BY task, step, step_kind NULLS FIRST, is_score DESC, metric, arm";

const CHANGES: &str = "SELECT * FROM step_changes \
     WHERE ($step IS NULL OR step = $step) AND ($kind IS NULL OR step_kind = $kind) \
     ORDER BY task, step, step_kind NULLS FIRST, metric, candidate";

const PAIRS: &str = "SELECT * FROM step_pairs \
     WHERE ($step IS NULL OR step = $step) AND ($kind IS NULL OR step_kind = $kind) \
     ORDER BY task, step, step_kind NULLS FIRST, metric, case_id, candidate";

/// What a comparison knows of the steps that are asked for; `None` when none are.
///
/// # Errors
/// When there is no such step, or the views cannot be computed.
pub(super) async fn of(
    session: &mut Session,
    asked: &Compare,
    arms: &[Arm],
) -> Result<Option<Steps>, SessionError> {
    let Some(choice) = asked.steps.clone() else { return Ok(None) };
    session.materialize("step_values").await?;
    session.materialize("step_coverage").await?;
    let known: Vec<Known> = session.rows(KNOWN).await?.read()?;
    there_is(&choice, &known)?;
    let stepping: Vec<ArmName> = session.rows(ARMS).await?.read()?;
    let stepping: BTreeSet<String> = stepping.into_iter().map(|arm| arm.arm).collect();
    let without = arms.iter().map(|arm| arm.arm.clone()).filter(|arm| !stepping.contains(arm)).collect();
    let text = |value: &Option<String>| ScalarValue::Utf8(value.clone());
    let bound = [("step", text(&choice.name)), ("kind", text(&choice.kind))];
    let mut steps = grouped(session.rows_with(SUMMARY, &bound).await?.read()?, arms);
    if arms.len() > 1 {
        for change in session.rows_with(CHANGES, &bound).await?.read::<StepChange>()? {
            let at = (&change.task, &change.step, &change.step_kind);
            if let Some(step) = steps.iter_mut().find(|step| at == (&step.task, &step.step, &step.step_kind))
            {
                step.changes.push(change);
            }
        }
        if choice.name.is_some() {
            let pairs: Vec<StepPair> = session.rows_with(PAIRS, &bound).await?.read()?;
            for step in &mut steps {
                let own = |pair: &&StepPair| {
                    (&pair.task, &pair.step, &pair.step_kind) == (&step.task, &step.step, &step.step_kind)
                };
                step.cases = Some(pairs.iter().filter(own).cloned().collect());
            }
        }
    }
    Ok(Some(Steps { choice, steps, without }))
}

/// Whether what was asked for is among the steps; nothing is missed where there are no steps at all.
fn there_is(choice: &StepChoice, known: &[Known]) -> Result<(), SessionError> {
    let named = |step: &&Known| choice.name.as_ref().is_none_or(|name| *name == step.step);
    let of_kind = |step: &&Known| choice.kind.is_none() || choice.kind == step.step_kind;
    if known.is_empty() || known.iter().filter(named).any(|step| of_kind(&step)) {
        return Ok(());
    }
    let unknown = |what: &'static str, name: &str, there: BTreeSet<&str>| SessionError::UnknownStep {
        what,
        name: name.to_owned(),
        near: nearest(name, there.iter().copied()).map(str::to_owned),
        there: there.into_iter().map(str::to_owned).collect(),
    };
    if let Some(name) = choice.name.as_ref().filter(|_| !known.iter().any(|step| named(&step))) {
        return Err(unknown("step", name, known.iter().map(|step| step.step.as_str()).collect()));
    }
    let kinds = known.iter().filter(named).filter_map(|step| step.step_kind.as_deref()).collect();
    let what = if choice.name.is_some() { "step of that name and of type" } else { "step of type" };
    Err(unknown(what, choice.kind.as_deref().unwrap_or_default(), kinds))
}

/// The rows of `step_summary` by step and metric, the arms of each in the order of the comparison.
fn grouped(rows: Vec<Summary>, arms: &[Arm]) -> Vec<Step> {
    let mut steps: Vec<Step> = Vec::new();
    for row in rows {
        let last = steps.last();
        let same =
            |step: &Step| (&step.task, &step.step, &step.step_kind) == (&row.task, &row.step, &row.step_kind);
        if !last.is_some_and(same) {
            steps.push(Step {
                task: row.task.clone(),
                step: row.step.clone(),
                step_kind: row.step_kind.clone(),
                metrics: Vec::new(),
                changes: Vec::new(),
                cases: None,
            });
        }
        if let Some(step) = steps.last_mut() {
            add(&mut step.metrics, row);
        }
    }
    let place = |arm: &str| arms.iter().position(|known| known.arm == arm);
    for metric in steps.iter_mut().flat_map(|step| &mut step.metrics) {
        metric.arms.sort_by_key(|value| place(&value.arm));
    }
    steps
}

fn add(metrics: &mut Vec<Metric>, row: Summary) {
    let value = ArmValue {
        arm: row.arm,
        value: row.value,
        n: row.n,
        unscored: row.unscored,
        mean: row.mean,
        sum: row.sum,
        min: row.min,
        max: row.max,
        p50: row.p50,
        p90: row.p90,
        p95: row.p95,
        p99: row.p99,
    };
    match metrics.last_mut().filter(|metric| metric.metric == row.metric) {
        Some(metric) => metric.arms.push(value),
        None => metrics.push(Metric {
            metric: row.metric,
            direction: row.direction,
            unit: row.unit,
            aggregate: row.aggregate,
            is_score: row.is_score,
            arms: vec![value],
        }),
    }
}

/// The array `steps` of the JSON document; `None` when no steps were asked for.
pub(super) fn document(comparison: &Comparison) -> Option<&[Step]> {
    comparison.steps.as_ref().map(|steps| steps.steps.as_slice())
}
