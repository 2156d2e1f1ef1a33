//! HoneyHive: the integration example of its client, its unit-test answers, and steps against `sql`.

use std::path::{Path, PathBuf};

use runq::answer::Block;
use runq::import::ImportOptions;
use runq::questions::compare::{Compare, StepChoice, compare};
use runq::session::{Request, SessionError};
use serde_json::{Value, json};

use crate::support::{compared, fixture, in_memory, session, shared};

/// One answer of `/runs/{id}/metrics` with one session per datapoint.
fn metrics_answer(datapoints: &[String], accuracy: [f64; 3], error_rate: [f64; 3]) -> Value {
    let events = datapoints.iter().enumerate().map(|(place, datapoint)| {
        json!({
            "event_id": format!("s{place}"), "session_id": format!("s{place}"), "event_type": "session",
            "event_name": "initialization", "metadata": {"datapoint_id": datapoint},
            "metrics": {"accuracy_evaluator": accuracy[place], "error_rate_evaluator": error_rate[place]}
        })
    });
    let events: Vec<Value> = events.collect();
    json!({"totalEvents": events.len(), "events": events})
}

fn write(folder: &Path, name: &str, answer: &Value) -> PathBuf {
    let path = folder.join(name);
    std::fs::write(&path, answer.to_string()).unwrap();
    path
}

fn change<'a>(document: &'a Value, metric: &str) -> &'a Value {
    let changes = document["changes"].as_array().expect("changes");
    changes
        .iter()
        .find(|change| change["metric"] == metric && !change["task"].is_null())
        .expect("a change of the metric")
}

/// tests/integration/test_experiments_run_comparison.py: three datapoints, of which the second run repairs one; the
/// client's `common_datapoints` is 3, both `*_only` are 0, `accuracy_evaluator` is in the improved list.
#[tokio::test(flavor = "multi_thread")]
async fn the_integration_example_comes_out_as_the_client_asserts() {
    let dataset: Option<Value> = shared("evals/honeyhive/integration_dataset.json")
        .map(|path| serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap());
    let derived = dataset.as_ref().map(|dataset| &dataset["_derived_by_us_not_in_source"]);
    let numbers = |metric: &str, side: &str, ours: [f64; 3]| -> [f64; 3] {
        let known = derived.and_then(|derived| serde_json::from_value(derived[metric][side].clone()).ok());
        known.unwrap_or(ours)
    };
    let rate = "error_rate_evaluator(1-relative error, higher is better despite its name)";
    let accuracy = [numbers("accuracy", "old", [1.0, 0.0, 0.0]), numbers("accuracy", "new", [1.0, 1.0, 0.0])];
    let rates = [numbers(rate, "old", [1.0, 0.6667, 0.75]), numbers(rate, "new", [1.0, 1.0, 0.75])];
    let ids: Vec<String> = (0..3).map(|place| format!("EXT-{place:016x}")).collect();
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path(), "old.json", &metrics_answer(&ids, accuracy[0], rates[0]));
    let new = write(folder.path(), "new.json", &metrics_answer(&ids, accuracy[1], rates[1]));
    let document = compared(&[&old, &new], Request::default()).await;
    assert_eq!(document["primary_metric"], "accuracy_evaluator");
    for metric in ["accuracy_evaluator", "error_rate_evaluator"] {
        let change = change(&document, metric);
        let count = |name: &str| change[name].as_i64().expect("a count");
        assert_eq!(
            [count("common"), count("improved"), count("regressed"), count("unchanged")],
            [3, 1, 0, 2]
        );
        assert_eq!((count("baseline_only"), count("candidate_only")), (0, 0));
        assert_eq!(change["improved_cases"][0]["case_id"], ids[1].as_str());
    }
}

/// Swapped datapoints still pair: the id decides, not the place.
#[tokio::test(flavor = "multi_thread")]
async fn datapoints_pair_by_their_ids() {
    let ids: Vec<String> = (0..3).map(|place| format!("dp-{place}")).collect();
    let turned: Vec<String> = ids.iter().rev().cloned().collect();
    let folder = tempfile::tempdir().unwrap();
    let old = write(folder.path(), "old.json", &metrics_answer(&ids, [1.0, 0.0, 0.5], [0.0; 3]));
    let new = write(folder.path(), "new.json", &metrics_answer(&turned, [0.5, 0.0, 1.0], [0.0; 3]));
    let document = compared(&[&old, &new], Request::default()).await;
    assert_eq!(change(&document, "accuracy_evaluator")["unchanged"], 3);
}

/// The answers of the client's unit tests and endpoint documents: runs are read, what compares runs is refused.
#[test]
fn the_documented_answers_parse_or_are_named() {
    let Some(folder) = shared("evals/honeyhive") else { return };
    let memory = in_memory(&[&folder], &ImportOptions::default());
    let mut runs: Vec<(&str, i64, &str)> = memory
        .runs
        .iter()
        .map(|run| (run.header.run_id.as_str(), run.header.result_count, run.header.status.as_str()))
        .collect();
    runs.sort_unstable();
    let expected = [
        ("run-123", 3, "complete"),
        ("run_metrics_response_endpoint_matrix", 1, "unknown"),
        ("run_result_response_endpoint_matrix", 0, "unknown"),
    ];
    assert_eq!(runs, expected);
    let mut refused: Vec<String> = memory
        .problems
        .iter()
        .map(|problem| problem.path.file_name().unwrap().to_string_lossy().into_owned())
        .collect();
    refused.sort_unstable();
    assert_eq!(refused.len(), 8, "{refused:?}");
    for name in refused {
        assert!(["compare_", "schema_", "unit_compare_"].iter().any(|kind| name.starts_with(kind)), "{name}");
    }
}

/// tests/fixtures/honeyhive: accuracy of the session 1,0,0 to 1,1,0; at `draft` 0.25, 0.5, 0.75 to 0.5, 0.5, 0.25.
#[tokio::test(flavor = "multi_thread")]
async fn a_metric_on_two_events_stays_two_metrics() {
    let (old, new) = (fixture("honeyhive/baseline"), fixture("honeyhive/candidate"));
    let document = compared(&[&old, &new], Request::default()).await;
    let counts = |metric: &str| {
        let change = change(&document, metric);
        ["common", "improved", "regressed", "unchanged"].map(|name| change[name].as_i64().expect("a count"))
    };
    assert_eq!(counts("accuracy"), [3, 1, 0, 2]);
    assert_eq!(counts("accuracy @ draft"), [3, 1, 1, 1]);
    let value = |metric: &str, arm: usize| {
        let metrics = document["metrics"].as_array().expect("metrics");
        let found = metrics.iter().find(|entry| entry["metric"] == metric).expect("the metric");
        found["arms"][arm]["value"].as_f64().expect("a value")
    };
    assert!((value("accuracy", 1) - 2.0 / 3.0).abs() < 1e-12);
    assert!((value("accuracy @ draft", 1) - 1.25 / 3.0).abs() < 1e-12);
    let mut session = session(&[&old, &new], Request::default()).await;
    let coverage: Vec<Value> = session
        .rows("SELECT metric, name, step, step_kind FROM metric_coverage WHERE name = 'accuracy' ORDER BY metric")
        .await
        .unwrap()
        .read()
        .unwrap();
    assert_eq!(coverage[0], json!({"metric": "accuracy", "name": "accuracy"}));
    let draft =
        json!({"metric": "accuracy @ draft", "name": "accuracy", "step": "draft", "step_kind": "model"});
    assert_eq!(coverage[1], draft);
}

/// What was told of a metric's name holds at its steps; what was told of one step holds there only.
#[tokio::test(flavor = "multi_thread")]
async fn direction_and_threshold_are_looked_up_by_full_name_first() {
    let (old, new) = (fixture("honeyhive/baseline"), fixture("honeyhive/candidate"));
    let mut request = Request::default();
    request.options.thresholds = vec![("accuracy".into(), 0.3), ("accuracy @ draft".into(), 0.6)];
    let document = compared(&[&old, &new], request.clone()).await;
    assert_eq!(change(&document, "accuracy @ draft")["unchanged"], 3);
    assert_eq!(change(&document, "accuracy")["improved"], 1);
    request.options.thresholds = vec![("accuracy".into(), 0.3)];
    let document = compared(&[&old, &new], request).await;
    assert_eq!(change(&document, "accuracy @ draft")["regressed"], 1, "-0.5");
    assert_eq!(change(&document, "accuracy @ draft")["unchanged"], 2, "+0.25 and 0");
}

async fn with_steps(paths: &[&Path], choice: StepChoice) -> (Value, Vec<Value>, Vec<Value>) {
    let mut session = session(paths, Request::default()).await;
    let asked = Compare { steps: Some(choice), ..Compare::default() };
    let document =
        compare(&mut session, &asked).await.expect("a comparison").answer.document.expect("a document");
    let changes = session.rows("SELECT * FROM step_changes").await.unwrap().read().unwrap();
    let summary = session.rows("SELECT * FROM step_summary").await.unwrap().read().unwrap();
    (document, changes, summary)
}

/// Every number of the document's `steps` is a row of the views, and every row is in the document.
#[tokio::test(flavor = "multi_thread")]
async fn the_steps_of_the_document_are_the_rows_of_the_views() {
    let agentv = [fixture("agentv/baseline"), fixture("agentv/candidate")];
    let honeyhive = [fixture("honeyhive/baseline"), fixture("honeyhive/candidate")];
    for [old, new] in [agentv, honeyhive] {
        let (document, changes, summary) = with_steps(&[&old, &new], StepChoice::default()).await;
        let steps = document["steps"].as_array().expect("steps");
        let of_step = |row: &Value| {
            let step = steps
                .iter()
                .find(|step| ["task", "step", "step_kind"].iter().all(|name| step[*name] == row[*name]));
            step.unwrap_or_else(|| panic!("no step for {row}"))
        };
        for row in &changes {
            let list = of_step(row)["changes"].as_array().expect("changes");
            let entry = list
                .iter()
                .find(|entry| entry["metric"] == row["metric"] && entry["candidate"] == row["candidate"]);
            let entry = entry.expect("the change").as_object().expect("an object");
            for (name, value) in entry {
                assert_eq!(*value, row[name.as_str()], "{name} of {row}");
            }
        }
        for row in &summary {
            let metrics = of_step(row)["metrics"].as_array().expect("metrics");
            let metric = metrics.iter().find(|metric| metric["metric"] == row["metric"]).expect("the metric");
            let arms = metric["arms"].as_array().expect("arms");
            let arm = arms.iter().find(|arm| arm["arm"] == row["arm"]).expect("the arm");
            for name in ["value", "n", "unscored", "mean", "sum", "p50", "p95"] {
                assert_eq!(arm[name], row[name], "{name} of {row}");
            }
        }
        let entries =
            |name: &str| steps.iter().map(|step| step[name].as_array().map_or(0, Vec::len)).sum::<usize>();
        assert_eq!(entries("changes"), changes.len());
        assert!(
            steps.iter().all(|step| step.get("cases").is_none()),
            "pairs belong to a step that was named"
        );
    }
}

/// The pairs of one step by hand: 0.25 to 0.5, 0.5 to 0.5, 0.75 to 0.25.
#[tokio::test(flavor = "multi_thread")]
async fn a_named_step_gives_its_pairs_case_by_case() {
    let (old, new) = (fixture("honeyhive/baseline"), fixture("honeyhive/candidate"));
    let choice = StepChoice { name: Some("draft".into()), kind: Some("model".into()) };
    let (document, ..) = with_steps(&[&old, &new], choice).await;
    let [step] = document["steps"].as_array().expect("steps").as_slice() else { panic!("one step") };
    let pairs: Vec<(f64, f64, &str)> = step["cases"]
        .as_array()
        .expect("pairs")
        .iter()
        .filter(|pair| pair["metric"] == "accuracy")
        .map(|pair| {
            let number = |name: &str| pair[name].as_f64().expect("a value");
            (
                number("baseline_value"),
                number("candidate_value"),
                pair["outcome"].as_str().expect("an outcome"),
            )
        })
        .collect();
    assert_eq!(pairs, [(0.25, 0.5, "improved"), (0.5, 0.5, "unchanged"), (0.75, 0.25, "regressed")]);
    let accuracy =
        step["changes"].as_array().expect("changes").iter().find(|row| row["metric"] == "accuracy");
    assert_eq!(accuracy.expect("a change")["presence"], "both");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_step_names_the_near_one_and_an_arm_without_steps_is_said() {
    let (old, new) = (fixture("honeyhive/baseline"), fixture("honeyhive/candidate"));
    let mut asked =
        Compare { steps: Some(StepChoice { name: Some("drafd".into()), kind: None }), ..Compare::default() };
    let mut there = session(&[&old, &new], Request::default()).await;
    let Err(error) = compare(&mut there, &asked).await else { panic!("there is no such step") };
    assert!(matches!(error, SessionError::UnknownStep { .. }), "{error}");
    assert_eq!(error.hint().as_deref(), Some("did you mean draft?"));
    asked.steps = Some(StepChoice { name: Some("draft".into()), kind: Some("tool".into()) });
    assert!(compare(&mut there, &asked).await.is_err(), "draft is a model call");
    let bare = fixture("../slt/data/first.jsonl");
    asked.steps = Some(StepChoice::default());
    let mut apart = session(&[&old, &bare], Request::default()).await;
    let compared = compare(&mut apart, &asked).await.expect("a comparison");
    let said = |block: &Block| matches!(block, Block::Note(note) if note == "first has no steps: its runs hold no traces of their cases");
    assert!(compared.answer.blocks.iter().any(said), "{:?}", compared.answer.blocks);
    let document = compared.answer.document.expect("a document");
    let presence = document["steps"][0]["changes"][0]["presence"].clone();
    assert_eq!(presence, "baseline");
}
