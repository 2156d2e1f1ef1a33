//! The JSON of HoneyHive's `GET /runs/{new}/compare-with/{old}` (fields as in the API's `ENDPOINT_COVERAGE_MATRIX.md`
//! and `openapi.yaml`): the baseline is the old run, the candidate the new one.
//!
//! HoneyHive does not publish when a metric improved. Here a datapoint improved when its value moved in the good
//! direction of the metric (higher unless somebody said otherwise) by at least its threshold: the outcome that
//! `score_changes` gives. Aggregates are over the datapoints found in both runs, by the metric's aggregate. Metrics are
//! those that tools recorded, or the headline score where there are none; a metric of the whole result belongs to the
//! session event.

mod metrics;

use std::collections::{BTreeMap, HashMap, HashSet};

use async_trait::async_trait;
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Asked, InteropError, Shape, Shaped};
use crate::model::{RunRow, RunStatus, Timestamp};
use crate::session::{Session, SessionError, text_values};

/// The tool.
pub(super) struct HoneyHive;

#[async_trait]
impl Shape for HoneyHive {
    fn name(&self) -> &'static str {
        "honeyhive"
    }

    async fn document(&self, session: &mut Session, asked: &Asked) -> Result<Shaped, InteropError> {
        let pair = Pair::of(session).await?;
        let datapoints = Datapoints::of(session, &pair).await?;
        let mut notes = Vec::new();
        let document = json!({
            "commonDatapoints": datapoints.common,
            "metrics": metrics::of(session, (&pair, &datapoints), asked, &mut notes).await?,
            "event_details": events(session, &pair).await?,
            "old_run": run_object(&pair.old_run),
            "new_run": run_object(&pair.new_run),
        });
        Ok(Shaped { document, notes })
    }
}

/// The two runs that are compared, and the arms they are.
struct Pair {
    old: String,
    new: String,
    old_run: RunRow,
    new_run: RunRow,
}

impl Pair {
    async fn of(session: &mut Session) -> Result<Self, InteropError> {
        let old = session.baseline().await?;
        let arms = text_values(&session.rows("SELECT arm FROM arms ORDER BY first_row, arm").await?, 0);
        let new = arms.iter().find(|arm| **arm != old).cloned();
        match (session.by(), session.runs(), arms.as_slice(), new) {
            ("run", [first, second], [earlier, _], Some(new)) => {
                let (old_run, new_run) = if *earlier == old { (first, second) } else { (second, first) };
                Ok(Self { new, old_run: old_run.run.clone(), new_run: new_run.run.clone(), old })
            }
            (by, ..) => Err(InteropError::Arms {
                tool: "HoneyHive",
                expected: "exactly two runs",
                found: if by == "run" { arms } else { vec![format!("{} by {by}", arms.join(", "))] },
                hint: "name the old run and the new one, with --by run",
            }),
        }
    }
}

/// The cases of both runs under the ids that a datapoint has.
struct Datapoints {
    /// Ids of those in both runs, in the old run's order.
    common: Vec<String>,
    /// Place in the old run's order by task and case.
    places: HashMap<(String, String), usize>,
}

#[derive(Debug, Deserialize)]
struct CaseOf {
    arm: String,
    task: String,
    case_id: String,
}

const CASES: &str = "SELECT results.arm, results.task, results.case_id FROM results \
     INNER JOIN runs ON results.ingest_id = runs.ingest_id WHERE results.latest \
     ORDER BY runs.place, results.source_row NULLS LAST, results.task, results.case_id";

impl Datapoints {
    async fn of(session: &mut Session, pair: &Pair) -> Result<Self, SessionError> {
        let rows: Vec<CaseOf> = session.rows(CASES).await?.read()?;
        let (old, new): (Vec<CaseOf>, Vec<CaseOf>) = rows.into_iter().partition(|row| row.arm == pair.old);
        let new: HashSet<(String, String)> = new.into_iter().map(|row| (row.task, row.case_id)).collect();
        let mut datapoints = Self { common: Vec::new(), places: HashMap::new() };
        let mut common = Vec::new();
        for row in old {
            let case = (row.task, row.case_id);
            if new.contains(&case) && !datapoints.places.contains_key(&case) {
                datapoints.places.insert(case.clone(), common.len());
                common.push(case);
            }
        }
        datapoints.common = ids(&common);
        Ok(datapoints)
    }

    /// The place of a case, and its id.
    fn find(&self, task: String, case_id: String) -> Option<(usize, &str)> {
        let place = *self.places.get(&(task, case_id))?;
        Some((place, self.common.get(place)?))
    }
}

/// A datapoint has no task: where two tasks have a case of the same id, the task stands before it.
fn ids(cases: &[(String, String)]) -> Vec<String> {
    let mut tasks: HashMap<&str, usize> = HashMap::new();
    for (_, case_id) in cases {
        *tasks.entry(case_id).or_default() += 1;
    }
    let id = |(task, case_id): &(String, String)| match tasks.get(case_id.as_str()) {
        Some(2..) => format!("{task}/{case_id}"),
        _ => case_id.clone(),
    };
    cases.iter().map(id).collect()
}

#[derive(Debug, Deserialize)]
struct Event {
    arm: String,
    name: String,
    kind: String,
}

const EVENTS: &str = "SELECT DISTINCT arm, name, kind FROM steps WHERE latest ORDER BY name, kind, arm";

/// Every event of either run, and where it is.
async fn events(session: &mut Session, pair: &Pair) -> Result<Value, SessionError> {
    let events: Vec<Event> = session.rows(EVENTS).await?.read()?;
    let mut arms: BTreeMap<(String, String), Vec<String>> = BTreeMap::new();
    for event in events {
        arms.entry((event.name, event.kind)).or_default().push(event.arm);
    }
    let entry = |((name, kind), arms): ((String, String), Vec<String>)| {
        let presence = match (arms.contains(&pair.old), arms.contains(&pair.new)) {
            (true, true) => "both",
            (true, false) => "old",
            _ => "new",
        };
        json!({"event_name": name, "event_type": kind, "presence": presence})
    };
    Ok(arms.into_iter().map(entry).collect())
}

/// A run as HoneyHive's API describes one, with what is known of it.
fn run_object(run: &RunRow) -> Value {
    let object = |text: &Option<String>| -> Value {
        text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_else(|| json!({}))
    };
    json!({
        "id": run.run_id,
        "run_id": run.run_id,
        "name": run.name.as_ref().or(run.experiment.as_ref()),
        "status": status(&run.status),
        "metadata": object(&run.tags),
        "configuration": object(&run.params),
        "results": object(&run.reported),
        "created_at": run.started_at.map(Timestamp::to_rfc3339),
        "updated_at": run.ended_at.map(Timestamp::to_rfc3339),
        "dataset_name": run.task,
    })
}

/// HoneyHive's word for the state of a run; none where it is not known.
fn status(stored: &str) -> Option<&'static str> {
    let status = RunStatus::ALL.into_iter().find(|status| status.as_str() == stored)?;
    match status {
        RunStatus::Complete => Some("completed"),
        RunStatus::Incomplete => Some("pending"),
        RunStatus::Running => Some("running"),
        RunStatus::Failed => Some("failed"),
        RunStatus::Cancelled => Some("cancelled"),
        RunStatus::Unknown => None,
    }
}
