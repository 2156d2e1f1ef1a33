//! The lines of a row file, one at a time, whatever their length: byte order mark and carriage returns are taken
//! off, empty lines are passed over but counted. A line is bytes here; what stands in it is for `row` to say.

use std::io::BufRead;
use std::path::{Path, PathBuf};

use crate::source::{Source, SourceError};

/// The mark that some editors put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Reads a file line by line.
pub(super) struct Lines {
    path: PathBuf,
    reader: Box<dyn BufRead + Send>,
    number: u64,
    buffer: Vec<u8>,
}

/// A line that is not empty.
pub(super) struct Line<'a> {
    /// Its number in the file, from 1; empty lines count.
    pub(super) number: u64,
    /// Its bytes without line end and outer white space.
    pub(super) text: &'a [u8],
    /// Whether a line end follows; a writer that was killed leaves a last line without one.
    pub(super) ended: bool,
}

impl Lines {
    /// Opens a file.
    pub(super) fn open(source: &dyn Source, path: &Path) -> Result<Self, SourceError> {
        Ok(Self { path: path.to_owned(), reader: source.open(path)?, number: 0, buffer: Vec::new() })
    }

    /// The next line that is not empty, or `None` at the end. `seen` is given the bytes of every line as they
    /// stand in the file, empty ones too.
    pub(super) fn next(&mut self, mut seen: impl FnMut(&[u8])) -> Result<Option<Line<'_>>, SourceError> {
        loop {
            self.buffer.clear();
            let length =
                self.reader.read_until(b'\n', &mut self.buffer).map_err(|error| self.problem(&error))?;
            if length == 0 {
                return Ok(None);
            }
            self.number += 1;
            seen(&self.buffer);
            if !trimmed(&self.buffer, self.number).is_empty() {
                break;
            }
        }
        Ok(Some(Line {
            number: self.number,
            text: trimmed(&self.buffer, self.number),
            ended: self.buffer.ends_with(b"\n"),
        }))
    }

    fn problem(&self, error: &std::io::Error) -> SourceError {
        SourceError::of_reader(&self.path, error)
    }
}

fn trimmed(bytes: &[u8], number: u64) -> &[u8] {
    let bytes = if number == 1 { bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes) } else { bytes };
    bytes.trim_ascii()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalDisk;

    #[test]
    fn mark_and_carriage_returns_go_and_empty_lines_count() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        std::fs::write(&path, b"\xEF\xBB\xBF{\"a\":1}\r\n\r\n {\"a\":2} ").unwrap();
        let mut lines = Lines::open(&LocalDisk, &path).unwrap();
        let mut bytes = 0;
        let mut found = Vec::new();
        while let Some(line) = lines.next(|raw| bytes += raw.len()).unwrap() {
            found.push((line.number, String::from_utf8(line.text.to_vec()).unwrap(), line.ended));
        }
        assert_eq!(found, vec![(1, "{\"a\":1}".into(), true), (3, "{\"a\":2}".into(), false)]);
        assert_eq!(bytes, 23);
    }
}
