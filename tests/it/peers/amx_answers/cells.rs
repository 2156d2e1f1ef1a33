//! The cells: who has the best log probability for an asset, and what AMX says of one cell.

use std::collections::BTreeMap;

use runq::session::Facts;
use serde::Deserialize;
use serde_json::Value;

use super::winners::Best;
use super::{documents, facts, recordings, session};

#[derive(Deserialize)]
struct Row {
    arm: String,
    case_id: String,
    value: Option<f64>,
    winner: bool,
    tied: bool,
}

/// Values and best of each asset.
async fn cells(facts: &Facts, runs: &[i64]) -> BTreeMap<String, (BTreeMap<i64, f64>, Best)> {
    let mut session = session(facts, runs).await;
    let rows: Vec<Row> = session
        .rows("SELECT arm, case_id, value, winner, tied FROM case_winners WHERE metric = 'logprob'")
        .await
        .expect("winners")
        .read()
        .expect("rows");
    let mut cells: BTreeMap<String, (BTreeMap<i64, f64>, Best)> = BTreeMap::new();
    for row in rows {
        let run = row.arm.parse().expect("a run of AMX");
        let (values, best) = cells.entry(row.case_id).or_default();
        values.extend(row.value.map(|value| (run, value)));
        if row.winner {
            best.winner = Some(run);
        }
        if row.tied {
            best.tied.insert(run);
        }
    }
    cells
}

#[tokio::test(flavor = "multi_thread")]
async fn the_best_of_every_asset_is_that_of_the_command_line() {
    let Some(folder) = recordings() else { return };
    let facts = facts();
    let mut ties = 0;
    for (file, document) in documents(&folder.join("helpers"), "") {
        let Some(recorded) = document["cli_cell_winners"].as_object() else { continue };
        let order: Vec<i64> =
            document["order"].as_array().expect("runs").iter().filter_map(Value::as_i64).collect();
        let cells = cells(&facts, &order).await;
        assert_eq!(cells.keys().collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>(), "{file}: assets");
        for (asset, cell) in recorded {
            let (values, best) = &cells[asset];
            let theirs = cell["logprob"].as_array().expect("values").iter().map(Value::as_f64);
            let theirs: Vec<(i64, Option<f64>)> = order.iter().copied().zip(theirs).collect();
            let ours: Vec<(i64, Option<f64>)> =
                order.iter().map(|run| (*run, values.get(run).copied())).collect();
            assert_eq!(ours, theirs, "{file}: {asset}");
            assert_eq!(*best, Best::of(&theirs, true), "{file}: {asset}");
            match cell["winner_run"].as_i64() {
                Some(winner) => assert!(best.holds(winner), "{file}: {asset}"),
                None => assert_eq!(best.winner, None, "{file}: {asset}"),
            }
            ties += usize::from(!best.tied.is_empty());
        }
    }
    assert!(ties >= 5, "{ties} ties");
}

#[derive(Deserialize)]
struct Answer {
    run_id: String,
    native_id: String,
    case_id: String,
    output: Option<String>,
    confidence: Option<String>,
    logprob: Option<f64>,
    review: Option<String>,
}

/// The cells of one answer of AMX.
fn parts(document: &Value) -> Vec<Value> {
    document["cells"].as_array().cloned().unwrap_or_else(|| vec![document.clone()])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cell_of_the_studio_has_our_rows_and_our_best() {
    let Some(folder) = recordings() else { return };
    let facts = facts();
    let mut seen = 0;
    for (file, document) in documents(&folder.join("studio-http"), "cell-") {
        for part in parts(&document) {
            let per_run = part["per_run"].as_array().expect("runs");
            let runs: Vec<i64> = per_run.iter().filter_map(|row| row["run_id"].as_i64()).collect();
            let asset: Vec<&str> =
                ["schema", "table", "column"].iter().filter_map(|name| part["cell"][name].as_str()).collect();
            let asset = asset.join(".");
            let mut session = session(&facts, &runs).await;
            let answers: Vec<Answer> = session
                .rows("SELECT run_id, native_id, case_id, output, confidence, logprob, review FROM results")
                .await
                .expect("results")
                .read()
                .expect("rows");
            for row in per_run.iter().filter(|row| !row["result_id"].is_null()) {
                let run = row["run_id"].to_string();
                let own = answers.iter().find(|answer| answer.run_id == run && answer.case_id == asset);
                let own = own.unwrap_or_else(|| panic!("{file}: {asset} of {}", row["run_id"]));
                assert_eq!(own.native_id, row["result_id"].to_string());
                assert_eq!(own.confidence.as_deref(), row["confidence"].as_str());
                assert_eq!(own.logprob, row["logprob_score"].as_f64());
                assert_eq!(own.review.as_deref(), row["evaluation"].as_str());
                // AMX prints an alternative with scores as Python would print the dict; its export has the text.
                let description = row["description"].as_str().expect("a text");
                match description.strip_prefix("{'text': '") {
                    Some(rest) => assert!(rest.starts_with(own.output.as_deref().expect("an answer"))),
                    None => assert_eq!(own.output.as_deref().unwrap_or(""), description),
                }
                seen += 1;
            }
            let (_, best) = &cells(&facts, &runs).await[&asset];
            match part["best_run_id"].as_i64() {
                // Of several that share the best value AMX takes the first one that was asked for.
                Some(winner) => assert!(best.holds(winner), "{file}: {asset} {best:?}"),
                None => assert_eq!(best.winner, None, "{file}: {asset}"),
            }
        }
    }
    assert!(seen >= 10, "{seen} rows");
}
