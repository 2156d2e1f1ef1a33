//! A JSON document as it is written: as it stands, or with a list of rows that is read from columns on the way.

use arrow::array::{Array, ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use serde::ser::{Error as _, SerializeMap as _, SerializeSeq as _};
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::answer::Records;

/// What is written.
pub(super) enum Document<'a> {
    /// The document.
    Plain(&'a Value),
    /// Its members, of which one is the list of all rows.
    WithRows { members: &'a Map<String, Value>, rows: &'a str, records: &'a Records },
}

impl Serialize for Document<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (members, rows, records) = match self {
            Self::Plain(value) => return value.serialize(serializer),
            Self::WithRows { members, rows, records } => (members, rows, records),
        };
        let mut map = serializer.serialize_map(Some(members.len()))?;
        for (name, value) in *members {
            if name == rows {
                map.serialize_entry(name, &Rows(records))?;
            } else {
                map.serialize_entry(name, value)?;
            }
        }
        map.end()
    }
}

struct Rows<'a>(&'a Records);

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let count = self.0.batches.iter().map(RecordBatch::num_rows).sum();
        let mut list = serializer.serialize_seq(Some(count))?;
        for batch in &self.0.batches {
            for row in 0..batch.num_rows() {
                list.serialize_element(&Row { batch, row })?;
            }
        }
        list.end()
    }
}

struct Row<'a> {
    batch: &'a RecordBatch,
    row: usize,
}

impl Serialize for Row<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let schema = self.batch.schema_ref();
        let mut map = serializer.serialize_map(Some(schema.fields().len()))?;
        for (field, column) in schema.fields().iter().zip(self.batch.columns()) {
            map.serialize_entry(field.name(), &Cell { column, row: self.row })?;
        }
        map.end()
    }
}

struct Cell<'a> {
    column: &'a ArrayRef,
    row: usize,
}

impl Serialize for Cell<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let column = self.column.as_any();
        if self.column.is_null(self.row) {
            serializer.serialize_none()
        } else if let Some(texts) = column.downcast_ref::<StringArray>() {
            serializer.serialize_str(texts.value(self.row))
        } else if let Some(numbers) = column.downcast_ref::<Int64Array>() {
            serializer.serialize_i64(numbers.value(self.row))
        } else if let Some(numbers) = column.downcast_ref::<Float64Array>() {
            serializer.serialize_f64(numbers.value(self.row))
        } else if let Some(truths) = column.downcast_ref::<BooleanArray>() {
            serializer.serialize_bool(truths.value(self.row))
        } else {
            Err(S::Error::custom(format!("rows of a document hold no {}", self.column.data_type())))
        }
    }
}
