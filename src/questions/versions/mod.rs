//! Which versions did the answers go through: retries within a run, re-runs and variations of it?
//!
//! Asks `asset_versions` for the stacks and `run_descendants` for what is wrong with a lineage.

mod changes;
mod screen;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::answer::{Answer, SCHEMA_VERSION};
use crate::diff::Diff;
use crate::questions::compare::CaseLimit;
use crate::session::{Session, SessionError, text_values};

/// Which stacks are shown.
#[derive(Debug, Clone, Default)]
pub struct Versions {
    /// Also cases with one version.
    pub all: bool,
    /// How many cases are shown; `None` for the default of the format.
    pub cases: Option<CaseLimit>,
    /// Whether what changed from each version to the next is shown.
    pub diff: bool,
}

/// A row of `asset_versions`.
#[derive(Debug, Clone, Deserialize, Serialize)]
pub(crate) struct Version {
    pub version: i64,
    pub label: String,
    pub kind: String,
    pub mode: Option<String>,
    pub seed_text: Option<String>,
    pub run_id: String,
    pub attempt: i64,
    pub model: Option<String>,
    pub prompt: Option<String>,
    pub variant: Option<String>,
    pub status: String,
    pub passed: Option<bool>,
    pub score: Option<f64>,
    pub logprob: Option<f64>,
    pub confidence: Option<String>,
    pub review: Option<String>,
    pub output: Option<String>,
    pub alternatives: Option<String>,
    pub competes: bool,
    pub recorded_at: Option<String>,
    pub depth: i64,
    pub parent_run_id: Option<String>,
    pub native_id: Option<String>,
    pub parent_result_id: Option<String>,
    pub rerun_seq: Option<i64>,
    pub seed_id: Option<String>,
    pub error_reason: Option<String>,
    pub error_message: Option<String>,
}

/// What tells one stack from another.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
pub(crate) struct Place {
    pub root_run_id: String,
    #[serde(skip_serializing)]
    pub root_ingest_id: String,
    pub arm: Option<String>,
    pub task: String,
    pub case_id: String,
    pub stack: i64,
    pub epoch: i64,
    pub mode_of_run: Option<String>,
}

/// The versions of one case below one run.
pub(crate) struct Stack {
    pub place: Place,
    pub versions: Vec<Version>,
    /// What changed between neighbours, when that was asked for; empty otherwise.
    pub changes: Vec<Option<Diff>>,
}

/// Everything an answer is made from.
pub(crate) struct Found {
    pub stacks: Vec<Stack>,
    /// How many stacks there are, and how many of them have several versions.
    pub counted: Counted,
    pub problems: Vec<String>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
pub(crate) struct Counted {
    pub stacks: i64,
    pub several: i64,
}

const COUNTED: &str = "SELECT count(*) AS stacks, \
     coalesce(sum(CASE WHEN versions > 1 THEN 1 ELSE 0 END), 0) AS several \
     FROM (SELECT DISTINCT root_ingest_id, task, case_id, stack, versions FROM asset_versions) AS counted";

// Runs that were named come in that order, others newest first.
const NAMED: &str = "SELECT asset_versions.* FROM asset_versions \
     INNER JOIN runs ON asset_versions.root_ingest_id = runs.ingest_id \
     WHERE $all OR asset_versions.versions > 1 \
     ORDER BY runs.place, asset_versions.task, asset_versions.case_id, asset_versions.stack, asset_versions.version";

const NEWEST_FIRST: &str = "SELECT asset_versions.* FROM asset_versions \
     INNER JOIN runs ON asset_versions.root_ingest_id = runs.ingest_id \
     WHERE $all OR asset_versions.versions > 1 \
     ORDER BY runs.place DESC, asset_versions.task, asset_versions.case_id, asset_versions.stack, \
     asset_versions.version";

const PROBLEMS: &str = "SELECT problem, min(runs.place) AS place FROM run_descendants \
     INNER JOIN runs ON run_descendants.root_ingest_id = runs.ingest_id \
     WHERE problem IS NOT NULL GROUP BY problem ORDER BY place, problem";

/// Shows the stacks of the runs in scope.
///
/// Cases with one version are left out unless they are asked for, or nothing else is there and cases were named.
///
/// # Errors
/// When the views cannot be computed.
pub async fn versions(session: &mut Session, asked: &Versions) -> Result<Answer, SessionError> {
    let counted: Vec<Counted> = session.rows(COUNTED).await?.read()?;
    let counted = counted.into_iter().next().unwrap_or(Counted { stacks: 0, several: 0 });
    let scope = &session.request().scope;
    let all = asked.all || counted.several == 0 && scope.case.is_some();
    let order = if scope.originals { NEWEST_FIRST } else { NAMED };
    let bound = [("all", datafusion::common::ScalarValue::Boolean(Some(all)))];
    let rows = session.rows_with(order, &bound).await?;
    let places: Vec<Place> = rows.read()?;
    let limit = match asked.cases {
        Some(CaseLimit::Most(count)) => count,
        _ => usize::MAX,
    };
    let mut stacks: Vec<Stack> = Vec::new();
    let mut shown = Vec::with_capacity(places.len());
    for (place, version) in places.into_iter().zip(rows.read::<Version>()?) {
        let same = stacks.last().is_some_and(|stack| same_stack(&stack.place, &place));
        shown.push(same && stacks.len() <= limit || !same && stacks.len() < limit);
        if same {
            stacks.last_mut().into_iter().for_each(|stack| stack.versions.push(version.clone()));
        } else if stacks.len() < limit {
            stacks.push(Stack { place, versions: vec![version], changes: Vec::new() });
        }
    }
    if asked.diff {
        stacks.iter_mut().for_each(|stack| stack.changes = changes::between(&stack.versions));
    }
    let problems = text_values(&session.rows(PROBLEMS).await?, 0);
    let found = Found { stacks, counted, problems };
    let mut ids: Vec<String> = Vec::new();
    for stack in &found.stacks {
        if !ids.contains(&stack.place.case_id) {
            ids.push(stack.place.case_id.clone());
        }
    }
    Ok(Answer {
        blocks: screen::blocks(&found, session, asked),
        document: Some(document(&found, asked)?),
        ids: Some(ids),
        records: rows.only(&shown)?.into(),
        ..Answer::default()
    })
}

/// Whether two rows stand in one stack; `epoch` is of the row, and a descendant may have another one.
fn same_stack(left: &Place, right: &Place) -> bool {
    (&left.root_ingest_id, &left.task, &left.case_id, left.stack)
        == (&right.root_ingest_id, &right.task, &right.case_id, right.stack)
}

fn document(found: &Found, asked: &Versions) -> Result<Value, SessionError> {
    let internal =
        |error: serde_json::Error| SessionError::Internal(format!("document of versions: {error}"));
    let mut stacks = Vec::with_capacity(found.stacks.len());
    for stack in &found.stacks {
        let mut entry = serde_json::to_value(&stack.place).map_err(internal)?;
        let mut versions =
            stack.versions.iter().map(version_document).collect::<Result<Vec<_>, _>>().map_err(internal)?;
        if asked.diff {
            for (version, changes) in versions.iter_mut().zip(changes::documents(&stack.changes)) {
                changes.into_iter().for_each(|changes| version["changes"] = changes);
            }
        }
        entry["versions"] = Value::Array(versions);
        stacks.push(entry);
    }
    Ok(json!({
        "schema_version": SCHEMA_VERSION,
        "stacks": stacks,
        "stack_count": found.counted.stacks,
        "stacks_with_several_versions": found.counted.several,
        "lineage_problems": found.problems,
    }))
}

/// A version with its alternatives as the list they are.
fn version_document(version: &Version) -> Result<Value, serde_json::Error> {
    let mut entry = serde_json::to_value(version)?;
    if let Some(list) = version.alternatives.as_deref().and_then(|text| serde_json::from_str(text).ok()) {
        entry["alternatives"] = list;
    }
    Ok(entry)
}
