//! `runq::compare_runs` as a Rust program calls it.

use runq::model::Direction;
use runq::session::{ErrorsAs, Options};
use runq::store::Store;
use runq::{CompareError, CompareOptions, RunComparison, RunSource, compare_runs};

use crate::support::sandbox::Sandbox;
use crate::support::{fixture, ingested};

const BASELINE: &str = "baseline::2026-11-20T08-57-23-723Z";

fn of_task(task: &str) -> CompareOptions {
    CompareOptions { task: Some(task.to_owned()), ..CompareOptions::default() }
}

/// The samples of AgentV, of which the first is the baseline.
async fn samples(options: CompareOptions) -> RunComparison {
    compare_runs(fixture("agentv/baseline"), fixture("agentv/candidate"), options).await.expect("two runs")
}

#[tokio::test(flavor = "multi_thread")]
async fn honeyhives_integration_example_comes_out_as_there() {
    // facts/honeyhive.md 2.3: 3 data points, accuracy 1, 0, 0 -> 1, 1, 0: common 3, only 0/0, improved 1, degraded 0,
    // same 2.
    let sandbox = Sandbox::new();
    let old = sandbox.write(
        "old.jsonl",
        r#"{"id":"a","accuracy":true}"#.to_owned()
            + "\n"
            + r#"{"id":"b","accuracy":false}"#
            + "\n"
            + r#"{"id":"c","accuracy":false}"#
            + "\n",
    );
    let new = sandbox.write(
        "new.jsonl",
        r#"{"id":"a","accuracy":true}"#.to_owned()
            + "\n"
            + r#"{"id":"b","accuracy":true}"#
            + "\n"
            + r#"{"id":"c","accuracy":false}"#
            + "\n",
    );
    let comparison = compare_runs(old, new, of_task("qa")).await.expect("two runs");
    assert_eq!(comparison.common_cases.len(), 3);
    assert_eq!((comparison.baseline_only.len(), comparison.candidate_only.len()), (0, 0));
    let accuracy = comparison.get_metric_change("accuracy", None).expect("accuracy");
    assert_eq!(
        (accuracy.found, accuracy.improved.len(), accuracy.regressed.len(), accuracy.unchanged.len()),
        (3, 1, 0, 2)
    );
    assert_eq!(accuracy.improved[0].case_id, "b");
    assert!(comparison.list_improved_metrics().contains(&"accuracy"));
    assert_eq!(comparison.list_degraded_metrics(), Vec::<&str>::new());
    // Means 1/3 and 2/3, so twice as much.
    assert_eq!((accuracy.baseline, accuracy.candidate), (Some(1.0 / 3.0), Some(2.0 / 3.0)));
    assert_eq!((accuracy.delta, accuracy.percent_change), (Some(1.0 / 3.0), Some(100.0)));
    let values: Vec<(f64, f64)> =
        accuracy.values.iter().map(|case| (case.baseline, case.candidate)).collect();
    assert_eq!(values, [(1.0, 1.0), (0.0, 1.0), (0.0, 0.0)]);
    assert!(comparison.get_metric_change("accuracy", Some("judge")).is_none());
    assert!(comparison.get_metric_change("nothing", None).is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn it_says_what_compare_says() {
    let comparison = samples(CompareOptions::default()).await;
    let document = crate::support::compared(
        &[&fixture("agentv/baseline"), &fixture("agentv/candidate")],
        Default::default(),
    )
    .await;
    assert_eq!(comparison.baseline_run_id, BASELINE);
    let changes = document["changes"].as_array().unwrap();
    assert_eq!(changes.len(), comparison.metric_changes.len());
    for (change, json) in comparison.metric_changes.iter().zip(changes) {
        assert_eq!(json["metric"], change.metric.as_str());
        assert_eq!(json["common"], change.found, "{}", change.metric);
        let counts = [change.improved.len(), change.regressed.len(), change.unchanged.len(), change.unscored];
        assert_eq!(
            counts.map(|count| count as i64),
            ["improved", "regressed", "unchanged", "unscored"].map(|name| json[name].as_i64().unwrap())
        );
        assert_eq!(json["p_value"].as_f64(), change.p_value);
        assert_eq!(json["verdict"].as_str(), change.verdict.as_deref());
        assert_eq!(json["ci_low"].as_f64().zip(json["ci_high"].as_f64()), change.interval);
        assert_eq!(change.values.len(), change.found);
    }
    let duration = comparison.get_metric_change("duration_ms", None).unwrap();
    assert_eq!((duration.direction, duration.aggregate.as_str()), (Direction::Lower, "median"));
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_a_store_give_the_same_as_their_files() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    ingested(&store, &[&fixture("agentv")]).await;
    let stored = |run: &str| RunSource::stored(folder.path(), run);
    let of_files = samples(CompareOptions::default()).await;
    let of_store =
        compare_runs(stored("baseline"), stored("candidate::2026"), CompareOptions::default()).await.unwrap();
    assert_eq!(of_store, of_files);
    let mixed =
        compare_runs(stored(BASELINE), fixture("agentv/candidate"), CompareOptions::default()).await.unwrap();
    assert_eq!(mixed, of_files);
    let swapped =
        compare_runs(fixture("agentv/candidate"), stored(BASELINE), CompareOptions::default()).await.unwrap();
    assert_eq!(swapped.candidate_run_id, BASELINE);
    let (there, back) = (
        of_files.get_metric_change("score", None).unwrap(),
        swapped.get_metric_change("score", None).unwrap(),
    );
    assert_eq!((&there.improved, &there.regressed), (&back.regressed, &back.improved));
}

#[tokio::test(flavor = "multi_thread")]
async fn options_are_those_of_the_session() {
    let sandbox = Sandbox::new();
    let old = sandbox.write("old.csv", "id,score\na,0\nb,0.5\nonly,1\n");
    let new = sandbox.write("new.csv", "id,score\na,0\nb,0.55\nextra,1\n");
    let any = compare_runs(old.clone(), new.clone(), CompareOptions::default()).await.unwrap();
    let score = |comparison: &RunComparison| comparison.get_metric_change("score", None).unwrap().clone();
    assert_eq!(score(&any).improved.len(), 1);
    assert_eq!(any.baseline_only[0].case_id, "only");
    assert_eq!(any.candidate_only[0].case_id, "extra");
    let options = Options { threshold: 0.1, errors_as: ErrorsAs::Zero, ..Options::default() };
    let strict =
        compare_runs(old, new, CompareOptions { options, ..CompareOptions::default() }).await.unwrap();
    assert_eq!((score(&strict).improved.len(), score(&strict).unchanged.len()), (0, 2));
    let zero = sandbox.write("zero.csv", "id,score\na,0\n");
    let one = sandbox.write("one.csv", "id,score\na,1\n");
    let from_zero = score(&compare_runs(zero, one, CompareOptions::default()).await.unwrap());
    assert_eq!((from_zero.delta, from_zero.percent_change), (Some(1.0), None));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_one_run_is_named() {
    let sandbox = Sandbox::new();
    let one = sandbox.write("one.csv", "id,score\na,1\n");
    let ask = |source: RunSource| compare_runs(one.clone(), source, CompareOptions::default());
    let several = ask(RunSource::files(fixture("agentv"))).await.unwrap_err();
    assert!(matches!(&several, CompareError::NotOneRun { runs, .. } if runs.len() == 4), "{several}");
    let missing = ask(RunSource::files(sandbox.path("nowhere.csv"))).await.unwrap_err();
    assert!(matches!(missing, CompareError::Unreadable { .. }), "{missing}");
    let no_store = ask(RunSource::stored(sandbox.path("nowhere"), "last")).await.unwrap_err();
    assert!(matches!(no_store, CompareError::Store(_)), "{no_store}");
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    ingested(&store, &[&one]).await;
    let stored = RunSource::stored(folder.path(), "one");
    let itself = compare_runs(stored.clone(), stored.clone(), CompareOptions::default()).await.unwrap_err();
    assert!(matches!(itself, CompareError::SameRun { .. }), "{itself}");
    // The stored run is of the task `unknown`.
    let no_results =
        compare_runs(fixture("agentv/baseline"), stored, of_task("support-bot")).await.unwrap_err();
    assert_eq!(no_results.to_string(), "run one has no results of task support-bot");
}

/// A metric on two events stays two metrics: of the session 1, 0, 0 -> 1, 1, 0; of the call `draft` 0.25, 0.5, 0.75 ->
/// 0.5, 0.5, 0.25.
#[tokio::test(flavor = "multi_thread")]
async fn a_metric_of_a_step_is_found_by_metric_and_step() {
    let (old, new) = (fixture("honeyhive/baseline"), fixture("honeyhive/candidate"));
    let comparison = compare_runs(old, new, CompareOptions::default()).await.expect("two runs");
    let counts = |step: Option<&str>| {
        let change = comparison.get_metric_change("accuracy", step).expect("accuracy");
        (change.found, change.improved.len(), change.regressed.len(), change.unchanged.len())
    };
    assert_eq!(counts(None), (3, 1, 0, 2));
    assert_eq!(counts(Some("draft")), (3, 1, 1, 1));
    assert!(comparison.get_metric_change("accuracy", Some("nowhere")).is_none());
}
