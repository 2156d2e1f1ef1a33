//! What several tests need: runs in memory and in stores, the built binary, the shared data when it is there.

pub mod metered;
pub mod moto;
pub mod s3;
pub mod sandbox;
pub mod synthetic;
pub mod tables;
pub mod watching;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use runq::import::ImportOptions;
use runq::ingest::{InMemory, Labels, Order, Summary, Surroundings, discover, ingest, read_into_memory};
use runq::model::{ResultRow, Row as _, ScoreRow, StepRow, Timestamp};
use runq::questions::compare::{Compare, compare};
use runq::session::{Facts, Request, RunEntry, Session};
use runq::source::LocalDisk;
use runq::store::Store;
use serde_json::Value;

/// Case ids that a shell, a flag parser, a glob or a template would take for something else.
pub const AWKWARD_IDS: [&str; 10] = [
    "--output=/x",
    "$(id)",
    "it's \"so\"",
    "two\nlines",
    "ü 東京 🎈",
    "a*[b]{c}?",
    "back\\slash",
    "{ids}",
    "`true`; rm -rf x",
    " spaced ",
];

/// Ids and times that are the same in every run of a test.
#[derive(Default)]
pub struct Counted(AtomicU64);

impl Surroundings for Counted {
    fn ingest_id(&self) -> String {
        format!("{:012x}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000_000 + self.0.load(Ordering::Relaxed) as i64)
    }
}

/// The folder of shared data beside the repository; `None`, with a word on stderr, when it is not there.
pub fn shared(path: &str) -> Option<PathBuf> {
    let found = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data").join(path);
    if found.exists() {
        return Some(found);
    }
    eprintln!("skipped: the shared data is not there ({path})");
    None
}

/// A bundled fixture.
pub fn fixture(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures").join(path)
}

/// Reads paths without a store; each path is one argument, as on the command line.
pub fn in_memory(paths: &[&Path], options: &ImportOptions) -> InMemory {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let discovery = discover(&LocalDisk, &paths, None);
    read_into_memory(&LocalDisk, discovery, options, &Counted::default()).expect("rows fit into memory")
}

/// A session over paths.
pub async fn session(paths: &[&Path], request: Request) -> Session {
    let memory = in_memory(paths, &ImportOptions::default());
    assert!(memory.problems.is_empty(), "{:?}", memory.problems);
    Session::open(Facts::in_memory(memory, "test".to_owned()).expect("tables"), request)
        .await
        .expect("a session")
}

/// The JSON document of `compare` over paths.
pub async fn compared(paths: &[&Path], request: Request) -> Value {
    let mut session = session(paths, request).await;
    let compared = compare(&mut session, &Compare::default()).await.expect("a comparison");
    compared.answer.document.expect("compare has a document")
}

/// Everything in a store, as a session is opened over it.
pub async fn stored(store: &Store) -> Facts {
    let snapshot = store.snapshot().await.expect("a snapshot");
    let table = |name| snapshot.provider(name).expect("a table of rows");
    Facts {
        runs: snapshot.runs.iter().map(|run| RunEntry { run: run.clone(), argument: None }).collect(),
        metrics: snapshot.metrics.clone(),
        results: table(ResultRow::TABLE),
        scores: table(ScoreRow::TABLE),
        steps: table(StepRow::TABLE),
        origin: "test".to_owned(),
        user_views: Vec::new(),
        traffic: Arc::clone(snapshot.traffic()),
    }
}

/// Takes paths into a store.
pub async fn ingested(store: &Store, paths: &[&Path]) -> Summary {
    ingested_by(store, paths, &Arc::new(Counted::default())).await
}

/// Takes paths into a store with ids that go on from earlier ingests of the test.
pub async fn ingested_by(store: &Store, paths: &[&Path], surroundings: &Arc<Counted>) -> Summary {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let order = Order {
        source: Arc::new(LocalDisk),
        options: Arc::new(ImportOptions::default()),
        labels: Arc::new(Labels::default()),
        surroundings: Arc::clone(surroundings) as Arc<dyn Surroundings>,
        forget: false,
        readers: 2,
    };
    ingest(store, discover(&LocalDisk, &paths, None), &order).await.expect("an ingest")
}
