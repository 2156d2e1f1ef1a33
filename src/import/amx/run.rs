//! A row of `analysis_runs` as a run.

use serde_json::{Map, Value};

use super::measures;
use super::row::{Row, shortened};
use super::survey::RunRows;
use crate::import::{Input, json};
use crate::model::{RunRow, RunStatus, UNKNOWN_TASK};

/// Columns that are settings of the run.
const SETTINGS: [&str; 9] = [
    "mode",
    "db_backend",
    "db_profile",
    "llm_provider",
    "llm_model",
    "llm_profile",
    "doc_profile",
    "code_profile",
    "review_strategy",
];

/// Entries of the settings that are columns here.
const LINEAGE: [&str; 2] = ["parent_run_id", "trigger"];

/// What rows of a run take over from it.
#[derive(Debug, Default)]
pub(super) struct Context {
    /// Task of the run.
    pub(super) task: String,
    /// Model, for rows of versions that did not name it.
    pub(super) model: Option<String>,
    /// Who serves it.
    pub(super) provider: Option<String>,
}

/// The header of a run without its fingerprint, and what its rows take over. What cannot be read stays in the row as a
/// problem.
pub(super) fn header_of(row: &mut Row, id: i64, from: (&Input<'_>, RunRows)) -> (RunRow, Context) {
    let (input, rows) = from;
    let path = input.path.to_string_lossy().into_owned();
    let settings = object(row, "settings_json");
    let status = row.take_text("status");
    let command = row.take_text("command");
    let mut params = params(row, settings.as_ref());
    let of = |name: &str| params.get(name).and_then(json::stored_text);
    let context = Context {
        task: task(settings.as_ref(), of("db_profile"), input),
        model: of("llm_model"),
        provider: of("llm_provider"),
    };
    params.retain(|name, _| !LINEAGE.contains(&name.as_str()));
    let mut header = RunRow {
        run_id: id.to_string(),
        name: input.options.name.clone(),
        tool: "amx".to_owned(),
        tool_version: row.take_text("client_version"),
        kind: kind(command.as_deref().unwrap_or("")).to_owned(),
        task: context.task.clone(),
        command,
        started_at: row.take_time("started_at"),
        ended_at: row.take_time("ended_at"),
        source_path: path.clone(),
        source_file: path,
        scope: scope(row),
        planned_count: row.take_integer("planned_count"),
        processed_count: row.take_integer("processed_count"),
        applied_count: row.take_integer("applied_count"),
        params: json::stored_object(params),
        ..RunRow::default()
    };
    header.status = state(status.as_deref().unwrap_or(""), &header).as_str().to_owned();
    (header.parent_run_id, header.relation) = lineage(settings.as_ref(), rows);
    header.reported = reported(row, &mut header);
    row.take_text("id");
    header.extra = json::stored_object(extra(row, status, settings));
    (header, context)
}

/// A column that holds a JSON object.
fn object(row: &mut Row, column: &str) -> Option<Map<String, Value>> {
    match row.take_json(column)? {
        Value::Object(object) => Some(object),
        other => {
            row.problem(column, "a JSON object", &shortened(&other.to_string()));
            row.keep(column, other);
            None
        }
    }
}

/// The kinds of AMX's own list (`run_kinds.py`); other commands, such as those of later versions, are `other`.
pub(super) fn kind(command: &str) -> &'static str {
    match command.split_once('.').map_or((command, None), |(group, rest)| (group, Some(rest))) {
        ("analyze", _) => "analyze",
        ("rerun", None) => "rerun",
        ("generate", _) => "generate",
        ("search", Some("ask")) | ("ask", Some("run")) => "ask",
        ("schedule", None) => "schedule",
        _ => "other",
    }
}

/// How the run ended. AMX calls a run a success that was stopped in between: it is complete only when everything that
/// was planned was worked on. A count of 0 says nothing, since not every command counts.
pub(super) fn state(status: &str, header: &RunRow) -> RunStatus {
    let processed = header.processed_count.unwrap_or(0);
    let cut_short = processed > 0 && processed < header.planned_count.unwrap_or(0);
    match status {
        "success" | "applied_partial" | "ready_for_review" | "completed" if cut_short => {
            RunStatus::Incomplete
        }
        "success" | "applied_partial" | "ready_for_review" | "completed" => RunStatus::Complete,
        "partial" => RunStatus::Incomplete,
        "running" | "queued" => RunStatus::Running,
        "failed" => RunStatus::Failed,
        "cancelled" => RunStatus::Cancelled,
        _ => RunStatus::Unknown,
    }
}

/// The database that was described, so that its assets meet whatever command described them.
fn task(settings: Option<&Map<String, Value>>, profile: Option<String>, input: &Input<'_>) -> String {
    let database = settings.and_then(|settings| json::text(settings, &["database"]));
    database
        .filter(|name| !name.is_empty())
        .or(profile)
        .or_else(|| input.options.task.clone())
        .unwrap_or_else(|| UNKNOWN_TASK.to_owned())
}

/// The settings that are no lists or objects; a column wins over an entry of the same name.
fn params(row: &mut Row, settings: Option<&Map<String, Value>>) -> Map<String, Value> {
    let mut params: Map<String, Value> = SETTINGS
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), Value::String(row.take_text(name)?))))
        .collect();
    for (name, value) in settings.into_iter().flatten() {
        let scalar =
            value.is_number() || value.is_boolean() || value.as_str().is_some_and(|text| !text.is_empty());
        if scalar {
            params.entry(name.clone()).or_insert_with(|| value.clone());
        }
    }
    params
}

/// What the run was to work on: `schema.table`, or `schema` where all of its tables were meant.
fn scope(row: &mut Row) -> Option<String> {
    const COLUMN: &str = "scope_json";
    let document = row.take_json(COLUMN)?;
    let mut names = Vec::new();
    if !collect(&document, "", &mut names) {
        row.problem(COLUMN, "{schema: [tables]}", &shortened(&document.to_string()));
        row.keep(COLUMN, document);
        return None;
    }
    (!names.is_empty()).then(|| Value::from(names).to_string())
}

/// Collects the dotted names of a scope; false when it has another shape.
fn collect(scope: &Value, above: &str, names: &mut Vec<String>) -> bool {
    let below = |name: &str| if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
    match scope {
        Value::Object(parts) => parts.iter().all(|(name, part)| collect(part, &below(name), names)),
        Value::Array(parts) if parts.is_empty() => collect(&Value::Null, above, names),
        Value::Array(parts) => parts.iter().all(|part| part.is_string() && collect(part, above, names)),
        Value::String(name) => {
            names.push(below(name));
            true
        }
        Value::Null => {
            names.extend((!above.is_empty()).then(|| above.to_owned()));
            true
        }
        Value::Bool(_) | Value::Number(_) => false,
    }
}

/// The parent and what this run is to it. A row that names the run it varies makes the run a variation, also where the
/// settings do not say so.
fn lineage(settings: Option<&Map<String, Value>>, rows: RunRows) -> (Option<String>, Option<String>) {
    if let Some(parent) = rows.varies {
        return (Some(parent.to_string()), Some("variations".to_owned()));
    }
    let text = |name: &str| settings.and_then(|settings| json::text(settings, &[name]));
    let Some(parent) = text("parent_run_id").filter(|parent| !parent.is_empty()) else {
        return (None, None);
    };
    let varies = text("trigger").as_deref() == Some("variations");
    (Some(parent), Some(if varies { "variations" } else { "rerun" }.to_owned()))
}

/// The three documents of AMX's own numbers as they are; from two of them the measures are taken.
fn reported(row: &mut Row, header: &mut RunRow) -> Option<String> {
    let names = ["metrics_json", "tokens_json", "results_json"];
    let documents: Map<String, Value> =
        names.iter().filter_map(|name| Some(((*name).to_owned(), row.take_json(name)?))).collect();
    measures::fill(header, row, (documents.get("metrics_json"), documents.get("tokens_json")));
    json::stored_object(documents)
}

/// AMX's own word for the status, the settings as they are, the error, and what else the row says.
fn extra(row: &mut Row, status: Option<String>, settings: Option<Map<String, Value>>) -> Map<String, Value> {
    let mut extra = Map::new();
    if let Some(status) = status {
        extra.insert("status".to_owned(), status.into());
    }
    if let Some(settings) = settings {
        extra.insert("settings".to_owned(), Value::Object(settings));
    }
    if let Some(error) = row.take_text("error_text") {
        extra.insert("error".to_owned(), error.into());
    }
    extra.extend(row.take_rest());
    extra
}
