//! What must hold for any runs: properties of comparisons over generated data, and answers that stay the same when
//! only the way to them differs.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use runq::questions::compare::{Compare, compare};
use runq::session::{By, Facts, Request};
use runq::store::Store;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::synthetic::{Plan, run_name, write_agentv, write_jsonl};
use crate::support::tables::{
    facts, ingested_with, mapped, opened, rows, stored_facts, table_options, write_rows,
};
use crate::support::{Counted, in_memory, ingested};

const SUMMARY: &str = "SELECT * FROM metric_summary ORDER BY task, metric, arm";
const WINNERS: &str = "SELECT * FROM metric_winners ORDER BY task, metric, arm";
const CHANGES: &str = "SELECT * FROM change_counts ORDER BY task, metric, candidate";

fn by(dimension: &str, baseline: &str) -> Request {
    let by = By::Dimension(dimension.to_owned());
    Request { by, baseline: Some(baseline.to_owned()), ..Request::default() }
}

/// Runs with everything that runs can have: several tasks, unequal cases, epochs, retries, copies, missing values.
fn rough(seed: u64) -> Plan {
    Plan {
        seed,
        tasks: 1 + seed as usize % 2,
        runs: 2,
        cases: 12 + seed as usize % 5,
        models: 2,
        epochs: 1 + seed as usize % 3,
        metrics: 3,
        error_rate: 0.15,
        retry_rate: 0.2,
        copy_rate: 0.1,
        null_rate: 0.05,
        nan_rate: 0.05,
        text_bytes: 20,
        unequal_cases: seed % 3 != 0,
    }
}

/// A plan as a table, and what it holds.
fn table_of(plan: &Plan) -> (TempDir, PathBuf, Facts) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    write_jsonl(plan, &path).expect("a table");
    let facts = facts(&[&path], &table_options(plan));
    (folder, path, facts)
}

async fn asked(facts: &Facts, request: Request, sql: &str) -> Vec<Value> {
    rows(&mut opened(facts.clone(), request).await, sql).await
}

async fn document(facts: Facts, request: Request) -> Value {
    let mut session = runq::session::Session::open(facts, request).await.expect("a session");
    let compared = compare(&mut session, &Compare::default()).await.expect("a comparison");
    compared.answer.document.expect("compare has a document")
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

fn whole(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name} is no whole number in {row}"))
}

// ------------------------------------------------------------------------------------------------ the same digits

/// Thirds, sevenths and tenths over three epochs: no sum of them is exact, so the order of adding could show.
#[tokio::test(flavor = "multi_thread")]
async fn digits_are_the_same_in_every_run() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut all = Vec::new();
    for run in 0..3_u32 {
        for place in 0..9000_u32 {
            let (case, epoch) = (place / 3, place % 3 + 1);
            let mixed = place.wrapping_mul(2_654_435_761).rotate_left(run * 7 + 3);
            let score = f64::from(mixed % 21) / 21.0 + f64::from(run) / 10.0;
            let cost = f64::from(mixed >> 20) / 7e5;
            all.push(
                json!({"id": case, "run": format!("r{run}"), "epoch": epoch, "score": score, "cost": cost}),
            );
        }
    }
    let path = folder.path().join("rows.jsonl");
    write_rows(&path, &all);
    let options = mapped("case_id=id,run=run,epoch=epoch,score=score,cost_usd=cost");
    let store = Store::create(&folder.path().join("store")).await.expect("a store");
    ingested_with(&store, &[&path], &options).await;
    let stored = stored_facts(&store).await;
    let first = document(stored.clone(), by("run", "r0")).await["changes"].to_string();
    assert!(first.contains("\"standard_error\":0."), "{first}");
    for _ in 0..4 {
        let mut session = opened(stored.clone(), by("run", "r0")).await;
        let again = rows(&mut session, CHANGES).await;
        println!("{}", again[0]);
    }
}
