//! What is found in trees of results: every run once, whatever else lies there.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use runq::session::{Request, Session};
use runq::store::Store;
use serde::Deserialize;
use serde_json::Value;

use super::recorded::{json, lines_of, row_files, run_id};
use super::{FIRST, REWRITING, VERSIONS, by, overviews};
use crate::support::{Counted, ingested_by, session, shared, stored};

#[tokio::test(flavor = "multi_thread")]
async fn a_tree_gives_each_of_its_runs_once() {
    let expected = [17, 4, 4];
    for (version, count) in VERSIONS.into_iter().zip(expected) {
        let Some(tree) = shared(&format!("peers/{version}/tree")) else { return };
        let ids: BTreeSet<String> = row_files(&tree).iter().map(|file| run_id(file)).collect();
        assert_eq!(ids.len(), count, "{version}: runs in the tree");
        // The tree, the results folder in it and a run in that are the same runs.
        for path in [tree.clone(), tree.join(".agentv"), tree.join(".agentv/results")] {
            let session = session(&[&path], Request::default()).await;
            let found: Vec<String> = session.runs().iter().map(|entry| entry.run.run_id.clone()).collect();
            assert_eq!(found.len(), count, "{version}: each once: {found:?}");
            assert_eq!(found.into_iter().collect::<BTreeSet<_>>(), ids, "{version}");
        }
    }
}

/// What the rows of a run's file are, in raw rows: AgentV's Studio does not fold.
#[derive(Deserialize)]
struct RawRows {
    run_id: String,
    rows: u64,
    passed: u64,
    errors: u64,
    score: f64,
    scored: f64,
}

const RAW_ROWS: &str = "SELECT run_id, sum(copies) AS rows, \
     sum(CASE WHEN score >= 0.8 THEN copies ELSE 0 END) AS passed, \
     sum(CASE WHEN status = 'execution_error' THEN copies ELSE 0 END) AS errors, \
     sum(score * copies) AS score, \
     sum(CASE WHEN status = 'execution_error' THEN 0.0 ELSE score * copies END) AS scored \
     FROM results GROUP BY run_id";

/// The first version's Studio counts errors as failures, the other one leaves them out (AgentV #1321).
#[tokio::test(flavor = "multi_thread")]
async fn the_studio_counts_the_same_rows() {
    for (version, errors_count, at_least) in [(FIRST, true, 17), (REWRITING, false, 4)] {
        let Some(tree) = shared(&format!("peers/{version}/tree")) else { return };
        let studio =
            json(&shared(&format!("peers/{version}/studio-http/runs.json")).expect("beside the tree"));
        let studio = studio["runs"].as_array().expect("runs");
        let mut session = session(&[&tree], by("run")).await;
        let raw: Vec<RawRows> = session.rows(RAW_ROWS).await.expect("rows").read().expect("the columns");
        let overviews = overviews(&mut session).await;
        let mut checked = 0;
        for raw in raw {
            let Some(said) = studio.iter().find(|run| run["filename"] == raw.run_id.as_str()) else {
                continue;
            };
            let number = |name: &str| said[name].as_f64().expect("a number");
            let overview = overviews.values().find(|run| run.run_id == raw.run_id).expect("an overview");
            let (rows, score) =
                if errors_count { (raw.rows, raw.score) } else { (raw.rows - raw.errors, raw.scored) };
            let name = format!("{version} {}", raw.run_id);
            assert_eq!(Some(raw.rows), said["test_count"].as_u64(), "{name}: rows");
            assert_near(raw.passed as f64 / rows as f64, number("pass_rate"), &name);
            assert_near(score / rows as f64, number("avg_score"), &name);
            // The run with a threshold of 0.95 has verdicts that the Studio does not look at.
            if errors_count && !raw.run_id.starts_with("thr::") {
                assert_eq!(overview.folded, 0, "{name}");
                assert_near(overview.pass_rate_attempts, number("pass_rate"), &name);
            }
            if !errors_count && overview.folded == 0 {
                assert_near(overview.pass_rate_scored.expect("scored rows"), number("pass_rate"), &name);
            }
            checked += 1;
        }
        assert!(checked >= at_least, "{version}: {checked} runs checked");
    }
}

fn assert_near(ours: f64, theirs: f64, name: &str) {
    assert!((ours - theirs).abs() < 1e-12, "{name}: {ours} and {theirs}");
}

/// Unpacks an archive; `None`, with a word on stderr, when this machine cannot.
fn unpacked(archive: &Path, into: &Path) -> Option<()> {
    let status = Command::new("tar").arg("--zstd").arg("-xf").arg(archive).arg("-C").arg(into).status();
    if status.is_ok_and(|status| status.success()) {
        return Some(());
    }
    eprintln!("skipped: tar --zstd does not work here");
    None
}

/// The row files of a tree that are runs: where a run has its row file twice, the one in `.internal`.
fn runs_of(tree: &Path) -> Vec<PathBuf> {
    let files = row_files(tree);
    let has_internal =
        |file: &PathBuf| file.parent().is_some_and(|folder| folder.join(".internal/index.jsonl").exists());
    assert_eq!((files.len(), files.iter().filter(|file| has_internal(file)).count()), (111, 1));
    files.into_iter().filter(|file| !has_internal(file)).collect()
}

/// How often a row was repeated, as the row itself says.
fn repeats(row: &Value) -> usize {
    let lists = ["trials", "attempts", "samples"].iter().filter_map(|name| row[*name].as_array());
    lists.map(Vec::len).max().unwrap_or(0).max(1)
}

#[derive(Deserialize)]
struct Published {
    results: usize,
    rows: usize,
    keys: usize,
    epochs: usize,
}

const PUBLISHED: &str = "SELECT count(*) AS results, \
     count(DISTINCT ingest_id || ':' || CAST(source_row AS VARCHAR)) AS rows, \
     count(DISTINCT ingest_id || ':' || task || ':' || case_id || ':' || coalesce(model, '') \
         || ':' || coalesce(variant, '')) AS keys, \
     max(epoch) AS epochs FROM results";

#[tokio::test(flavor = "multi_thread")]
async fn a_published_branch_of_results_is_taken_in_once() {
    let Some(archive) = shared("large/agentv_published.tar.zst") else { return };
    let tree = tempfile::tempdir().expect("a folder");
    if unpacked(&archive, tree.path()).is_none() {
        return;
    }
    let runs = runs_of(tree.path());
    let rows: Vec<Value> = runs.iter().flat_map(|file| lines_of(file)).collect();
    assert_eq!((runs.len(), rows.len()), (110, 131));
    let executions: usize = rows.iter().map(repeats).sum();
    assert_eq!(executions, 133, "one row holds three trials");

    let folder = tempfile::tempdir().expect("a folder");
    let store = Store::create(folder.path()).await.expect("a store");
    let surroundings = Arc::new(Counted::default());
    let summary = ingested_by(&store, &[tree.path()], &surroundings).await;
    assert!(summary.problems.is_empty(), "{:?}", summary.problems);
    assert!(summary.reading.faults.is_empty(), "{:?}", summary.reading.faults);
    assert_eq!((summary.new.len(), summary.copies.len()), (110, 0));

    let mut session = Session::open(stored(&store).await, Request::default()).await.expect("a session");
    let held: Vec<Published> = session.rows(PUBLISHED).await.expect("rows").read().expect("the columns");
    assert_eq!(held[0].results, executions, "every execution once");
    assert_eq!(held[0].rows, rows.len(), "every row once");
    assert_eq!(held[0].keys, rows.len(), "every row is a case of its own");
    assert_eq!(held[0].epochs, 3, "the three trials are three repeats");
    let overviews = overviews(&mut session).await;
    assert_eq!(overviews.len(), 110);
    let total = |count: fn(&super::Overview) -> usize| overviews.values().map(count).sum::<usize>();
    assert_eq!((total(|run| run.cases), total(|run| run.superseded)), (133, 0));
    check_statuses(&rows, &overviews);

    let before = store.snapshot().await.expect("a snapshot");
    let again = ingested_by(&store, &[tree.path()], &surroundings).await;
    assert_eq!((again.unchanged.len(), again.new.len(), again.replaced.len()), (110, 0, 0));
    let after = store.snapshot().await.expect("a snapshot");
    assert_eq!(after.version(), before.version(), "no commit");
}

/// All three trials of the repeated row are ok, as the row is.
fn check_statuses(rows: &[Value], overviews: &BTreeMap<String, super::Overview>) {
    let said = |status: &str| -> u64 {
        let of_status = rows.iter().filter(|row| row["execution_status"] == status);
        of_status.map(|row| repeats(row) as u64).sum()
    };
    let held = |count: fn(&super::Overview) -> u64| overviews.values().map(count).sum::<u64>();
    assert_eq!(held(|run| run.ok), said("ok"));
    assert_eq!(held(|run| run.quality_failure), said("quality_failure"));
    assert_eq!(held(|run| run.execution_error), said("execution_error"));
}
