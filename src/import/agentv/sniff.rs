//! Whether a file holds rows of AgentV, by its name and its first row.

use std::io::{BufRead, Read};

use super::super::{Candidate, Fit, HEAD_BYTES};
use super::layout::{CACHES, INDEX, INTERNAL, name_of};
use super::row::Row;

/// How much of a first row is read when it is longer than what is at hand; full rows hold whole conversations.
const LONGEST_FIRST_ROW: u64 = 16 * 1024 * 1024;

/// How many lines are looked at for one that can be read.
const LINES: usize = 5;

/// Fields that other tools' rows with a test id and a score do not have.
const TELLING_FIELDS: [&str; 8] =
    ["target", "execution_status", "suite", "assertions", "hits", "misses", "scores", "aggregation"];

/// Whether the file is AgentV's.
pub(super) fn sniff(file: &Candidate<'_>) -> Fit {
    let folders = || file.path.ancestors().skip(1).map(name_of);
    if folders().any(|name| name == CACHES) {
        // A cache that a person names is no run; one that is found is passed over without a word.
        return if file.named { Fit::No } else { Fit::Elsewhere };
    }
    if file.file_name() == INDEX {
        return index(file, folders().next() == Some(INTERNAL));
    }
    let rows = matches!(file.path.extension().and_then(|end| end.to_str()), Some("jsonl" | "ndjson"));
    match first_row(file) {
        Some(FirstRow::Ours) if rows => Fit::Own,
        _ => Fit::No,
    }
}

/// A file named `index.jsonl` is AgentV's also when it is empty or damaged, so that it is reported and not passed
/// over; but not one that is plainly something else, and not the older copy of `.internal/index.jsonl`.
fn index(file: &Candidate<'_>, internal: bool) -> Fit {
    if internal || file.named {
        return Fit::Own;
    }
    let copy = file.path.parent().map(|folder| folder.join(INTERNAL).join(INDEX));
    if copy.is_some_and(|path| file.source.has_file(&path)) {
        return Fit::Elsewhere;
    }
    match first_row(file) {
        Some(FirstRow::Other) => Fit::No,
        _ => Fit::Own,
    }
}

enum FirstRow {
    /// A row of AgentV.
    Ours,
    /// A JSON object without what every row of AgentV has.
    Other,
    /// An object with a test id or a score, and nothing that tells whose.
    Unclear,
}

/// What the first line that can be read as a JSON object is.
fn first_row(file: &Candidate<'_>) -> Option<FirstRow> {
    let cut = file.head.len() as u64 >= HEAD_BYTES && !file.head.contains(&b'\n');
    let mut long = Vec::new();
    if cut {
        let reader = file.source.open(file.path).ok()?;
        reader.take(LONGEST_FIRST_ROW).read_until(b'\n', &mut long).ok()?;
    }
    let bytes = if cut { &long } else { file.head };
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    let lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii).filter(|line| !line.is_empty());
    lines.take(LINES).find_map(kind_of)
}

fn kind_of(line: &[u8]) -> Option<FirstRow> {
    let serde_json::Value::Object(object) = serde_json::from_slice(line).ok()? else { return None };
    let row = Row::of(object);
    let (test, score) = (row.value("test_id").is_some(), row.fields().contains_key("score"));
    let telling = TELLING_FIELDS.iter().any(|name| row.value(name).is_some());
    Some(match (test, score) {
        (true, true) if telling => FirstRow::Ours,
        (false, false) => FirstRow::Other,
        _ => FirstRow::Unclear,
    })
}
