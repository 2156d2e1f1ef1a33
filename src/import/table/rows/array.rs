//! A JSON list of objects, read element by element.
//!
//! The elements are cut out by counting brackets outside of strings, so that a list of any size is read in the
//! memory of its largest element and one bad element does not end the reading.

use std::io::BufRead;

use sha2::Sha256;

use super::stream::Stream;
use super::{NoRow, Rows, SourceRow, parse_object};
use crate::import::ImportError;

/// A larger element is no row.
const LONGEST_ELEMENT: usize = 512 * 1024 * 1024;

pub(super) struct ArrayRows {
    stream: Stream,
    element: Vec<u8>,
    number: u64,
    ended: bool,
}

/// What a byte does to the element that is being read.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    /// It belongs to it.
    Take,
    /// It stands between elements.
    Skip,
    /// It belongs to it and is its last one.
    TakeLast,
    /// It ends the element and belongs to the list.
    End,
    /// It ends the list.
    Close,
}

/// Where inside an element the reading is.
#[derive(Default)]
struct Place {
    depth: usize,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Place {
    fn step(&mut self, byte: u8) -> Step {
        if self.in_string {
            self.in_string = byte != b'"' || self.escaped;
            self.escaped = byte == b'\\' && !self.escaped;
            return Step::Take;
        }
        match byte {
            b',' if self.depth == 0 && self.begun => return Step::End,
            b']' if self.depth == 0 => return Step::Close,
            b',' | b' ' | b'\n' | b'\r' | b'\t' if !self.begun => return Step::Skip,
            _ => {}
        }
        self.begun = true;
        match byte {
            b'"' => self.in_string = true,
            b'{' | b'[' => self.depth += 1,
            b'}' | b']' => {
                self.depth = self.depth.saturating_sub(1);
                return if self.depth == 0 { Step::TakeLast } else { Step::Take };
            }
            _ => {}
        }
        Step::Take
    }
}

impl ArrayRows {
    pub(super) fn open(mut stream: Stream) -> Result<Self, ImportError> {
        stream.skip_mark()?;
        // What stands before the bracket is white space: the format was known by it.
        stream.skip_until(b'[').map_err(|error| stream.problem(&error))?;
        Ok(Self { stream, element: Vec::new(), number: 0, ended: false })
    }

    /// Reads the next element into `element`; whether there was one.
    fn read_element(&mut self) -> Result<bool, NoRow> {
        self.element.clear();
        let mut place = Place::default();
        loop {
            let buffer = match self.stream.fill_buf() {
                Ok(buffer) => buffer,
                Err(error) => return Err(NoRow::File(self.stream.problem(&error))),
            };
            if buffer.is_empty() {
                return self.cut_off(place.begun);
            }
            let (used, last) = take_from(buffer, &mut place, &mut self.element);
            self.stream.consume(used);
            match last {
                Step::Close => {
                    self.ended = true;
                    return Ok(place.begun);
                }
                Step::TakeLast | Step::End => return Ok(true),
                Step::Take | Step::Skip if self.element.len() > LONGEST_ELEMENT => {
                    self.ended = true;
                    return Err(self.bad(format!("the element is longer than {} MiB", LONGEST_ELEMENT >> 20)));
                }
                Step::Take | Step::Skip => {}
            }
        }
    }

    /// The file ends before its list does: the element it ends in is no row, and is said to be missing.
    fn cut_off(&mut self, begun: bool) -> Result<bool, NoRow> {
        self.ended = true;
        if begun {
            return Ok(true);
        }
        Err(self.bad("expected a row or the end of the list, found the end of the file".to_owned()))
    }

    fn bad(&self, message: String) -> NoRow {
        NoRow::Bad { number: self.number, message }
    }
}

/// Takes bytes until an element or the buffer ends: how many were used, and what the last one did.
fn take_from(buffer: &[u8], place: &mut Place, element: &mut Vec<u8>) -> (usize, Step) {
    let mut last = Step::Skip;
    for (at, byte) in buffer.iter().enumerate() {
        last = place.step(*byte);
        if matches!(last, Step::Take | Step::TakeLast) {
            element.push(*byte);
        }
        if matches!(last, Step::TakeLast | Step::End | Step::Close) {
            return (at + 1, last);
        }
    }
    (buffer.len(), last)
}

impl Rows for ArrayRows {
    fn next_row(&mut self) -> Option<Result<SourceRow, NoRow>> {
        if self.ended {
            return None;
        }
        self.number += 1;
        match self.read_element() {
            Ok(false) => None,
            Err(problem) => Some(Err(problem)),
            Ok(true) => Some(match parse_object(&self.element) {
                Ok(fields) => Ok(SourceRow { number: self.number, fields }),
                Err(message) => Err(self.bad(message)),
            }),
        }
    }

    fn bytes_read(&self) -> u64 {
        self.stream.count()
    }

    fn into_hash(self: Box<Self>) -> Result<Sha256, ImportError> {
        self.stream.into_hash()
    }
}
