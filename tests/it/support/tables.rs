//! Tables whose columns are mapped by hand, and the rows of views as JSON.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use runq::import::ImportOptions;
use runq::import::table::Mapping;
use runq::ingest::{Labels, Order, Summary, discover, ingest};
use runq::model::{ResultRow, Row, ScoreRow, StepRow};
use runq::session::{Facts, Request, RunEntry, Session};
use runq::source::LocalDisk;
use runq::store::Store;
use serde_json::Value;

use super::synthetic::Plan;
use super::{Counted, in_memory};

/// Options that map columns by hand, `TARGET=COLUMN` with commas between them, so that nothing is a guess.
pub fn mapped(columns: &str) -> ImportOptions {
    let mapping = Mapping::parse_flags(&[columns.to_owned()]).expect("a mapping");
    ImportOptions { mapping, ..ImportOptions::default() }
}

/// Writes one JSON object per line.
pub fn write_rows(path: &Path, rows: &[Value]) {
    let lines: Vec<String> = rows.iter().map(Value::to_string).collect();
    fs::write(path, lines.join("\n") + "\n").expect("rows are written");
}

/// What paths hold, every row of it.
pub fn facts(paths: &[&Path], options: &ImportOptions) -> Facts {
    let memory = in_memory(paths, options);
    assert!(memory.problems.is_empty(), "{:?}", memory.problems);
    assert!(memory.reading.faults.is_empty(), "{:?}", memory.reading.faults);
    Facts::in_memory(memory, "test".to_owned()).expect("tables")
}

/// What a store holds.
pub async fn stored_facts(store: &Store) -> Facts {
    let snapshot = store.snapshot().await.expect("a snapshot");
    let provider = |table| snapshot.provider(table).expect("a table of the store");
    Facts {
        runs: snapshot.runs.iter().map(|run| RunEntry { run: run.clone(), argument: None }).collect(),
        metrics: snapshot.metrics.clone(),
        results: provider(ResultRow::TABLE),
        scores: provider(ScoreRow::TABLE),
        steps: provider(StepRow::TABLE),
        origin: "test".to_owned(),
        user_views: Vec::new(),
        traffic: std::sync::Arc::default(),
    }
}

/// A session that computes the facts once; else every view is planned with all that it stands on, which takes most
/// of the time of a small question.
pub async fn opened(facts: Facts, request: Request) -> Session {
    let mut session = Session::open(facts, request).await.expect("a session");
    for fact in ["case_values", "arm_cases", "task_sets", "metric_coverage", "arm_aggregates"] {
        session.materialize(fact).await.expect("a fact");
    }
    session
}

/// The rows of a statement; a null has no key, and a number keeps its last bit.
pub async fn rows(session: &mut Session, sql: &str) -> Vec<Value> {
    session.rows(sql).await.expect("an answer").read().expect("rows")
}

/// Takes tables into a store.
pub async fn ingested_with(store: &Store, paths: &[&Path], options: &ImportOptions) -> Summary {
    let paths: Vec<String> = paths.iter().map(|path| path.display().to_string()).collect();
    let order = Order {
        source: Arc::new(LocalDisk),
        options: Arc::new(options.clone()),
        labels: Arc::new(Labels::default()),
        surroundings: Arc::new(Counted::default()),
        forget: false,
        readers: 2,
    };
    ingest(store, discover(&LocalDisk, &paths, None), &order).await.expect("an ingest")
}

/// How the tables of a plan are to be read: as the metrics they are named after, with nothing guessed.
pub fn table_options(plan: &Plan) -> ImportOptions {
    const COLUMNS: &str = "case_id=id,task=task,run=run,model=model,epoch=epoch,attempt=attempt,status=status,\
         error=error,timestamp=timestamp,score=score,cost_usd=cost_usd,duration_ms=duration_ms,\
         input_tokens=input_tokens,output_tokens=output_tokens,output=output";
    let metrics: Vec<String> =
        (1..=plan.metrics).map(|number| format!(",metric.m{number}=m{number}")).collect();
    mapped(&format!("{COLUMNS}{}", metrics.concat()))
}
