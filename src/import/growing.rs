//! How far a file of lines can be read while its tool still writes it.

use std::path::Path;

use bytes::Bytes;
use serde_json::Value;

use super::json::parse_lenient;
use crate::source::{Source, SourceError};

/// How much is read at once on the way back from the end of a file to its last line break.
const BLOCK: u64 = 64 * 1024;

/// How many bytes of a JSONL file are whole rows: all up to the last line break, and what follows it when that is a
/// whole JSON object already. Not every tool ends its last line, and an object tells by itself where it ends.
///
/// # Errors
/// When the file cannot be read.
pub(super) fn json_lines(source: &dyn Source, path: &Path) -> Result<u64, SourceError> {
    let size = source.entry(path)?.map_or(0, |entry| entry.size);
    let mut last_line: Vec<Bytes> = Vec::new();
    let mut start = size;
    let mut end = 0;
    while start > 0 {
        let from = start.saturating_sub(BLOCK);
        let block = source.read_range(path, from..start)?;
        if let Some(at) = block.iter().rposition(|byte| *byte == b'\n') {
            last_line.push(block.slice(at + 1..));
            end = from + at as u64 + 1;
            break;
        }
        last_line.push(block);
        start = from;
    }
    last_line.reverse();
    Ok(if is_whole(&last_line.concat()) { size } else { end })
}

fn is_whole(last_line: &[u8]) -> bool {
    let text = last_line.trim_ascii();
    text.is_empty() || text.ends_with(b"}") && matches!(parse_lenient(text), Ok(Value::Object(_)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalDisk;

    #[test]
    fn a_row_is_whole_with_its_line_break_or_its_last_brace() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rows.jsonl");
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(3 * BLOCK as usize));
        let cut = &long[..long.len() - 1];
        let ended = format!("{long}\n{cut}");
        for (text, whole) in [
            ("", 0),
            ("{\"a\":1", 0),
            ("{\"a\":{\"b\":1}", 0),
            ("{\"a\":1}", 7),
            ("{\"a\":NaN}", 9),
            ("{\"a\":1}\n", 8),
            ("{\"a\":1}\n{\"a\"", 8),
            ("{\"a\":1}\n{\"a\":2}", 15),
            ("{\"a\":1}\n  ", 10),
            ("{\"a\":1}\n17", 8),
            (cut, 0),
            (&long, long.len()),
            (&ended, long.len() + 1),
        ] {
            std::fs::write(&path, text).unwrap();
            let found = json_lines(&LocalDisk, &path).unwrap();
            assert_eq!(found, whole as u64, "{}", &text[..text.len().min(40)]);
        }
    }
}
