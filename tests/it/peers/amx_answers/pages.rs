//! Pages of AMX's Studio: the compare page's table of assets, and the page of a run with its versions.

use std::collections::BTreeSet;

use serde::Deserialize;
use serde_json::Value;

use super::super::amx_versions::{Version, of_amx};
use super::{documents, facts, recordings, runs_of, said, session};

#[tokio::test(flavor = "multi_thread")]
async fn the_compare_page_has_our_versions() {
    let Some(folder) = recordings() else { return };
    let facts = facts();
    let mut pages = 0;
    for (name, document) in documents(&folder.join("studio-http"), "compare-") {
        if name == "compare-empty.json" {
            continue;
        }
        let mut session = session(&facts, &runs_of(&said(&document["aggregates"]))).await;
        let rows: Vec<Version> =
            session.rows("SELECT * FROM asset_versions").await.expect("versions").read().expect("rows");
        let ours: BTreeSet<String> = rows.iter().map(|row| row.as_amx().to_string()).collect();
        let theirs = document["per_column"].as_array().expect("rows");
        let expected: BTreeSet<String> = theirs.iter().map(|row| of_amx(row).to_string()).collect();
        assert_eq!(ours, expected, "{name}");
        assert_eq!(rows.len(), theirs.len(), "{name}");
        pages += 1;
    }
    assert_eq!(pages, 7);
}

#[derive(Deserialize)]
struct Row {
    run_id: String,
    native_id: String,
    case_id: String,
    kind: String,
    depth: i64,
    mode: Option<String>,
    seed_id: Option<String>,
    seed_text: Option<String>,
    parent_result_id: Option<String>,
    rerun_seq: Option<i64>,
    alternatives: Option<String>,
    confidence: Option<String>,
    logprob: Option<f64>,
    review: Option<String>,
    model: Option<String>,
    mode_of_run: Option<String>,
}

/// The versions of a run, the original ones first.
async fn versions(run: &Value) -> Vec<Row> {
    let mut session = session(&facts(), &[run.as_i64().expect("a run")]).await;
    let rows = session.rows("SELECT * FROM asset_versions").await.expect("versions");
    rows.read().expect("rows")
}

/// A row of the page is a version of ours.
fn assert_row(ours: &Row, theirs: &Value) {
    let text = |name: &str| theirs[name].as_str().filter(|text| !text.is_empty());
    let asset: Vec<&str> =
        ["schema_name", "table_name", "column_name"].into_iter().filter_map(text).collect();
    assert_eq!(ours.case_id, asset.join("."));
    assert_eq!(ours.run_id, theirs["run_id"].to_string());
    assert_eq!(ours.mode.as_deref(), text("alternatives_mode"));
    assert_eq!(ours.seed_id.as_deref(), text("seed_alternative_id"));
    assert_eq!(ours.seed_text.as_deref(), text("seed_alternative_text"));
    assert_eq!(ours.confidence.as_deref(), text("confidence"));
    assert_eq!(ours.logprob, theirs["logprob_score"].as_f64());
    assert_eq!(ours.review.as_deref(), text("evaluation"), "{theirs}");
    assert_eq!(ours.model.as_deref(), text("model").or(text("model_version")));
    assert_eq!(ours.rerun_seq.unwrap_or(0), theirs["rerun_seq"].as_i64().expect("a place"));
    let parent = theirs["parent_result_id"].as_i64().map(|id| id.to_string());
    assert_eq!(ours.parent_result_id, parent);
    let alternatives: Value = ours
        .alternatives
        .as_deref()
        .map_or(Value::Null, |text| serde_json::from_str(text).expect("stored alternatives"));
    let texts = |list: &Value| -> Vec<String> {
        let list = list.as_array().map(Vec::as_slice).unwrap_or_default().iter();
        list.map(|one| one["text"].as_str().or(one.as_str()).expect("a text").to_owned()).collect()
    };
    assert_eq!(texts(&alternatives), texts(&theirs["alternatives_json"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_a_run_has_our_rows_and_versions() {
    let Some(folder) = recordings() else { return };
    let mut rows = 0;
    let pages: Vec<(String, Value)> = documents(&folder.join("studio-http"), "run-")
        .into_iter()
        .filter(|(name, _)| name.ends_with("-results.json"))
        .collect();
    assert_eq!(pages.len(), 4);
    for (name, page) in pages {
        let versions = versions(&page["run_id"]).await;
        let find = |row: &Value| {
            let id = row["id"].to_string();
            versions.iter().find(|own| own.native_id == id).expect("a version of the run")
        };
        let mut expected = 0;
        for row in page["results"].as_array().expect("rows") {
            let own = find(row);
            assert_eq!((own.kind.as_str(), own.depth), ("original", 0), "{name}");
            assert_row(own, row);
            expected += 1;
        }
        for below in page["descendants"].as_array().expect("descendants") {
            for row in below["rows"].as_array().expect("rows") {
                let own = find(row);
                assert_eq!(own.kind, below["kind"], "{name}");
                assert_eq!(Some(own.depth), below["depth"].as_i64(), "{name}");
                assert_eq!(own.mode.as_deref(), below["mode"].as_str());
                assert_row(own, row);
                expected += 1;
            }
        }
        assert_eq!(versions.len(), expected, "{name}: nothing else");
        // The chip in the head of the run: the first mode among its own rows.
        let first = page["results"]
            .as_array()
            .expect("rows")
            .iter()
            .find_map(|row| row["alternatives_mode"].as_str());
        assert!(versions.iter().all(|own| own.mode_of_run.as_deref() == first), "{name}");
        rows += expected;
    }
    assert_eq!(rows, 5 + 4 + 3 + 5, "rows of runs 1, 2 and 3, and the versions of 1");
}
