//! The rows of a table, whatever it is written in: one number that people see and one JSON object per row.
//!
//! Every format is read as a stream; only a JSON object that holds its rows in a field is read as a whole.

mod array;
mod csv_rows;
mod lines;
mod object;
mod parquet_rows;
mod stream;

use std::path::Path;

use serde_json::{Map, Value};
use sha2::Sha256;

use super::format::{Detected, Format, detect};
use super::value;
use crate::import::json::parse_lenient;
use crate::import::{HEAD_BYTES, ImportError, growing};
use crate::source::{Source, SourceError};
use stream::Stream;

/// One row as its file holds it.
#[derive(Debug)]
pub(super) struct SourceRow {
    /// Line of a text file or row of a table, from 1.
    pub number: u64,
    /// Its columns.
    pub fields: Map<String, Value>,
}

/// Why there is no row.
#[derive(Debug)]
pub(super) enum NoRow {
    /// This row cannot be read; the next one may be.
    Bad {
        /// Line or row, from 1.
        number: u64,
        /// What was expected and what was found.
        message: String,
    },
    /// The file cannot be read any further.
    File(ImportError),
}

/// Rows of one file, in file order.
pub(super) trait Rows {
    /// The next row, or `None` after the last one.
    fn next_row(&mut self) -> Option<Result<SourceRow, NoRow>>;

    /// How many bytes of the file have been read.
    fn bytes_read(&self) -> u64;

    /// Whether every row has the same columns, so that the first row tells them all.
    fn fixed_columns(&self) -> bool {
        false
    }

    /// What the file says beside its rows.
    fn header(&self) -> Map<String, Value> {
        Map::new()
    }

    /// Reads what is left and gives the hash of the whole file.
    fn into_hash(self: Box<Self>) -> Result<Sha256, ImportError>;
}

/// Opens a table.
///
/// # Errors
/// When the file cannot be read, or is no table in a format that is known here.
pub(super) fn open<'a>(source: &'a dyn Source, path: &'a Path) -> Result<Box<dyn Rows + 'a>, ImportError> {
    let head = source.read_range(path, 0..HEAD_BYTES)?;
    let format = match detect(path, &head) {
        Detected::Table(format) => format,
        Detected::Refused { message, hint } => {
            return Err(ImportError::unreadable(path, None, message, Some(hint)));
        }
        Detected::Unknown => {
            return Err(ImportError::unreadable(
                path,
                None,
                "expected a table in JSONL, JSON, CSV or Parquet, found none of them",
                Some("a CSV file is known by its name: .csv or .tsv"),
            ));
        }
    };
    if format == Format::Parquet {
        return Ok(Box::new(parquet_rows::ParquetRows::open(source, path)?));
    }
    let stream = Stream::new(source.open(path)?, path);
    Ok(match format {
        Format::Csv => Box::new(csv_rows::CsvRows::open(stream, &head)?),
        Format::Array => Box::new(array::ArrayRows::open(stream)?),
        Format::Object => Box::new(object::ObjectRows::open(stream)?),
        Format::Lines | Format::Parquet => Box::new(lines::LineRows::new(stream)),
    })
}

/// How many bytes of a table hold whole rows; `None` when its format is not written row by row.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn whole_rows(source: &dyn Source, path: &Path) -> Result<Option<u64>, SourceError> {
    let head = source.read_range(path, 0..HEAD_BYTES)?;
    match detect(path, &head) {
        Detected::Table(Format::Lines) => growing::json_lines(source, path).map(Some),
        Detected::Table(Format::Csv) => csv_rows::whole_rows(source, path, &head).map(Some),
        _ => Ok(None),
    }
}

/// Reads the JSON object of one row.
fn parse_object(bytes: &[u8]) -> Result<Map<String, Value>, String> {
    match parse_lenient(bytes) {
        Ok(Value::Object(fields)) => Ok(fields),
        Ok(other) => Err(value::unexpected("a JSON object", &other)),
        Err(error) if error.is_eof() => {
            Err(format!("expected a JSON object, found the end of it after {}", last_words(bytes)))
        }
        Err(error) => Err(format!("expected a JSON object, found {}", without_line(&error.to_string()))),
    }
}

/// The end of a text that stops too early, for a message.
fn last_words(bytes: &[u8]) -> String {
    const LONGEST: usize = 40;
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end();
    let skip = text.chars().count().saturating_sub(LONGEST);
    let end: String = text.chars().skip(skip).collect();
    if skip == 0 { end } else { format!("...{end}") }
}

/// A row is parsed by itself, so serde's own line number says nothing.
fn without_line(message: &str) -> String {
    message.replace(" at line 1 column ", " at character ")
}
