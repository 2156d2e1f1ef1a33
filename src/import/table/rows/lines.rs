//! JSONL: one JSON object per line.

use std::io::{BufRead, Read};

use sha2::Sha256;

use super::stream::Stream;
use super::{NoRow, Rows, SourceRow, parse_object};
use crate::import::ImportError;

/// A longer line is no row: it would fill the memory before anything could be said about it.
const LONGEST_LINE: u64 = 512 * 1024 * 1024;

pub(super) struct LineRows {
    stream: Stream,
    line: Vec<u8>,
    number: u64,
}

impl LineRows {
    pub(super) fn new(stream: Stream) -> Self {
        Self { stream, line: Vec::new(), number: 0 }
    }

    /// Reads the next line; whether there was one.
    fn read_line(&mut self) -> Result<bool, NoRow> {
        self.line.clear();
        let mut limited = Read::by_ref(&mut self.stream).take(LONGEST_LINE);
        let taken = limited.read_until(b'\n', &mut self.line);
        let taken = taken.map_err(|error| NoRow::File(self.stream.problem(&error)))?;
        self.number += 1;
        if taken as u64 == LONGEST_LINE && !self.line.ends_with(b"\n") {
            self.skip_line()?;
            return Err(self.bad(format!("the line is longer than {} MiB", LONGEST_LINE >> 20)));
        }
        Ok(taken > 0)
    }

    fn skip_line(&mut self) -> Result<(), NoRow> {
        self.stream.skip_until(b'\n').map_err(|error| NoRow::File(self.stream.problem(&error)))?;
        Ok(())
    }

    fn bad(&self, message: String) -> NoRow {
        NoRow::Bad { number: self.number, message }
    }
}

impl Rows for LineRows {
    fn next_row(&mut self) -> Option<Result<SourceRow, NoRow>> {
        loop {
            match self.read_line() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(problem) => return Some(Err(problem)),
            }
            let line = match self.number {
                1 => self.line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&self.line),
                _ => &self.line,
            };
            if line.trim_ascii().is_empty() {
                continue;
            }
            return Some(match parse_object(line.trim_ascii()) {
                Ok(fields) => Ok(SourceRow { number: self.number, fields }),
                Err(message) => Err(self.bad(message)),
            });
        }
    }

    fn bytes_read(&self) -> u64 {
        self.stream.count()
    }

    fn into_hash(self: Box<Self>) -> Result<Sha256, ImportError> {
        self.stream.into_hash()
    }
}
