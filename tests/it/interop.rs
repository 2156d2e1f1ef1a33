//! Comparisons in the JSON of HoneyHive, against its documented fields and the arithmetic of its examples.
//! (AgentV's are held against its own output in `peers/shapes.rs`.)

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use runq::interop::{Asked, InteropError, SHAPES, Shape, Shaped};
use runq::model::Timestamp;
use runq::session::{By, Request};
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::{fixture, session, shared};

/// The shape of a tool.
pub fn shape(tool: &str) -> &'static dyn Shape {
    SHAPES.iter().copied().find(|shape| shape.name() == tool).expect("a shape")
}

/// Nothing beyond the session.
pub fn asked() -> Asked {
    Asked::at(Timestamp(0))
}

fn by_run() -> Request {
    Request { by: By::Dimension("run".to_owned()), ..Request::default() }
}

async fn honeyhive(paths: &[&Path], asked: &Asked) -> Result<Shaped, InteropError> {
    shape("honeyhive").document(&mut session(paths, by_run()).await, asked).await
}

/// Rows of a run as lines of JSON.
fn run(sandbox: &Sandbox, name: &str, rows: &[Value]) -> PathBuf {
    sandbox.write(&format!("{name}.jsonl"), rows.iter().map(|row| format!("{row}\n")).collect::<String>())
}

/// The integration test of HoneyHive's own SDK: three datapoints, accuracy 1, 0, 0 and then 1, 1, 0.
fn integration(sandbox: &Sandbox) -> [PathBuf; 2] {
    let rows = |accuracy: [f64; 3], seconds: [i64; 3]| -> Vec<Value> {
        let ids = ["EXT-c", "EXT-a", "EXT-b"];
        (0..3)
            .map(|at| json!({"id": ids[at], "metrics": {"accuracy": accuracy[at]}, "duration_ms": seconds[at]}))
            .collect()
    };
    let mut new = rows([1.0, 1.0, 0.0], [1200, 1700, 900]);
    new.reverse();
    [run(sandbox, "old", &rows([1.0, 0.0, 0.0], [1500, 1500, 900])), run(sandbox, "new", &new)]
}

#[tokio::test(flavor = "multi_thread")]
async fn the_integration_example_of_honeyhive() {
    let sandbox = Sandbox::new();
    let [old, new] = integration(&sandbox);
    let document = honeyhive(&[&old, &new], &asked()).await.expect("a document").document;
    assert_eq!(document["commonDatapoints"], json!(["EXT-c", "EXT-a", "EXT-b"]), "the old run's order");
    let [metric] = document["metrics"].as_array().expect("metrics").as_slice() else { panic!("{document}") };
    assert_eq!(
        *metric,
        json!({
            "metric_name": "accuracy", "event_name": null, "metric_type": "CLIENT_SIDE",
            "event_type": "session",
            "old_aggregate": 1.0 / 3.0, "new_aggregate": 2.0 / 3.0,
            "found_count": 3, "improved_count": 1, "degraded_count": 0, "same_count": 2,
            "improved": ["EXT-a"], "degraded": [], "same": ["EXT-c", "EXT-b"],
            "old_values": [1, 0, 0], "new_values": [1, 1, 0],
        })
    );
    assert_eq!(document["old_run"]["run_id"], "old");
    assert_eq!(document["new_run"]["run_id"], "new");
}

/// Lower is better for a duration, so 1500 to 1200 improved and 1500 to 1700 did not.
#[tokio::test(flavor = "multi_thread")]
async fn improved_follows_the_metrics_direction() {
    let sandbox = Sandbox::new();
    let [old, new] = integration(&sandbox);
    let asked = Asked { metrics: vec!["duration_ms".to_owned()], ..asked() };
    let document = honeyhive(&[&old, &new], &asked).await.expect("a document").document;
    let metric = &document["metrics"][0];
    assert_eq!(metric["improved"], json!(["EXT-c"]));
    assert_eq!(metric["degraded"], json!(["EXT-a"]));
    assert_eq!(metric["same"], json!(["EXT-b"]));
    let wrong = Asked { metrics: vec!["durations".to_owned()], ..asked };
    let error = honeyhive(&[&old, &new], &wrong).await.expect_err("no such metric");
    assert!(error.to_string().contains("durations"), "{error}");
}

/// Every field of the published schemas is there, and no other.
#[tokio::test(flavor = "multi_thread")]
async fn the_fields_are_those_of_the_published_schema() {
    let Some(file) = shared("evals/honeyhive/schema_ExperimentComparisonResponse_legacy.json") else {
        return;
    };
    let text = std::fs::read_to_string(file).expect("a schema");
    let schema: Value = serde_json::from_str(&text).expect("JSON");
    let names = |value: &Value| -> BTreeSet<String> {
        value
            .as_object()
            .expect("an object")
            .keys()
            .map(|name| name.trim_end_matches("[]").to_owned())
            .collect()
    };
    let (old, new) = (fixture("agentv/baseline"), fixture("agentv/candidate"));
    let document = honeyhive(&[&old, &new], &asked()).await.expect("a document").document;
    assert_eq!(names(&document), names(&schema));
    assert!(!document["metrics"].as_array().expect("metrics").is_empty());
    for metric in document["metrics"].as_array().expect("metrics") {
        assert_eq!(names(metric), names(&schema["metrics[]"]));
        let count = |name: &str| metric[name].as_u64().expect("a count");
        let counts = ["improved_count", "degraded_count", "same_count"].map(count);
        assert_eq!(counts.iter().sum::<u64>(), count("found_count"), "{metric}");
        for (list, length) in [("old_values", count("found_count")), ("improved", counts[0])] {
            assert_eq!(metric[list].as_array().expect("a list").len() as u64, length, "{list}");
        }
    }
    for event in document["event_details"].as_array().expect("events") {
        assert_eq!(names(event), names(&schema["event_details[]"]));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn honeyhive_compares_two_runs_and_nothing_else() {
    let baseline = fixture("agentv/baseline");
    let error = honeyhive(&[&baseline], &asked()).await.expect_err("one run");
    assert!(error.to_string().contains("exactly two runs; these are 1"), "{error}");
    let mut models = session(
        &[&fixture("agentv/matrix")],
        Request { by: By::Dimension("model".to_owned()), ..Request::default() },
    )
    .await;
    let error = shape("honeyhive").document(&mut models, &asked()).await.expect_err("models");
    assert!(error.hint().is_some_and(|hint| hint.contains("--by run")), "{error}");
}

/// An answer of HoneyHive's API with one event per datapoint and step.
fn events(sandbox: &Sandbox, run: &str, values: &[(&str, &str, f64)]) -> PathBuf {
    let events: Vec<Value> = values
        .iter()
        .map(|(datapoint, event, value)| {
            json!({
                "event_id": format!("{run}-{datapoint}-{event}"), "event_name": event, "event_type": "model",
                "session_id": format!("{run}-{datapoint}"), "metadata": {"datapoint_id": datapoint, "run_id": run},
                "metrics": {"accuracy": value},
            })
        })
        .collect();
    let answer = json!({"events": events, "totalEvents": events.len()});
    sandbox.write(&format!("{run}/metrics.json"), answer.to_string())
}

/// HoneyHive pairs metrics on name and event: the same metric on two events stays two metrics.
#[tokio::test(flavor = "multi_thread")]
async fn a_metric_on_two_events_stays_two_metrics() {
    let sandbox = Sandbox::new();
    let old =
        events(&sandbox, "old", &[("d1", "retrieve", 0.0), ("d1", "answer", 1.0), ("d2", "retrieve", 1.0)]);
    let new =
        events(&sandbox, "new", &[("d1", "retrieve", 1.0), ("d1", "answer", 0.0), ("d2", "rerank", 1.0)]);
    let document = honeyhive(&[&old, &new], &asked()).await.expect("a document").document;
    let metrics: Vec<Value> = document["metrics"]
        .as_array()
        .expect("metrics")
        .iter()
        .map(|metric| {
            json!([
                metric["metric_name"],
                metric["event_name"],
                metric["event_type"],
                metric["improved"],
                metric["degraded"]
            ])
        })
        .collect();
    assert_eq!(
        metrics,
        [
            json!(["accuracy", "answer", "model", [], ["d1"]]),
            json!(["accuracy", "retrieve", "model", ["d1"], []]),
        ]
    );
    let presence: Vec<(&str, &str)> = document["event_details"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| Some((event["event_name"].as_str()?, event["presence"].as_str()?)))
        .collect();
    assert_eq!(presence, [("answer", "both"), ("rerank", "new"), ("retrieve", "both")]);
}
