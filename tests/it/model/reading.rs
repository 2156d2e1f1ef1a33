//! What a reader sees of a store, counted and added up, and held against what each run promises.

use std::collections::BTreeMap;

use arrow::array::AsArray as _;
use arrow::compute::cast;
use arrow::datatypes::{DataType, Float64Type, Int64Type};
use datafusion::functions_aggregate::expr_fn::{count, sum};
use datafusion::prelude::{SessionContext, col, lit};
use runq::model::RunRow;
use runq::store::StoreSnapshot;

use super::truth::{Counted, State, Truth};

/// Everything that a snapshot shows. An error names the run that is not whole.
pub async fn read(engine: &SessionContext, snapshot: &StoreSnapshot) -> Result<Truth, String> {
    let mut counted: BTreeMap<String, Counted> = BTreeMap::new();
    for (place, (table, value)) in
        [("results", Some("score")), ("scores", Some("value")), ("steps", None)].into_iter().enumerate()
    {
        for (ingest, (rows, total)) in by_ingest(engine, snapshot, (table, value)).await? {
            let of = counted.entry(ingest).or_default();
            of.rows[place] = rows;
            if let Some(sum) = of.sums.get_mut(place) {
                *sum = total;
            }
        }
    }
    let truth = headers(snapshot);
    if truth.len() != snapshot.runs.len() {
        return Err(format!("a run is there twice: {:?}", snapshot.runs));
    }
    for (run, state) in &truth {
        let found = counted.get(&state.ingest).cloned().unwrap_or_default();
        if found != state.promised() {
            return Err(format!("run {run} promises {:?} and has {found:?}: {state:?}", state.promised()));
        }
    }
    Ok(truth)
}

/// The runs as their headers say.
pub fn headers(snapshot: &StoreSnapshot) -> Truth {
    let of = |run: &RunRow| State {
        ingest: run.ingest_id.clone(),
        generation: run.generation,
        cases: usize::try_from(run.result_count).expect("a count"),
        name: run.name.clone().unwrap_or_default(),
    };
    snapshot.runs.iter().map(|run| (run.run_id.clone(), of(run))).collect()
}

/// Rows and their sum by ingest.
async fn by_ingest(
    engine: &SessionContext,
    snapshot: &StoreSnapshot,
    (table, value): (&str, Option<&str>),
) -> Result<BTreeMap<String, (usize, f64)>, String> {
    let said = |error: &dyn std::fmt::Display| format!("{table}: {error}");
    let provider = snapshot.provider(table).map_err(|error| said(&error))?;
    let value = value.map_or_else(|| lit(0.0), col);
    let frame = engine
        .read_table(provider)
        .and_then(|frame| frame.aggregate(vec![col("ingest_id")], vec![count(lit(1)), sum(value)]))
        .map_err(|error| said(&error))?;
    let mut counts = BTreeMap::new();
    for batch in frame.collect().await.map_err(|error| said(&error))? {
        let ingests = cast(batch.column(0), &DataType::Utf8).map_err(|error| said(&error))?;
        let (rows, sums) =
            (batch.column(1).as_primitive::<Int64Type>(), batch.column(2).as_primitive::<Float64Type>());
        for at in 0..batch.num_rows() {
            let ingest = ingests.as_string::<i32>().value(at).to_owned();
            counts.insert(ingest, (rows.value(at) as usize, sums.value(at)));
        }
    }
    Ok(counts)
}
