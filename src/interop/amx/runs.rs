//! What AMX says of each run: its header, and its aggregates in AMX's words (`compare.py`, aggregate metrics).

use std::collections::HashMap;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{id, text_time};
use crate::model::RunRow;
use crate::session::{Session, SessionError};

/// The header of a run.
pub(super) fn summary(run: &RunRow) -> Value {
    let (params, extra) = (object(&run.params), object(&run.extra));
    // AMX writes an empty text for a profile that is not set.
    let profile = |name: &str| params.get(name).cloned().unwrap_or_else(|| "".into());
    json!({
        "run_id": id(&run.run_id),
        "started_at": run.started_at.and_then(|time| text_time(time, "%Y-%m-%d %H:%M")),
        "status": extra.get("status").cloned().unwrap_or_else(|| run.status.as_str().into()),
        "command": run.command,
        "db_profile": profile("db_profile"),
        "llm_profile": profile("llm_profile"),
        "llm_model": profile("llm_model"),
        "doc_profile": profile("doc_profile"),
        "code_profile": profile("code_profile"),
        "duration_sec": run.duration_ms.map(seconds),
        "processed_count": run.processed_count.unwrap_or(0),
        "applied_count": run.applied_count.unwrap_or(0),
        "settings": extra.get("settings").cloned().unwrap_or_else(|| json!({})),
    })
}

fn object(text: &Option<String>) -> Map<String, Value> {
    text.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
}

fn seconds(milliseconds: f64) -> f64 {
    milliseconds / 1000.0
}

#[derive(Debug, Deserialize)]
struct Saved {
    ingest_id: String,
    confidence: Option<String>,
    logprob: Option<f64>,
}

const SAVED: &str = "SELECT ingest_id, confidence, logprob FROM results WHERE in_source \
     ORDER BY ingest_id, source_row NULLS LAST, case_id";

/// Twelve numbers per run.
pub(super) async fn aggregates(session: &mut Session, runs: &[RunRow]) -> Result<Vec<Value>, SessionError> {
    let rows: Vec<Saved> = session.rows(SAVED).await?.read()?;
    let mut saved: HashMap<&str, Vec<&Saved>> = HashMap::new();
    for row in &rows {
        saved.entry(&row.ingest_id).or_default().push(row);
    }
    let mut aggregates = Vec::new();
    for run in runs {
        let rows = saved.get(run.ingest_id.as_str()).map_or(&[][..], Vec::as_slice);
        for (metric, value) in of_run(run).into_iter().chain(of_rows(run, rows)) {
            aggregates.push(json!({"metric": metric, "run_id": id(&run.run_id), "value": value}));
        }
    }
    Ok(aggregates)
}

/// What the run says itself: AMX writes 0 where it knows nothing, but for the cost.
fn of_run(run: &RunRow) -> [(&'static str, Value); 6] {
    let time = |milliseconds: Option<f64>| Value::from(milliseconds.map_or(0.0, seconds));
    let tokens = |tokens: Option<i64>| Value::from(tokens.unwrap_or(0));
    [
        ("wall_duration_sec", time(run.duration_ms)),
        ("model_processing_sec", time(run.model_duration_ms)),
        ("prompt_tokens", tokens(run.input_tokens)),
        ("completion_tokens", tokens(run.output_tokens)),
        ("total_tokens", tokens(run.total_tokens)),
        ("cost_usd", Value::from(run.cost_usd)),
    ]
}

/// What is counted over the rows that the run saved.
fn of_rows(run: &RunRow, rows: &[&Saved]) -> [(&'static str, Value); 6] {
    let scores: Vec<f64> = rows.iter().filter_map(|row| row.logprob).collect();
    let mean = (!scores.is_empty()).then(|| scores.iter().sum::<f64>() / scores.len() as f64);
    let count = |band: &str| {
        let of_band =
            |row: &&&Saved| row.confidence.as_deref().is_some_and(|word| word.eq_ignore_ascii_case(band));
        rows.iter().filter(of_band).count() as f64
    };
    let [high, medium, low] = ["high", "medium", "low"].map(count);
    let share = |count: f64| Value::from(100.0 * count / (high + medium + low).max(1.0));
    let processed = run.processed_count.filter(|count| *count > 0);
    let approved = processed.map(|count| run.applied_count.unwrap_or(0) as f64 / count as f64);
    [
        ("avg_logprob_score", Value::from(mean)),
        ("pct_high_confidence", share(high)),
        ("pct_medium_confidence", share(medium)),
        ("pct_low_confidence", share(low)),
        ("approval_rate", Value::from(approved)),
        ("saved_results", Value::from(rows.len())),
    ]
}
