//! Ingest and compare beside DuckDB, on the same files, in one run; prints times and their ratio.
//!
//! `cargo bench --bench beside_duckdb [-- CASES RUNS]`, 1,000 cases in 100 runs unless told otherwise. Needs `python3`
//! with the package `duckdb` (`RUNQ_TEST_PYTHON` names another interpreter); without it only runq is timed.
//! The results that are kept stand in `RESULTS.md`.

#[path = "../tests/it/support/synthetic.rs"]
mod synthetic;

use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use runq::import::ImportOptions;
use runq::ingest::{Labels, Order, Surroundings, discover, ingest};
use runq::model::{ResultRow, Row, ScoreRow, Timestamp};
use runq::questions::compare::{Compare, compare};
use runq::session::{By, Facts, Request, RunEntry, Scope, Session};
use runq::source::LocalDisk;
use runq::store::{Access, Store, StoreSnapshot};

/// How often each question is asked after one time that is not counted.
const TIMES: usize = 7;

type Failure = Box<dyn std::error::Error>;

#[derive(Default)]
struct Ids(AtomicU64);

impl Surroundings for Ids {
    fn ingest_id(&self) -> String {
        format!("{:012x}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn now(&self) -> Timestamp {
        Timestamp(1_800_000_000_000_000)
    }
}

#[expect(clippy::print_stdout, reason = "a bench reports on stdout")]
fn main() -> Result<(), Failure> {
    let mut sizes = std::env::args().skip(1).filter_map(|word| word.parse::<usize>().ok());
    let cases = sizes.next().unwrap_or(1_000);
    let runs = sizes.next().unwrap_or(100);
    let plan = synthetic::Plan {
        runs,
        cases,
        metrics: 4,
        error_rate: 0.02,
        retry_rate: 0.03,
        text_bytes: 400,
        ..synthetic::Plan::default()
    };
    let folder = tempfile::tempdir()?;
    synthetic::write_agentv(&plan, &folder.path().join("runs"))?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    println!("{runs} runs of {cases} cases, 4 metrics, {} cores", std::thread::available_parallelism()?);
    println!("{:<34} {:>10} {:>10} {:>7}", "", "runq", "DuckDB", "ratio");

    let started = Instant::now();
    runtime.block_on(take_in(folder.path()))?;
    let taken = started.elapsed();
    report("ingest (DuckDB: JSON to Parquet)", taken, peer_ingest(folder.path()));

    let store = folder.path().join("store");
    for compared in [2, 10.min(runs)] {
        let names: Vec<String> = runtime.block_on(run_ids(&store, compared))?;
        let ours = runtime.block_on(median(&store, &names))?;
        report(&format!("compare {compared} of {runs} runs"), ours, peer_compare(&store, &names));
    }
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a bench reports on stdout")]
fn report(what: &str, ours: Duration, theirs: Option<f64>) {
    let ours = ours.as_secs_f64() * 1000.0;
    match theirs {
        Some(theirs) => println!("{what:<34} {ours:>7.1} ms {theirs:>7.1} ms {:>7.2}", ours / theirs),
        None => println!("{what:<34} {ours:>7.1} ms {:>10} {:>7}", "-", "-"),
    }
}

async fn take_in(folder: &Path) -> Result<(), Failure> {
    let store = Store::create(&folder.join("store")).await?;
    let order = Order {
        source: Arc::new(LocalDisk),
        options: Arc::new(ImportOptions::default()),
        labels: Arc::new(Labels::default()),
        surroundings: Arc::new(Ids::default()),
        forget: false,
        readers: std::thread::available_parallelism()?.get(),
    };
    let paths = [folder.join("runs").display().to_string()];
    let summary = ingest(&store, discover(&LocalDisk, &paths, None), &order).await?;
    if summary.new.is_empty() || !summary.problems.is_empty() {
        return Err(format!("{} runs taken in, problems: {:?}", summary.new.len(), summary.problems).into());
    }
    Ok(())
}

async fn run_ids(store: &Path, count: usize) -> Result<Vec<String>, Failure> {
    let snapshot = Store::open(store, Access::ReadOnly).await?.snapshot().await?;
    Ok(snapshot.runs.iter().take(count).map(|run| run.run_id.clone()).collect())
}

fn facts(snapshot: &StoreSnapshot) -> Result<Facts, Failure> {
    Ok(Facts {
        runs: snapshot.runs.iter().map(|run| RunEntry { run: run.clone(), argument: None }).collect(),
        metrics: snapshot.metrics.clone(),
        results: snapshot.provider(ResultRow::TABLE)?,
        scores: snapshot.provider(ScoreRow::TABLE)?,
        steps: snapshot.provider("steps")?,
        origin: "bench".to_owned(),
        user_views: Vec::new(),
    })
}

/// The median time to open a session over some runs of a store and compare them, the store's view taken already.
async fn median(store: &Path, names: &[String]) -> Result<Duration, Failure> {
    let snapshot = Store::open(store, Access::ReadOnly).await?.snapshot().await?;
    let mut times = Vec::new();
    for _ in 0..=TIMES {
        let started = Instant::now();
        let request = Request {
            scope: Scope { runs: names.to_vec(), ..Scope::default() },
            by: By::Dimension("run".to_owned()),
            ..Request::default()
        };
        let mut session = Session::open(facts(&snapshot)?, request).await?;
        compare(&mut session, &Compare::default()).await?;
        times.push(started.elapsed());
    }
    times.remove(0);
    times.sort();
    Ok(times[times.len() / 2])
}

fn python() -> String {
    std::env::var("RUNQ_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned())
}

/// DuckDB reads the same rows and writes them as two Parquet tables.
fn peer_ingest(folder: &Path) -> Option<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/duckdb_ingest.py");
    let output = Command::new(python()).arg(script).arg(folder.join("runs")).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn peer_compare(store: &Path, names: &[String]) -> Option<f64> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/duckdb_peer.py");
    let mut command = Command::new(python());
    command.arg(script).args(["--time", &TIMES.to_string()]);
    command.args(["--results", &format!("{}/results/*.parquet", store.display())]);
    command.args(["--scores", &format!("{}/scores/*.parquet", store.display())]);
    for name in names {
        command.args(["--run", name]);
    }
    let output = command.output().ok()?;
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).ok()?;
    answer.get("median_ms")?.as_f64()
}
