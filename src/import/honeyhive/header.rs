//! The header of a run: from the run object of the result answer, else from what all events agree on.

use serde_json::{Map, Value, json};

use super::super::{Input, json as fields};
use super::Fields;
use super::answers::{Answers, name_of};
use super::event::{Event, Session, moment};
use crate::model::{RunRow, RunStatus, UNKNOWN_TASK};

/// Fields of the run object that have a column or a place of their own.
const READ_FIELDS: [&str; 14] = [
    "id",
    "run_id",
    "name",
    "status",
    "metadata",
    "results",
    "metrics",
    "configuration",
    "created_at",
    "updated_at",
    "dataset_id",
    "dataset_name",
    "event_ids",
    "is_active",
];

/// Aggregates that HoneyHive printed, in the result answer and in the run object.
const REPORTED: [&str; 4] = ["success", "passed", "failed", "metrics"];

/// The header of a run.
pub(super) fn header_of(input: &Input<'_>, answers: &Answers, sessions: &[Session]) -> RunRow {
    let none = Map::new();
    let object = answers.run_object().unwrap_or(&none);
    let file = answers.row_file();
    let own_id = answers.run_id();
    let source_file = file.to_string_lossy().into_owned();
    let folder = file.parent().map(|folder| folder.to_string_lossy().into_owned());
    let source_path = folder.filter(|_| own_id.is_some()).unwrap_or_else(|| source_file.clone());
    let time = |name: &str| object.get(name).and_then(moment);
    let result = answers.result.as_ref().map_or(&none, |part| &part.fields);
    let (tags, metadata) = tags_of(object);
    RunRow {
        run_id: own_id.unwrap_or_else(|| name_of(file)),
        name: input.options.name.clone().or_else(|| fields::text(object, &["name"])),
        tool: "honeyhive".to_owned(),
        tool_version: Some(version_of(answers).to_owned()),
        kind: "eval".to_owned(),
        task: task_of(input, answers, object),
        status: status_of(object, result).as_str().to_owned(),
        started_at: time("created_at"),
        ended_at: sessions.iter().filter_map(Session::ended_at).max().or_else(|| time("updated_at")),
        source_path,
        source_file,
        fingerprint: answers.fingerprint(),
        tags: fields::stored_object(tags),
        params: fields::stored_object(params_of(object, sessions)),
        reported: fields::stored_object(reported_by(result, object)),
        extra: fields::stored_object(extra_of(object, metadata)),
        ..RunRow::default()
    }
}

/// Which answers the run was read from.
fn version_of(answers: &Answers) -> &'static str {
    match (&answers.metrics, &answers.result) {
        (Some(_), Some(_)) => "metrics and result",
        (Some(_), None) => "metrics",
        (None, _) => "result",
    }
}

/// The dataset: case ids are those of its datapoints.
fn task_of(input: &Input<'_>, answers: &Answers, object: &Fields) -> String {
    let events = || {
        let part = answers.metrics.as_ref()?;
        part.said_by_events(&["dataset_name"]).or_else(|| part.said_by_events(&["dataset_id"]))
    };
    fields::text(object, &["dataset_name", "dataset_id"])
        .or_else(events)
        .filter(|task| !task.is_empty())
        .or_else(|| input.options.task.clone())
        .unwrap_or_else(|| UNKNOWN_TASK.to_owned())
}

/// The run object's word, else that of the answer.
fn status_of(object: &Fields, result: &Fields) -> RunStatus {
    let word = fields::text(object, &["status"]).or_else(|| fields::text(result, &["status"]));
    match word.unwrap_or_default().to_ascii_lowercase().as_str() {
        "completed" | "complete" => RunStatus::Complete,
        "pending" | "running" => RunStatus::Running,
        "failed" => RunStatus::Failed,
        "cancelled" | "canceled" => RunStatus::Cancelled,
        _ => RunStatus::Unknown,
    }
}

/// Single values of the metadata are labels; the rest is given back.
fn tags_of(object: &Fields) -> (Fields, Fields) {
    let (mut tags, mut rest) = (Map::new(), Map::new());
    for (name, value) in object.get("metadata").and_then(Value::as_object).into_iter().flatten() {
        match value {
            Value::Null => {}
            Value::Array(_) | Value::Object(_) => drop(rest.insert(name.clone(), value.clone())),
            single => {
                let text = fields::stored_text(single).unwrap_or_default();
                tags.insert(name.clone(), Value::String(text));
            }
        }
    }
    (tags, rest)
}

/// The configuration; without one the model that all model events used.
fn params_of(object: &Fields, sessions: &[Session]) -> Fields {
    let mut params = object.get("configuration").and_then(Value::as_object).cloned().unwrap_or_default();
    for name in ["model", "provider"] {
        if fields::field(&params, &[name]).is_none()
            && let Some(value) = said_by_models(sessions, name)
        {
            params.insert(name.to_owned(), Value::String(value));
        }
    }
    params
}

/// What all model events say in their configuration, when they agree.
fn said_by_models(sessions: &[Session], name: &str) -> Option<String> {
    let said = |event: &Event| {
        (event.kind.as_deref() == Some("model")).then(|| fields::text(event.object("config")?, &[name]))?
    };
    let mut all = sessions.iter().flat_map(|session| &session.events).filter_map(said);
    let first = all.next()?;
    all.all(|other| other == first).then_some(first)
}

/// HoneyHive's own aggregates, kept beside the scores.
fn reported_by(result: &Fields, object: &Fields) -> Fields {
    let mut reported = result.clone();
    reported.retain(|name, value| !value.is_null() && REPORTED.contains(&name.as_str()));
    for name in ["results", "metrics"] {
        let told = object.get(name).filter(|value| !value.is_null() && **value != json!({}));
        if let Some(value) = told {
            reported.insert(format!("run_{name}"), value.clone());
        }
    }
    reported
}

fn extra_of(object: &Fields, metadata: Fields) -> Fields {
    let mut extra = object.clone();
    extra.retain(|name, value| !value.is_null() && !READ_FIELDS.contains(&name.as_str()));
    if let Some(id) = fields::text(object, &["dataset_id"]) {
        extra.insert("dataset_id".to_owned(), Value::String(id));
    }
    if !metadata.is_empty() {
        extra.insert("metadata".to_owned(), Value::Object(metadata));
    }
    extra
}
