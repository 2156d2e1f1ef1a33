//! One record per session: its events as steps, the metrics of its root as the result's own, the others with their step.

use std::collections::{BTreeSet, HashMap, HashSet};

use serde_json::{Map, Value};

use super::super::{Record, RunSink, json};
use super::Fields;
use super::event::{Event, SESSION, Session};
use super::metrics::{Details, Odd, place, scores_of};
use super::verdicts::Datapoint;
use crate::model::{ResultRow, RunRow, ScoreRow, Status, StepRow};

/// Fields of an event that have a column.
const STORED_FIELDS: [&str; 11] = [
    "event_type",
    "event_name",
    "metrics",
    "duration",
    "start_time",
    "timestamp",
    "error",
    "inputs",
    "outputs",
    "children_ids",
    "metadata",
];

/// Fields of metadata that have a column; of a session they are HoneyHive's totals over its model events.
const STORED_METADATA: [&str; 4] = ["prompt_tokens", "completion_tokens", "total_tokens", "cost"];

/// Makes the records of a run.
pub(super) struct Records {
    task: String,
    model: Option<String>,
    provider: Option<String>,
    details: Details,
    primary: Primary,
    odd: Odd,
    nameless: usize,
    repeated: usize,
}

/// The metric that is asked about first.
#[derive(Debug, Clone, Default, PartialEq)]
struct Primary {
    metric: String,
    step: Option<String>,
    step_kind: Option<String>,
}

impl Primary {
    /// HoneyHive has no headline score: a metric called `score`, else the first one of the whole execution, else the
    /// first one of a step, so that every run of one experiment has the same.
    fn of<'a>(scores: impl Iterator<Item = &'a ScoreRow> + Clone) -> Self {
        let numbers = || scores.clone().filter(|score| score.value.is_some());
        let own = || numbers().filter(|score| score.step.is_none());
        let found = own().find(|score| score.metric == "score").or_else(|| own().next());
        found.or_else(|| numbers().next()).map_or_else(
            || Self { metric: "score".to_owned(), ..Self::default() },
            |score| Self {
                metric: score.metric.clone(),
                step: score.step.clone(),
                step_kind: score.step_kind.clone(),
            },
        )
    }

    fn is(&self, score: &ScoreRow) -> bool {
        self.metric == score.metric && self.step == score.step && self.step_kind == score.step_kind
    }

    /// The value among the scores of a result: the mean where a step was taken several times.
    fn value(&self, scores: &[ScoreRow]) -> Option<f64> {
        let values = scores.iter().filter(|score| self.is(score)).filter_map(|score| score.value);
        let values: Vec<f64> = values.collect();
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    }

    fn row(&self) -> ScoreRow {
        ScoreRow {
            metric: self.metric.clone(),
            step: self.step.clone(),
            step_kind: self.step_kind.clone(),
            ..ScoreRow::default()
        }
    }
}

impl Records {
    pub(super) fn new(header: &RunRow, sessions: &[Session], alone: &[Datapoint], details: Details) -> Self {
        let params: Fields =
            header.params.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
        let mut odd = Odd::new();
        let all: Vec<ScoreRow> = sessions
            .iter()
            .flat_map(|session| scored(session, &mut odd))
            .chain(alone.iter().flat_map(|datapoint| datapoint.scores.clone()))
            .collect();
        for datapoint in alone {
            datapoint.odd.iter().for_each(|(name, count)| *odd.entry(name.clone()).or_default() += count);
        }
        let mut seen = HashSet::new();
        let repeated: BTreeSet<String> =
            sessions.iter().filter_map(Session::case_id).filter(|id| !seen.insert(id.clone())).collect();
        Self {
            task: header.task.clone(),
            model: json::text(&params, &["model"]),
            provider: json::text(&params, &["provider"]),
            details,
            primary: Primary::of(all.iter()),
            odd,
            nameless: sessions.iter().filter(|session| session.case_id().is_none()).count()
                + alone.iter().filter(|datapoint| datapoint.datapoint_id.is_none()).count(),
            repeated: repeated.len(),
        }
    }

    /// The records of a metrics answer.
    pub(super) fn of_sessions(&self, sessions: &[Session]) -> Vec<Record> {
        sessions.iter().map(|session| self.of_session(session)).collect()
    }

    fn of_session(&self, session: &Session) -> Record {
        let mut scores = scored(session, &mut Odd::new());
        let judged = session.judged.as_ref();
        let root = session.root();
        let whole = root.or(session.events.first());
        let error = root.and_then(Event::error);
        let mut result = self.result(&mut scores, judged.and_then(|judged| judged.passed), error);
        result.case_id = session.case_id().unwrap_or_else(|| session.id.clone());
        result.native_id = Some(session.id.clone());
        result.source_row = session.events.iter().map(|event| event.row as i64).min();
        result.recorded_at = session.ended_at().or_else(|| session.started_at());
        let text = |name: &str| whole.and_then(|event| json::stored_text(event.fields.get(name)?));
        (result.input, result.output) = (text("inputs"), text("outputs"));
        result.expected = whole.and_then(|event| {
            let told = event.object("feedback").and_then(|feedback| feedback.get("ground_truth"));
            json::stored_text(told.or_else(|| event.object("inputs")?.get("ground_truth"))?)
        });
        measure(&mut result, session);
        result.extra = json::stored_object(extra_of(session, judged));
        let events = session.events.iter().map(|event| Value::Object(event.fields.clone()));
        let judged = judged.map(|judged| judged.source.clone());
        let content: Vec<Value> = events.chain(judged).collect();
        Record {
            result,
            scores,
            steps: steps_of(session),
            content: json::content_hash(Value::Array(content).to_string().as_bytes()),
        }
    }

    /// The records of datapoints that only the result answer has.
    pub(super) fn of_datapoints(&self, datapoints: &[Datapoint]) -> Vec<Record> {
        let records = datapoints.iter().zip(1_i64..).map(|(datapoint, place)| {
            let mut scores = datapoint.scores.clone();
            let mut result = self.result(&mut scores, datapoint.passed, None);
            let id = datapoint.datapoint_id.as_ref().or(datapoint.session_id.as_ref());
            result.case_id = id.cloned().unwrap_or_default();
            result.native_id.clone_from(&datapoint.session_id);
            result.source_row = Some(datapoint.row.and_then(|row| i64::try_from(row).ok()).unwrap_or(place));
            result.extra = json::stored_object(datapoint.extra());
            let content = json::content_hash(datapoint.source.to_string().as_bytes());
            Record { result, scores, steps: Vec::new(), content }
        });
        records.collect()
    }

    /// The result with what the scores and the verdict say of it; the headline score leaves the scores.
    fn result(&self, scores: &mut Vec<ScoreRow>, passed: Option<bool>, error: Option<String>) -> ResultRow {
        scores.iter_mut().for_each(|score| self.details.complete(score));
        let score = self.primary.value(scores);
        if self.primary.metric == "score" {
            scores.retain(|score| score.metric != "score" || score.step.is_some());
        } else if !scores.iter().any(|score| self.primary.is(score)) {
            // So that an execution without it counts among its cases instead of vanishing.
            scores.push(self.primary.row());
        }
        let status = match (&error, passed) {
            (Some(_), _) => Status::ExecutionError,
            (None, Some(false)) => Status::QualityFailure,
            (None, _) => Status::Ok,
        };
        ResultRow {
            task: self.task.clone(),
            model: self.model.clone(),
            provider: self.provider.clone(),
            status: status.as_str().to_owned(),
            verdict: passed,
            score,
            primary_metric: self.primary.row().full_name(),
            error_message: error,
            ..ResultRow::default()
        }
    }

    /// What was read in a way that a person may not expect.
    pub(super) fn say(&self, sink: &mut dyn RunSink, file: &str) {
        if self.nameless > 0 {
            let what = counted(self.nameless, "execution");
            let without = "without a datapoint and without inputs: the case is the execution's own id, so no other run has it";
            sink.note(format!("{file}: {what} {without}"));
        }
        if self.repeated > 0 {
            let what = counted(self.repeated, "datapoint");
            let how =
                "taken as epochs, and as a further attempt after an error (--duplicates says otherwise)";
            sink.note(format!("{file}: {what} executed several times: {how}"));
        }
        for (metric, events) in &self.odd {
            let why = "holds no number, text or truth value: kept in extra, not compared";
            sink.note(format!("{file}: metric {metric} of {} {why}", counted(*events, "event")));
        }
    }
}

fn counted(count: usize, what: &str) -> String {
    if count == 1 { format!("1 {what}") } else { format!("{count} {what}s") }
}

/// The scores of a session: those of its events, and those that only the result answer has.
fn scored(session: &Session, odd: &mut Odd) -> Vec<ScoreRow> {
    let mut scores: Vec<ScoreRow> =
        session.events.iter().flat_map(|event| scores_of_event(event, odd).0).collect();
    let Some(judged) = &session.judged else { return scores };
    let places: HashMap<(String, Option<String>), Vec<usize>> =
        scores.iter().enumerate().fold(HashMap::new(), |mut places, (place, score)| {
            places.entry((score.metric.clone(), score.step.clone())).or_default().push(place);
            places
        });
    for score in &judged.scores {
        match places.get(&(score.metric.clone(), score.step.clone())) {
            Some(known) => known.iter().for_each(|place| scores[*place].passed = score.passed),
            None => scores.push(score.clone()),
        }
    }
    scores
}

fn scores_of_event(event: &Event, odd: &mut Odd) -> (Vec<ScoreRow>, Fields) {
    let place = place(event.name.as_deref(), event.kind.as_deref());
    event.object("metrics").map_or_else(Default::default, |metrics| scores_of(metrics, &place, odd))
}

/// What the execution took: HoneyHive's totals of the session, else the sum over its model events.
fn measure(result: &mut ResultRow, session: &Session) {
    let root = session.root().map(measures_of).unwrap_or_default();
    let models: Vec<Measures> = session
        .inner()
        .iter()
        .filter(|event| event.kind.as_deref() == Some("model"))
        .map(measures_of)
        .collect();
    let sum = |of: fn(&Measures) -> Option<i64>| {
        let told: Vec<i64> = models.iter().filter_map(of).collect();
        (!told.is_empty()).then(|| told.iter().sum())
    };
    result.input_tokens = root.input_tokens.or_else(|| sum(|step| step.input_tokens));
    result.output_tokens = root.output_tokens.or_else(|| sum(|step| step.output_tokens));
    result.total_tokens = root
        .total_tokens
        .or_else(|| sum(|step| step.total_tokens))
        .or_else(|| Some(result.input_tokens? + result.output_tokens?));
    let costs: Vec<f64> = models.iter().filter_map(|step| step.cost_usd).collect();
    result.cost_usd = root.cost_usd.or_else(|| (!costs.is_empty()).then(|| costs.iter().sum()));
    result.duration_ms = session.root().and_then(Event::duration_ms);
}

/// Tokens and cost of an event, as HoneyHive keeps them in its metadata.
#[derive(Default)]
struct Measures {
    input_tokens: Option<i64>,
    output_tokens: Option<i64>,
    total_tokens: Option<i64>,
    cost_usd: Option<f64>,
}

fn measures_of(event: &Event) -> Measures {
    let none = Map::new();
    let metadata = event.object("metadata").unwrap_or(&none);
    Measures {
        input_tokens: json::integer(metadata, &["prompt_tokens"]),
        output_tokens: json::integer(metadata, &["completion_tokens"]),
        total_tokens: json::integer(metadata, &["total_tokens"]),
        cost_usd: json::number(metadata, &["cost"]),
    }
}

/// The events as steps, in their order.
fn steps_of(session: &Session) -> Vec<StepRow> {
    let id = |event: &Event| json::text(&event.fields, &["event_id"]);
    let places: HashMap<String, i64> =
        session.events.iter().zip(1_i64..).filter_map(|(event, place)| Some((id(event)?, place))).collect();
    let steps = session.events.iter().zip(1_i64..).map(|(event, place)| {
        let Measures { input_tokens, output_tokens, cost_usd, .. } = measures_of(event);
        let text = |name: &str| json::stored_text(event.fields.get(name)?);
        let error = event.error();
        let kind = event.kind.clone().unwrap_or_else(|| SESSION.to_owned());
        StepRow {
            step: place,
            parent_step: event
                .text("parent_id")
                .and_then(|id| places.get(&id).copied())
                .filter(|up| *up != place),
            name: event.name.clone().unwrap_or_else(|| kind.clone()),
            kind,
            status: error.is_some().then(|| "error".to_owned()),
            error_message: error,
            started_at: event.started_at,
            duration_ms: event.duration_ms(),
            input_tokens,
            output_tokens,
            cost_usd,
            input: text("inputs"),
            output: text("outputs"),
            extra: json::stored_object(extra_of_event(event)),
            ..StepRow::default()
        }
    });
    steps.collect()
}

/// What an event says beyond its columns, with the metrics that hold no single value.
fn extra_of_event(event: &Event) -> Fields {
    let mut extra = event.fields.clone();
    let empty = |value: &Value| value.is_null() || value.as_object().is_some_and(Map::is_empty);
    extra.retain(|name, value| !empty(value) && !STORED_FIELDS.contains(&name.as_str()));
    let mut metadata = event.object("metadata").cloned().unwrap_or_default();
    metadata.retain(|name, value| !value.is_null() && !STORED_METADATA.contains(&name.as_str()));
    let (_, left) = scores_of_event(event, &mut Odd::new());
    for (name, fields) in [("metadata", metadata), ("metrics", left)] {
        if !fields.is_empty() {
            extra.insert(name.to_owned(), Value::Object(fields));
        }
    }
    extra
}

/// What belongs to the execution as a whole: its root's fields that have no column, and the datapoint's.
fn extra_of(session: &Session, judged: Option<&Datapoint>) -> Fields {
    let mut extra = session.root().map(extra_of_event).unwrap_or_default();
    for name in ["event_id", "session_id", "parent_id"] {
        extra.shift_remove(name);
    }
    for (name, value) in judged.map(Datapoint::extra).unwrap_or_default() {
        extra.entry(name).or_insert(value);
    }
    extra
}
