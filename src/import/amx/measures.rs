//! What a run cost in tokens, money and time, as AMX's own comparison counts it: 0 is missing.
//!
//! AMX `cli_support/history/_compare_runs.py`: tokens are the sums of the columns of `tokens_json.summary`; a total of 0
//! falls back to `total_tokens`, a cost of 0 to the sum over the records.

use serde_json::Value;

use super::row::Row;
use crate::model::RunRow;

/// Place of the numbers in a line of the summary: step, prompt, completion, total.
const PROMPT: usize = 1;
const COMPLETION: usize = 2;
const TOTAL: usize = 3;

/// Fills the run's measures.
pub(super) fn fill(header: &mut RunRow, row: &mut Row, documents: (Option<&Value>, Option<&Value>)) {
    let (metrics, tokens) = documents;
    let milliseconds = |seconds: Option<f64>| seconds.filter(|seconds| *seconds > 0.0).map(|s| s * 1000.0);
    header.duration_ms = milliseconds(row.take_number("duration_sec"));
    header.model_duration_ms =
        milliseconds(metrics.and_then(|metrics| metrics["model_processing_sec"].as_f64()));
    let Some(tokens) = tokens else { return };
    let summary = tokens["summary"].as_array();
    if let Some(line) = summary.into_iter().flatten().find(|line| !is_line(line)) {
        let found = super::row::shortened(&line.to_string());
        row.problem("tokens_json.summary", "[step, prompt, completion, total]", &found);
    }
    let sum = |place: usize| -> Option<i64> {
        let lines = summary.into_iter().flatten().filter(|line| is_line(line));
        count(lines.filter_map(|line| line[place].as_f64()).sum())
    };
    header.input_tokens = sum(PROMPT);
    header.output_tokens = sum(COMPLETION);
    header.total_tokens = sum(TOTAL).or_else(|| count(tokens["total_tokens"].as_f64()?));
    header.cost_usd = cost(tokens);
}

fn is_line(line: &Value) -> bool {
    line.as_array()
        .is_some_and(|line| line.len() > TOTAL && line[PROMPT..=TOTAL].iter().all(Value::is_number))
}

fn count(tokens: f64) -> Option<i64> {
    (tokens > 0.0).then_some(tokens.round() as i64)
}

/// The run's own total, else what its calls add up to.
fn cost(tokens: &Value) -> Option<f64> {
    let own = tokens["total_cost_usd"].as_f64().filter(|cost| *cost > 0.0);
    own.or_else(|| {
        let records = tokens["records"].as_array()?;
        let of = |record: &Value, name: &str| record[name].as_f64().unwrap_or(0.0);
        let sum: f64 =
            records.iter().map(|call| of(call, "input_cost_usd") + of(call, "output_cost_usd")).sum();
        (sum > 0.0).then_some(sum)
    })
}
