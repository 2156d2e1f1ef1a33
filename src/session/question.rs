//! A planned statement, and its rows as they come in: counted while they do, stopped when nobody waits any more.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use arrow::array::{Array as _, RecordBatch};
use arrow::datatypes::SchemaRef;
use datafusion::common::runtime::SpawnedTask;
use datafusion::common::tree_node::{Transformed, TreeNode as _};
use datafusion::error::DataFusionError;
use datafusion::execution::TaskContext;
use datafusion::physical_plan::coop::CooperativeExec;
use datafusion::physical_plan::{ExecutionPlan, ExecutionPlanProperties as _};
use datafusion::prelude::DataFrame;
use futures::StreamExt as _;
use futures::future::try_join_all;

use super::{Rows, SessionError};

/// A statement that is planned and not answered yet.
#[derive(Debug, Clone)]
pub struct Question {
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
}

/// The rows that were kept of a result.
#[derive(Debug, Clone)]
pub struct Kept {
    /// Rows that were kept.
    pub rows: Rows,
    /// How many rows were counted and not kept.
    pub left_out: usize,
}

impl Question {
    pub(super) async fn planned(frame: DataFrame) -> Result<Self, SessionError> {
        let context = Arc::new(frame.task_ctx());
        Ok(Self { plan: stoppable(frame.create_physical_plan().await?)?, context })
    }

    /// The columns of the result.
    pub fn schema(&self) -> SchemaRef {
        self.plan.schema()
    }

    /// All rows.
    ///
    /// # Errors
    /// When they cannot be computed.
    pub async fn rows(self) -> Result<Rows, SessionError> {
        Ok(self.begin(usize::MAX).kept().await?.rows)
    }

    /// Begins to compute the rows, on other threads. What goes beyond so many bytes is counted and not kept.
    ///
    /// Rows come part by part: gathered as they arrive, they would stand in another order each time.
    pub fn begin(self, most_bytes: usize) -> Answering {
        let counts = Arc::new(Counts { left: AtomicUsize::new(most_bytes), ..Counts::default() });
        let parts = 0..self.plan.output_partitioning().partition_count();
        let parts = parts.map(|part| {
            let work = part_of(Arc::clone(&self.plan), Arc::clone(&self.context), part, Arc::clone(&counts));
            SpawnedTask::spawn(work)
        });
        Answering { parts: parts.collect(), plan: self.plan, counts }
    }
}

/// The plan with pauses behind what makes many rows of few. The engine pauses where it reads; a join of two small tables
/// would work for minutes without, and could not be stopped.
fn stoppable(plan: Arc<dyn ExecutionPlan>) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
    let paused = plan.transform_up(|node| {
        let multiplies = node.children().len() > 1 || node.name() == "UnnestExec";
        Ok(if multiplies {
            Transformed::yes(Arc::new(CooperativeExec::new(node)) as _)
        } else {
            Transformed::no(node)
        })
    });
    Ok(paused?.data)
}

/// What all parts of a result have together.
#[derive(Debug, Default)]
struct Counts {
    /// Bytes that may still be kept.
    left: AtomicUsize,
    left_out: AtomicUsize,
}

/// A result that is being computed; dropping it stops the work.
pub struct Answering {
    parts: Vec<SpawnedTask<Result<Vec<RecordBatch>, DataFusionError>>>,
    plan: Arc<dyn ExecutionPlan>,
    counts: Arc<Counts>,
}

impl Answering {
    /// Its plan, whose leaves count what was read.
    pub fn reading(&self) -> Reading {
        Reading(Arc::clone(&self.plan))
    }

    /// Waits for all rows.
    ///
    /// # Errors
    /// When they cannot be computed.
    pub async fn kept(self) -> Result<Kept, SessionError> {
        let Self { parts, plan, counts } = self;
        let parts = try_join_all(parts.into_iter().map(|part| async {
            part.await.map_err(|error| DataFusionError::ExecutionJoin(Box::new(error)))?
        }))
        .await?;
        let rows = Rows { schema: plan.schema(), batches: parts.into_iter().flatten().collect() };
        Ok(Kept { rows, left_out: counts.left_out.load(Ordering::Relaxed) })
    }
}

/// How much of its sources a plan has read.
pub struct Reading(Arc<dyn ExecutionPlan>);

impl Reading {
    /// The rows that its leaves have given so far.
    pub fn rows(&self) -> usize {
        rows_of_leaves(&self.0)
    }

    /// Whether nobody works on the plan any more.
    pub fn is_alone(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

fn rows_of_leaves(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let inner = plan.children();
    if inner.is_empty() {
        return plan.metrics().and_then(|metrics| metrics.output_rows()).unwrap_or_default();
    }
    inner.into_iter().map(rows_of_leaves).sum()
}

async fn part_of(
    plan: Arc<dyn ExecutionPlan>,
    context: Arc<TaskContext>,
    part: usize,
    counts: Arc<Counts>,
) -> Result<Vec<RecordBatch>, DataFusionError> {
    let mut stream = plan.execute(part, context)?;
    let mut kept = Vec::new();
    let mut is_full = false;
    while let Some(batch) = stream.next().await {
        let batch = batch?;
        let bytes = bytes_of(&batch);
        let taken = |left: usize| left.checked_sub(bytes);
        // What is kept is the beginning of each part, without holes.
        is_full |= counts.left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, taken).is_err();
        if is_full {
            counts.left_out.fetch_add(batch.num_rows(), Ordering::Relaxed);
        } else {
            kept.push(batch);
        }
    }
    Ok(kept)
}

/// The bytes of a batch's own rows: batches may be pieces of a larger one.
fn bytes_of(batch: &RecordBatch) -> usize {
    let of = |column: &arrow::array::ArrayRef| {
        column.to_data().get_slice_memory_size().unwrap_or_else(|_| column.get_array_memory_size())
    };
    batch.columns().iter().map(of).sum()
}
