//! The relation `runs`: the headers of the runs in scope.
//!
//! The list of planned keys may take many megabytes; it is copied for a query that reads it, not for the others.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use async_trait::async_trait;
use datafusion::catalog::{Session as Planning, TableProvider};
use datafusion::datasource::MemTable;
use datafusion::error::DataFusionError;
use datafusion::logical_expr::{Expr, TableType};
use datafusion::physical_plan::ExecutionPlan;

use super::SessionError;
use super::facts::RunEntry;
use crate::model::{Row, RunRow};

/// The column that may be long.
const LONG: &str = "planned_keys";

/// The runs with their place: in the order they are in, from 0.
///
/// # Errors
/// Never for rows of this crate; Arrow's own check is passed on.
pub(crate) fn relation(runs: &[RunEntry]) -> Result<Arc<dyn TableProvider>, SessionError> {
    let lists = runs.iter().map(|entry| entry.run.planned_keys.clone()).collect();
    let rows: Vec<RunRow> =
        runs.iter().map(|entry| RunRow { planned_keys: None, ..entry.run.clone() }).collect();
    let batch = RunRow::batch(&rows)?;
    let mut fields: Vec<Field> = batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
    let mut columns = batch.columns().to_vec();
    fields.push(Field::new("place", DataType::Int64, false));
    columns.push(Arc::new(Int64Array::from_iter_values(0..rows.len() as i64)));
    let short = RecordBatch::try_new(Arc::new(Schema::new(fields)), columns)?;
    Ok(Arc::new(Headers { short, lists }))
}

#[derive(Debug)]
struct Headers {
    /// All columns, without the lists.
    short: RecordBatch,
    lists: Vec<Option<Arc<str>>>,
}

impl Headers {
    /// The rows with every column that a query reads.
    fn rows(&self, projection: Option<&Vec<usize>>) -> Result<RecordBatch, DataFusionError> {
        let long = self.short.schema().index_of(LONG)?;
        let is_read = projection.is_none_or(|columns| columns.contains(&long));
        if !is_read || self.lists.iter().all(Option::is_none) {
            return Ok(self.short.clone());
        }
        let mut columns: Vec<ArrayRef> = self.short.columns().to_vec();
        columns[long] = Arc::new(self.lists.iter().map(Option::as_deref).collect::<StringArray>());
        Ok(RecordBatch::try_new(self.short.schema(), columns)?)
    }
}

#[async_trait]
impl TableProvider for Headers {
    fn schema(&self) -> SchemaRef {
        self.short.schema()
    }

    fn table_type(&self) -> TableType {
        TableType::Base
    }

    async fn scan(
        &self,
        state: &dyn Planning,
        projection: Option<&Vec<usize>>,
        filters: &[Expr],
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>, DataFusionError> {
        let rows = self.rows(projection)?;
        MemTable::try_new(rows.schema(), vec![vec![rows]])?.scan(state, projection, filters, limit).await
    }
}
