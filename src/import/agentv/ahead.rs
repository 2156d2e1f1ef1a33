//! Rows some lines ahead of who takes them, so that the files beside them can be fetched many at a time.

use std::collections::VecDeque;

use super::lines::Lines;
use super::row::{NotARow, Row};
use super::sidecar::Sidecars;
use crate::source::SourceError;

/// How many lines are read ahead at most, and how many bytes.
const LINES: usize = 64;
const BYTES: u64 = 8 << 20;

/// A line that is not empty.
pub(super) struct Held {
    /// Its number in the file, from 1.
    pub(super) number: u64,
    pub(super) text: Vec<u8>,
    pub(super) row: Result<Row, NotARow>,
    /// How many bytes of the file end with it.
    pub(super) bytes: u64,
}

/// Reads lines up to one.
pub(super) struct Ahead {
    lines: Lines,
    last: u64,
    held: VecDeque<Held>,
    ended: bool,
}

impl Ahead {
    /// A row that was added behind the last line since the first pass has no place in what that pass learnt.
    pub(super) fn new(lines: Lines, last: u64) -> Self {
        Self { lines, last, held: VecDeque::new(), ended: false }
    }

    /// The next line, or `None` at the end.
    pub(super) fn next(&mut self, sidecars: &Sidecars<'_>) -> Result<Option<Held>, SourceError> {
        if self.held.is_empty() && !self.ended {
            self.fill(sidecars)?;
        }
        Ok(self.held.pop_front())
    }

    fn fill(&mut self, sidecars: &Sidecars<'_>) -> Result<(), SourceError> {
        let mut total = 0;
        let mut paths = Vec::new();
        while self.held.len() < LINES && total < BYTES {
            let mut bytes = 0;
            let line = self.lines.next(|raw| bytes += raw.len() as u64)?;
            let Some(line) = line.filter(|line| line.number <= self.last) else {
                self.ended = true;
                break;
            };
            let row = Row::parse(line.text, line.ended);
            if let Ok(row) = &row {
                paths.extend(sidecars.files_of(row, line.text));
            }
            self.held.push_back(Held { number: line.number, text: line.text.to_vec(), row, bytes });
            total += bytes;
        }
        sidecars.soon(&paths);
        Ok(())
    }
}
