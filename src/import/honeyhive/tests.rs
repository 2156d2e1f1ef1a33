//! The importer against answers in the documented shapes; expectations are the documents' and hand arithmetic.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::import::{Fault, HEAD_BYTES, ImportOptions, Record, RunHandle, SinkError};
use crate::model::{MetricRow, ResultRow, Timestamp};
use crate::source::{LocalDisk, Source};

/// Keeps what it is given.
#[derive(Default)]
struct Recorder {
    runs: Vec<RunRow>,
    repeats: Vec<Repeats>,
    records: Vec<Record>,
    faults: Vec<Fault>,
    notes: Vec<String>,
}

impl RunSink for Recorder {
    fn begin(&mut self, _: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError> {
        self.repeats.push(repeats);
        Ok(RunHandle(0))
    }
    fn record(&mut self, _: RunHandle, record: Record) -> Result<(), SinkError> {
        self.records.push(record);
        Ok(())
    }
    fn end(&mut self, _: RunHandle, header: RunRow) -> Result<(), SinkError> {
        self.runs.push(header);
        Ok(())
    }
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
    fn note(&mut self, note: String) {
        self.notes.push(note);
    }
    fn metric(&mut self, _: MetricRow) {}
    fn progress(&mut self, _: u64) {}
}

impl Recorder {
    fn run(&self) -> &RunRow {
        &self.runs[0]
    }
    fn results(&self) -> Vec<&ResultRow> {
        self.records.iter().map(|record| &record.result).collect()
    }
    /// Case, full name of the metric, value and label of every score.
    fn scores(&self) -> Vec<(&str, String, Option<f64>)> {
        let all = self.records.iter();
        all.flat_map(|record| {
            let case = record.result.case_id.as_str();
            record.scores.iter().map(move |score| (case, score.full_name(), score.value))
        })
        .collect()
    }
}

/// A folder with answers.
fn folder(files: &[(&str, Value)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (name, answer) in files {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, answer.to_string()).unwrap();
    }
    folder
}

fn try_read(path: &Path) -> Result<Recorder, ImportError> {
    let mut sink = Recorder::default();
    let options = ImportOptions::default();
    HoneyHive.read(&Input { source: &LocalDisk, path, options: &options }, &mut sink)?;
    Ok(sink)
}

fn read_one(answer: Value) -> Recorder {
    let folder = folder(&[("run.json", answer)]);
    try_read(&folder.path().join("run.json")).unwrap()
}

fn fit(path: &Path, named: bool) -> Fit {
    let head = LocalDisk.read_range(path, 0..HEAD_BYTES).unwrap();
    HoneyHive.sniff(&Candidate { source: &LocalDisk, path, head: &head, named })
}

fn event(session: &str, kind: &str, name: &str, metrics: Value) -> Value {
    json!({
        "event_id": format!("{session}-{name}"), "session_id": session, "event_type": kind, "event_name": name,
        "metadata": {"datapoint_id": format!("dp-{session}")}, "metrics": metrics
    })
}

#[test]
fn metrics_of_the_session_are_the_results_own_and_others_keep_their_step() {
    let read = read_one(json!({"events": [
        event("s1", "model", "draft", json!({"accuracy": 0.5, "tone": "dry"})),
        event("s1", "model", "draft", json!({"accuracy": 0.25})),
        event("s1", "chain", "rank", json!({"accuracy": 1})),
        event("s1", "session", "evaluation", json!({"accuracy": true, "spare": null})),
    ], "totalEvents": "4"}));
    let expected = [
        ("dp-s1", "accuracy".to_owned(), Some(1.0)),
        ("dp-s1", "accuracy @ draft".to_owned(), Some(0.5)),
        ("dp-s1", "tone @ draft".to_owned(), None),
        ("dp-s1", "accuracy @ draft".to_owned(), Some(0.25)),
        ("dp-s1", "accuracy @ rank".to_owned(), Some(1.0)),
    ];
    assert_eq!(read.scores(), expected);
    let [result] = read.results()[..] else { panic!("{} results", read.records.len()) };
    assert_eq!(
        (result.primary_metric.as_str(), result.score, result.status.as_str()),
        ("accuracy", Some(1.0), "ok")
    );
    let steps: Vec<_> =
        read.records[0].steps.iter().map(|step| (step.kind.as_str(), step.name.as_str())).collect();
    assert_eq!(steps, [("session", "evaluation"), ("model", "draft"), ("model", "draft"), ("chain", "rank")]);
    assert!(read.notes.is_empty() && read.faults.is_empty(), "{:?} {:?}", read.notes, read.faults);
}

#[test]
fn without_a_session_event_the_first_metric_of_a_step_is_the_primary_one() {
    let read = read_one(json!({"events": [
        event("s1", "model", "draft", json!({"accuracy": 0.5})),
        event("s1", "model", "draft", json!({"accuracy": 1.0})),
        event("s2", "model", "draft", json!({})),
    ]}));
    let scores: Vec<_> = read.results().iter().map(|result| result.score).collect();
    assert_eq!(scores, [Some(0.75), None]);
    assert_eq!(read.results()[1].primary_metric, "accuracy @ draft");
    // A result without it carries the metric all the same, so that it counts among the cases.
    assert_eq!(read.scores()[2], ("dp-s2", "accuracy @ draft".to_owned(), None));
}

#[test]
fn events_are_steps_in_order_of_their_start_with_tokens_cost_and_errors() {
    let mut root = event("s", "session", "evaluation", json!({}));
    root["start_time"] = json!(1_763_629_200_000_i64);
    root["end_time"] = json!(1_763_629_201_500_i64);
    root["event_id"] = json!("s");
    let mut call = event("s", "model", "draft", json!({}));
    call["start_time"] = json!(1_763_629_200_500.5);
    call["duration"] = json!(300);
    call["parent_id"] = json!("s");
    call["metadata"] =
        json!({"prompt_tokens": 11, "completion_tokens": 4, "total_tokens": 15, "cost": 0.002, "k": 1});
    let mut tool = event("s", "tool", "search", json!({}));
    tool["start_time"] = json!("2025-11-20T09:00:00.100Z");
    tool["error"] = json!("timed out");
    let read = read_one(json!({"events": [call, tool, root]}));
    let steps = &read.records[0].steps;
    let names: Vec<_> = steps.iter().map(|step| (step.step, step.name.as_str(), step.parent_step)).collect();
    assert_eq!(names, [(1, "evaluation", None), (2, "search", None), (3, "draft", Some(1))]);
    assert_eq!(steps[1].error_message.as_deref(), Some("timed out"));
    let draft = &steps[2];
    assert_eq!((draft.input_tokens, draft.output_tokens, draft.cost_usd), (Some(11), Some(4), Some(0.002)));
    assert_eq!(draft.duration_ms, Some(300.0));
    assert!(draft.extra.as_deref().unwrap().contains(r#""metadata":{"k":1}"#), "{:?}", draft.extra);
    let result = read.results()[0];
    // The session says nothing of tokens: the sum over its model events. A step's error is not the result's.
    assert_eq!(
        (result.total_tokens, result.cost_usd, result.duration_ms),
        (Some(15), Some(0.002), Some(1500.0))
    );
    assert_eq!((result.status.as_str(), &result.error_message), ("ok", &None));
    assert_eq!(result.recorded_at, Timestamp::parse("2025-11-20T09:00:01.500Z"));
}

#[test]
fn a_session_that_raised_is_an_error_and_its_next_one_an_attempt() {
    let mut failed = event("s1", "session", "evaluation", json!({"accuracy": 0}));
    failed["error"] = json!("ValueError");
    failed["start_time"] = json!(1_000.0);
    failed["metadata"] = json!({"datapoint_id": "dp"});
    let mut again = event("s2", "session", "evaluation", json!({"accuracy": 1}));
    again["start_time"] = json!(2_000.0);
    again["metadata"] = json!({"datapoint_id": "dp"});
    // HoneyHive lists the newest first.
    let read = read_one(json!({"events": [again, failed]}));
    let results: Vec<_> =
        read.results().iter().map(|row| (row.case_id.as_str(), row.status.as_str())).collect();
    assert_eq!(results, [("dp", "execution_error"), ("dp", "ok")]);
    assert_eq!(read.repeats, [Repeats::EpochsUnlessAfterError]);
    assert!(read.notes[0].contains("1 datapoint executed several times"), "{:?}", read.notes);
}

#[test]
fn a_case_without_a_datapoint_is_its_inputs_in_whatever_order() {
    let session = |id: &str, inputs: &str| {
        let mut event = event(id, "session", "evaluation", json!({}));
        event["metadata"] = json!({});
        event["inputs"] = serde_json::from_str(inputs).unwrap();
        event
    };
    let read = read_one(json!({"events": [
        session("s1", r#"{"a": 1, "b": {"c": 2, "d": 3}}"#),
        session("s2", r#"{"b": {"d": 3, "c": 2}, "a": 1}"#),
        session("s3", r#"{"a": 2}"#),
    ]}));
    let cases: Vec<_> = read.results().iter().map(|row| row.case_id.clone()).collect();
    assert_eq!(cases[0], cases[1]);
    assert_ne!(cases[0], cases[2]);
    assert_eq!(cases[0].len(), 16, "a hash");
}

/// The newer shape of `/result`: a datapoint passes when all its metrics do; metric_type is the scorer.
#[test]
fn a_result_answer_alone_has_verdicts_metrics_and_a_header() {
    let read = read_one(json!({
        "status": "completed", "success": false, "passed": ["d1"], "failed": ["d2"],
        "metrics": {"aggregation_function": "average", "details": [
            {"metric_name": "accuracy", "metric_type": "PYTHON", "event_name": "draft", "event_type": "model",
             "aggregate": 0.5, "values": [1, 0], "passing_range": {"min": 0.5, "max": 1}}]},
        "datapoints": [
            {"datapoint_id": "d1", "session_id": "s1", "passed": true, "metrics": [
                {"name": "accuracy", "event_name": "draft", "event_type": "model", "value": 1, "passed": true}]},
            {"datapoint_id": "d2", "session_id": "s2", "passed": false, "metrics": [
                {"name": "accuracy", "event_name": "draft", "event_type": "model", "value": false, "passed": false}]}],
        "run_object": {"run_id": "r-1", "name": "prompt-v2", "status": "cancelled", "dataset_name": "sums",
            "configuration": {"model": "m-1", "provider": "p"}, "metadata": {"team": "red", "n": 2, "list": [1]},
            "created_at": "2025-11-20T09:00:00Z", "updated_at": "2025-11-20T09:05:00Z", "description": "x"}
    }));
    let run = read.run();
    assert_eq!(
        (run.run_id.as_str(), run.name.as_deref(), run.task.as_str()),
        ("r-1", Some("prompt-v2"), "sums")
    );
    assert_eq!(
        (run.status.as_str(), run.started_at),
        ("cancelled", Timestamp::parse("2025-11-20T09:00:00Z"))
    );
    assert_eq!(run.params.as_deref(), Some(r#"{"model":"m-1","provider":"p"}"#));
    assert_eq!(run.tags.as_deref(), Some(r#"{"team":"red","n":"2"}"#));
    assert!(!HoneyHive.named_by_path(run), "it names itself");
    let results: Vec<_> =
        read.results().iter().map(|row| (row.status.as_str(), row.verdict, row.score)).collect();
    assert_eq!(results, [("ok", Some(true), Some(1.0)), ("quality_failure", Some(false), Some(0.0))]);
    let score = &read.records[0].scores[0];
    assert_eq!(
        (score.scorer.as_deref(), score.passed, score.step.as_deref()),
        (Some("PYTHON"), Some(true), Some("draft"))
    );
    assert_eq!(score.extra.as_deref(), Some(r#"{"passing_range":{"min":0.5,"max":1}}"#));
}

/// The older shape: metric keys directly under `metrics`, `result` as a word, `passed` as a count.
#[test]
fn the_older_result_answers_are_read_for_what_they_say() {
    let read = read_one(json!({
        "run_id": "run-9", "status": "completed", "success": true, "passed": ["a"], "failed": ["c"],
        "metrics": {"accuracy": {"aggregate": 0.5, "values": [0.5]}},
        "datapoints": [{"id": "a", "result": "pass"}, {"id": "b", "result": "fail"}]
    }));
    let verdicts: Vec<_> = read.results().iter().map(|row| (row.case_id.as_str(), row.verdict)).collect();
    assert_eq!(verdicts, [("a", Some(true)), ("b", Some(false)), ("c", Some(false))]);
    assert!(read.run().reported.as_deref().unwrap().contains("accuracy"), "aggregates are kept apart");
    assert!(read.scores().is_empty(), "an aggregate is no value of a case");
    let counts =
        read_one(json!({"success": true, "passed": 85, "failed": 15, "metrics": {}, "datapoints": []}));
    assert!(counts.records.is_empty());
    assert!(counts.notes[0].contains("nothing to compare by case"), "{:?}", counts.notes);
}

/// Both answers of one run give one run: values of the events, verdicts of the result.
#[test]
fn two_answers_of_a_run_are_one_run() {
    let metrics = || json!({"events": [event("s1", "session", "evaluation", json!({"accuracy": 0.25}))]});
    let result = |run: &str| {
        json!({"success": false, "passed": [], "failed": ["dp-s1"], "metrics": {}, "run_object": {"run_id": run},
        "datapoints": [{"datapoint_id": "dp-s1", "session_id": "s1", "passed": false, "metrics": [
            {"name": "accuracy", "event_name": "evaluation", "event_type": "session", "value": 0.25, "passed": false},
            {"name": "late", "event_name": "evaluation", "event_type": "session", "value": 1, "passed": true}]}]})
    };
    for (one, other) in
        [("metrics.json", "result.json"), ("r.metrics.json", "r.result.json"), ("r.json", "r_results.json")]
    {
        let folder = folder(&[(one, metrics()), (other, result("r-1"))]);
        let path = |name: &str| -> PathBuf { folder.path().join(name) };
        assert_eq!((fit(&path(one), false), fit(&path(other), false)), (Fit::Own, Fit::Elsewhere), "{one}");
        assert_eq!(fit(&path(other), true), Fit::Own, "a person may name it");
        let (first, second) = (try_read(&path(one)).unwrap(), try_read(&path(other)).unwrap());
        assert_eq!((&first.runs, first.scores()), (&second.runs, second.scores()), "whichever is named");
        assert_eq!(first.run().run_id, "r-1");
        let result = first.results()[0];
        assert_eq!((result.status.as_str(), result.score), ("quality_failure", Some(0.25)));
        assert_eq!(
            first.scores().len(),
            2,
            "the value once, and what only the result has: {:?}",
            first.scores()
        );
    }
    // Two runs that name themselves are two runs, wherever they lie.
    let mut other = metrics();
    other["events"][0]["metadata"]["run_id"] = json!("r-2");
    let folder = folder(&[("metrics.json", other), ("result.json", result("r-1"))]);
    assert_eq!(fit(&folder.path().join("result.json"), false), Fit::Own);
}

#[test]
fn what_is_no_run_is_refused_with_a_word_on_what_to_save() {
    let answers = [
        (
            json!({"commonDatapoints": [], "metrics": [], "old_run": {}, "new_run": {}}),
            "comparison of two runs",
        ),
        (json!({"events": [{"datapoint_id": "d", "event_1": {}, "event_2": {}}]}), "in pairs"),
        (json!({"metrics[]": {"metric_name": "string"}, "commonDatapoints": "string[]"}), "fields"),
    ];
    for (answer, word) in answers {
        let folder = folder(&[("compare.json", answer)]);
        let path = folder.path().join("compare.json");
        assert_eq!(fit(&path, false), Fit::Own);
        let error = try_read(&path).err().unwrap();
        assert!(error.to_string().contains(word), "{error}");
        assert!(error.hint().unwrap().contains("/runs/RUN_ID/metrics"), "{:?}", error.hint());
    }
}

#[test]
fn bad_events_are_named_and_the_rest_is_read() {
    let mut odd = event("s1", "session", "evaluation", json!({"accuracy": 1, "list": [1, 2]}));
    odd["timestamp"] = json!("yesterday");
    let read = read_one(json!({"events": [odd, 7, {"metrics": {"a": 1}}], "totalEvents": 9}));
    let faults: Vec<&str> = read.faults.iter().map(|fault| fault.message.as_str()).collect();
    assert_eq!(
        faults,
        [
            "event 1: timestamp: expected a time, found \"yesterday\" (left empty)",
            "event 2: expected an event, found no JSON object (left out)",
            "event 3: expected an event with a session_id, found none and no id of its own (left out)",
        ]
    );
    assert_eq!(read.scores().len(), 1);
    assert!(read.records[0].result.extra.as_deref().unwrap().contains(r#""metrics":{"list":[1,2]}"#));
    assert!(read.notes.iter().any(|note| note.contains("3 of 9 events")), "{:?}", read.notes);
    assert!(read.notes.iter().any(|note| note.contains("metric list of 1 event")), "{:?}", read.notes);
    assert!(HoneyHive.named_by_path(read.run()));
}
