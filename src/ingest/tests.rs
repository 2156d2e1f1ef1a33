//! Whole ingests into stores: what a failing disk leaves behind, what a resumed run becomes.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use datafusion::prelude::{SessionContext, col, lit};
use object_store::ObjectStore;
use object_store::memory::InMemory;
use url::Url;

use super::{IngestError, Labels, Order, Summary, Surroundings, discover, ingest};
use crate::import::ImportOptions;
use crate::model::{ResultRow, Row, ScoreRow, Timestamp};
use crate::source::LocalDisk;
use crate::store::tests::objects::{Fault, Watched};
use crate::store::{Access, Store, StoreSnapshot};

#[derive(Default)]
struct Counted(AtomicU64);

impl Surroundings for Counted {
    fn ingest_id(&self) -> String {
        format!("{:012x}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000_000)
    }
}

fn order(ids: &Arc<Counted>) -> Order {
    Order {
        source: Arc::new(LocalDisk),
        options: Arc::new(ImportOptions::default()),
        labels: Arc::new(Labels::default()),
        surroundings: Arc::clone(ids) as Arc<dyn Surroundings>,
        forget: false,
        readers: 2,
    }
}

async fn take(store: &Store, path: &Path, ids: &Arc<Counted>) -> Result<Summary, IngestError> {
    let paths = [path.display().to_string()];
    ingest(store, discover(&LocalDisk, &paths, None), &order(ids)).await
}

fn url() -> Url {
    Url::parse("memory:///store/").unwrap()
}

async fn open(objects: Arc<dyn ObjectStore>) -> Store {
    Store::open_with(objects, &url(), Access::ReadWrite).await.unwrap()
}

/// A folder with one AgentV run; the lines are its rows.
fn run_folder(root: &Path, lines: &[&str]) -> PathBuf {
    let run = root.join(".agentv/results/runs/nightly/2026-05-06T05-36-19-075Z");
    std::fs::create_dir_all(&run).unwrap();
    std::fs::write(run.join("index.jsonl"), lines.join("\n")).unwrap();
    root.to_owned()
}

const FIRST: [&str; 2] = [
    r#"{"timestamp":"2026-05-06T05:36:20.000Z","test_id":"a","suite":"s","target":"azure","score":1,"execution_status":"ok","scores":[{"name":"g","type":"contains","score":1}]}"#,
    r#"{"timestamp":"2026-05-06T05:36:21.000Z","test_id":"b","suite":"s","target":"azure","score":0,"execution_status":"execution_error","failure_stage":"agent","failure_reason_code":"budget_exceeded","error":"no money"}"#,
];

const RERUN: &str = r#"{"timestamp":"2026-05-06T05:40:00.000Z","test_id":"b","suite":"s","target":"azure","score":1,"execution_status":"ok","scores":[{"name":"g","type":"contains","score":1}]}"#;

async fn rows(snapshot: &StoreSnapshot, table: &str, ingest_id: &str) -> usize {
    let ctx = SessionContext::new();
    let frame = ctx.read_table(snapshot.provider(table).unwrap()).unwrap();
    frame.filter(col("ingest_id").eq(lit(ingest_id))).unwrap().count().await.unwrap()
}

/// Every run that is shown has all of its rows.
async fn assert_whole(snapshot: &StoreSnapshot) {
    for run in &snapshot.runs {
        let counts = (run.result_count as usize, run.score_count as usize);
        let there = (
            rows(snapshot, ResultRow::TABLE, &run.ingest_id).await,
            rows(snapshot, ScoreRow::TABLE, &run.ingest_id).await,
        );
        assert_eq!(there, counts, "{}", run.run_id);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_ingest_that_is_stopped_anywhere_shows_no_half_run_and_can_be_repeated() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_folder(folder.path(), &FIRST);
    let made = InMemory::new();
    Store::create_with(Arc::new(made.clone()), &url()).await.unwrap();
    let ids = Arc::new(Counted::default());
    let mut operation = 1;
    loop {
        let disk = made.fork();
        let watched = Watched::new(Arc::new(disk.clone()), Fault::Before(operation));
        let stopped = match Store::open_with(Arc::new(watched.clone()), &url(), Access::ReadWrite).await {
            Ok(store) => take(&store, &path, &ids).await.is_err(),
            Err(_) => true,
        };
        let store = open(Arc::new(disk)).await;
        let after = store.snapshot().await.unwrap();
        assert_whole(&after).await;
        assert!(
            stopped || after.runs.len() == 1,
            "operation {operation}: nothing failed and nothing is there"
        );

        take(&store, &path, &ids).await.unwrap();
        let last = store.snapshot().await.unwrap();
        assert_whole(&last).await;
        assert_eq!((last.runs.len(), last.runs[0].result_count), (1, 2), "operation {operation}");
        if !watched.has_failed() {
            break;
        }
        operation += 1;
    }
    assert!(operation > 20, "only {operation} operations were stopped");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resumed_run_replaces_its_earlier_state_and_keeps_what_the_tool_threw_away() {
    let folder = tempfile::tempdir().unwrap();
    let path = run_folder(folder.path(), &FIRST);
    let memory = InMemory::new();
    let store = Store::create_with(Arc::new(memory), &url()).await.unwrap();
    let ids = Arc::new(Counted::default());
    assert_eq!(take(&store, &path, &ids).await.unwrap().new.len(), 1);

    // As AgentV 4.42 does it: the error is gone, its place holds a copy of the new row.
    run_folder(folder.path(), &[FIRST[0], RERUN, RERUN]);
    let summary = take(&store, &path, &ids).await.unwrap();
    assert_eq!((summary.replaced.len(), summary.replaced[0].1), (1, 1));

    let snapshot = store.snapshot().await.unwrap();
    let run = &snapshot.runs[0];
    assert_eq!((run.generation, run.result_count, run.folded_count), (2, 3, 1));
    let ctx = SessionContext::new();
    let batches =
        ctx.read_table(snapshot.provider(ResultRow::TABLE).unwrap()).unwrap().collect().await.unwrap();
    let mut attempts: Vec<(String, i64, bool, bool, String, i64)> = batches
        .iter()
        .flat_map(|batch| ResultRow::read(batch).unwrap())
        .filter(|row| row.ingest_id == run.ingest_id)
        .map(|row| (row.case_id, row.attempt, row.latest, row.in_source, row.status, row.copies))
        .collect();
    attempts.sort();
    assert_eq!(
        attempts,
        [
            ("a".to_owned(), 1, true, true, "ok".to_owned(), 1),
            ("b".to_owned(), 1, false, false, "execution_error".to_owned(), 1),
            ("b".to_owned(), 2, true, true, "ok".to_owned(), 2),
        ]
    );

    let forgetful = Order { forget: true, ..order(&ids) };
    let paths = [path.display().to_string()];
    ingest(&store, discover(&LocalDisk, &paths, None), &forgetful).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().runs[0].result_count, 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_with_one_name_in_two_folders_are_two_runs_and_stay_two() {
    let folder = tempfile::tempdir().unwrap();
    for model in ["gpt", "claude"] {
        std::fs::create_dir_all(folder.path().join(model)).unwrap();
        let row = format!("{{\"id\":\"q1\",\"score\":1,\"model\":\"{model}\",\"output\":\"yes\"}}\n");
        std::fs::write(folder.path().join(model).join("gsm8k.jsonl"), row).unwrap();
    }
    let store = Store::create_with(Arc::new(InMemory::new()), &url()).await.unwrap();
    let ids = Arc::new(Counted::default());
    let first = take(&store, folder.path(), &ids).await.unwrap();
    assert_eq!(first.new.len(), 2, "{:?}", first.problems);
    let names: BTreeSet<String> = first.new.iter().map(|run| run.run_id.clone()).collect();
    assert_eq!(names, BTreeSet::from(["gsm8k".to_owned(), "gpt/gsm8k".to_owned()]));
    let second = take(&store, folder.path(), &ids).await.unwrap();
    assert_eq!((second.unchanged.len(), second.new.len(), second.replaced.len()), (2, 0, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_in_another_folder_is_taken_once() {
    let folder = tempfile::tempdir().unwrap();
    run_folder(folder.path(), &FIRST);
    std::fs::create_dir_all(folder.path().join("export-nightly")).unwrap();
    std::fs::write(folder.path().join("export-nightly/index.jsonl"), FIRST.join("\n")).unwrap();
    let store = Store::create_with(Arc::new(InMemory::new()), &url()).await.unwrap();
    let summary = take(&store, folder.path(), &Arc::new(Counted::default())).await.unwrap();
    assert_eq!((summary.new.len(), summary.copies.len()), (1, 1), "{:?}", summary.new);
    assert_eq!(summary.copies[0].1, "nightly::2026-05-06T05-36-19-075Z");
}
