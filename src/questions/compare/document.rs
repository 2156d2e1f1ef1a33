//! The JSON document of a comparison: the contract that scripts build on.

use std::collections::{BTreeMap, HashMap};

use serde::Serialize;

use super::versions::CaseVersion;
use super::{CaseChange, CaseLimit, Change, Compare, Comparison, Outcome};
use crate::answer::SCHEMA_VERSION;
use crate::session::SessionError;

#[derive(Serialize)]
struct Document<'a> {
    schema_version: u32,
    by: &'a str,
    baseline: &'a str,
    primary_metric: &'a str,
    holm_families: Vec<Family<'a>>,
    arms: Vec<ArmEntry<'a>>,
    metrics: Vec<MetricEntry<'a>>,
    changes: Vec<ChangeEntry<'a>>,
    cases: Vec<CaseEntry<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    steps: Option<&'a [super::steps::Step]>,
    notes: &'a [String],
}

/// Tests whose p-values were adjusted together.
#[derive(Serialize)]
struct Family<'a> {
    family: &'a str,
    pooled: bool,
    metrics: Vec<&'a str>,
    tests: usize,
}

#[derive(Serialize)]
struct ArmEntry<'a> {
    arm: &'a str,
    run_ids: &'a [String],
    models: &'a [String],
    result_count: i64,
    case_count: i64,
    superseded_count: i64,
    status_counts: BTreeMap<&'static str, i64>,
    pass_rate_attempts: Option<f64>,
    pass_rate_latest: Option<f64>,
    pass_rate_scored: Option<f64>,
    pass_rate_first: Option<f64>,
}

#[derive(Serialize)]
struct MetricEntry<'a> {
    task: Option<&'a str>,
    metric: &'a str,
    per: &'a str,
    direction: &'a str,
    unit: Option<&'a str>,
    aggregate: &'a str,
    arms: Vec<ValueEntry<'a>>,
}

#[derive(Serialize)]
struct ValueEntry<'a> {
    arm: &'a str,
    value: Option<f64>,
    n: i64,
    unscored: i64,
    lowest: Option<f64>,
    highest: Option<f64>,
    winner: bool,
    tied: bool,
    winner_common: bool,
}

#[derive(Serialize)]
struct ChangeEntry<'a> {
    task: Option<&'a str>,
    metric: &'a str,
    baseline: &'a str,
    candidate: &'a str,
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
    normalized_gain: Option<f64>,
    standard_error: Option<f64>,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    p_value: Option<f64>,
    p_adjusted: Option<f64>,
    test: Option<&'a str>,
    mde: Option<f64>,
    verdict: Option<&'a str>,
    improved_cases: Vec<CaseName<'a>>,
    regressed_cases: Vec<CaseName<'a>>,
}

#[derive(Serialize)]
struct CaseName<'a> {
    task: &'a str,
    case_id: &'a str,
}

#[derive(Serialize)]
struct CaseEntry<'a> {
    task: &'a str,
    case_id: &'a str,
    metric: &'a str,
    outcome: BTreeMap<&'a str, &'static str>,
    values: Vec<CaseCell<'a>>,
}

#[derive(Serialize)]
struct CaseCell<'a> {
    arm: &'a str,
    value: Option<f64>,
    winner: bool,
    tied: bool,
    status: &'a str,
    attempts: i64,
    confidence: Option<&'a str>,
    /// Only with --outputs: the answers of many cases are many megabytes.
    #[serde(skip_serializing_if = "Option::is_none")]
    output: Option<Option<&'a str>>,
    /// Only with --versions.
    #[serde(skip_serializing_if = "Option::is_none")]
    versions: Option<&'a [CaseVersion]>,
}

/// The document of a comparison. It holds all cases unless fewer were asked for.
pub(super) fn of(comparison: &Comparison, asked: &Compare) -> Result<serde_json::Value, SessionError> {
    let document = Document {
        schema_version: SCHEMA_VERSION,
        by: &comparison.by,
        baseline: &comparison.baseline,
        primary_metric: &comparison.primary,
        holm_families: families(&comparison.changes),
        arms: arms(comparison),
        metrics: metrics(comparison),
        changes: changes(comparison),
        cases: cases(comparison, asked),
        steps: super::steps::document(comparison),
        notes: &comparison.notes,
    };
    serde_json::to_value(&document).map_err(|error| SessionError::Internal(error.to_string()))
}

fn families(changes: &[Change]) -> Vec<Family<'_>> {
    let mut families: Vec<Family<'_>> = Vec::new();
    for change in changes.iter().filter(|change| change.p_adjusted.is_some()) {
        let Some(name) = change.family.as_deref() else { continue };
        let pooled = change.task.is_none();
        let place = families.iter().position(|family| family.family == name && family.pooled == pooled);
        let place = place.unwrap_or_else(|| {
            families.push(Family { family: name, pooled, metrics: Vec::new(), tests: 0 });
            families.len() - 1
        });
        let family = &mut families[place];
        family.tests += 1;
        if !family.metrics.contains(&change.metric.as_str()) {
            family.metrics.push(&change.metric);
        }
    }
    families
}

fn arms(comparison: &Comparison) -> Vec<ArmEntry<'_>> {
    comparison
        .arms
        .iter()
        .map(|arm| ArmEntry {
            arm: &arm.arm,
            run_ids: &arm.run_ids,
            models: &arm.models,
            result_count: arm.result_count,
            case_count: arm.case_count,
            superseded_count: arm.superseded_count,
            status_counts: BTreeMap::from([
                ("ok", arm.ok),
                ("quality_failure", arm.quality_failure),
                ("execution_error", arm.execution_error),
                ("scorer_error", arm.scorer_error),
                ("limit", arm.limit),
                ("cancelled", arm.cancelled),
            ]),
            pass_rate_attempts: arm.pass_rate_attempts,
            pass_rate_latest: arm.pass_rate_latest,
            pass_rate_scored: arm.pass_rate_scored,
            pass_rate_first: arm.pass_rate_first,
        })
        .collect()
}

fn metrics(comparison: &Comparison) -> Vec<MetricEntry<'_>> {
    let mut metrics: Vec<MetricEntry<'_>> = Vec::new();
    for value in &comparison.values {
        let same =
            |entry: &MetricEntry<'_>| entry.task == value.task.as_deref() && entry.metric == value.metric;
        let place = metrics.iter().position(same).unwrap_or_else(|| {
            metrics.push(MetricEntry {
                task: value.task.as_deref(),
                metric: &value.metric,
                per: &value.per,
                direction: &value.direction,
                unit: value.unit.as_deref(),
                aggregate: &value.aggregate,
                arms: Vec::new(),
            });
            metrics.len() - 1
        });
        metrics[place].arms.push(ValueEntry {
            arm: &value.arm,
            value: value.value,
            n: value.n,
            unscored: value.unscored,
            lowest: value.lowest,
            highest: value.highest,
            winner: value.winner,
            tied: value.tied,
            winner_common: value.winner_common,
        });
    }
    let order: Vec<&str> = comparison.arms.iter().map(|arm| arm.arm.as_str()).collect();
    for metric in &mut metrics {
        metric.arms.sort_by_key(|value| order.iter().position(|arm| *arm == value.arm));
    }
    metrics
}

fn changes(comparison: &Comparison) -> Vec<ChangeEntry<'_>> {
    let mut moved: HashMap<(&str, &str), Vec<&CaseChange>> = HashMap::new();
    for case in &comparison.improved_and_regressed {
        moved.entry((&case.candidate, &case.metric)).or_default().push(case);
    }
    comparison
        .changes
        .iter()
        .map(|change| {
            let moved = moved.get(&(change.candidate.as_str(), change.metric.as_str()));
            entry(change, moved.map_or(&[], Vec::as_slice))
        })
        .collect()
}

fn entry<'a>(change: &'a Change, moved: &[&'a CaseChange]) -> ChangeEntry<'a> {
    let names = |outcome: Outcome| {
        moved
            .iter()
            .filter(|case| {
                case.outcome == outcome && change.task.as_ref().is_none_or(|task| *task == case.task)
            })
            .map(|case| CaseName { task: &case.task, case_id: &case.case_id })
            .collect()
    };
    ChangeEntry {
        task: change.task.as_deref(),
        metric: &change.metric,
        baseline: &change.baseline,
        candidate: &change.candidate,
        common: change.common,
        improved: change.improved,
        regressed: change.regressed,
        unchanged: change.unchanged,
        baseline_only: change.baseline_only,
        candidate_only: change.candidate_only,
        unscored: change.unscored,
        mean_baseline: change.mean_baseline,
        mean_candidate: change.mean_candidate,
        mean_delta: change.mean_delta,
        normalized_gain: change.normalized_gain,
        standard_error: change.standard_error,
        ci_low: change.ci_low,
        ci_high: change.ci_high,
        p_value: change.p_value,
        p_adjusted: change.p_adjusted,
        test: change.test.as_deref(),
        mde: change.mde,
        verdict: change.verdict.as_deref(),
        improved_cases: names(Outcome::Improved),
        regressed_cases: names(Outcome::Regressed),
    }
}

fn cases<'a>(comparison: &'a Comparison, asked: &Compare) -> Vec<CaseEntry<'a>> {
    let shown = match asked.cases {
        Some(CaseLimit::Most(count)) => count,
        Some(CaseLimit::All) | None => usize::MAX,
    };
    comparison
        .cases
        .iter()
        .take(shown)
        .map(|case| CaseEntry {
            task: &case.task,
            case_id: &case.case_id,
            metric: &comparison.case_metric,
            outcome: case.outcomes.iter().map(|(arm, outcome)| (arm.as_str(), outcome.as_str())).collect(),
            values: comparison
                .arms
                .iter()
                .filter_map(|arm| case.values.get(&arm.arm))
                .map(|cell| CaseCell {
                    arm: &cell.arm,
                    value: cell.value,
                    winner: cell.winner == Some(true),
                    tied: cell.tied == Some(true),
                    status: &cell.status,
                    attempts: cell.attempts,
                    confidence: cell.band.as_deref(),
                    output: (asked.outputs || asked.versions).then_some(cell.output.as_deref()),
                    versions: comparison
                        .stacks
                        .as_ref()
                        .map(|stacks| stacks.below(&case.task, &case.case_id, &cell.arm)),
                })
                .collect(),
        })
        .collect()
}
