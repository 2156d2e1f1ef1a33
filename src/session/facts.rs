//! What a session is opened over: the runs there are and the tables that hold their rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;

use super::SessionError;
use crate::ingest::InMemory;
use crate::model::{MetricRow, ResultRow, Row, RunRow, ScoreRow, StepRow};

/// A run that may come into scope.
#[derive(Debug, Clone)]
pub struct RunEntry {
    /// Its header.
    pub run: RunRow,
    /// Which path named by hand it was found under, from 0; `None` for a run of a store.
    pub argument: Option<usize>,
}

/// Everything a session can be asked about.
#[derive(Clone)]
pub struct Facts {
    /// The runs, oldest first.
    pub runs: Vec<RunEntry>,
    /// Metrics that sources or people described.
    pub metrics: Vec<MetricRow>,
    /// Rows of `results`, of these runs and maybe of others that are not published.
    pub results: Arc<dyn TableProvider>,
    /// Rows of `scores`.
    pub scores: Arc<dyn TableProvider>,
    /// Rows of `steps`.
    pub steps: Arc<dyn TableProvider>,
    /// Where they come from, for the first line of an answer.
    pub origin: String,
    /// Views of the person's own, name and SQL text; they win over ours.
    pub user_views: Vec<(String, String)>,
}

impl Facts {
    /// The facts of runs that were read without a store.
    ///
    /// # Errors
    /// Never for batches of this crate; DataFusion's own check is passed on.
    pub fn in_memory(memory: InMemory, origin: String) -> Result<Self, SessionError> {
        let mut results = Vec::new();
        let mut scores = Vec::new();
        let mut steps = Vec::new();
        let mut runs = Vec::new();
        for run in memory.runs {
            for part in run.rows {
                results.push(part.results);
                scores.push(part.scores);
                steps.push(part.steps);
            }
            runs.push(RunEntry { run: run.header, argument: Some(run.argument) });
        }
        runs.sort_by(|left, right| in_time(&left.run, &right.run));
        Ok(Self {
            runs,
            metrics: memory.reading.metrics,
            results: table::<ResultRow>(results)?,
            scores: table::<ScoreRow>(scores)?,
            steps: table::<StepRow>(steps)?,
            origin,
            user_views: Vec::new(),
        })
    }
}

/// The order of runs in time; runs without a time come first, then by id.
pub(crate) fn in_time(left: &RunRow, right: &RunRow) -> std::cmp::Ordering {
    (left.started_at, &left.run_id).cmp(&(right.started_at, &right.run_id))
}

fn table<R: Row>(batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>, SessionError> {
    Ok(Arc::new(MemTable::try_new(R::schema(), vec![batches])?))
}
