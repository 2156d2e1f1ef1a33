//! How many requests a question takes of a store in S3.

use std::sync::Arc;

use runq::model::{ResultRow, Row, RunRow, ScoreRow, StepRow, Timestamp};
use runq::questions::compare::{Compare, compare};
use runq::session::{Facts, Request, Session};
use runq::store::{Access, Store};
use url::Url;

use crate::support::metered::{Asked, Metered};

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

/// What comparing the two newest runs asks, with the opening of the store.
async fn compared(objects: &Metered) -> Vec<Asked> {
    objects.taken();
    let store = Store::open_with(Arc::new(objects.clone()), &url(), Access::ReadOnly).await.expect("a store");
    let facts = Facts::stored(&store.snapshot().await.expect("a snapshot"), String::new()).expect("facts");
    let mut request = Request::default();
    request.scope.last = Some(2);
    request.scope.cases_only = true;
    let mut session = Session::open(facts, request).await.expect("a session");
    let question = Compare::default();
    compare(&mut session, &question).await.expect("an answer");
    objects.taken()
}

fn told(asked: &[Asked]) -> String {
    asked.iter().map(|one| format!("{:5} {:8} {}\n", one.what, one.bytes, one.key)).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn measure() {
    for (commits, each) in [(1, 10), (10, 1), (1, 1000), (120, 1)] {
        let objects = Metered::default();
        let store = Store::create_with(Arc::new(objects.clone()), &url()).await.expect("a store");
        for commit in 0..commits {
            publish(&store, commit * each..(commit + 1) * each).await;
        }
        let asked = compared(&objects).await;
        println!("=== {commits} x {each}: {}\n{}", asked.len(), told(&asked));
    }
}
