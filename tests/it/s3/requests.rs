//! How many requests a question takes of a store in S3.

use std::sync::Arc;

use deltalake_core::DeltaTable;
use deltalake_core::checkpoints::create_checkpoint;
use deltalake_core::logstore::{StorageConfig, default_logstore};
use object_store::ObjectStore;
use object_store::path::Path;
use object_store::prefix::PrefixStore;
use runq::model::{ResultRow, Row, RunRow, ScoreRow, StepRow, Timestamp};
use runq::questions::compare::{Compare, compare};
use runq::session::{Facts, Request, Session};
use runq::store::{Access, Store};
use url::Url;

use super::reaching;
use crate::support::metered::{Asked, Metered};
use crate::support::s3::{Asked as Kind, Request as AtServer, S3Server};
use crate::support::sandbox::Sandbox;

const CASES: usize = 5;

fn url() -> Url {
    Url::parse("memory:///team/store/").expect("a URL")
}

fn run(at: usize) -> RunRow {
    RunRow {
        run_id: format!("run-{at:05}"),
        ingest_id: format!("ingest-{:05}", (at * 7919) % 100_000),
        generation: 1,
        tool: "agentv".into(),
        kind: "eval".into(),
        task: "suite".into(),
        status: "complete".into(),
        started_at: Some(Timestamp(1_700_000_000_000_000 + at as i64 * 1_000_000)),
        source_path: format!("/runs/run-{at:05}"),
        source_file: format!("/runs/run-{at:05}/index.jsonl"),
        fingerprint: format!("print-{at:05}"),
        result_count: CASES as i64,
        score_count: CASES as i64,
        step_count: CASES as i64,
        ..RunRow::default()
    }
}

fn results(run: &RunRow) -> Vec<ResultRow> {
    let row = |case: usize| ResultRow {
        run_id: run.run_id.clone(),
        ingest_id: run.ingest_id.clone(),
        task: run.task.clone(),
        case_id: format!("case-{case}"),
        model: Some("gpt".into()),
        epoch: 1,
        attempt: 1,
        latest: true,
        copies: 1,
        in_source: true,
        execution: case as i64,
        status: "ok".into(),
        score: Some(case as f64 / 8.0),
        primary_metric: "score".into(),
        output: Some("an answer of some length ".repeat(20) + &run.run_id),
        ..ResultRow::default()
    };
    (0..CASES).map(row).collect()
}

fn scores(run: &RunRow) -> Vec<ScoreRow> {
    let row = |case: usize| ScoreRow {
        run_id: run.run_id.clone(),
        ingest_id: run.ingest_id.clone(),
        task: run.task.clone(),
        case_id: format!("case-{case}"),
        epoch: 1,
        attempt: 1,
        latest: true,
        execution: case as i64,
        status: "ok".into(),
        metric: "tone".into(),
        value: Some(case as f64 / 16.0),
        ..ScoreRow::default()
    };
    (0..CASES).map(row).collect()
}

fn steps(run: &RunRow) -> Vec<StepRow> {
    let row = |case: usize| StepRow {
        run_id: run.run_id.clone(),
        ingest_id: run.ingest_id.clone(),
        task: run.task.clone(),
        case_id: format!("case-{case}"),
        epoch: 1,
        attempt: 1,
        latest: true,
        execution: case as i64,
        step: 1,
        kind: "tool".into(),
        name: "search".into(),
        ..StepRow::default()
    };
    (0..CASES).map(row).collect()
}

/// Publishes runs, all in one commit.
async fn publish(store: &Store, runs: impl Iterator<Item = usize>) {
    let mut publication = store.publish().await.expect("it may be written");
    let runs: Vec<RunRow> = runs.map(run).collect();
    let of = |table: &str, batch| (table.to_owned(), batch);
    let gathered = [
        of(ResultRow::TABLE, ResultRow::batch(&runs.iter().flat_map(results).collect::<Vec<_>>())),
        of(ScoreRow::TABLE, ScoreRow::batch(&runs.iter().flat_map(scores).collect::<Vec<_>>())),
        of(StepRow::TABLE, StepRow::batch(&runs.iter().flat_map(steps).collect::<Vec<_>>())),
    ];
    for (table, batch) in gathered {
        publication.write(&table, batch.expect("rows")).await.expect("rows are written");
    }
    runs.into_iter().for_each(|run| publication.run(run));
    publication.commit().await.expect("runs are published");
}

/// What delta's own tools leave: few files and a checkpoint, for every table.
async fn optimize(objects: &Metered) {
    for name in ["runs", "results", "scores", "steps", "metrics"] {
        let url = url().join(&format!("{name}/")).expect("a URL");
        let root: Arc<dyn ObjectStore> = Arc::new(objects.clone());
        let inside = Arc::new(PrefixStore::new(Arc::clone(&root), Path::from(format!("team/store/{name}"))));
        let mut table = DeltaTable::new(default_logstore(inside, root, &url, &StorageConfig::default()));
        table.load().await.expect("a table");
        let (table, _) = table.optimize().await.expect("fewer files");
        create_checkpoint(&table, None).await.expect("a checkpoint");
    }
}

/// A store with so many runs in each of so many commits.
async fn store_of(commits: usize, runs: usize) -> Metered {
    let objects = Metered::default();
    let store = Store::create_with(Arc::new(objects.clone()), &url()).await.expect("a store");
    for commit in 0..commits {
        publish(&store, commit * runs..(commit + 1) * runs).await;
    }
    objects
}

async fn opened(objects: &Metered) -> Store {
    Store::open_with(Arc::new(objects.clone()), &url(), Access::ReadOnly).await.expect("a store")
}

/// What comparing the two newest runs asks.
async fn compared(store: &Store, objects: &Metered) -> Vec<Asked> {
    objects.taken();
    let facts = Facts::stored(&store.snapshot().await.expect("a snapshot"), String::new()).expect("facts");
    let mut request = Request::default();
    request.scope.last = Some(2);
    request.scope.cases_only = true;
    let mut session = Session::open(facts, request).await.expect("a session");
    let answered = compare(&mut session, &Compare::default()).await.expect("an answer");
    assert!(answered.comparable);
    objects.taken()
}

fn told(asked: &[Asked]) -> String {
    asked.iter().map(|one| format!("{:5} {:8} {}\n", one.what, one.bytes, one.key)).collect()
}

fn count(asked: &[Asked], what: &str) -> usize {
    asked.iter().filter(|one| one.what == what).count()
}

/// Of each of five tables: the hint at its checkpoint, a listing, the commit that made it; but for `metrics` one more
/// commit, one file of data that is read unless nothing asks for it, and a look for a newer commit.
#[tokio::test(flavor = "multi_thread")]
async fn a_small_store_is_opened_and_two_runs_compared_with_few_requests() {
    let objects = store_of(1, 10).await;
    let store = opened(&objects).await;
    let asked = compared(&store, &objects).await;
    assert!(count(&asked, "list") <= 5 && count(&asked, "head") <= 4, "{}", told(&asked));
    assert!(count(&asked, "get") <= 5 + 9 && count(&asked, "range") <= 3, "{}", told(&asked));
    // Asked again nothing is read: only whether anything was committed.
    let again = compared(&store, &objects).await;
    assert!(again.len() <= 7 && count(&again, "head") == again.len(), "{}", told(&again));
}

/// The requests of a comparison of two runs, when there are so many commits of so many runs, before and after
/// [`optimize`].
async fn before_and_after(commits: usize, runs: usize) -> [Vec<Asked>; 2] {
    let objects = store_of(commits, runs).await;
    let before = compared(&opened(&objects).await, &objects).await;
    optimize(&objects).await;
    [before, compared(&opened(&objects).await, &objects).await]
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_grow_with_the_commits_until_the_store_is_optimized() {
    let [few, few_after] = before_and_after(1, 200).await;
    let [many, many_after] = before_and_after(25, 8).await;
    // Of each commit behind the checkpoint a log entry in four tables, and of all a file of `runs`.
    assert!(few.len() <= 26 && many.len() > few.len() + 25, "{} {}", few.len(), many.len());
    assert!(few_after.len() <= 22, "{}", told(&few_after));
    assert!(many_after.len() <= few_after.len(), "{}", told(&many_after));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "a minute without optimization"]
async fn two_of_ten_thousand_runs_take_the_requests_of_two_of_a_thousand() {
    let [_, thousand] = before_and_after(1, 1000).await;
    let [_, ten_thousand] = before_and_after(10, 1000).await;
    println!("{}\n{}", told(&thousand), told(&ten_thousand));
    assert!(ten_thousand.len() <= thousand.len() + 4, "{}", told(&ten_thousand));
}

fn of_kind(asked: &[AtServer], kind: Kind) -> usize {
    asked.iter().filter(|one| one.asked == kind).count()
}

/// Of each of five tables an ingest lists the log before and after its commits, as Delta's rules and its library have it.
/// What it wrote itself it never reads.
#[test]
fn commands_ask_a_server_little() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let rows = [("a", "m", 1.0, "ok"), ("b", "m", 0.5, "ok")];
    let asked = |words: &[&str]| {
        let words = [words, &["--store", "s3://team-runs/evals"]].concat();
        reaching(&server, &sandbox, &words).fine();
        server.take_requests()
    };
    let first = asked(&["ingest", &sandbox.agentv("one", 1, &rows)]);
    assert!(first.len() <= 68, "{} {first:#?}", first.len());
    assert_eq!(of_kind(&first, Kind::Get) - of_kind_missing(&first), 0, "{first:#?}");
    let second = asked(&["ingest", &sandbox.agentv("two", 2, &rows)]);
    assert!(second.len() <= 46, "{} {second:#?}", second.len());
    assert!(of_kind(&second, Kind::List) <= 12 && of_kind(&second, Kind::Head) <= 12, "{second:#?}");
    let compared = asked(&["compare", "--last", "2"]);
    assert!(compared.len() <= 32, "{} {compared:#?}", compared.len());
    asked(&["optimize"]);
    let compared = asked(&["compare", "--last", "2"]);
    assert!(compared.len() <= 23, "{} {compared:#?}", compared.len());
    assert!(compared.iter().all(|one| one.bytes < 100_000), "{compared:#?}");
}

/// Hints at checkpoints that are not there.
fn of_kind_missing(asked: &[AtServer]) -> usize {
    asked.iter().filter(|one| one.asked == Kind::Get && one.status == Some(404)).count()
}
