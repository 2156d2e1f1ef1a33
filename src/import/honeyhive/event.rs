//! Events, and the sessions they belong to: one session is one execution of a datapoint.

use std::collections::HashMap;

use serde_json::Value;

use super::super::{Fault, RunSink, json};
use super::Fields;
use super::answers::Answers;
use super::verdicts::Datapoint;
use crate::model::{Timestamp, text_id};

/// Type of the event that is the root of a session.
pub(super) const SESSION: &str = "session";

/// One event of a trace.
pub(super) struct Event {
    /// Its fields.
    pub(super) fields: Fields,
    /// Its place in the answer, from 1.
    pub(super) row: u64,
    /// `model`, `tool`, `chain`, `session`, or nothing.
    pub(super) kind: Option<String>,
    /// Name of the traced function or call.
    pub(super) name: Option<String>,
    /// When it began.
    pub(super) started_at: Option<Timestamp>,
}

impl Event {
    fn of(fields: Fields, row: u64, sink: &mut Sink<'_>) -> Self {
        let kind = json::text(&fields, &["event_type"]).filter(|kind| !kind.is_empty());
        let name = json::text(&fields, &["event_name"]).filter(|name| !name.is_empty());
        let began = ["start_time", "timestamp", "created_at"].iter().find_map(|field| {
            let value = fields.get(*field).filter(|value| !value.is_null())?;
            let time = moment(value);
            if time.is_none() {
                sink.fault(row, format!("{field}: expected a time, found {value} (left empty)"));
            }
            time
        });
        Self { kind, name, started_at: began, fields, row }
    }

    /// A text field of the event or of its metadata.
    pub(super) fn text(&self, name: &str) -> Option<String> {
        let told = json::text(&self.fields, &[name]);
        told.or_else(|| json::text(self.object("metadata")?, &[name])).filter(|text| !text.is_empty())
    }

    /// A field that is an object.
    pub(super) fn object(&self, name: &str) -> Option<&Fields> {
        self.fields.get(name)?.as_object()
    }

    /// How long it took, in milliseconds, as HoneyHive counts.
    pub(super) fn duration_ms(&self) -> Option<f64> {
        json::number(&self.fields, &["duration"]).or_else(|| {
            let (from, to) = (self.started_at?, self.fields.get("end_time").and_then(moment)?);
            (to >= from).then(|| (to.0 - from.0) as f64 / 1000.0)
        })
    }

    /// When it ended.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        self.fields.get("end_time").and_then(moment).or_else(|| {
            let duration = self.duration_ms().filter(|ms| ms.is_finite())?;
            Some(Timestamp(self.started_at?.0.saturating_add((duration * 1000.0) as i64)))
        })
    }

    /// Its error; an empty text is none.
    pub(super) fn error(&self) -> Option<String> {
        json::field(&self.fields, &["error"]).and_then(json::stored_text).filter(|text| !text.is_empty())
    }

    /// The session it is of; the session event may say so by its own id only.
    fn session(&self) -> Option<String> {
        let own = || json::text(&self.fields, &["event_id"]);
        match self.kind.as_deref() {
            Some(SESSION) => self.text("session_id").or_else(own),
            _ => self.text("session_id").or_else(|| self.text("datapoint_id")).or_else(own),
        }
    }

    fn is_root(&self) -> bool {
        self.kind.as_deref() == Some(SESSION) || self.kind.is_none() && self.name.is_none()
    }
}

/// The events of one session, its root first.
pub(super) struct Session {
    /// HoneyHive's id of it.
    pub(super) id: String,
    /// Its events: the root first, then as they began, or as they stand where times are missing.
    pub(super) events: Vec<Event>,
    /// The datapoint that was executed.
    pub(super) datapoint: Option<String>,
    /// What the result answer says of it.
    pub(super) judged: Option<Datapoint>,
}

impl Session {
    /// The event that stands for the whole execution. Without one there are only steps.
    pub(super) fn root(&self) -> Option<&Event> {
        self.events.first().filter(|event| event.is_root())
    }

    /// The events that are steps of it.
    pub(super) fn inner(&self) -> &[Event] {
        if self.root().is_some() { &self.events[1..] } else { &self.events }
    }

    /// When it began.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        self.root().and_then(|root| root.started_at).or_else(|| self.earliest())
    }

    fn earliest(&self) -> Option<Timestamp> {
        self.events.iter().filter_map(|event| event.started_at).min()
    }

    /// When it ended.
    pub(super) fn ended_at(&self) -> Option<Timestamp> {
        let inner = || self.events.iter().filter_map(Event::ended_at).max();
        self.root().and_then(Event::ended_at).or_else(inner)
    }

    /// Id of the case: the datapoint's, else a hash of what went in. `None` when the answer holds neither.
    pub(super) fn case_id(&self) -> Option<String> {
        let judged = || self.judged.as_ref()?.datapoint_id.clone();
        self.datapoint.clone().or_else(judged).or_else(|| {
            let mut inputs =
                self.events.first()?.fields.get("inputs").filter(|inputs| !is_empty(inputs))?.clone();
            // Equal inputs are one case in whatever order their fields were written.
            inputs.sort_all_objects();
            Some(text_id(&inputs.to_string()))
        })
    }
}

fn is_empty(value: &Value) -> bool {
    value.is_null() || value.as_object().is_some_and(serde_json::Map::is_empty)
}

/// The sessions of a metrics answer in the order in which they began; as they stand where a time is missing.
pub(super) fn sessions_of(answers: &Answers, sink: &mut dyn RunSink) -> Vec<Session> {
    let Some(part) = &answers.metrics else { return Vec::new() };
    let mut sink = Sink { path: &part.path, sink };
    let mut sessions: Vec<Session> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for (event, row) in part.events().iter().zip(1_u64..) {
        let Value::Object(fields) = event else {
            sink.fault(row, "expected an event, found no JSON object (left out)".to_owned());
            continue;
        };
        let event = Event::of(fields.clone(), row, &mut sink);
        let Some(id) = event.session() else {
            let what = "expected an event with a session_id, found none and no id of its own (left out)";
            sink.fault(row, what.to_owned());
            continue;
        };
        let place = *places.entry(id.clone()).or_insert_with(|| {
            sessions.push(Session { id, events: Vec::new(), datapoint: None, judged: None });
            sessions.len() - 1
        });
        sessions[place].events.push(event);
    }
    for session in &mut sessions {
        settle(session, &mut sink);
    }
    if sessions.iter().all(|session| session.started_at().is_some()) {
        sessions.sort_by_key(Session::started_at);
    }
    sessions
}

/// Brings the events into order and finds the datapoint.
fn settle(session: &mut Session, sink: &mut Sink<'_>) {
    if session.events.iter().all(|event| event.started_at.is_some()) {
        session.events.sort_by_key(|event| event.started_at);
    }
    let own = |event: &Event| json::text(&event.fields, &["event_id"]).as_ref() == Some(&session.id);
    let root = session.events.iter().position(|event| event.is_root() && own(event));
    let root = root.or_else(|| session.events.iter().position(Event::is_root));
    if let Some(root) = root {
        session.events[..=root].rotate_right(1);
    }
    let named = session.events.iter().filter_map(|event| Some((event.row, event.text("datapoint_id")?)));
    let mut named = named.collect::<Vec<_>>().into_iter();
    session.datapoint = named.next().map(|(_, id)| id);
    if let Some((row, other)) = named.find(|(_, id)| Some(id) != session.datapoint.as_ref()) {
        let first = session.datapoint.as_deref().unwrap_or("");
        sink.fault(row, format!("expected datapoint {first} as in the rest of the session, found {other}"));
    }
}

/// Where faults go, with the file they are of.
struct Sink<'a> {
    path: &'a std::path::Path,
    sink: &'a mut dyn RunSink,
}

impl Sink<'_> {
    fn fault(&mut self, row: u64, message: String) {
        let message = format!("event {row}: {message}");
        self.sink.fault(Fault { path: self.path.to_owned(), line: None, message });
    }
}

/// A time as HoneyHive writes it: milliseconds since 1970 as a number, or a text.
pub(super) fn moment(value: &Value) -> Option<Timestamp> {
    match value {
        Value::Number(number) => {
            let micros = number.as_f64().filter(|ms| *ms > 0.0)? * 1000.0;
            // Beyond the year 9999 it is no time in milliseconds.
            (micros < 253_402_300_800e6).then_some(Timestamp(micros as i64))
        }
        Value::String(text) => Timestamp::parse(text),
        _ => None,
    }
}
