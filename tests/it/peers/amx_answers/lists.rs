//! The list of runs and its counts: AMX's Studio and its statistics.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{facts, read, recordings, session};
use crate::support::fixture;
use crate::support::sandbox::Sandbox;

fn ingested() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingest", &fixture("amx/history.db").display().to_string()]).fine();
    sandbox
}

/// What the Studio was asked, in runq's words, and whether its `total` counts what was asked for (it counts all kinds
/// of runs when it is narrowed by command).
const LISTS: [(&str, &[&str], bool); 7] = [
    ("runs-all", &[], true),
    (
        "runs-comparable",
        &["--kind", "analyze", "--kind", "rerun", "--kind", "generate", "--kind", "schedule"],
        false,
    ),
    ("runs-default", &["--kind", "analyze.run"], false),
    ("runs-page2", &["--limit", "3", "--page", "2"], true),
    ("runs-kind-rerun", &["--kind", "rerun"], true),
    ("runs-q-sales-failed", &["--status", "failed"], true),
    ("by-scope-staff-or-orders", &["--asset", "schema=sales", "--limit", "20"], false),
];

fn ids(runs: &Value, field: &str) -> Vec<String> {
    let runs = runs.as_array().expect("runs").iter();
    runs.map(|run| run[field].as_str().map_or_else(|| run[field].to_string(), str::to_owned)).collect()
}

#[test]
fn lists_of_the_studio_are_lists_of_ours() {
    let Some(folder) = recordings() else { return };
    let sandbox = ingested();
    for (name, words, counts_what_was_asked) in LISTS {
        let recorded = read(&folder.join("studio-http").join(format!("{name}.json")));
        let ours = sandbox.run(&[&["runs", "--json"], words].concat()).fine().json();
        let mut theirs = ids(&recorded["runs"], "id");
        let mut total = recorded["total"].as_i64();
        if name == "runs-q-sales-failed" {
            // AMX had marked the run that was running as failed when it started.
            assert_eq!(theirs.remove(0), "16");
            total = total.map(|total| total - 1);
        }
        assert_eq!(ids(&ours["runs"], "run_id"), theirs, "{name}");
        if counts_what_was_asked {
            assert_eq!(ours["total"].as_i64(), total, "{name}");
        }
        assert_cards(&ours, &recorded);
    }
}

/// The fields of a card.
fn assert_cards(ours: &Value, recorded: &Value) {
    for run in ours["runs"].as_array().expect("runs") {
        let id: i64 = run["run_id"].as_str().and_then(|id| id.parse().ok()).expect("an id");
        let of = |card: &&Value| card["id"] == id;
        let card = recorded["runs"].as_array().expect("runs").iter().find(of).expect("its card");
        assert_eq!(run["command"], card["command"]);
        assert_eq!(run["models"], json!([card["llm_model"]]), "also of a run without a row: {run}");
        if run["run_id"] != "16" {
            let seconds = card["duration_sec"].as_f64().expect("a time");
            assert_eq!(run["duration_ms"].as_f64(), Some(seconds * 1000.0));
        }
        let scope = card["scope_json"].as_object().expect("a scope").iter();
        let scope: Vec<Value> = scope
            .flat_map(|(schema, tables)| {
                let tables = tables.as_array().expect("tables").iter();
                tables.map(move |table| json!(format!("{schema}.{}", table.as_str().expect("a name"))))
            })
            .collect();
        assert_eq!(run["scope"], Value::from(scope));
        if let Some(assets) = card["processed_assets"].as_object() {
            let names = assets["sample"].as_array().expect("a sample").len();
            assert_eq!(run["cases"].as_u64(), Some(names as u64), "assets of {}", run["run_id"]);
        }
    }
}

#[derive(Debug, PartialEq, Deserialize)]
struct Stats {
    total_runs: i64,
    success_runs: i64,
    failed_runs: i64,
    avg_duration_sec: f64,
    avg_model_processing_sec: f64,
    last_started_at: f64,
}

const STATS: &str = "SELECT count(*) AS total_runs, \
     sum(CASE WHEN status = 'complete' THEN 1 ELSE 0 END) AS success_runs, \
     sum(CASE WHEN status = 'failed' THEN 1 ELSE 0 END) AS failed_runs, \
     exact_mean(duration_ms) / 1000 AS avg_duration_sec, \
     exact_mean(model_duration_ms) / 1000 AS avg_model_processing_sec, \
     CAST(CAST(max(started_at) AS BIGINT) AS DOUBLE) / 1000000 AS last_started_at FROM runs";

#[tokio::test(flavor = "multi_thread")]
async fn statistics_are_a_select() {
    let Some(folder) = recordings() else { return };
    let recorded = read(&folder.join("helpers/stats.json"));
    let mut session = session(&facts(), &[]).await;
    for (name, narrowed) in [("stats_all", ""), ("stats_analyze_run", " WHERE command = 'analyze.run'")] {
        let ours: Vec<Stats> =
            session.rows(&format!("{STATS}{narrowed}")).await.expect("numbers").read().expect("a row");
        let theirs: Stats = serde_json::from_value(recorded[name].clone()).expect("statistics");
        let digits = |stats: &Stats| [stats.avg_duration_sec, stats.avg_model_processing_sec];
        for (ours, theirs) in digits(&ours[0]).into_iter().zip(digits(&theirs)) {
            assert!((ours - theirs).abs() < 1e-12, "{name}: {ours}, AMX {theirs}");
        }
        let rest = |stats: &Stats| {
            [stats.total_runs, stats.success_runs, stats.failed_runs, (stats.last_started_at * 100.0) as i64]
        };
        assert_eq!(rest(&ours[0]), rest(&theirs), "{name}");
    }
    // Studio: the same but for run 16, which AMX marked as failed and let last until then.
    let studio = read(&folder.join("studio-http/stats.json"));
    let all = &recorded["stats_all"];
    assert_eq!(studio["failed_runs"].as_i64(), all["failed_runs"].as_i64().map(|failed| failed + 1));
    for same in ["total_runs", "success_runs", "avg_model_processing_sec", "last_started_at"] {
        assert_eq!(studio[same], all[same], "{same}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_review_is_a_select() {
    #[derive(Deserialize)]
    struct Waiting {
        run_id: String,
        there: i64,
        pending: i64,
    }
    let Some(folder) = recordings() else { return };
    let recorded = read(&folder.join("helpers/stats.json"));
    let mut session = session(&facts(), &[]).await;
    let ours: Vec<Waiting> = session
        .rows(
            "SELECT runs.run_id, count(results.execution) AS there, \
             sum(CASE WHEN results.execution IS NOT NULL AND results.review IS NULL THEN 1 ELSE 0 END) AS pending \
             FROM runs LEFT JOIN results ON results.ingest_id = runs.ingest_id GROUP BY runs.run_id",
        )
        .await
        .expect("counts")
        .read()
        .expect("rows");
    for counted in recorded["result_counts"].as_array().expect("counts") {
        let id = counted["id"].to_string();
        let run = ours.iter().find(|run| run.run_id == id).expect("a run");
        assert_eq!(Some(run.there), counted["total_alternatives"].as_i64(), "{counted}");
        // AMX's join counts a run without rows as one that waits.
        let none = i64::from(run.there == 0);
        assert_eq!(Some(run.pending + none), counted["pending_count"].as_i64(), "{counted}");
    }
    assert_eq!(ours.len(), 16);
}
