//! What the result answer says of each datapoint: whether it passed, and its metrics.

use std::collections::{HashMap, HashSet};

use serde_json::Value;

use super::super::{Fault, RunSink, json};
use super::Fields;
use super::answers::{Answers, Part};
use super::event::Session;
use super::metrics::{Odd, Place, place, scores_of};
use crate::model::ScoreRow;

/// Fields of a datapoint that have a place of their own.
const READ_FIELDS: [&str; 6] = ["datapoint_id", "id", "session_id", "passed", "result", "metrics"];

/// One entry of the result answer's `datapoints`.
pub(super) struct Datapoint {
    /// HoneyHive's id of the datapoint.
    pub(super) datapoint_id: Option<String>,
    /// The session that executed it.
    pub(super) session_id: Option<String>,
    /// HoneyHive's verdict: whether all of its metrics passed.
    pub(super) passed: Option<bool>,
    /// Its metrics.
    pub(super) scores: Vec<ScoreRow>,
    /// Metrics that hold no single value.
    pub(super) odd: Odd,
    /// Place in the answer, from 1; `None` when only the lists of passed and failed ids name it.
    pub(super) row: Option<u64>,
    /// The entry as it stands in the answer.
    pub(super) source: Value,
}

impl Datapoint {
    fn of(fields: &Fields, row: u64) -> Self {
        let mut odd = Odd::new();
        let passed = match json::field(fields, &["passed", "result"]) {
            Some(Value::Bool(passed)) => Some(*passed),
            Some(Value::String(word)) => match word.to_ascii_lowercase().as_str() {
                "pass" | "passed" => Some(true),
                "fail" | "failed" => Some(false),
                _ => None,
            },
            _ => None,
        };
        let metrics = fields.get("metrics").and_then(Value::as_array);
        let metrics = metrics.into_iter().flatten().filter_map(Value::as_object);
        let scores = metrics.flat_map(|metric| metric_of(metric, &mut odd)).collect();
        Self {
            datapoint_id: json::text(fields, &["datapoint_id", "id"]),
            session_id: json::text(fields, &["session_id"]),
            passed,
            scores,
            odd,
            row: Some(row),
            source: Value::Object(fields.clone()),
        }
    }

    /// A datapoint of which only the verdict is known.
    fn verdict(id: &str, passed: bool) -> Self {
        Self {
            datapoint_id: Some(id.to_owned()),
            session_id: None,
            passed: Some(passed),
            scores: Vec::new(),
            odd: Odd::new(),
            row: None,
            source: Value::from(id),
        }
    }

    /// Fields of the entry that have no column.
    pub(super) fn extra(&self) -> Fields {
        let mut extra = self.source.as_object().cloned().unwrap_or_default();
        extra.retain(|name, value| !value.is_null() && !READ_FIELDS.contains(&name.as_str()));
        extra
    }
}

/// One entry of a datapoint's `metrics`: {name, event_name, event_type, value, passed}.
fn metric_of(metric: &Fields, odd: &mut Odd) -> Vec<ScoreRow> {
    let Some(name) = json::text(metric, &["name", "metric_name"]) else { return Vec::new() };
    let event = json::text(metric, &["event_name"]);
    let kind = json::text(metric, &["event_type"]);
    let place: Place = place(event.as_deref(), kind.as_deref());
    let value = metric.get("value").cloned().unwrap_or(Value::Null);
    let (mut scores, _) = scores_of(&Fields::from_iter([(name, value)]), &place, odd);
    if let Some(first) = scores.first_mut() {
        first.passed = metric.get("passed").and_then(Value::as_bool);
    }
    scores
}

/// The datapoints of the result answer, those included that only its lists of ids name.
pub(super) fn datapoints_of(answers: &Answers, sink: &mut dyn RunSink) -> Vec<Datapoint> {
    let Some(part) = &answers.result else { return Vec::new() };
    let mut datapoints = Vec::new();
    for (entry, row) in part.list("datapoints").iter().zip(1_u64..) {
        match entry.as_object().map(|fields| Datapoint::of(fields, row)) {
            Some(datapoint) if datapoint.datapoint_id.is_some() || datapoint.session_id.is_some() => {
                datapoints.push(datapoint);
            }
            _ => {
                let what = "expected an object with a datapoint_id or a session_id, found none (left out)";
                let message = format!("datapoint {row}: {what}");
                sink.fault(Fault { path: part.path.clone(), line: None, message });
            }
        }
    }
    by_lists(part, &mut datapoints);
    datapoints
}

/// Takes the verdict from the lists of passed and failed ids where the entries say nothing.
fn by_lists(part: &Part, datapoints: &mut Vec<Datapoint>) {
    let mut verdicts: Vec<(&str, bool)> = Vec::new();
    for (list, verdict) in [("passed", true), ("failed", false)] {
        verdicts.extend(part.list(list).iter().filter_map(Value::as_str).map(|id| (id, verdict)));
    }
    let by_id: HashMap<&str, bool> = verdicts.iter().copied().collect();
    let mut known = HashSet::new();
    for datapoint in datapoints.iter_mut() {
        let Some(id) = &datapoint.datapoint_id else { continue };
        datapoint.passed = datapoint.passed.or_else(|| by_id.get(id.as_str()).copied());
        known.insert(id.clone());
    }
    for (id, verdict) in verdicts {
        if known.insert(id.to_owned()) {
            datapoints.push(Datapoint::verdict(id, verdict));
        }
    }
}

/// Gives each session its datapoint: by the session's id, else by the datapoint's. An entry for several sessions of
/// a datapoint gives each of them its verdict, and its values to none. What belongs to no session is given back.
pub(super) fn join(sessions: &mut [Session], datapoints: Vec<Datapoint>) -> Vec<Datapoint> {
    let mut by_session: HashMap<String, usize> = HashMap::new();
    let mut by_datapoint: HashMap<String, Vec<usize>> = HashMap::new();
    for (place, session) in sessions.iter().enumerate() {
        by_session.insert(session.id.clone(), place);
        if let Some(id) = &session.datapoint {
            by_datapoint.entry(id.clone()).or_default().push(place);
        }
    }
    let mut alone = Vec::new();
    for datapoint in datapoints {
        let session = datapoint.session_id.as_ref().and_then(|id| by_session.get(id)).copied();
        let id = datapoint.datapoint_id.as_ref().filter(|_| datapoint.session_id.is_none());
        let places = id.and_then(|id| by_datapoint.get(id)).map_or(&[][..], Vec::as_slice);
        match (session, places) {
            (Some(place), _) => sessions[place].judged = Some(datapoint),
            (None, [place]) => sessions[*place].judged = Some(datapoint),
            (None, []) => alone.push(datapoint),
            (None, several) => {
                let id = datapoint.datapoint_id.as_deref().unwrap_or_default();
                for place in several {
                    let verdict = Datapoint { passed: datapoint.passed, ..Datapoint::verdict(id, false) };
                    sessions[*place].judged.get_or_insert(verdict);
                }
            }
        }
    }
    alone
}
