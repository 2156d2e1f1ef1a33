//! What a session is opened over: the runs there are and the tables that hold their rows.

use std::sync::Arc;

use arrow::array::RecordBatch;
use datafusion::catalog::TableProvider;
use datafusion::datasource::MemTable;
use datafusion::prelude::{SessionContext, col, lit};

use super::SessionError;
use super::options::Scope;
use crate::ingest::{InMemory, MemoryRun, Stored};
use crate::model::{MetricRow, ResultRow, Row, RunRow, ScoreRow, StepRow};
use crate::objects::Traffic;
use crate::store::{StoreError, StoreSnapshot};

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
    /// Counts what is asked of the object store they are read from.
    pub traffic: Arc<Traffic>,
}

impl Facts {
    /// No runs at all.
    ///
    /// # Errors
    /// Never; DataFusion's own check is passed on.
    pub fn none() -> Result<Self, SessionError> {
        Self::in_memory(InMemory::default(), String::new())
    }

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
            traffic: Arc::default(),
        })
    }
}

impl Facts {
    /// The facts of a store, without views of the person's own.
    ///
    /// # Errors
    /// When a table of the store is missing.
    pub fn stored(snapshot: &StoreSnapshot, origin: String) -> Result<Self, StoreError> {
        Ok(Self {
            runs: snapshot.runs.iter().map(|run| RunEntry { run: run.clone(), argument: None }).collect(),
            metrics: snapshot.metrics.clone(),
            results: snapshot.provider(ResultRow::TABLE)?,
            scores: snapshot.provider(ScoreRow::TABLE)?,
            steps: snapshot.provider(StepRow::TABLE)?,
            origin,
            user_views: Vec::new(),
            traffic: Arc::clone(snapshot.traffic()),
        })
    }

    /// The same facts with only the runs of a scope; where it names cases, only runs that have one of them.
    ///
    /// # Errors
    /// When a name fits no run, or nothing is left.
    pub async fn within(mut self, scope: &Scope) -> Result<Self, SessionError> {
        if self.runs.is_empty() {
            return Ok(self);
        }
        self.runs = super::scope::select(&self, scope).await?;
        if let Some(case) = &scope.case {
            let there = super::cases::ids(&self, &self.runs, None).await?;
            let wanted = super::cases::named(&there, case);
            if wanted.is_empty() {
                return Err(super::cases::unknown_case(case, &there));
            }
            let having = super::scope::with_case(&self, &self.runs, |id| wanted.contains(id)).await?;
            self.runs.retain(|entry| having.contains(&entry.run.ingest_id));
        }
        self.origin = of_scope(&self.origin, scope);
        self.runs.sort_by(|left, right| in_time(&left.run, &right.run));
        Ok(self)
    }
}

/// Reads the rows of some runs into memory, so that they can stand beside runs that are in no store.
///
/// The names come with the place at which the person gave them.
///
/// # Errors
/// When a name fits no run, or rows cannot be read.
pub async fn read_runs(facts: &Facts, names: &[(usize, String)]) -> Result<InMemory, SessionError> {
    let ctx = SessionContext::new();
    let mut memory = InMemory::default();
    for (argument, name) in names {
        for entry in super::scope::resolve(&facts.runs, name)? {
            let ingest_id = entry.run.ingest_id.as_str();
            let rows = Stored {
                results: rows_of::<ResultRow>(&ctx, &facts.results, ingest_id).await?,
                scores: rows_of::<ScoreRow>(&ctx, &facts.scores, ingest_id).await?,
                steps: rows_of::<StepRow>(&ctx, &facts.steps, ingest_id).await?,
            };
            memory.runs.push(MemoryRun { header: entry.run.clone(), rows: vec![rows], argument: *argument });
        }
    }
    Ok(memory)
}

/// The rows of one ingest in the declared shape, whatever types the reader prefers.
async fn rows_of<R: Row>(
    ctx: &SessionContext,
    provider: &Arc<dyn TableProvider>,
    ingest_id: &str,
) -> Result<RecordBatch, SessionError> {
    let frame = ctx.read_table(Arc::clone(provider))?.filter(col("ingest_id").eq(lit(ingest_id)))?;
    let schema = Arc::clone(frame.schema().inner());
    let whole = arrow::compute::concat_batches(&schema, &frame.collect().await?)?;
    Ok(R::batch(&R::read(&whole)?)?)
}

/// Where runs come from, and what narrows them.
pub(crate) fn of_scope(origin: &str, scope: &Scope) -> String {
    std::iter::once(origin.to_owned()).chain(scope.in_words()).collect::<Vec<_>>().join(", ")
}

/// The order of runs in time; runs without a time come first, then by id.
pub(crate) fn in_time(left: &RunRow, right: &RunRow) -> std::cmp::Ordering {
    (left.started_at, &left.run_id).cmp(&(right.started_at, &right.run_id))
}

fn table<R: Row>(batches: Vec<RecordBatch>) -> Result<Arc<dyn TableProvider>, SessionError> {
    Ok(Arc::new(MemTable::try_new(R::schema(), vec![batches])?))
}
