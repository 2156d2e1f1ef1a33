//! CSV with a header line; commas, semicolons or tabs between the cells.
//!
//! Every cell is a text and an empty one is null. Cells may be quoted and hold line breaks (RFC 4180).

use std::io::Read as _;
use std::path::{Path, PathBuf};

use csv::{ByteRecord, ErrorKind, Reader, ReaderBuilder, Terminator};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::stream::Stream;
use super::{NoRow, Rows, SourceRow};
use crate::import::ImportError;
use crate::source::{Source, SourceError};

pub(super) struct CsvRows {
    reader: Reader<Stream>,
    path: PathBuf,
    columns: Vec<String>,
    record: ByteRecord,
}

impl CsvRows {
    pub(super) fn open(mut stream: Stream, head: &[u8]) -> Result<Self, ImportError> {
        stream.skip_mark()?;
        let path = stream.path().to_owned();
        let mut reader = builder(head).from_reader(stream);
        let mut record = ByteRecord::new();
        reader.read_byte_record(&mut record).map_err(|error| not_readable(&path, &error))?;
        let names = record.iter().map(std::str::from_utf8).collect::<Result<Vec<_>, _>>().map_err(|_| {
            let hint = "save it as CSV UTF-8";
            ImportError::unreadable(&path, Some(1), "the header is not UTF-8 text", Some(hint))
        })?;
        let columns = distinct(&names);
        Ok(Self { reader, path, columns, record })
    }

    fn is_blank(&self) -> bool {
        self.record.len() == 1 && self.record.as_slice().trim_ascii().is_empty()
    }

    /// The line on which the row begins: where the reader stands now, less what it has passed since then.
    fn line(&self) -> u64 {
        let inside = self.record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
        let ended = u64::from(!self.reader.is_done());
        self.reader.position().line().saturating_sub(inside + ended)
    }

    fn row(&self, number: u64) -> Result<SourceRow, String> {
        let (cells, columns) = (self.record.len(), self.columns.len());
        if cells != columns {
            return Err(format!("expected {columns} cells as in the header, found {cells}"));
        }
        let mut fields = Map::new();
        for (at, (name, cell)) in self.columns.iter().zip(self.record.iter()).enumerate() {
            let cell = if at + 1 == columns { cell.strip_suffix(b"\r").unwrap_or(cell) } else { cell };
            let text = std::str::from_utf8(cell).map_err(|_| {
                format!("column {name}: expected UTF-8 text, found {:?}", String::from_utf8_lossy(cell))
            })?;
            let value = if text.is_empty() { Value::Null } else { Value::String(text.to_owned()) };
            fields.insert(name.clone(), value);
        }
        Ok(SourceRow { number, fields })
    }
}

fn builder(head: &[u8]) -> ReaderBuilder {
    let mut builder = ReaderBuilder::new();
    builder
        .delimiter(delimiter(head))
        // With its own reading of line ends the reader miscounts lines behind a carriage return.
        .terminator(Terminator::Any(b'\n'))
        .flexible(true)
        .has_headers(false);
    builder
}

/// How many bytes hold rows that have ended. A last line without its end may be half a number, and a line break inside
/// quotes ends nothing. So the rows are read with a byte more behind the last one, which begins a row of its own only
/// where everything before it has ended.
pub(super) fn whole_rows(source: &dyn Source, path: &Path, head: &[u8]) -> Result<u64, SourceError> {
    let size = source.entry(path)?.map_or(0, |entry| entry.size);
    let mut reader = builder(head).from_reader(source.open(path)?.take(size).chain(&b"."[..]));
    let mut record = ByteRecord::new();
    let mut end = 0;
    loop {
        let began = reader.position().byte();
        match reader.read_byte_record(&mut record) {
            Ok(true) => end = began,
            Ok(false) => return Ok(end),
            Err(error) => {
                return Err(match error.kind() {
                    ErrorKind::Io(error) => SourceError::of_reader(path, error),
                    _ => SourceError::unreadable(path, error.to_string()),
                });
            }
        }
    }
}

/// What separates the cells of the header: the most frequent of comma, semicolon and tab outside of quotes.
fn delimiter(head: &[u8]) -> u8 {
    let mut counts = [(b',', 0_usize), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in head {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' if !quoted => break,
            byte if !quoted => {
                counts.iter_mut().filter(|(known, _)| known == byte).for_each(|(_, count)| *count += 1);
            }
            _ => {}
        }
    }
    // The first of equals: a header of one column has none of them.
    counts.iter().rev().max_by_key(|(_, count)| *count).map_or(b',', |(byte, _)| *byte)
}

/// Column names that differ: a second `Score` is `Score_2`, one without a name is `column_N`.
fn distinct(names: &[&str]) -> Vec<String> {
    let mut columns: Vec<String> = Vec::with_capacity(names.len());
    for (at, name) in names.iter().enumerate() {
        let name = match name.trim() {
            "" => format!("column_{}", at + 1),
            name => name.to_owned(),
        };
        let mut column = name.clone();
        let mut copy = 2;
        while columns.contains(&column) {
            column = format!("{name}_{copy}");
            copy += 1;
        }
        columns.push(column);
    }
    columns
}

fn not_readable(path: &Path, error: &csv::Error) -> ImportError {
    if let ErrorKind::Io(error) = error.kind() {
        return SourceError::of_reader(path, error).into();
    }
    let line = error.position().map(csv::Position::line);
    ImportError::unreadable(path, line, error.to_string(), None)
}

impl Rows for CsvRows {
    fn next_row(&mut self) -> Option<Result<SourceRow, NoRow>> {
        loop {
            match self.reader.read_byte_record(&mut self.record) {
                Ok(false) => return None,
                Ok(true) if self.is_blank() => {}
                Ok(true) => {
                    let number = self.line();
                    return Some(self.row(number).map_err(|message| NoRow::Bad { number, message }));
                }
                Err(error) => return Some(Err(NoRow::File(not_readable(&self.path, &error)))),
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.reader.get_ref().count()
    }

    fn fixed_columns(&self) -> bool {
        true
    }

    fn into_hash(self: Box<Self>) -> Result<Sha256, ImportError> {
        self.reader.into_inner().into_hash()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_delimiter_is_told_by_the_header_alone() {
        assert_eq!(delimiter(b"id,score\na;b;c;d,1"), b',');
        assert_eq!(delimiter(b"id;\"a,b,c\";score\n"), b';');
        assert_eq!(delimiter(b"id\tscore\n"), b'\t');
        assert_eq!(delimiter(b"id\n"), b',');
    }

    #[test]
    fn a_row_is_whole_when_its_line_end_is_there_and_no_quote_is_open() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.csv");
        let whole = |text: &str| {
            std::fs::write(&path, text).unwrap();
            whole_rows(&crate::source::LocalDisk, &path, text.as_bytes()).unwrap() as usize
        };
        assert_eq!(whole("id,sco"), 0);
        assert_eq!(whole("id,score\n"), 9);
        assert_eq!(whole("id,score\na,0."), 9, "half a number is none");
        assert_eq!(whole("id,score\r\na,0.5\r\nb"), 17);
        assert_eq!(whole("id,score\n\"a\nb\",1\n"), 17);
        assert_eq!(whole("id,score\n\"a\nb"), 9, "the line break belongs to the cell");
        assert_eq!(whole("id,score\n5\" pipe,1\nb,2\nc"), 23, "a quote inside a cell opens nothing");
        assert_eq!(whole("\u{feff}id,score\na,1\nb"), 16);
    }

    #[test]
    fn equal_and_empty_names_are_told_apart() {
        assert_eq!(
            distinct(&["", "Score", "Score", "Score_2"]),
            ["column_1", "Score", "Score_2", "Score_2_2"]
        );
    }
}
