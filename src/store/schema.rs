//! Columns that came after a store was made, and columns that a newer runq has added to it.
//!
//! A column that may be null can be missing from a stored table: readers see null, nothing is written, and the first
//! rows that are published into the table bring it along, by a commit of its own before theirs. A column that is not
//! declared here is a newer runq's: it is left alone, and rows of ours hold null there.

use std::sync::Arc;

use arrow::array::{RecordBatch, new_null_array};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion::catalog::TableProvider;
use datafusion::catalog::view::ViewTable;
use datafusion::common::{Column, DataFusionError, ScalarValue};
use datafusion::datasource::provider_as_source;
use datafusion::logical_expr::{Expr, LogicalPlanBuilder, lit};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::{StructField, StructType};

use super::commit::{TRIES, commit_properties};
use super::error::{StoreError, is_conflict};
use super::location::Location;
use crate::model::{MetricRow, ResultRow, Row, RunRow, ScoreRow, StepRow};

/// The columns that this version of runq declares for a table.
fn declared(table: &str) -> SchemaRef {
    match table {
        RunRow::TABLE => RunRow::schema(),
        ResultRow::TABLE => ResultRow::schema(),
        ScoreRow::TABLE => ScoreRow::schema(),
        StepRow::TABLE => StepRow::schema(),
        MetricRow::TABLE => MetricRow::schema(),
        _ => Arc::new(Schema::empty()),
    }
}

/// A stored table with every declared column, null where the table does not have it.
pub(super) fn with_declared_columns(
    table: &str,
    provider: Arc<dyn TableProvider>,
) -> Result<Arc<dyn TableProvider>, DataFusionError> {
    let stored = provider.schema();
    let declared = declared(table);
    let is_missing = |name: &str| stored.column_with_name(name).is_none();
    if !declared.fields().iter().any(|field| field.is_nullable() && is_missing(field.name())) {
        return Ok(provider);
    }
    let mut columns: Vec<Expr> = stored
        .fields()
        .iter()
        .map(|field| Expr::Column(Column::new_unqualified(field.name().clone())))
        .collect();
    for field in declared.fields().iter().filter(|field| field.is_nullable() && is_missing(field.name())) {
        columns.push(lit(ScalarValue::try_new_null(field.data_type())?).alias(field.name()));
    }
    let plan =
        LogicalPlanBuilder::scan(table, provider_as_source(provider), None)?.project(columns)?.build()?;
    Ok(Arc::new(ViewTable::new(plan, None)))
}

/// A table in its newest version, with every declared column, ready to be written into.
///
/// Of two writers that bring the same columns along one lands; the other finds them there.
pub(super) async fn load_for_writing(
    location: &Location,
    name: &'static str,
) -> Result<DeltaTable, StoreError> {
    let mut failure: Option<StoreError> = None;
    for _ in 0..TRIES {
        let table = location.load(name).await?;
        let missing = missing_columns(location, name, &table)?;
        if missing.is_empty() {
            return Ok(table);
        }
        if let Some(error) = failure {
            return Err(error);
        }
        let added =
            table.add_columns().with_fields(missing).with_commit_properties(commit_properties()).await;
        match added {
            Ok(_) => {}
            Err(cause) if is_conflict(&cause) => {}
            // The answer may be lost and the commit not: only the table knows.
            Err(cause) => failure = Some(location.error(name, cause)),
        }
    }
    Err(StoreError::Busy { path: location.label(), table: name, tries: TRIES })
}

/// Declared columns that a table does not have. An error when rows of ours would not fit into the table with them.
fn missing_columns(
    location: &Location,
    name: &'static str,
    table: &DeltaTable,
) -> Result<Vec<StructField>, StoreError> {
    let error = |cause| location.error(name, cause);
    let schema = table.snapshot().map_err(error)?.schema();
    let wanted: StructType =
        declared(name).as_ref().try_into_kernel().map_err(|cause| location.error(name, cause))?;
    let missing: Vec<StructField> =
        wanted.fields().filter(|field| schema.field(field.name()).is_none()).cloned().collect();
    let strange = schema.fields().find(|field| !field.is_nullable() && wanted.field(field.name()).is_none());
    if let Some(field) = strange {
        let (path, column) = (location.label(), field.name().clone());
        return Err(StoreError::Newer { path, table: name, column });
    }
    // The rows that are there have no value for it.
    if let Some(field) = missing.iter().find(|field| !field.is_nullable()) {
        let (path, column) = (location.label(), field.name().clone());
        return Err(StoreError::LacksColumn { path, table: name, column });
    }
    Ok(missing)
}

/// Rows of ours in the columns of a table: by name, null in those that only a newer runq knows.
pub(super) fn conformed(
    location: &Location,
    name: &'static str,
    batch: RecordBatch,
    columns: &SchemaRef,
) -> Result<RecordBatch, StoreError> {
    if batch.schema().fields() == columns.fields() {
        return Ok(batch);
    }
    let fits = |field: &Field| {
        columns.field_with_name(field.name()).is_ok_and(|stored| stored.data_type() == field.data_type())
    };
    let fields = batch.schema();
    if fields.fields().len() != declared(name).fields().len()
        || !fields.fields().iter().all(|field| fits(field))
    {
        return Err(StoreError::refused(format!("columns {:?} for table {name}", fields.fields())));
    }
    let arrays = columns.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(array) => Arc::clone(array),
        None => new_null_array(field.data_type(), batch.num_rows()),
    });
    RecordBatch::try_new(Arc::clone(columns), arrays.collect()).map_err(|cause| location.error(name, cause))
}
