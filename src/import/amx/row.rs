//! One row of a table of the history, by the columns that the database has.
//!
//! Values are taken out by name; what nobody takes is kept for `extra`. A value of another type than its column should
//! hold is a problem in words and stays in the row.

use std::path::Path;

use rusqlite::Statement;
use rusqlite::types::ValueRef;
use serde_json::{Map, Number, Value};
use sha2::{Digest, Sha256};

use super::database::not_readable;
use crate::import::{ImportError, json};
use crate::model::Timestamp;

/// Beyond this many seconds a number is no time (the year 5138).
const LATEST_SECOND: f64 = 100_000_000_000.0;

/// The rows of a table, one after the other.
pub(super) struct Rows<'s> {
    rows: rusqlite::Rows<'s>,
    columns: Vec<String>,
    path: &'s Path,
}

impl<'s> Rows<'s> {
    /// Begins to read what a statement gives.
    pub(super) fn of(statement: &'s mut Statement<'_>, path: &'s Path) -> Result<Self, ImportError> {
        let columns = statement.column_names().map(str::to_owned).collect();
        let rows = statement.query([]).map_err(|error| not_readable(path, &error))?;
        Ok(Self { rows, columns, path })
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<Row>, ImportError> {
        let Some(row) = self.rows.next().map_err(|error| not_readable(self.path, &error))? else {
            return Ok(None);
        };
        let mut read = Row { values: Map::new(), problems: Vec::new(), hash: Sha256::new(), bytes: 0 };
        for (place, name) in self.columns.iter().enumerate() {
            read.add(name, row.get_ref(place).map_err(|error| not_readable(self.path, &error))?);
        }
        Ok(Some(read))
    }
}

/// One row.
pub(super) struct Row {
    values: Map<String, Value>,
    problems: Vec<String>,
    hash: Sha256,
    bytes: u64,
}

impl Row {
    fn add(&mut self, column: &str, value: ValueRef<'_>) {
        let (tag, bytes): (u8, &[u8]) = match &value {
            ValueRef::Null => return,
            ValueRef::Integer(number) => (1, &number.to_le_bytes()),
            ValueRef::Real(number) => (2, &number.to_le_bytes()),
            ValueRef::Text(text) => (3, text),
            ValueRef::Blob(blob) => (4, blob),
        };
        for part in [column.as_bytes(), &[tag], bytes] {
            self.hash.update((part.len() as u64).to_le_bytes());
            self.hash.update(part);
        }
        self.bytes += bytes.len() as u64;
        let read = match value {
            ValueRef::Integer(number) => Some(Value::from(number)),
            ValueRef::Real(number) => Number::from_f64(number).map(Value::Number),
            ValueRef::Text(text) => std::str::from_utf8(text).ok().map(Value::from),
            ValueRef::Null | ValueRef::Blob(_) => None,
        };
        match read {
            Some(value) => drop(self.values.insert(column.to_owned(), value)),
            None => {
                let found = match tag {
                    2 => "a number that is not finite".to_owned(),
                    3 => "bytes that are no UTF-8 text".to_owned(),
                    _ => format!("a blob of {} bytes", bytes.len()),
                };
                self.problem(column, "a text or a number", &found);
            }
        }
    }

    /// Hash of every column and value of the row.
    pub(super) fn digest(&self) -> [u8; 32] {
        self.hash.clone().finalize().into()
    }

    /// How many bytes its values are.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Notes a value that is left out.
    pub(super) fn problem(&mut self, column: &str, expected: &str, found: &str) {
        self.problems.push(format!("{column}: expected {expected}, found {found} (read without it)"));
    }

    /// What could not be read so far.
    pub(super) fn take_problems(&mut self) -> Vec<String> {
        std::mem::take(&mut self.problems)
    }

    /// A whole number that stays in the row.
    pub(super) fn integer(&self, column: &str) -> Option<i64> {
        self.values.get(column).and_then(whole)
    }

    /// Takes a text; an empty one is none.
    pub(super) fn take_text(&mut self, column: &str) -> Option<String> {
        match self.values.shift_remove(column)? {
            Value::String(text) => Some(text).filter(|text| !text.is_empty()),
            number => json::stored_text(&number),
        }
    }

    /// Takes a number.
    pub(super) fn take_number(&mut self, column: &str) -> Option<f64> {
        self.take(column, "a number", Value::as_f64)
    }

    /// Takes a whole number.
    pub(super) fn take_integer(&mut self, column: &str) -> Option<i64> {
        self.take(column, "a whole number", whole)
    }

    /// Takes a time in seconds since 1970.
    pub(super) fn take_time(&mut self, column: &str) -> Option<Timestamp> {
        self.take(column, "seconds since 1970", |value| {
            let seconds = value.as_f64().filter(|seconds| seconds.abs() < LATEST_SECOND)?;
            Some(Timestamp((seconds * 1e6).round() as i64))
        })
    }

    /// Takes a JSON document; an empty text is none.
    pub(super) fn take_json(&mut self, column: &str) -> Option<Value> {
        let text = json::stored_text(self.values.get(column)?)?;
        if text.trim().is_empty() {
            self.values.shift_remove(column);
            return None;
        }
        match json::parse_lenient(text.as_bytes()) {
            Ok(value) => {
                self.values.shift_remove(column);
                Some(value).filter(|value| !value.is_null())
            }
            Err(error) => {
                let found = format!("{} ({error})", shortened(&text));
                self.problem(column, "JSON", &found);
                None
            }
        }
    }

    /// Puts a value back, to be kept as it is.
    pub(super) fn keep(&mut self, column: &str, value: Value) {
        self.values.insert(column.to_owned(), value);
    }

    /// Takes what nobody has taken; empty texts are left out.
    pub(super) fn take_rest(&mut self) -> Map<String, Value> {
        let mut rest = std::mem::take(&mut self.values);
        rest.retain(|_, value| value.as_str() != Some(""));
        rest
    }

    fn take<T>(&mut self, column: &str, expected: &str, read: impl Fn(&Value) -> Option<T>) -> Option<T> {
        let value = self.values.get(column)?;
        let taken = read(value);
        if taken.is_some() || value.as_str() == Some("") {
            self.values.shift_remove(column);
        } else {
            let found = shortened(&value.to_string());
            self.problem(column, expected, &found);
        }
        taken
    }
}

/// A whole number, also where it is written as 3.0.
fn whole(value: &Value) -> Option<i64> {
    const EXACT: f64 = 9_007_199_254_740_992.0;
    value.as_i64().or_else(|| {
        value.as_f64().filter(|value| value.fract() == 0.0 && value.abs() <= EXACT).map(|value| value as i64)
    })
}

/// A value as a message shows it.
pub(super) fn shortened(text: &str) -> String {
    const MOST: usize = 40;
    if text.chars().count() <= MOST {
        return text.to_owned();
    }
    text.chars().take(MOST).chain(std::iter::once('…')).collect()
}
