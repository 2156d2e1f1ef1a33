//! The metrics of a HoneyHive comparison: one entry per metric and event that both runs carry.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Datapoints, Pair};
use crate::interop::{Asked, js_number};
use crate::session::{Session, SessionError};

/// A metric and the event it is of.
#[derive(Debug, Deserialize)]
struct Metric {
    metric: String,
    /// Its name without the step.
    name: String,
    step: Option<String>,
    step_kind: Option<String>,
    built_in: bool,
    scorer: Option<String>,
}

/// What both runs have of a metric, in the old run's order.
#[derive(Debug, Default)]
struct Found<'a> {
    cases: BTreeMap<usize, (&'a str, f64, f64, String)>,
}

#[derive(Debug, Deserialize)]
struct Change {
    task: String,
    case_id: String,
    metric: String,
    baseline_value: f64,
    candidate_value: f64,
    outcome: String,
}

#[derive(Debug, Deserialize)]
struct Aggregate {
    arm: String,
    task: Option<String>,
    metric: String,
    value_common: Option<f64>,
}

const METRICS: &str = "SELECT coverage.metric, coverage.name, coverage.step, coverage.step_kind, coverage.built_in, \
     min(scores.scorer) AS scorer FROM metric_coverage AS coverage LEFT JOIN scores \
     ON coverage.name = scores.metric AND (coverage.step IS NOT DISTINCT FROM scores.step) \
     GROUP BY coverage.metric, coverage.name, coverage.step, coverage.step_kind, coverage.built_in \
     ORDER BY coverage.name, coverage.step NULLS FIRST";

const CHANGES: &str = "SELECT task, case_id, metric, baseline_value, candidate_value, outcome FROM score_changes \
     WHERE baseline_value IS NOT NULL AND candidate_value IS NOT NULL";

const AGGREGATES: &str = "SELECT arm, task, metric, value_common FROM metric_winners";

const SESSIONS: &str =
    "SELECT DISTINCT name FROM steps WHERE latest AND kind = 'session' AND parent_step IS NULL";

/// The type of the event that a whole result is.
const WHOLE_RESULT: &str = "session";

/// The entries, by the metric's name and its event.
pub(super) async fn of(
    session: &mut Session,
    (pair, datapoints): (&Pair, &Datapoints),
    asked: &Asked,
    notes: &mut Vec<String>,
) -> Result<Vec<Value>, SessionError> {
    let metrics = wanted(session, asked).await?;
    let changes: Vec<Change> = session.rows(CHANGES).await?.read()?;
    let mut found: HashMap<String, Found> = HashMap::new();
    for change in changes {
        let Some((place, id)) = datapoints.find(change.task, change.case_id) else { continue };
        let case = (id, change.baseline_value, change.candidate_value, change.outcome);
        found.entry(change.metric).or_default().cases.insert(place, case);
    }
    let aggregates: Vec<Aggregate> = session.rows(AGGREGATES).await?.read()?;
    let event = session_event(session).await?;
    let mut entries = Vec::new();
    for metric in metrics {
        let Some(found) = found.get(&metric.metric) else {
            notes.push(format!("{} has no value in both runs of any case", metric.metric));
            continue;
        };
        let aggregate = |arm: &str| aggregate(&aggregates, &metric.metric, arm);
        let (old, new) = (aggregate(&pair.old), aggregate(&pair.new));
        if old.is_none() || new.is_none() {
            notes.push(format!("{} has no aggregate over several tasks: --task NAME", metric.metric));
        }
        entries.push(entry(&metric, event.as_deref(), found, [old, new]));
    }
    Ok(entries)
}

/// The metrics that were asked for, else those that tools recorded, else the headline score.
async fn wanted(session: &mut Session, asked: &Asked) -> Result<Vec<Metric>, SessionError> {
    let mut metrics: Vec<Metric> = session.rows(METRICS).await?.read()?;
    let names: Vec<String> = metrics.iter().map(|metric| metric.metric.clone()).collect();
    let is_known =
        |wanted: &String| metrics.iter().any(|metric| metric.metric == *wanted || metric.name == *wanted);
    if let Some(unknown) = asked.metrics.iter().find(|metric| !is_known(metric)) {
        return Err(SessionError::unknown_metric(unknown, &names));
    }
    let recorded = metrics.iter().any(|metric| !metric.built_in);
    let primary = session.primary();
    metrics.retain(|metric| match asked.metrics.as_slice() {
        [] if recorded => !metric.built_in,
        [] => metric.metric == primary,
        asked => asked.contains(&metric.metric) || asked.contains(&metric.name),
    });
    Ok(metrics)
}

/// The event of a whole result: the session's step, where all results name it alike.
async fn session_event(session: &mut Session) -> Result<Option<String>, SessionError> {
    let mut names = crate::session::text_values(&session.rows(SESSIONS).await?, 0);
    Ok(if names.len() == 1 { names.pop() } else { None })
}

/// The value over all tasks, else of the only task.
fn aggregate(aggregates: &[Aggregate], metric: &str, arm: &str) -> Option<f64> {
    let mut of_metric = aggregates.iter().filter(|row| row.metric == metric && row.arm == arm);
    let pooled = of_metric.clone().find(|row| row.task.is_none());
    let alone = of_metric.next().filter(|_| of_metric.next().is_none());
    pooled.or(alone).and_then(|row| row.value_common)
}

fn entry(metric: &Metric, event: Option<&str>, found: &Found, [old, new]: [Option<f64>; 2]) -> Value {
    let ids = |outcome: &str| -> Vec<&str> {
        found.cases.values().filter(|case| case.3 == outcome).map(|case| case.0).collect()
    };
    let [improved, degraded, same] = ["improved", "regressed", "unchanged"].map(ids);
    json!({
        "metric_name": metric.name,
        "event_name": metric.step.as_deref().or(event),
        "metric_type": metric_type(metric.scorer.as_deref()),
        "event_type": metric.step_kind.as_deref().unwrap_or(WHOLE_RESULT),
        "old_aggregate": old.map(js_number),
        "new_aggregate": new.map(js_number),
        "found_count": found.cases.len(),
        "improved_count": improved.len(),
        "degraded_count": degraded.len(),
        "same_count": same.len(),
        "improved": improved,
        "degraded": degraded,
        "same": same,
        "old_values": found.cases.values().map(|case| js_number(case.1)).collect::<Vec<_>>(),
        "new_values": found.cases.values().map(|case| js_number(case.2)).collect::<Vec<_>>(),
    })
}

/// Who computed it, in HoneyHive's words; what HoneyHive did not compute itself came from the client.
fn metric_type(scorer: Option<&str>) -> &'static str {
    const TYPES: [&str; 5] = ["COMPOSITE", "PYTHON", "LLM", "HUMAN", "CLIENT_SIDE"];
    let scorer = scorer.unwrap_or_default().to_uppercase();
    TYPES.into_iter().find(|known| *known == scorer).unwrap_or("CLIENT_SIDE")
}
