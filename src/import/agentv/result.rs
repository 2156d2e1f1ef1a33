//! A row of AgentV as a stored result.
//!
//! Missing is null, never 0 (AgentV's own reader fills in a score of 0, the target `unknown` and the year 1970; of
//! these only the case id `unknown` is kept). Every field of the row that has no column stays in `extra`.

use serde_json::{Map, Value};

use super::super::json;
use super::messages;
use super::row::{REPEAT_LISTS, Row};
use super::sidecar::Files;
use crate::model::{ResultRow, Status, Timestamp, UNKNOWN_TASK};

/// Fields of a row that have a column of their own, or rows of their own.
const STORED_FIELDS: [&str; 21] = [
    "timestamp",
    "test_id",
    "suite",
    "category",
    "experiment",
    "target",
    "score",
    "execution_status",
    "error",
    "failure_stage",
    "failure_reason_code",
    "target_error_kind",
    "token_usage",
    "cost_usd",
    "duration_ms",
    "input",
    "output",
    "expected_output",
    "variant",
    "prompt_id",
    "scores",
];

/// What a run says of every row in it.
#[derive(Debug, Clone, Default)]
pub(super) struct RunFacts {
    /// The run's experiment; `None` in flat files, where each row's own counts.
    pub(super) experiment: Option<String>,
    /// The task of rows that name none.
    pub(super) task: Option<String>,
}

/// The result of a row, from the row and from the files that belong to it.
pub(super) fn result_of(row: &Row, files: &Files, run: &RunFacts) -> ResultRow {
    let (status, verdict) = status_of(row);
    let usage = Usage::of(row, files);
    ResultRow {
        task: row.text(&["suite"]).or_else(|| run.task.clone()).unwrap_or_else(|| UNKNOWN_TASK.to_owned()),
        case_id: row.test_id(),
        experiment: run.experiment.clone().or_else(|| row.text(&["experiment"])),
        model: row.target(),
        provider: provider_of(row).or_else(|| files.provider.clone()),
        prompt: prompt_of(row),
        variant: variant_of(row),
        epoch: epoch_of(row),
        status: status.as_str().to_owned(),
        verdict,
        score: row.number(&["score"]),
        primary_metric: "score".to_owned(),
        recorded_at: time_of(row, "timestamp"),
        duration_ms: row.number(&["duration_ms"]).or(files.duration_ms),
        cost_usd: row.number(&["cost_usd"]).or(files.cost_usd),
        input_tokens: usage.input,
        output_tokens: usage.output,
        total_tokens: usage.total,
        cached_tokens: usage.cached,
        reasoning_tokens: usage.reasoning,
        category: row.text(&["category"]),
        input: input_of(row).or_else(|| files.input.clone()),
        output: row.value("output").and_then(messages::stored).or_else(|| files.output.clone()),
        expected: row.value("expected_output").and_then(messages::stored),
        native_id: row.object("projection_identity").and_then(|identity| json::text(identity, &["id"])),
        extra: json::stored_object(extra_of(row, files, run)),
        ..error_of(row, status)
    }
}

/// The status and the tool's verdict. A row without a status, or with a word that AgentV does not know, ran and has
/// no verdict.
pub(super) fn status_of(row: &Row) -> (Status, Option<bool>) {
    match row.text(&["execution_status"]).as_deref() {
        Some("ok") => (Status::Ok, Some(true)),
        Some("quality_failure") => (Status::QualityFailure, Some(false)),
        Some("execution_error") => (Status::ExecutionError, None),
        _ => (Status::Ok, None),
    }
}

/// The columns that tell of an error; the rest of the result is empty.
fn error_of(row: &Row, status: Status) -> ResultRow {
    let inner = row.object("execution_error");
    let within = |name| inner.and_then(|error| json::text(error, &[name]));
    let kind = row.text(&["target_error_kind", "failure_reason_code"]);
    ResultRow {
        error_kind: kind.or_else(|| status.is_error().then(|| status.as_str().to_owned())),
        error_stage: row.text(&["failure_stage"]).or_else(|| within("stage")),
        error_reason: row.text(&["failure_reason_code"]),
        error_message: row
            .value("error")
            .and_then(json::stored_text)
            .filter(|text| !text.is_empty())
            .or_else(|| within("message")),
        ..ResultRow::default()
    }
}

/// A time of the row. AgentV writes 1970 where it knows none.
pub(super) fn time_of(row: &Row, name: &str) -> Option<Timestamp> {
    row.text(&[name]).and_then(|text| Timestamp::parse(&text)).filter(|time| time.0 != 0)
}

/// The prompt's label. `prompt.id` of a template is not one: only full rows carry it, so that it would tell the
/// full and the compact row of one execution apart; it stays in `extra`.
pub(super) fn prompt_of(row: &Row) -> Option<String> {
    row.text(&["prompt_id"]).or_else(|| json::text(row.object("prompt")?, &["label"]))
}

/// The variant of the case.
pub(super) fn variant_of(row: &Row) -> Option<String> {
    row.text(&["variant"]).or_else(|| row.dimension("variant"))
}

/// The planned repeat: AgentV counts samples from 0 where a row holds one of several.
pub(super) fn epoch_of(row: &Row) -> i64 {
    let index = json::integer(row.fields(), &["sample_index"]).filter(|index| (0..1_000_000).contains(index));
    index.map_or(1, |index| index + 1)
}

fn provider_of(row: &Row) -> Option<String> {
    let execution =
        row.object("target_execution").and_then(|execution| json::text(execution, &["provider_kind"]));
    execution.or_else(|| {
        let metadata = row.object("trace")?.get("metadata")?.as_object()?;
        json::text(metadata, &["provider"])
    })
}

fn input_of(row: &Row) -> Option<String> {
    row.value("input").and_then(messages::stored).or_else(|| {
        let asked = row.object("requests")?.get("lm")?.as_object()?;
        json::text(asked, &["question"])
    })
}

/// Token counts; the total is input plus output, as AgentV counts.
#[derive(Debug, Default)]
struct Usage {
    input: Option<i64>,
    output: Option<i64>,
    total: Option<i64>,
    cached: Option<i64>,
    reasoning: Option<i64>,
}

impl Usage {
    fn of(row: &Row, files: &Files) -> Self {
        let none = Map::new();
        let usage = row.object("token_usage").unwrap_or(&none);
        let count = |names: &[&str]| json::integer(usage, names);
        let input = count(&["input", "input_tokens"]).or(files.input_tokens);
        let output = count(&["output", "output_tokens"]).or(files.output_tokens);
        Self {
            input,
            output,
            total: count(&["total", "total_tokens"])
                .or_else(|| input?.checked_add(output?))
                .or(files.total_tokens),
            cached: count(&["cached", "cached_tokens"]),
            reasoning: count(&["reasoning", "reasoning_tokens"]).or(files.reasoning_tokens),
        }
    }
}

/// What has no column: unknown fields, paths, metadata, assertions, and column fields whose value does not fit.
fn extra_of(row: &Row, files: &Files, run: &RunFacts) -> Map<String, Value> {
    let mut extra = Map::new();
    for (name, value) in row.fields() {
        match name.as_str() {
            _ if value.is_null() => {}
            name if REPEAT_LISTS.contains(&name) => {
                extra.insert(name.to_owned(), without_repetition(row, value));
            }
            // The run's folder decides the experiment; what a resumed row says instead is kept.
            "experiment" => {
                if run.experiment.is_some() && run.experiment != row.text(&["experiment"]) {
                    extra.insert(name.clone(), value.clone());
                }
            }
            name if STORED_FIELDS.contains(&name) => {
                if !is_stored(row, name) {
                    extra.insert(name.to_owned(), value.clone());
                }
            }
            "trace" => {
                extra.insert(name.clone(), messages::trace_without_text(value));
            }
            "projection_identity" => {
                extra.insert(name.clone(), without(value, &["id", "key"]));
            }
            _ => {
                extra.insert(name.clone(), value.clone());
            }
        }
    }
    if let Some(grading) = &files.grading_rest {
        extra.insert("grading".to_owned(), Value::Object(grading.clone()));
    }
    extra
}

/// Whether a field's value went into its column as it is.
fn is_stored(row: &Row, name: &str) -> bool {
    match name {
        "score" => row.number(&["score"]).is_some(),
        "duration_ms" | "cost_usd" => row.number(&[name]).is_some(),
        "timestamp" => time_of(row, name).is_some(),
        "execution_status" => row
            .text(&[name])
            .is_some_and(|word| Status::parse(&word).is_some_and(|status| status.as_str() == word)),
        "token_usage" => row.object(name).is_some(),
        "scores" => row.list(name).is_some() || row.object(name).is_some(),
        "test_id"
        | "suite"
        | "category"
        | "target"
        | "variant"
        | "prompt_id"
        | "failure_stage"
        | "failure_reason_code"
        | "target_error_kind" => row.text(&[name]).is_some(),
        _ => true,
    }
}

/// A list of repeats without what its entries only repeat from the row.
fn without_repetition(row: &Row, list: &Value) -> Value {
    let Some(entries) = list.as_array() else { return list.clone() };
    let mut entries = entries.clone();
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        entry.retain(|name, value| row.value(name) != Some(value));
    }
    Value::Array(entries)
}

/// An object without some of its fields.
pub(super) fn without(value: &Value, names: &[&str]) -> Value {
    let mut value = value.clone();
    if let Some(object) = value.as_object_mut() {
        object.retain(|name, _| !names.contains(&name.as_str()));
    }
    value
}
