//! Columns of a batch by name and type. Plans may be large, so rows are read one batch at a time and never as JSON.

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::session::SessionError;

/// A batch whose columns are read by name.
pub(super) struct Columns<'a>(pub &'a RecordBatch);

impl Columns<'_> {
    fn of_type(&self, name: &str, kind: &DataType) -> Result<ArrayRef, SessionError> {
        let missing = || SessionError::Internal(format!("a plan's rows lack the column {name}"));
        Ok(cast(self.0.column_by_name(name).ok_or_else(missing)?, kind)?)
    }

    fn typed<A: Array + Clone + 'static>(&self, name: &str, kind: &DataType) -> Result<A, SessionError> {
        let column = self.of_type(name, kind)?;
        let wrong = || SessionError::Internal(format!("the column {name} of a plan is no {kind}"));
        column.as_any().downcast_ref::<A>().cloned().ok_or_else(wrong)
    }

    pub(super) fn texts(&self, name: &str) -> Result<StringArray, SessionError> {
        self.typed(name, &DataType::Utf8)
    }

    pub(super) fn integers(&self, name: &str) -> Result<Int64Array, SessionError> {
        self.typed(name, &DataType::Int64)
    }

    pub(super) fn doubles(&self, name: &str) -> Result<Float64Array, SessionError> {
        self.typed(name, &DataType::Float64)
    }

    pub(super) fn booleans(&self, name: &str) -> Result<BooleanArray, SessionError> {
        self.typed(name, &DataType::Boolean)
    }
}

/// A text of a column, null as `None`.
pub(super) fn text(column: &StringArray, row: usize) -> Option<&str> {
    column.is_valid(row).then(|| column.value(row))
}

/// A number of a column, null as `None`.
pub(super) fn double(column: &Float64Array, row: usize) -> Option<f64> {
    column.is_valid(row).then(|| column.value(row))
}

/// A truth of a column; null counts as no.
pub(super) fn yes(column: &BooleanArray, row: usize) -> bool {
    column.is_valid(row) && column.value(row)
}
