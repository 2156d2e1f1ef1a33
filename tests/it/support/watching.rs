//! A watch over a folder of its own, whose rounds a test makes one by one and whose clock it moves.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use runq::import::ImportOptions;
use runq::ingest::watch::{Round, Watch};
use runq::ingest::{Labels, Order, Surroundings};
use runq::model::Timestamp;
use runq::session::{Request, Session};
use runq::source::{LocalDisk, Source};
use runq::store::Store;
use serde_json::Value;
use tempfile::TempDir;

use super::{ingested, stored, tables};

/// A clock that stands still unless it is moved.
#[derive(Default)]
pub struct Clock {
    ids: AtomicU64,
    now: AtomicI64,
    /// How many microseconds it takes to begin a run.
    per_run: AtomicI64,
}

impl Clock {
    pub fn pass(&self, micros: i64) {
        self.now.fetch_add(micros, Ordering::SeqCst);
    }

    pub fn set_cost_of_a_run(&self, micros: i64) {
        self.per_run.store(micros, Ordering::SeqCst);
    }
}

impl Surroundings for Clock {
    fn ingest_id(&self) -> String {
        self.pass(self.per_run.load(Ordering::SeqCst));
        format!("{:012x}", self.ids.fetch_add(1, Ordering::SeqCst))
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000_000 + self.now.load(Ordering::SeqCst))
    }
}

/// A watch over `watched` in a temporary folder.
pub struct Lab {
    folder: TempDir,
    root: PathBuf,
    store: Store,
    pub clock: Arc<Clock>,
    pub watch: Watch,
}

impl Lab {
    pub async fn new() -> Self {
        Self::over(&["watched"], Arc::new(LocalDisk)).await
    }

    /// A watch over paths of the folder, which need not be there.
    pub async fn over(paths: &[&str], source: Arc<dyn Source>) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let root = folder.path().canonicalize().expect("it is there");
        let store = Store::create(&root.join("store")).await.expect("a store");
        let clock = Arc::new(Clock::default());
        let order = Order {
            source,
            options: Arc::new(ImportOptions::default()),
            labels: Arc::new(Labels::default()),
            surroundings: Arc::clone(&clock) as Arc<dyn Surroundings>,
            forget: false,
            readers: 2,
        };
        let paths = paths.iter().map(|path| root.join(path).display().to_string()).collect();
        Self { folder, root, store, clock, watch: Watch::new(paths, None, order) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.root.join(name)
    }

    /// Writes a file as a tool does that starts it anew: in place.
    pub fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("folders can be made");
        fs::write(&path, bytes).expect("a file can be written");
        path
    }

    pub async fn round(&mut self) -> Round {
        self.watch.round(&self.store).await.expect("a round")
    }

    pub async fn finish(&mut self) -> Round {
        self.watch.finish(&self.store).await.expect("the last round")
    }

    /// Everything that the store holds.
    pub async fn contents(&self) -> Contents {
        contents(&self.store).await
    }

    pub async fn session(&self) -> Session {
        Session::open(stored(&self.store).await, Request::default()).await.expect("a session")
    }

    /// What a store holds that takes the watched folder in once, as it is now.
    pub async fn once(&self) -> Contents {
        let folder = tempfile::tempdir_in(self.folder.path()).expect("a folder");
        let store = Store::create(folder.path()).await.expect("a store");
        ingested(&store, &[&self.path("watched")]).await;
        contents(&store).await
    }
}

/// The rows of a store but for the names of ingests and the times at which they happened.
#[derive(Debug, PartialEq)]
pub struct Contents {
    pub runs: Vec<Value>,
    pub results: Vec<Value>,
    pub scores: Vec<Value>,
    pub steps: Vec<Value>,
}

async fn contents(store: &Store) -> Contents {
    let mut session = Session::open(stored(store).await, Request::default()).await.expect("a session");
    let mut read = async |sql: &str| {
        let mut rows = tables::rows(&mut session, sql).await;
        for row in rows.iter_mut().filter_map(Value::as_object_mut) {
            for name in ["ingest_id", "generation", "ingested_at"] {
                row.remove(name);
            }
        }
        rows
    };
    Contents {
        runs: read("SELECT * FROM runs ORDER BY run_id").await,
        results: read("SELECT * FROM results ORDER BY run_id, task, case_id, model, epoch, attempt").await,
        scores: read("SELECT * FROM scores ORDER BY run_id, task, case_id, model, epoch, attempt, metric")
            .await,
        steps: read("SELECT * FROM steps ORDER BY run_id, task, case_id, model, epoch, attempt, step").await,
    }
}

/// Copies a folder over another: files are written in place, those that are there and not in the source stay.
pub fn copy_over(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (from, to) = (entry.path(), to.join(entry.file_name()));
        if from.is_dir() {
            copy_over(&from, &to);
        } else {
            fs::write(&to, fs::read(&from).expect("a file")).expect("it can be written");
        }
    }
}
