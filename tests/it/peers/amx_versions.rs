//! Lineage, version labels and selections of runs against AMX's own answers over one history.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use runq::import::ImportOptions;
use runq::session::{Asset, Facts, Request, Scope, Session, SessionError};
use serde::Deserialize;
use serde_json::{Value, json};

use super::by;
use crate::support::{in_memory, shared};

/// Folder of the recordings.
const PEER: &str = "peers/amx-0.19.0";

fn facts(peer: &Path) -> Facts {
    let memory = in_memory(&[&peer.join("history.db")], &ImportOptions::default());
    assert!(memory.problems.is_empty(), "{:?}", memory.problems);
    Facts::in_memory(memory, "test".to_owned()).expect("tables")
}

fn recorded(path: PathBuf) -> Value {
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("recorded JSON")
}

async fn session(facts: &Facts, scope: Scope) -> Result<Session, SessionError> {
    Session::open(facts.clone(), Request { scope, ..by("run") }).await
}

/// The one column of a query, which is named `case_id`.
async fn text_of(session: &mut Session, sql: &str) -> Vec<String> {
    let rows: Vec<BTreeMap<String, String>> = session.rows(sql).await.expect("rows").read().expect("texts");
    rows.into_iter().filter_map(|mut row| row.remove("case_id")).collect()
}

fn ids(value: &Value) -> Vec<String> {
    value.as_array().expect("a list of runs").iter().map(Value::to_string).collect()
}

/// A row of `asset_versions` in the terms of AMX's `per_column`.
#[derive(Deserialize)]
pub(super) struct Version {
    root_run_id: String,
    case_id: String,
    label: String,
    kind: String,
    mode: Option<String>,
    seed_text: Option<String>,
    run_id: String,
    logprob: Option<f64>,
    confidence: Option<String>,
    output: Option<String>,
}

impl Version {
    /// AMX names parent, kind and seed of descendants only, and the root as their parent.
    pub(super) fn as_amx(&self) -> Value {
        let below = self.kind != "original";
        json!({
            "run_id": self.root_run_id,
            "asset": self.case_id,
            "version_label": self.label,
            "alternatives_mode": self.mode,
            "logprob_score": self.logprob,
            "confidence": self.confidence,
            "description": self.output.clone().unwrap_or_default(),
            "descendant_kind": below.then_some(&self.kind),
            "descendant_run_id": below.then_some(&self.run_id),
            "parent_run_id": below.then_some(&self.root_run_id),
            "seed_alternative_text": self.seed_text.as_ref().filter(|_| below),
        })
    }
}

pub(super) fn of_amx(row: &Value) -> Value {
    let part = |name: &str| row[name].as_str().filter(|part| !part.is_empty());
    let asset: Vec<&str> = ["schema", "table", "column"].into_iter().filter_map(part).collect();
    let id = |name: &str| if row[name].is_null() { Value::Null } else { json!(row[name].to_string()) };
    json!({
        "run_id": id("run_id"),
        "asset": asset.join("."),
        "version_label": row["version_label"],
        "alternatives_mode": row["alternatives_mode"],
        "logprob_score": row["logprob_score"],
        "confidence": row["confidence"],
        "description": row["description"],
        "descendant_kind": row["descendant_kind"],
        "descendant_run_id": id("descendant_run_id"),
        "parent_run_id": id("parent_run_id"),
        "seed_alternative_text": row["seed_alternative_text"],
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_recorded_comparison_has_the_same_versions() {
    let Some(peer) = shared(PEER) else { return };
    let facts = facts(&peer);
    let mut compared = 0;
    for case in recorded(peer.join("cli/INDEX.json")).as_array().expect("cases") {
        let file = peer.join("cli").join(case["case"].as_str().expect("a name")).join("compare.json");
        if !file.exists() {
            continue;
        }
        let argv: Vec<&str> =
            case["argv"].as_array().expect("argv").iter().filter_map(Value::as_str).collect();
        // AMX chooses runs by schema and table, and shows all of their assets; only --column leaves assets out.
        let column = asset_of(&argv).and_then(|asset| asset.column);
        let asset = column.map(|column| Asset { column: Some(column), ..Asset::default() });
        let scope = Scope { runs: ids(&case["run_order"]), asset, ..Scope::default() };
        let mut session = session(&facts, scope).await.expect("a session");
        let rows: Vec<Version> =
            session.rows("SELECT * FROM asset_versions").await.expect("versions").read().expect("rows");
        let ours: BTreeSet<String> = rows.iter().map(|row| row.as_amx().to_string()).collect();
        let recording = recorded(file);
        let theirs = recording["per_column"].as_array().expect("rows");
        let expected: BTreeSet<String> = theirs.iter().map(|row| of_amx(row).to_string()).collect();
        assert_eq!(ours, expected, "{}", case["case"]);
        assert_eq!(rows.len(), theirs.len(), "{}", case["case"]);
        compared += 1;
    }
    assert!(compared >= 20, "{compared} recorded comparisons");
}

/// `--schema` and `--table` of a recorded command line.
fn asset_of(argv: &[&str]) -> Option<Asset> {
    let value = |flag: &str| argv.iter().position(|word| *word == flag).map(|at| argv[at + 1].to_owned());
    let asset = Asset { schema: value("--schema"), table: value("--table"), column: value("--column") };
    (asset != Asset::default()).then_some(asset)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_run_has_the_descendants_that_amx_finds() {
    #[derive(Deserialize)]
    struct Row {
        root_run_id: String,
        run_id: String,
        relation: String,
        depth: i64,
        problem: Option<String>,
    }
    let Some(peer) = shared(PEER) else { return };
    let mut session = session(&facts(&peer), Scope::default()).await.expect("a session");
    let rows: Vec<Row> =
        session.rows("SELECT * FROM run_descendants").await.expect("descendants").read().expect("rows");
    let mut found: BTreeMap<&str, BTreeSet<(&str, &str, i64)>> = BTreeMap::new();
    for row in rows.iter().filter(|row| row.problem.is_none()) {
        found.entry(&row.root_run_id).or_default().insert((&row.run_id, &row.relation, row.depth));
    }
    let lineage = recorded(peer.join("helpers/lineage.json"));
    let runs = lineage.as_object().expect("runs");
    assert_eq!(runs.len(), 16);
    for run in runs.values() {
        let expected: BTreeSet<(String, &str, i64)> = run["descendants"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|below| {
                let kind = below["kind"].as_str().expect("a kind");
                (below["run_id"].to_string(), kind, below["depth"].as_i64().expect("a depth"))
            })
            .collect();
        let ours = found.remove(run["run"].to_string().as_str()).unwrap_or_default();
        let ours: BTreeSet<(String, &str, i64)> =
            ours.into_iter().map(|(run, kind, depth)| (run.to_owned(), kind, depth)).collect();
        assert_eq!(ours, expected, "run {}", run["run"]);
    }
    assert!(found.is_empty(), "{found:?}");
    let named: Vec<&str> =
        rows.iter().filter(|row| row.root_run_id == "1").filter_map(|row| row.problem.as_deref()).collect();
    assert!(named[0].contains("run 9 re-runs run 8"), "{named:?}");
    assert!(named[1].contains("run 14 lies deeper") && named[1].ends_with("under run 11"), "{named:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_chain_of_a_result_is_its_stack_without_the_depth_limit() {
    #[derive(Deserialize)]
    struct Row {
        native_id: String,
        parent_result_id: Option<String>,
        rerun_seq: Option<i64>,
    }
    let Some(peer) = shared(PEER) else { return };
    let mut session = session(&facts(&peer), Scope::default()).await.expect("a session");
    let rows: Vec<Row> = session
        .rows("SELECT DISTINCT native_id, parent_result_id, rerun_seq FROM asset_versions")
        .await
        .expect("versions")
        .read()
        .expect("rows");
    let chains = recorded(peer.join("helpers/chains.json"));
    for (result, chain) in chains["chain_of_result"].as_object().expect("chains") {
        let own = rows.iter().find(|row| row.native_id == *result).expect("a result of the history");
        let root = own.parent_result_id.as_ref().unwrap_or(result);
        let mut ours: Vec<(i64, &str)> = rows
            .iter()
            .filter(|row| row.parent_result_id.as_ref() == Some(root) || row.native_id == *root)
            .map(|row| (row.rerun_seq.unwrap_or(0), row.native_id.as_str()))
            .collect();
        ours.sort_unstable();
        let expected: Vec<(i64, String)> = chain
            .as_array()
            .expect("a chain")
            .iter()
            .map(|row| (row[2].as_i64().expect("a place"), row[0].to_string()))
            .collect();
        let ours: Vec<(i64, String)> = ours.into_iter().map(|(place, id)| (place, id.to_owned())).collect();
        assert_eq!(ours, expected, "result {result}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_selections_take_the_same_runs() {
    let Some(peer) = shared(PEER) else { return };
    let facts = facts(&peer);
    let mut selections = 0;
    for case in recorded(peer.join("cli/INDEX.json")).as_array().expect("cases") {
        let argv: Vec<&str> =
            case["argv"].as_array().expect("argv").iter().filter_map(Value::as_str).collect();
        let value = |flag: &str| argv.iter().position(|word| *word == flag).map(|at| argv[at + 1]);
        // AMX takes the newest five when it is not told; it never compares what was asked in its chat.
        let Some(asset) = asset_of(&argv).filter(|_| value("--column").is_none()) else { continue };
        let scope = Scope {
            asset: Some(asset.clone()),
            last: Some(value("--last").map_or(5, |last| last.parse().expect("a number"))),
            kinds: value("--command").into_iter().map(str::to_owned).collect(),
            predicate: Some("kind <> 'ask'".to_owned()),
            ..Scope::default()
        };
        selections += 1;
        let found = session(&facts, scope).await;
        if case["run_order"].is_null() {
            let Err(error) = found else { panic!("{}: runs of {}", case["case"], asset.in_words()) };
            assert_eq!(error.to_string(), "nothing here is of schema=nope");
            continue;
        }
        let mut session = found.expect("a session");
        let cases = text_of(&mut session, "SELECT DISTINCT case_id FROM asset_versions").await;
        assert!(!cases.is_empty() && cases.iter().all(|case| asset.holds(case)), "{cases:?}");
        let newest_first: Vec<String> =
            session.runs().iter().rev().map(|entry| entry.run.run_id.clone()).collect();
        assert_eq!(newest_first, ids(&case["run_order"]), "{}", case["case"]);
    }
    assert_eq!(selections, 6);
}
