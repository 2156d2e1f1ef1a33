//! The JSON of AMX's `/history compare --json` (0.19: `_compare_format.py`, `compare.py`), schema version 1.
//!
//! AMX compares runs, newest first, and lists every version of an asset below its original. Where runq says that a number
//! is missing, AMX writes 0 for tokens and times; it counts saved rows itself and adds up their probabilities in order.
//! Runs that describe no assets (questions) are left out, with a note. A schema and a table choose the runs, only a column
//! narrows what is listed of them. Times are in UTC.

mod assets;
mod runs;

use async_trait::async_trait;
use serde_json::json;

use super::{Asked, InteropError, Shape, Shaped};
use crate::model::{RunRow, Timestamp};
use crate::session::{Asset, Session};

/// Version of AMX's document.
const SCHEMA_VERSION: u32 = 1;

/// Kinds of runs that describe assets (`run_kinds.py`, `compare.py`).
const COMPARABLE: [&str; 4] = ["analyze", "rerun", "generate", "schedule"];

/// The tool.
pub(super) struct Amx;

#[async_trait]
impl Shape for Amx {
    fn name(&self) -> &'static str {
        "amx"
    }

    fn kinds(&self) -> Option<&'static [&'static str]> {
        Some(&COMPARABLE)
    }

    fn whole_runs(&self) -> bool {
        true
    }

    async fn document(&self, session: &mut Session, asked: &Asked) -> Result<Shaped, InteropError> {
        let mut notes = Vec::new();
        let compared = comparable(session, &mut notes)?;
        let column = asked.asset.as_ref().and_then(|asset| asset.column.clone());
        let listed = Asset { column, ..Asset::default() };
        let version = compared.iter().find_map(|run| run.tool_version.clone());
        let document = json!({
            "schema_version": SCHEMA_VERSION,
            "generated_at": text_time(asked.now, "%Y-%m-%dT%H:%M:%S"),
            "amx_version": version,
            "run_count": compared.len(),
            "run_summary": compared.iter().map(runs::summary).collect::<Vec<_>>(),
            "per_column": assets::of(session, &compared, &listed).await?,
            "aggregate_metrics": runs::aggregates(session, &compared).await?,
        });
        Ok(Shaped { document, notes })
    }
}

/// The runs that are compared, newest first.
fn comparable(session: &Session, notes: &mut Vec<String>) -> Result<Vec<RunRow>, InteropError> {
    let mut compared = Vec::new();
    for entry in session.runs() {
        if COMPARABLE.contains(&entry.run.kind.as_str()) {
            compared.push(entry.run.clone());
        } else {
            let command = entry.run.command.as_deref().unwrap_or(&entry.run.kind);
            notes.push(format!("run {} ({command}) describes no assets and is left out", entry.run.run_id));
        }
    }
    compared.sort_by(|left, right| {
        let ids = || number(&right.run_id).cmp(&number(&left.run_id));
        right.started_at.cmp(&left.started_at).then_with(ids)
    });
    if compared.len() < 2 {
        return Err(InteropError::Arms {
            tool: "AMX",
            expected: "two runs or more that describe assets",
            found: compared.into_iter().map(|run| run.run_id).collect(),
            hint: "name more runs, or widen --last and --asset",
        });
    }
    Ok(compared)
}

/// A run's id as AMX has it, where it is one of AMX's.
fn number(run_id: &str) -> Option<i64> {
    run_id.parse().ok()
}

/// The id in JSON: a number where it is one.
fn id(run_id: &str) -> serde_json::Value {
    number(run_id).map_or_else(|| run_id.into(), Into::into)
}

fn text_time(time: Timestamp, format: &str) -> Option<String> {
    let time = chrono::DateTime::from_timestamp_micros(time.0)?;
    Some(time.format(format).to_string())
}
