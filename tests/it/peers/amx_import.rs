//! AMX's history against dumps of its tables that AMX's own storage layer made, and against answers of AMX's functions.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::memory::InMemory as Objects;
use runq::import::ImportOptions;
use runq::ingest::{MemoryRun, Summary};
use runq::model::{ResultRow, Row as _, RunRow, Timestamp};
use runq::store::Store;
use rusqlite::Connection;
use serde_json::{Map, Value, json};
use url::Url;

use super::recorded::json as document;
use crate::support::sandbox::Sandbox;
use crate::support::{Counted, fixture, in_memory, ingested_by, shared};

/// What AMX recorded beside the history.
struct Recorded {
    folder: PathBuf,
}

impl Recorded {
    fn new() -> Option<Self> {
        shared("peers/amx-0.19.0").map(|folder| Self { folder })
    }

    fn runs(&self) -> Vec<MemoryRun> {
        let memory = in_memory(&[&self.folder.join("history.db")], &ImportOptions::default());
        assert!(
            memory.problems.is_empty() && memory.reading.faults.is_empty(),
            "{:?}",
            memory.reading.faults
        );
        memory.runs
    }

    /// The rows of a dumped table.
    fn rows(&self, name: &str) -> Vec<Map<String, Value>> {
        let text = fs::read_to_string(self.folder.join(name)).expect("a dump");
        text.lines().map(|line| serde_json::from_str(line).expect("a row")).collect()
    }

    fn helper(&self, name: &str) -> Value {
        document(&self.folder.join("helpers").join(name))
    }
}

fn results(run: &MemoryRun) -> Vec<ResultRow> {
    run.rows.iter().flat_map(|part| ResultRow::read(&part.results).expect("stored rows")).collect()
}

fn parsed(text: &Option<String>) -> Value {
    text.as_deref().map_or(Value::Null, |text| serde_json::from_str(text).expect("stored JSON"))
}

/// A text of the dump; an empty one is none.
fn text(row: &Map<String, Value>, name: &str) -> Option<String> {
    row[name].as_str().filter(|text| !text.is_empty()).map(str::to_owned)
}

fn id(row: &Map<String, Value>, name: &str) -> Option<String> {
    row[name].as_i64().map(|id| id.to_string())
}

fn moment(row: &Map<String, Value>, name: &str) -> Option<Timestamp> {
    row[name].as_f64().map(|seconds| Timestamp((seconds * 1e6) as i64))
}

/// A column of JSON as the dump holds it.
fn inner(row: &Map<String, Value>, name: &str) -> Value {
    row[name].as_str().map_or(Value::Null, |text| serde_json::from_str(text).expect("JSON in the dump"))
}

#[test]
fn every_run_is_what_the_dump_says() {
    let Some(recorded) = Recorded::new() else { return };
    let runs = recorded.runs();
    let rows = recorded.rows("analysis_runs.jsonl");
    assert_eq!((runs.len(), rows.len()), (16, 16));
    for (run, row) in runs.iter().map(|run| &run.header).zip(&rows) {
        assert_eq!(Some(&run.run_id), id(row, "id").as_ref());
        assert_eq!(
            (run.tool.as_str(), &run.tool_version, &run.name),
            ("amx", &None, &None),
            "{}",
            run.run_id
        );
        assert_eq!((run.task.as_str(), &run.experiment), ("shop", &None), "settings_json.database");
        assert_eq!(run.command, text(row, "command"));
        assert_eq!((run.started_at, run.ended_at), (moment(row, "started_at"), moment(row, "ended_at")));
        let counts = [run.planned_count, run.processed_count, run.applied_count];
        let dumped = ["planned_count", "processed_count", "applied_count"].map(|name| row[name].as_i64());
        assert_eq!(counts, dumped, "{}", run.run_id);
        assert_eq!(run.duration_ms, row["duration_sec"].as_f64().map(|seconds| seconds * 1000.0));
        assert_documents(run, row);
    }
}

/// Settings, reported numbers and everything else of a run.
fn assert_documents(run: &RunRow, row: &Map<String, Value>) {
    let names = ["metrics_json", "tokens_json", "results_json"];
    let mut reported: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), inner(row, name))).collect();
    reported.retain(|_, document| !document.is_null());
    let reported = if reported.is_empty() { Value::Null } else { reported.into() };
    assert_eq!(parsed(&run.reported), reported, "{}", run.run_id);
    let extra = parsed(&run.extra);
    assert_eq!(extra["status"], row["status"]);
    assert_eq!(
        extra["settings"].to_string(),
        inner(row, "settings_json").to_string(),
        "nulls and order stay"
    );
    assert_eq!(extra["error"].as_str(), text(row, "error_text").as_deref());
    assert_eq!(extra["selected_count"], row["selected_count"]);
    let params = parsed(&run.params);
    for name in
        ["mode", "db_backend", "db_profile", "llm_provider", "llm_model", "llm_profile", "review_strategy"]
    {
        assert_eq!(params[name], row[name], "{}: {name}", run.run_id);
    }
    for (name, value) in inner(row, "settings_json").as_object().expect("settings") {
        let kept = !value.is_null() && !["parent_run_id", "trigger"].contains(&name.as_str());
        assert_eq!(params.get(name), kept.then_some(value), "{}: {name}", run.run_id);
    }
    for (name, value) in [("doc_profile", &row["doc_profile"]), ("code_profile", &row["code_profile"])] {
        assert_eq!(params.get(name), Some(value).filter(|value| !value.is_null()), "{}", run.run_id);
    }
}

#[test]
fn kinds_states_and_measures_are_those_of_amx() {
    let Some(recorded) = Recorded::new() else { return };
    let runs: BTreeMap<String, RunRow> =
        recorded.runs().into_iter().map(|run| (run.header.run_id.clone(), run.header)).collect();
    let mut kinds =
        json!({"analyze": 0, "generate": 0, "rerun": 0, "ask": 0, "schedule": 0, "other": 0, "all": 16});
    for run in runs.values() {
        kinds[&run.kind] = (kinds[&run.kind].as_i64().expect("a kind of AMX") + 1).into();
    }
    let facets = &recorded.helper("stats.json")["facets"];
    assert_eq!(kinds, facets["kind_counts"]);
    // AMX counts 10 as success, 1 as ready for review and 1 as applied partially.
    let states: Vec<&str> = runs.values().map(|run| run.status.as_str()).collect();
    let count = |state: &str| states.iter().filter(|known| **known == state).count() as i64;
    let amx = |state: &str| facets["status_counts"][state].as_i64().expect("a count");
    assert_eq!((count("complete"), count("incomplete")), (amx("success") + 2, 0));
    for state in ["failed", "running", "cancelled"] {
        assert_eq!(count(state), amx(state), "{state}");
    }
    let compared = document(&recorded.folder.join("cli/three-A-B-C/compare.json"));
    for metric in compared["aggregate_metrics"].as_array().expect("aggregates") {
        let run = &runs[&metric["run_id"].to_string()];
        let whole = |count: Option<i64>| count.map(|count| count as f64);
        let ours = match metric["metric"].as_str().expect("a name") {
            "wall_duration_sec" => run.duration_ms.map(|ms| ms / 1000.0),
            "model_processing_sec" => run.model_duration_ms.map(|ms| ms / 1000.0),
            "prompt_tokens" => whole(run.input_tokens),
            "completion_tokens" => whole(run.output_tokens),
            "total_tokens" => whole(run.total_tokens),
            "cost_usd" => run.cost_usd,
            _ => continue,
        };
        // AMX's functions give 0 where its screens take it for missing.
        let amx = metric["value"].as_f64().filter(|value| *value != 0.0);
        let near = |(ours, amx): (f64, f64)| (ours - amx).abs() < 1e-12;
        assert!(ours.zip(amx).map_or(ours == amx, near), "{metric}: {ours:?}");
    }
    let scopes: Vec<Value> = ["1", "3", "7"].iter().map(|id| parsed(&runs[*id].scope)).collect();
    assert_eq!(
        scopes,
        [json!(["sales.orders", "sales.customers"]), json!(["sales.orders"]), json!(["sales.returns"])]
    );
}

#[test]
fn every_result_is_what_the_dump_says() {
    let Some(recorded) = Recorded::new() else { return };
    let runs = recorded.runs();
    let profiles: BTreeMap<String, Map<String, Value>> = recorded
        .rows("analysis_runs.jsonl")
        .into_iter()
        .map(|row| (id(&row, "id").expect("an id"), row))
        .collect();
    let mut stored: BTreeMap<i64, ResultRow> = runs
        .iter()
        .flat_map(results)
        .map(|result| (result.native_id.as_ref().and_then(|id| id.parse().ok()).expect("an id"), result))
        .collect();
    for row in recorded.rows("run_results.jsonl") {
        let result = stored.remove(&row["id"].as_i64().expect("an id")).expect("every row is stored");
        let run = &profiles[&result.run_id];
        assert_eq!(Some(&result.run_id), id(&row, "run_id").as_ref());
        let parts = ["schema_name", "table_name", "column_name"].map(|name| text(&row, name));
        let asset: Vec<String> = parts.into_iter().flatten().collect();
        assert_eq!((result.task.as_str(), result.case_id), ("shop", asset.join(".")));
        assert_eq!(result.model, text(&row, "model"));
        assert_eq!(result.provider, text(&row, "provider").or_else(|| text(run, "llm_provider")));
        assert_eq!((result.status.as_str(), result.verdict, result.score), ("ok", None, None));
        assert_eq!((result.epoch, result.attempt, result.latest, result.copies), (1, 1, true, 1));
        assert_eq!(result.source_row, row["id"].as_i64());
        assert_eq!(
            (result.primary_metric.as_str(), result.logprob),
            ("logprob", row["logprob_score"].as_f64())
        );
        assert_eq!(
            (result.confidence, result.category),
            (text(&row, "confidence"), text(&row, "asset_kind"))
        );
        assert_eq!((result.total_tokens, result.cost_usd), (row["token_count"].as_i64(), None));
        assert_eq!(result.recorded_at, moment(&row, "saved_at"));
        assert_eq!(result.review, text(&row, "evaluation"));
        assert_eq!(result.parent_result_id, id(&row, "parent_result_id"));
        assert_eq!(result.rerun_seq, row["rerun_seq"].as_i64().filter(|place| *place > 0));
        assert_eq!(result.mode, text(&row, "alternatives_mode"));
        let seed = (text(&row, "seed_alternative_id"), text(&row, "seed_alternative_text"));
        assert_eq!((result.seed_id, result.seed_text), seed);
        assert_rest(&parsed(&result.extra), &row);
    }
    assert!(stored.is_empty(), "{stored:?}");
}

/// What has no column of its own.
fn assert_rest(extra: &Value, row: &Map<String, Value>) {
    let mut expected: Map<String, Value> = [
        "source",
        "raw_logprob",
        "model_version",
        "reasoning",
        "evaluated_at",
        "applied_at",
        "catalog_status",
        "catalog_indexed_at",
        "db_applied_status",
        "effective_source_kind",
        "superseded_at",
        "rejection_reason",
        "parent_run_id",
        "production_warning",
        "created_by",
        "hostname",
        "shared_uuid",
        "user_instructions",
    ]
    .iter()
    .map(|name| ((*name).to_owned(), row[*name].clone()))
    .collect();
    expected.retain(|_, value| !value.is_null() && value != "");
    let alternatives = inner(row, "alternatives_json");
    if alternatives[0].get("ensemble").is_some() {
        expected.insert("alternatives_json".to_owned(), alternatives);
    }
    assert_eq!(*extra, Value::Object(expected), "row {}", row["id"]);
}

/// Descriptions and alternatives in AMX's own export, which has all three shapes of the list.
#[test]
fn alternatives_and_descriptions_are_those_of_amx_export() {
    let Some(recorded) = Recorded::new() else { return };
    let runs = recorded.runs();
    let stored: BTreeMap<(String, String), ResultRow> = runs
        .iter()
        .flat_map(results)
        .map(|result| ((result.run_id.clone(), result.case_id.clone()), result))
        .collect();
    let exported = document(&recorded.folder.join("cli/three-A-B-C/compare.json"));
    let cells = exported["per_column"].as_array().expect("cells");
    assert_eq!(cells.len(), 17);
    for cell in cells {
        let part = |name: &str| cell[name].as_str().filter(|part| !part.is_empty());
        let asset: Vec<&str> = ["schema", "table", "column"].into_iter().filter_map(part).collect();
        let run = cell["descendant_run_id"].as_i64().or(cell["run_id"].as_i64()).expect("a run");
        let result = &stored[&(run.to_string(), asset.join("."))];
        assert_eq!(parsed(&result.alternatives), cell["alternatives"], "{cell}");
        assert_eq!(result.output.as_deref().unwrap_or(""), cell["description"], "{cell}");
        assert_eq!(result.mode.as_deref(), cell["alternatives_mode"].as_str());
        assert_eq!(result.seed_text.as_deref(), cell["seed_alternative_text"].as_str());
    }
}

#[test]
fn chains_and_lineage_are_those_of_amx() {
    let Some(recorded) = Recorded::new() else { return };
    let runs = recorded.runs();
    let mut chained = BTreeSet::new();
    for chain in recorded.helper("chains.json")["chain_of_result"].as_object().expect("chains").values() {
        for link in chain.as_array().expect("links") {
            let number = |place: usize| link[place].as_i64();
            let parent = number(3).map(|parent| parent.to_string());
            let place = number(2).filter(|place| *place > 0);
            chained.insert((
                number(0).map(|id| id.to_string()),
                number(1).map(|id| id.to_string()),
                place,
                parent,
            ));
        }
    }
    let stored: BTreeSet<_> = runs
        .iter()
        .flat_map(results)
        .map(|row| (row.native_id, Some(row.run_id), row.rerun_seq, row.parent_result_id))
        .collect();
    assert_eq!(stored, chained);
    // Children at depth 1 of every run, with what they are to it.
    let mut children: BTreeSet<(String, String, String)> = BTreeSet::new();
    for lineage in recorded.helper("lineage.json").as_object().expect("lineages").values() {
        for child in lineage["descendants"].as_array().expect("descendants") {
            if child["depth"] == 1 || child["kind"] == "rerun" {
                let kind = child["kind"].as_str().expect("a kind").to_owned();
                children.insert((child["run_id"].to_string(), lineage["run"].to_string(), kind));
            }
        }
    }
    let related: BTreeSet<_> = runs
        .iter()
        .filter_map(|run| {
            Some((run.header.run_id.clone(), run.header.parent_run_id.clone()?, run.header.relation.clone()?))
        })
        .collect();
    assert_eq!(related, children);
}

/// Another history: the same shape, other times and other words.
fn other_history(path: &Path) {
    fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
    fs::copy(fixture("amx/history.db"), path).expect("a copy");
    change(
        path,
        "UPDATE analysis_runs SET started_at = started_at + 86400, ended_at = ended_at + 86400;
         UPDATE run_results SET saved_at = saved_at + 86400, chosen_description = 'other';",
    );
}

fn change(path: &Path, statements: &str) {
    Connection::open(path).and_then(|database| database.execute_batch(statements)).expect("statements");
}

async fn empty_store() -> Store {
    let url = Url::parse("memory:///store/").expect("a URL");
    Store::create_with(Arc::new(Objects::new()), &url).await.expect("a store")
}

fn ids(runs: &[RunRow]) -> BTreeSet<&str> {
    runs.iter().map(|run| run.run_id.as_str()).collect()
}

fn counts(summary: &Summary) -> [usize; 4] {
    assert!(summary.problems.is_empty(), "{:?}", summary.problems);
    [summary.new.len(), summary.replaced.len(), summary.unchanged.len(), summary.copies.len()]
}

#[tokio::test(flavor = "multi_thread")]
async fn two_histories_stand_beside_each_other_and_each_keeps_its_runs() {
    let folder = tempfile::tempdir().expect("a folder");
    let [mine, hers] = ["mine", "hers"].map(|who| folder.path().join(who).join("history.db"));
    other_history(&hers);
    fs::create_dir_all(folder.path().join("mine")).expect("a folder");
    fs::copy(fixture("amx/history.db"), &mine).expect("a copy");
    let (store, clock) = (empty_store().await, Arc::new(Counted::default()));
    assert_eq!(counts(&ingested_by(&store, &[&mine], &clock).await), [16, 0, 0, 0]);
    let second = ingested_by(&store, &[&hers], &clock).await;
    assert_eq!(counts(&second), [16, 0, 0, 0]);
    let expected: Vec<String> = (1..=16).map(|id| format!("hers/{id}")).collect();
    assert_eq!(ids(&second.new), expected.iter().map(String::as_str).collect());
    let parent = |run_id: &str| {
        let run = second.new.iter().find(|run| run.run_id == run_id).expect("a run");
        run.parent_run_id.clone()
    };
    assert_eq!(parent("hers/12").as_deref(), Some("hers/11"), "parents are called as they are");
    assert_eq!(parent("hers/1"), None);

    // Both grow by a run, and a review changes one of the old ones.
    for path in [&mine, &hers] {
        change(
            path,
            "INSERT INTO analysis_runs (id, started_at, status, command, settings_json)
                 SELECT 17, started_at + 9999, 'success', 'rerun', '{\"parent_run_id\": 2}' FROM analysis_runs WHERE id = 1;
             UPDATE run_results SET evaluation = 'accepted' WHERE id = 8;",
        );
    }
    let again = ingested_by(&store, &[&hers, &mine], &clock).await;
    assert_eq!(counts(&again), [2, 2, 30, 0]);
    // Number 17 is taken by whichever came first; the other one gets its folder.
    let parents: BTreeMap<&str, Option<&str>> =
        again.new.iter().map(|run| (run.run_id.as_str(), run.parent_run_id.as_deref())).collect();
    assert_eq!(parents, BTreeMap::from([("17", Some("hers/2")), ("mine/17", Some("2"))]));
    assert_eq!(
        again.replaced.iter().map(|(run, _)| run.run_id.as_str()).collect::<Vec<_>>(),
        ["hers/2", "2"]
    );
    assert_eq!(again.replaced.iter().map(|(_, more)| *more).collect::<Vec<_>>(), [0, 0]);
    assert_eq!(counts(&ingested_by(&store, &[&hers, &mine], &clock).await), [0, 0, 34, 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_that_was_moved_keeps_its_runs_and_a_copy_gives_none() {
    let folder = tempfile::tempdir().expect("a folder");
    let [old, new, copy] = ["old", "new", "copy"].map(|name| folder.path().join(name));
    for place in [&old, &new, &copy] {
        fs::create_dir(place).expect("a folder");
    }
    fs::copy(fixture("amx/history.db"), old.join("history.db")).expect("a copy");
    let (store, clock) = (empty_store().await, Arc::new(Counted::default()));
    assert_eq!(counts(&ingested_by(&store, &[&old], &clock).await), [16, 0, 0, 0]);

    // The copy has gone on: run 16 has ended, 17 re-ran 1.
    fs::copy(old.join("history.db"), copy.join("history.db")).expect("a copy");
    change(
        &copy.join("history.db"),
        "UPDATE analysis_runs SET status = 'success' WHERE id = 16;
         INSERT INTO analysis_runs (id, started_at, status, command, settings_json)
             VALUES (17, 1779005000, 'success', 'rerun', '{\"parent_run_id\": 1}');",
    );
    let copied = ingested_by(&store, &[&copy], &clock).await;
    assert_eq!(counts(&copied), [2, 0, 0, 15]);
    let new_ones: Vec<_> =
        copied.new.iter().map(|run| (run.run_id.as_str(), run.parent_run_id.as_deref())).collect();
    assert_eq!(new_ones, [("copy/16", None), ("17", Some("1"))], "the parent is the run that the copy is of");

    fs::rename(old.join("history.db"), new.join("history.db")).expect("a move");
    change(&new.join("history.db"), "UPDATE analysis_runs SET status = 'failed' WHERE id = 16;");
    let moved = ingested_by(&store, &[&new], &clock).await;
    assert_eq!(counts(&moved), [0, 1, 15, 0]);
    assert_eq!(moved.replaced[0].0.run_id, "16");
    assert_eq!(moved.replaced[0].0.status, "failed");
}

#[test]
fn a_person_lists_shows_and_compares_runs_of_a_history() {
    let sandbox = Sandbox::new();
    let history = fixture("amx/history.db").display().to_string();
    let ingested = sandbox.run(&["ingest", &history]).fine();
    assert!(ingested.stderr.contains("16 runs: 16 new · 22 results"), "{}", ingested.stderr);
    assert!(sandbox.run(&["ingest", &history]).fine().stderr.contains("16 unchanged"));

    let listed = sandbox.run(&["runs", "--kind", "schedule", "--json"]).fine().json();
    assert_eq!(listed["runs"][0]["run_id"], "3");
    let shown = sandbox.run(&["show", "#1"]).fine().stdout;
    for line in [
        "command     analyze.run",
        "cases       5 · 5 ok",
        "approved    40 % · 2 of 5 processed cases applied",
    ] {
        assert!(shown.contains(line), "{line}\n{shown}");
    }
    assert!(shown.contains("nothing to grade by") && !shown.contains("0 %  "), "{shown}");
    assert!(sandbox.run(&["show", "12"]).fine().stdout.contains("lineage     variation of 11"));
    assert!(sandbox.run(&["show", "6"]).fine().stdout.contains("search.ask"));

    // The same from the store, from the path, and by AMX's own way to write an id.
    let compared = |arguments: &[&str]| sandbox.run(&[arguments, &["--json"]].concat()).fine().json();
    let stored = compared(&["compare", "1", "2"]);
    assert_eq!(stored["primary_metric"], "logprob");
    assert_eq!(compared(&["compare", "#1", "#2"])["changes"], stored["changes"]);
    assert_eq!(compared(&["compare", &history, "--run", "1", "--run", "2"])["changes"], stored["changes"]);
    assert_eq!(stored["arms"][0]["pass_rate_latest"], Value::Null);
    let refused = sandbox.run(&["show", "#99"]).exits(66);
    assert!(refused.stderr.contains("#99"), "{}", refused.stderr);

    let help = sandbox.run(&["ingest", "--help"]).fine().stdout;
    for importer in runq::import::IMPORTERS {
        assert!(help.contains(importer.name()), "{}\n{help}", importer.name());
    }
    assert!(sandbox.run(&["ingest", "x", "--from", "amy"]).exits(2).stderr.contains("amx"), "a near name");
}
