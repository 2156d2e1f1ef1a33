//! The nouns of runq and the columns they are stored in. No I/O, no async.
//!
//! * run: one execution of a task by a tool; unit of ingest, replacement and resume.
//! * task: the suite, benchmark or command that was run; case ids are unique within a task.
//! * case: one thing that was asked. Its id is the tool's own, else a content hash, never a position.
//! * epoch: a planned statistical repeat of a case, from 1.
//! * attempt: an execution of one key (run, task, case, model, prompt, variant, epoch), from 1 in source order.
//! * latest: the attempt that counts, the last of its key.
//! * result: the stored row of one attempt. score: one metric's value for one result. step: one event of its trace.
//! * metric: a name with a direction, an aggregate and a unit.
//! * arm: one side of a comparison; baseline and candidate are arms, delta is candidate minus baseline.

mod column;
mod key;
mod metric;
mod near;
mod shell;
mod status;
mod tables;

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};

pub(crate) use column::stored_table;
pub use column::{Column, Stored, Timestamp};
pub use key::{Key, attempt_identity, execution_id, set_id, text_id};
pub use metric::{Aggregate, BUILT_IN_METRICS, BuiltInMetric, Direction, MetricRow, RUN_METRICS, is_by_run};
pub use near::{few, nearest};
pub use shell::{shell_line, shell_word};
pub use status::{RunStatus, Status};
pub use tables::{ResultRow, RunRow, ScoreRow, StepRow};

/// The task of a source that names none.
pub const UNKNOWN_TASK: &str = "unknown";

/// A row of a stored table.
pub trait Row: Sized + Clone {
    /// Table name in SQL and folder name in the store.
    const TABLE: &'static str;
    /// What one row is.
    const DOC: &'static str;

    /// The stored columns in order.
    fn columns() -> Vec<Column>;

    /// One array per column.
    fn arrays(rows: &[Self]) -> Vec<ArrayRef>;

    /// Reads rows back from a batch that has these columns, found by name. One that may be null can be missing, as in
    /// a store that was made before there was such a column: then it is null in every row.
    ///
    /// # Errors
    /// When a column that may not be null is missing, has another type, or holds a null where none may be.
    fn read(batch: &RecordBatch) -> Result<Vec<Self>, ReadRowError>;

    /// The Arrow schema of the table.
    fn schema() -> SchemaRef {
        Arc::new(Schema::new(
            Self::columns()
                .into_iter()
                .map(|column| Field::new(column.name, column.data_type, column.nullable))
                .collect::<Vec<_>>(),
        ))
    }

    /// Rows as one Arrow batch.
    ///
    /// # Errors
    /// Never for rows made by this crate; Arrow's own check is passed on.
    fn batch(rows: &[Self]) -> Result<RecordBatch, arrow::error::ArrowError> {
        RecordBatch::try_new(Self::schema(), Self::arrays(rows))
    }
}

/// A stored batch that does not have the declared shape.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("table {table}: column {column} is missing or not of the declared type")]
pub struct ReadRowError {
    /// Table that was read.
    pub table: &'static str,
    /// Column that does not fit.
    pub column: &'static str,
}

/// Finds a column by name and brings it to the stored type (a reader may hand out view types).
pub(crate) fn stored_column<T: Stored>(
    batch: &RecordBatch,
    table: &'static str,
    column: &'static str,
) -> Result<ArrayRef, ReadRowError> {
    let error = ReadRowError { table, column };
    let Some(array) = batch.column_by_name(column) else {
        return if T::NULLABLE { Ok(new_null_array(&T::data_type(), batch.num_rows())) } else { Err(error) };
    };
    let stored = match array.data_type() {
        arrow::datatypes::DataType::Utf8View
        | arrow::datatypes::DataType::LargeUtf8
        | arrow::datatypes::DataType::Dictionary(_, _) => {
            arrow::compute::cast(array, &arrow::datatypes::DataType::Utf8).map_err(|_| error)?
        }
        _ => Arc::clone(array),
    };
    Ok(stored)
}
