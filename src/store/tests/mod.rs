//! Tests of the store as its callers see it.

mod conditions;
mod durability;
mod faults;
mod history;
mod maintenance;
pub(crate) mod objects;
mod older;
mod other_reader;
mod overlap;
mod publishing;
mod races;
mod vacuum;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::AsArray;
use datafusion::prelude::{SessionContext, col, lit};
use object_store::memory::InMemory;
use url::Url;

use super::{Access, Published, Store, StoreError, StoreSnapshot};
use crate::model::{MetricRow, ResultRow, Row, RunRow, ScoreRow, StepRow, Timestamp};

/// A run with everything that belongs to it.
#[derive(Debug, Clone)]
struct Ingest {
    run: RunRow,
    results: Vec<ResultRow>,
    scores: Vec<ScoreRow>,
    steps: Vec<StepRow>,
}

/// A run of so many cases; every column has a value in some row and, where it may, none in another.
fn ingest(run_id: &str, generation: i64, ingest_id: &str, cases: usize) -> Ingest {
    let results: Vec<_> = (0..cases).map(|case| result(run_id, ingest_id, case)).collect();
    let scores: Vec<_> = (0..cases * 2).map(|place| score(run_id, ingest_id, place)).collect();
    let steps: Vec<_> = (0..cases * 3).map(|place| step(run_id, ingest_id, place)).collect();
    let run = RunRow {
        run_id: run_id.into(),
        ingest_id: ingest_id.into(),
        generation,
        tool: "agentv".into(),
        kind: "eval".into(),
        task: "suite".into(),
        status: "complete".into(),
        started_at: Some(Timestamp(1_700_000_000_123_456 + generation)),
        source_path: format!("/runs/{run_id}"),
        source_file: format!("/runs/{run_id}/index.jsonl"),
        fingerprint: format!("{ingest_id}-print"),
        tags: Some(r#"{"team":"it's"}"#.into()),
        result_count: results.len() as i64,
        score_count: scores.len() as i64,
        step_count: steps.len() as i64,
        ..RunRow::default()
    };
    Ingest { run, results, scores, steps }
}

fn result(run_id: &str, ingest_id: &str, case: usize) -> ResultRow {
    let odd = case % 2 == 1;
    ResultRow {
        run_id: run_id.into(),
        ingest_id: ingest_id.into(),
        task: "suite".into(),
        case_id: format!("case-{case:05}"),
        model: odd.then(|| "gpt-x".into()),
        epoch: 1,
        attempt: 1,
        latest: true,
        copies: 1,
        in_source: !odd,
        source_row: odd.then_some(case as i64),
        execution: -(case as i64),
        status: "ok".into(),
        verdict: odd.then_some(true),
        score: odd.then_some(case as f64 / 7.0),
        primary_metric: "score".into(),
        recorded_at: odd.then_some(Timestamp(1_700_000_000_000_001)),
        output: odd.then(|| format!("answer {case}, \u{1f980} \"quoted\"\n")),
        ..ResultRow::default()
    }
}

fn score(run_id: &str, ingest_id: &str, place: usize) -> ScoreRow {
    ScoreRow {
        run_id: run_id.into(),
        ingest_id: ingest_id.into(),
        task: "suite".into(),
        case_id: format!("case-{:05}", place / 2),
        epoch: 1,
        attempt: 1,
        latest: true,
        status: "ok".into(),
        metric: if place.is_multiple_of(2) { "accuracy".into() } else { "tone".into() },
        value: place.is_multiple_of(2).then_some(0.1 + 0.2),
        label: (place % 2 == 1).then(|| "kind".into()),
        ..ScoreRow::default()
    }
}

fn step(run_id: &str, ingest_id: &str, place: usize) -> StepRow {
    StepRow {
        run_id: run_id.into(),
        ingest_id: ingest_id.into(),
        task: "suite".into(),
        case_id: format!("case-{:05}", place / 3),
        epoch: 1,
        attempt: 1,
        latest: true,
        step: (place % 3) as i64 + 1,
        kind: "tool".into(),
        name: format!("tool-{}", place % 3),
        ..StepRow::default()
    }
}

fn metric(name: &str, direction: &str) -> MetricRow {
    MetricRow {
        metric: name.into(),
        direction: Some(direction.into()),
        origin: "user".into(),
        ..MetricRow::default()
    }
}

/// An empty store in memory, and the memory.
async fn memory_store() -> (Store, InMemory) {
    let memory = InMemory::new();
    let store = Store::create_with(Arc::new(memory.clone()), &memory_url()).await.unwrap();
    (store, memory)
}

fn memory_url() -> Url {
    Url::parse("memory:///store/").unwrap()
}

async fn publish(store: &Store, ingests: &[Ingest]) -> Result<Published, StoreError> {
    let mut publication = store.publish().await?;
    for ingest in ingests {
        publication.write(ResultRow::TABLE, ResultRow::batch(&ingest.results).unwrap()).await?;
        publication.write(ScoreRow::TABLE, ScoreRow::batch(&ingest.scores).unwrap()).await?;
        publication.write(StepRow::TABLE, StepRow::batch(&ingest.steps).unwrap()).await?;
        publication.run(ingest.run.clone());
    }
    publication.commit().await
}

/// Rows of a table that a run names.
async fn visible<R: Row>(snapshot: &StoreSnapshot) -> Vec<R> {
    let ingests = snapshot.runs.iter().map(|run| lit(run.ingest_id.clone())).collect();
    let provider = snapshot.provider(R::TABLE).unwrap();
    let frame = SessionContext::new().read_table(provider).unwrap();
    let frame = frame.filter(col("ingest_id").in_list(ingests, false)).unwrap();
    let batches = frame.collect().await.unwrap();
    batches.iter().flat_map(|batch| R::read(batch).unwrap()).collect()
}

/// How many rows of a table are stored, visible or not.
async fn stored(snapshot: &StoreSnapshot, table: &str) -> usize {
    let provider = snapshot.provider(table).unwrap();
    SessionContext::new().read_table(provider).unwrap().count().await.unwrap()
}

/// How many rows each ingest has in a table.
async fn count_by_ingest(snapshot: &StoreSnapshot, table: &str) -> BTreeMap<String, i64> {
    let frame = SessionContext::new().read_table(snapshot.provider(table).unwrap()).unwrap();
    let batches = frame.select_columns(&["ingest_id"]).unwrap().collect().await.unwrap();
    let mut counts = BTreeMap::new();
    for batch in batches {
        for ingest in batch.column(0).as_string_view() {
            *counts.entry(ingest.unwrap().to_owned()).or_default() += 1;
        }
    }
    counts
}

/// Fails unless every run has exactly the rows that its header promises.
async fn assert_whole(snapshot: &StoreSnapshot) {
    let results = count_by_ingest(snapshot, "results").await;
    let scores = count_by_ingest(snapshot, "scores").await;
    let steps = count_by_ingest(snapshot, "steps").await;
    for run in &snapshot.runs {
        let stored =
            [&results, &scores, &steps].map(|counts| counts.get(&run.ingest_id).copied().unwrap_or(0));
        assert_eq!(stored, [run.result_count, run.score_count, run.step_count], "{run:?}");
    }
}
