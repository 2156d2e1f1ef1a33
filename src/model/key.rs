//! Identities: the key of a result, and the id of one execution wherever it was copied to.

use sha2::{Digest, Sha256};

use super::{ResultRow, Timestamp};

/// What identifies a result within its run; rows that share a key are attempts of it.
///
/// A 128-bit hash of (task, case, model, prompt, variant, epoch), so that a run of millions of rows can be
/// indexed in memory without its texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key(u128);

impl Key {
    /// The key of a result.
    pub fn of(row: &ResultRow) -> Self {
        Self::from_parts(&row.task, &row.case_id, [&row.model, &row.prompt, &row.variant], row.epoch)
    }

    /// The key of anything that carries the key columns; optional ones are model, prompt, variant.
    pub fn from_parts(task: &str, case_id: &str, optional: [&Option<String>; 3], epoch: i64) -> Self {
        let mut hash = Hasher::new();
        hash.text(task);
        hash.text(case_id);
        for part in optional {
            hash.optional(part.as_deref());
        }
        hash.text(&epoch.to_string());
        Self(hash.wide())
    }
}

/// The id of one execution: equal for a row and for its copies in other runs, a number without meaning.
///
/// With a time of its own, a row is known by (key, time, status, score); without one, by the run and the place
/// in it, so that equal answers of different runs are never taken for one execution.
pub fn execution_id(row: &ResultRow, place: &str) -> i64 {
    let mut hash = Hasher::new();
    hash.text(&row.task);
    hash.text(&row.case_id);
    for part in [&row.model, &row.prompt, &row.variant] {
        hash.optional(part.as_deref());
    }
    hash.text(&row.epoch.to_string());
    match row.recorded_at {
        Some(Timestamp(micros)) => {
            hash.text(&micros.to_string());
            hash.text(&row.status);
            hash.optional(row.score.map(|score| score.to_bits().to_string()).as_deref());
        }
        None => hash.text(place),
    }
    let wide = hash.wide();
    i64::from_be_bytes((wide as u64).to_be_bytes())
}

/// A short stable id of a text: 16 hexadecimal digits of its SHA-256. Used where a source has no case ids.
pub fn text_id(text: &str) -> String {
    let mut hash = Hasher::new();
    hash.text(text);
    format!("{:016x}", (hash.wide() >> 64) as u64)
}

/// SHA-256 over length-prefixed parts, so that ("ab", "c") and ("a", "bc") differ.
struct Hasher(Sha256);

impl Hasher {
    fn new() -> Self {
        Self(Sha256::new())
    }

    fn text(&mut self, text: &str) {
        self.0.update((text.len() as u64 + 1).to_le_bytes());
        self.0.update(text.as_bytes());
    }

    fn optional(&mut self, text: Option<&str>) {
        match text {
            Some(text) => self.text(text),
            None => self.0.update(0_u64.to_le_bytes()),
        }
    }

    fn wide(self) -> u128 {
        let digest = self.0.finalize();
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&digest[..16]);
        u128::from_be_bytes(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(case_id: &str, recorded_at: Option<i64>) -> ResultRow {
        ResultRow {
            task: "t".into(),
            case_id: case_id.into(),
            status: "ok".into(),
            score: Some(0.5),
            epoch: 1,
            recorded_at: recorded_at.map(Timestamp),
            ..ResultRow::default()
        }
    }

    #[test]
    fn a_copy_in_another_run_is_the_same_execution_only_when_it_has_a_time() {
        assert_eq!(execution_id(&row("a", Some(7)), "run-1:1"), execution_id(&row("a", Some(7)), "run-2:9"));
        assert_ne!(execution_id(&row("a", None), "run-1:1"), execution_id(&row("a", None), "run-2:9"));
        assert_ne!(execution_id(&row("a", Some(7)), ""), execution_id(&row("a", Some(8)), ""));
        assert_ne!(execution_id(&row("a", Some(7)), ""), execution_id(&row("b", Some(7)), ""));
    }

    #[test]
    fn a_missing_part_differs_from_an_empty_one() {
        let none = Key::from_parts("t", "c", [&None, &None, &None], 1);
        let empty = Key::from_parts("t", "c", [&Some(String::new()), &None, &None], 1);
        assert_ne!(none, empty);
    }
}
