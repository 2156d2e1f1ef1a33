//! Asks the views about two runs and gathers their rows.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::gather::Both;
use super::{CaseChange, CaseId, CompareError, CompareOptions, MetricChange, RunComparison};
use crate::model::{Direction, RunRow};
use crate::session::{By, Request, Scope, Session, SessionError};

#[derive(Deserialize)]
struct Arm {
    arm: String,
    ingest_id: String,
}

#[derive(Deserialize)]
struct Ran {
    arm: String,
    task: String,
    case_id: String,
}

/// A row of `change_counts` with the metric's reading.
#[derive(Deserialize)]
struct Counts {
    task: Option<String>,
    metric: String,
    name: String,
    step: Option<String>,
    direction: String,
    aggregate: String,
    unit: Option<String>,
    common: usize,
    unscored: usize,
    mean_delta: Option<f64>,
    ci_low: Option<f64>,
    ci_high: Option<f64>,
    p_value: Option<f64>,
    p_adjusted: Option<f64>,
    verdict: Option<String>,
    baseline_value: Option<f64>,
    candidate_value: Option<f64>,
}

/// A row of `score_changes`.
#[derive(Deserialize)]
struct Case {
    task: String,
    case_id: String,
    metric: String,
    baseline_value: Option<f64>,
    candidate_value: Option<f64>,
    delta: Option<f64>,
    outcome: String,
}

const ARMS: &str = "SELECT DISTINCT arm, ingest_id FROM results";

const RAN: &str = "SELECT arm, task, case_id FROM arm_cases ORDER BY task, case_id";

const COUNTS: &str = "SELECT change_counts.*, coverage.name, coverage.step, coverage.direction, coverage.aggregate, coverage.unit, \
     old.value AS baseline_value, new.value AS candidate_value \
     FROM change_counts INNER JOIN metric_coverage AS coverage ON change_counts.metric = coverage.metric \
     LEFT JOIN arm_aggregates AS old ON old.basis = 'common' AND old.arm = change_counts.baseline \
     AND old.metric = change_counts.metric AND (old.task IS NOT DISTINCT FROM change_counts.task) \
     LEFT JOIN arm_aggregates AS new ON new.basis = 'common' AND new.arm = change_counts.candidate \
     AND new.metric = change_counts.metric AND (new.task IS NOT DISTINCT FROM change_counts.task) \
     ORDER BY change_counts.task NULLS FIRST, change_counts.metric";

const CASES: &str = "SELECT task, case_id, metric, baseline_value, candidate_value, delta, outcome \
     FROM score_changes ORDER BY task, case_id";

pub(super) async fn of(both: Both, options: CompareOptions) -> Result<RunComparison, CompareError> {
    let task = options.task;
    let request = Request {
        scope: Scope { task: task.clone(), ..Scope::default() },
        by: By::Dimension("run".to_owned()),
        options: options.options,
        ..Request::default()
    };
    let mut session = Session::open(both.facts, request).await?;
    for kept in ["case_values", "metric_coverage", "arm_aggregates"] {
        session.materialize(kept).await?;
    }
    let arms: Vec<Arm> = session.rows(ARMS).await?.read()?;
    let (old, new) = (arm_of(&arms, &both.baseline, &task)?, arm_of(&arms, &both.candidate, &task)?);
    session.materialize("score_changes").await?;
    let [common_cases, baseline_only, candidate_only] = cases(&mut session, &old, &new).await?;
    Ok(RunComparison {
        baseline_run_id: both.baseline.run_id,
        candidate_run_id: both.candidate.run_id,
        common_cases,
        baseline_only,
        candidate_only,
        metric_changes: changes(&mut session).await?,
        notes: both.notes,
    })
}

fn arm_of(arms: &[Arm], run: &RunRow, task: &Option<String>) -> Result<String, CompareError> {
    let arm = arms.iter().find(|arm| arm.ingest_id == run.ingest_id).map(|arm| arm.arm.clone());
    arm.ok_or_else(|| CompareError::NoResults { run_id: run.run_id.clone(), task: task.clone() })
}

/// The cases of both runs, of the first one only, of the second one only.
async fn cases(session: &mut Session, old: &str, new: &str) -> Result<[Vec<CaseId>; 3], SessionError> {
    let ran: Vec<Ran> = session.rows(RAN).await?.read()?;
    let mut by_case: BTreeMap<CaseId, [bool; 2]> = BTreeMap::new();
    for Ran { arm, task, case_id } in ran {
        let sides = by_case.entry(CaseId { task, case_id }).or_default();
        sides[0] |= arm == old;
        sides[1] |= arm == new;
    }
    let of = |wanted: [bool; 2]| {
        by_case.iter().filter(|(_, sides)| **sides == wanted).map(|(case, _)| case.clone()).collect()
    };
    Ok([of([true, true]), of([true, false]), of([false, true])])
}

async fn changes(session: &mut Session) -> Result<Vec<MetricChange>, SessionError> {
    let counts: Vec<Counts> = session.rows(COUNTS).await?.read()?;
    let cases: Vec<Case> = session.rows(CASES).await?.read()?;
    let mut of_metric: BTreeMap<&str, Vec<&Case>> = BTreeMap::new();
    for case in &cases {
        of_metric.entry(&case.metric).or_default().push(case);
    }
    let all = |counts: &Counts| of_metric.get(counts.metric.as_str()).map_or(&[][..], Vec::as_slice);
    Ok(counts.iter().map(|counts| change(counts, all(counts))).collect())
}

fn change(counts: &Counts, cases: &[&Case]) -> MetricChange {
    let cases: Vec<&Case> = cases
        .iter()
        .copied()
        .filter(|case| counts.task.as_ref().is_none_or(|task| *task == case.task))
        .collect();
    let named =
        |outcome: &str| cases.iter().filter(|case| case.outcome == outcome).map(|case| id_of(case)).collect();
    let delta = counts.candidate_value.zip(counts.baseline_value).map(|(new, old)| new - old);
    let base = counts.baseline_value.map(f64::abs).filter(|size| *size > 0.0);
    MetricChange {
        metric: counts.name.clone(),
        step: counts.step.clone(),
        task: counts.task.clone(),
        direction: Direction::parse(&counts.direction).unwrap_or(Direction::Higher),
        aggregate: counts.aggregate.clone(),
        unit: counts.unit.clone(),
        baseline: counts.baseline_value,
        candidate: counts.candidate_value,
        delta,
        percent_change: delta.zip(base).map(|(delta, base)| delta / base * 100.0),
        found: counts.common,
        improved: named("improved"),
        regressed: named("regressed"),
        unchanged: named("unchanged"),
        values: cases.iter().filter_map(|case| values_of(case)).collect(),
        unscored: counts.unscored,
        mean_delta: counts.mean_delta,
        interval: counts.ci_low.zip(counts.ci_high),
        p_value: counts.p_value,
        p_adjusted: counts.p_adjusted,
        verdict: counts.verdict.clone(),
    }
}

fn id_of(case: &Case) -> CaseId {
    CaseId { task: case.task.clone(), case_id: case.case_id.clone() }
}

fn values_of(case: &Case) -> Option<CaseChange> {
    Some(CaseChange {
        case: id_of(case),
        baseline: case.baseline_value?,
        candidate: case.candidate_value?,
        delta: case.delta?,
    })
}
