//! Rows of an answer, with their columns.

use std::sync::Arc;

use arrow::array::{BooleanArray, RecordBatch, RecordBatchOptions, StringArray};
use arrow::compute::{
    SortColumn, concat_batches, filter_record_batch, lexsort_to_indices, take_record_batch,
};
use arrow::datatypes::{Schema, SchemaRef};

use super::SessionError;

/// Rows with their columns, also when there is no row.
#[derive(Debug, Clone)]
pub struct Rows {
    /// The columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Rows {
    /// The rows as values of a type whose fields are named like the columns.
    ///
    /// # Errors
    /// When a column is missing or has another type.
    pub fn read<T: serde::de::DeserializeOwned>(&self) -> Result<Vec<T>, SessionError> {
        let mut writer = arrow::json::ArrayWriter::new(Vec::new());
        writer.write_batches(&self.batches.iter().collect::<Vec<_>>())?;
        writer.finish()?;
        let bytes = writer.into_inner();
        if bytes.is_empty() {
            return Ok(Vec::new());
        }
        serde_json::from_slice(&bytes)
            .map_err(|error| SessionError::Internal(format!("rows of an answer: {error}")))
    }
}

impl Rows {
    /// The rows by their columns from left to right, nulls first; columns of lists and the like do not count.
    pub(super) fn sorted(self) -> Result<Self, SessionError> {
        let whole = concat_batches(&self.schema, &self.batches)?;
        let flat = whole.columns().iter().filter(|column| !column.data_type().is_nested());
        let keys: Vec<SortColumn> =
            flat.map(|column| SortColumn { values: column.clone(), options: None }).collect();
        if keys.is_empty() {
            return Ok(self);
        }
        let order = lexsort_to_indices(&keys, None)?;
        Ok(Self { batches: vec![take_record_batch(&whole, &order)?], schema: self.schema })
    }

    /// The rows with every column's name its own: the second `n` is `n_2`. Every column may be null, so that the parts
    /// of a result fit whatever its plan knew of them.
    pub(super) fn with_unique_names(&self) -> Result<Self, SessionError> {
        let mut names: Vec<String> = Vec::new();
        for field in self.schema.fields() {
            let mut name = field.name().clone();
            let mut number = 2;
            while names.contains(&name) {
                name = format!("{}_{number}", field.name());
                number += 1;
            }
            names.push(name);
        }
        let fields = self.schema.fields().iter().zip(names);
        let fields = fields.map(|(field, name)| field.as_ref().clone().with_name(name).with_nullable(true));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let batches = self.batches.iter().map(|batch| {
            let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
            RecordBatch::try_new_with_options(Arc::clone(&schema), batch.columns().to_vec(), &rows)
        });
        Ok(Self { batches: batches.collect::<Result<_, _>>()?, schema })
    }

    /// The rows for which the list says yes.
    ///
    /// # Errors
    /// When the list is not as long as the rows are many.
    pub fn only(self, wanted: &[bool]) -> Result<Self, SessionError> {
        let mut left = wanted;
        let mut batches = Vec::with_capacity(self.batches.len());
        for batch in self.batches {
            let (mask, rest) = left
                .split_at_checked(batch.num_rows())
                .ok_or_else(|| SessionError::Internal("a choice shorter than the rows".to_owned()))?;
            left = rest;
            batches.push(filter_record_batch(&batch, &BooleanArray::from(mask.to_vec()))?);
        }
        Ok(Self { schema: self.schema, batches })
    }
}

/// The texts of a column, nulls left out.
pub(crate) fn text_values(rows: &Rows, column: usize) -> Vec<String> {
    let mut values = Vec::new();
    for batch in &rows.batches {
        let Ok(texts) = arrow::compute::cast(batch.column(column), &arrow::datatypes::DataType::Utf8) else {
            continue;
        };
        if let Some(texts) = texts.as_any().downcast_ref::<StringArray>() {
            values.extend(texts.iter().flatten().map(str::to_owned));
        }
    }
    values
}
