//! One JSON object that holds its rows in a field: `{"model": ..., "results": [{...}, ...]}`, or pandas' split
//! form `{"columns": [...], "data": [[...], ...]}`.
//!
//! What stands beside the rows is kept as the header; labels such as the model are given to rows that lack them.

use std::io::Read;

use serde_json::{Map, Value};
use sha2::Sha256;

use super::stream::Stream;
use super::{NoRow, Rows, SourceRow, parse_object};
use crate::import::ImportError;
use crate::import::table::value;

/// Fields that hold rows, the likeliest first; a field of another name when it is the only list of objects.
const ROW_FIELDS: [&str; 10] = [
    "results",
    "rows",
    "data",
    "samples",
    "examples",
    "items",
    "records",
    "cases",
    "testCases",
    "test_cases",
];

/// Labels of the whole file that hold for every row of it.
const INHERITED: [&str; 8] =
    ["model", "model_name", "provider", "experiment", "experiment_name", "task", "suite", "benchmark"];

pub(super) struct ObjectRows {
    stream: Stream,
    rows: std::vec::IntoIter<Value>,
    header: Map<String, Value>,
    number: u64,
}

impl ObjectRows {
    pub(super) fn open(mut stream: Stream) -> Result<Self, ImportError> {
        stream.skip_mark()?;
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).map_err(|error| stream.problem(&error))?;
        let mut header = parse_object(&bytes)
            .map_err(|message| ImportError::unreadable(stream.path(), None, message, None))?;
        drop(bytes);
        let rows = split_rows(&mut header).or_else(|| listed_rows(&mut header)).ok_or_else(|| {
            ImportError::unreadable(
                stream.path(),
                None,
                "expected rows, found one JSON object without a list of objects",
                Some("a table has one JSON object per line, or a list of them"),
            )
        })?;
        Ok(Self { stream, rows: rows.into_iter(), header, number: 0 })
    }
}

/// Takes the list of rows out of the object.
fn listed_rows(object: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let known = ROW_FIELDS.iter().find(|name| object.get(**name).is_some_and(holds_objects));
    let name = match known {
        Some(name) => (*name).to_owned(),
        None => {
            let mut lists = object.iter().filter(|(_, value)| holds_objects(value));
            let only = lists.next()?.0.clone();
            if lists.next().is_some() {
                return None;
            }
            only
        }
    };
    match object.shift_remove(&name)? {
        Value::Array(rows) => Some(rows),
        _ => None,
    }
}

fn holds_objects(value: &Value) -> bool {
    value.as_array().and_then(|rows| rows.first()).is_some_and(Value::is_object)
}

/// Takes the rows of pandas' split form out of the object.
fn split_rows(object: &mut Map<String, Value>) -> Option<Vec<Value>> {
    let columns = object.get("columns")?.as_array()?;
    let names = columns.iter().map(|name| name.as_str().map(str::to_owned)).collect::<Option<Vec<_>>>()?;
    if !object.get("data")?.as_array()?.iter().all(Value::is_array) {
        return None;
    }
    let Some(Value::Array(rows)) = object.shift_remove("data") else { return None };
    object.shift_remove("columns");
    let named = rows.into_iter().map(|row| match row {
        Value::Array(cells) if cells.len() == names.len() => {
            Value::Object(names.iter().cloned().zip(cells).collect())
        }
        other => other,
    });
    Some(named.collect())
}

impl Rows for ObjectRows {
    fn next_row(&mut self) -> Option<Result<SourceRow, NoRow>> {
        let row = self.rows.next()?;
        self.number += 1;
        let mut fields = match row {
            Value::Object(fields) => fields,
            other => {
                let message = value::unexpected("a JSON object", &other);
                return Some(Err(NoRow::Bad { number: self.number, message }));
            }
        };
        for name in INHERITED {
            if let Some(label) = self.header.get(name).filter(|label| label.is_string())
                && !fields.contains_key(name)
            {
                fields.insert(name.to_owned(), label.clone());
            }
        }
        Some(Ok(SourceRow { number: self.number, fields }))
    }

    fn bytes_read(&self) -> u64 {
        self.stream.count()
    }

    fn header(&self) -> Map<String, Value> {
        self.header.clone()
    }

    fn into_hash(self: Box<Self>) -> Result<Sha256, ImportError> {
        self.stream.into_hash()
    }
}
