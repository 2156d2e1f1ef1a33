//! Which format a table is written in, told by its name and first bytes.

use std::path::Path;

use crate::import::HEAD_BYTES;
use crate::import::json::parse_lenient;

/// A format that rows can be read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Format {
    /// One JSON object per line.
    Lines,
    /// A JSON list of objects.
    Array,
    /// One JSON object that holds a list of objects.
    Object,
    /// Comma, semicolon or tab separated values with a header.
    Csv,
    /// Parquet.
    Parquet,
}

/// What a file is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Detected {
    /// A table.
    Table(Format),
    /// Something that stands for a table and cannot be read.
    Refused {
        /// What it is.
        message: &'static str,
        /// What to do about it.
        hint: &'static str,
    },
    /// Nothing that is known here.
    Unknown,
}

/// Files that hold tables are called so.
const DATA_EXTENSIONS: [&str; 7] = ["jsonl", "ndjson", "json", "csv", "tsv", "parquet", "pq"];

/// The extension of a data file, lower case; a `.gz` behind it is passed over.
pub(super) fn data_extension(path: &Path) -> Option<&'static str> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    let extension = name.rsplit_once('.')?.1;
    DATA_EXTENSIONS.into_iter().find(|known| *known == extension)
}

/// Tells the format of a file.
pub(super) fn detect(path: &Path, head: &[u8]) -> Detected {
    if let Some(refused) = stand_in(head) {
        return refused;
    }
    if head.starts_with(b"PAR1") {
        return Detected::Table(Format::Parquet);
    }
    let text = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head).trim_ascii_start();
    if text.is_empty() {
        return refused("the file is empty", "was the run that writes it finished?");
    }
    let extension = data_extension(path);
    if text.contains(&0) || matches!(extension, Some("parquet" | "pq")) {
        return if extension.is_some() {
            refused("expected a table, found bytes that are none", "is the file complete?")
        } else {
            Detected::Unknown
        };
    }
    match (text[0], extension) {
        (_, Some("csv" | "tsv")) => Detected::Table(Format::Csv),
        (b'[', _) => Detected::Table(Format::Array),
        (b'{', Some("jsonl" | "ndjson")) => Detected::Table(Format::Lines),
        (b'{', _) => Detected::Table(lines_or_object(text, head.len() as u64)),
        (_, Some("jsonl" | "ndjson")) => Detected::Table(Format::Lines),
        (_, Some("json")) => refused("expected JSON, found text that is none", "is the file complete?"),
        _ => Detected::Unknown,
    }
}

/// Something that stands where a data file should be.
fn stand_in(head: &[u8]) -> Option<Detected> {
    let kinds: [(&[u8], &str, &str); 5] = [
        (
            b"version https://git-lfs.github.com/spec/v1",
            "this is a Git LFS pointer, not the file itself",
            "fetch the file with git lfs pull",
        ),
        (b"\x1F\x8B", "this file is compressed with gzip", "unpack it first: gunzip FILE"),
        (b"PK\x03\x04", "this is a zip archive or a workbook, not a table", "unpack it, or save it as CSV"),
        (b"\xFF\xFE", "this text is UTF-16", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
        (b"\xFE\xFF", "this text is UTF-16", "save it as UTF-8: iconv -f UTF-16 -t UTF-8 FILE"),
    ];
    kinds
        .into_iter()
        .find(|(magic, _, _)| head.starts_with(magic))
        .map(|(_, message, hint)| Detected::Refused { message, hint })
}

fn refused(message: &'static str, hint: &'static str) -> Detected {
    Detected::Refused { message, hint }
}

/// A file that begins with an object holds one per line when its first line is a whole one and goes on behind it,
/// or when that object holds no rows itself.
fn lines_or_object(text: &[u8], head_length: u64) -> Format {
    let (line, rest) = match text.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&text[..end], text[end..].trim_ascii()),
        None if head_length >= HEAD_BYTES => return Format::Object,
        None => (text, &b""[..]),
    };
    match parse_lenient(line) {
        Ok(_) if !rest.is_empty() => Format::Lines,
        Ok(value)
            if !value.as_object().is_some_and(|object| object.values().any(serde_json::Value::is_array)) =>
        {
            Format::Lines
        }
        _ => Format::Object,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn format(name: &str, head: &[u8]) -> Option<Format> {
        match detect(Path::new(name), head) {
            Detected::Table(format) => Some(format),
            _ => None,
        }
    }

    #[test]
    fn formats_are_told_by_their_bytes() {
        assert_eq!(format("x.json", b"{\"a\":1}\n{\"a\":2}\n"), Some(Format::Lines));
        assert_eq!(format("x.json", b"{\n \"rows\": [\n"), Some(Format::Object));
        assert_eq!(format("x.json", b"{\"rows\":[{\"a\":1}]}\n"), Some(Format::Object));
        assert_eq!(format("x.json", b"{\"a\":1}"), Some(Format::Lines));
        assert_eq!(format("x", b"\xEF\xBB\xBF [ {"), Some(Format::Array));
        assert_eq!(format("x.bin", b"PAR1...."), Some(Format::Parquet));
        assert_eq!(format("x.CSV", b"{a},b\n"), Some(Format::Csv));
        assert_eq!(format("x.md", b"# title"), None);
        assert_eq!(detect(Path::new("x.bin"), b"\x7FELF\0\0"), Detected::Unknown);
    }

    #[test]
    fn what_stands_for_a_file_is_named() {
        let pointer =
            detect(Path::new("x.jsonl"), b"version https://git-lfs.github.com/spec/v1\noid sha256:0");
        assert!(matches!(pointer, Detected::Refused { hint: "fetch the file with git lfs pull", .. }));
        assert!(matches!(
            detect(Path::new("x.csv"), b"\n"),
            Detected::Refused { message: "the file is empty", .. }
        ));
        assert!(matches!(detect(Path::new("x.csv"), b"\xFF\xFEi\0d\0"), Detected::Refused { .. }));
    }
}
