//! Identities: the key of a result, and the id of one execution wherever it was copied to.

use sha2::{Digest, Sha256};

use super::{ResultRow, Timestamp};

/// What identifies a result within its run; rows that share a key are attempts of it.
///
/// A 128-bit hash of (task, case, model, prompt, variant) beside the epoch, so that a run of millions of rows can
/// be indexed in memory without its texts and the epoch can still be numbered afterwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Key {
    /// Hash of everything but the epoch.
    pub base: u128,
    /// Planned statistical repeat, from 1.
    pub epoch: i64,
}

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
        Self { base: hash.wide(), epoch }
    }
}

/// What tells two attempts of one key apart, and by what.
///
/// With a time of its own a row is known by (time, status, score), whatever its shape: tools rewrite rows in
/// another form. Without one it is known by its whole content, within its run.
pub fn attempt_identity(row: &ResultRow, content: u128) -> u128 {
    let mut hash = Hasher::new();
    match row.recorded_at {
        Some(Timestamp(micros)) => {
            hash.text(&micros.to_string());
            hash.text(&row.status);
            hash.optional(row.score.map(|score| score.to_bits().to_string()).as_deref());
        }
        None => {
            hash.text(&row.run_id);
            hash.text(&content.to_string());
        }
    }
    hash.wide()
}

/// The id of one execution: equal for a row and for its copies in other runs, a number without meaning.
pub fn execution_id(key: Key, identity: u128) -> i64 {
    let mut hash = Hasher::new();
    hash.text(&key.base.to_string());
    hash.text(&key.epoch.to_string());
    hash.text(&identity.to_string());
    i64::from_be_bytes((hash.wide() as u64).to_be_bytes())
}

/// A short stable id of a text: 16 hexadecimal digits of its SHA-256. Used where a source has no case ids.
pub fn text_id(text: &str) -> String {
    let mut hash = Hasher::new();
    hash.text(text);
    format!("{:016x}", (hash.wide() >> 64) as u64)
}

/// One id for a set, whatever the order of its members.
pub fn set_id(mut members: Vec<i64>) -> String {
    members.sort_unstable();
    let mut hash = Hasher::new();
    for member in members {
        hash.text(&member.to_string());
    }
    format!("{:032x}", hash.wide())
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

    fn row(run_id: &str, case_id: &str, recorded_at: Option<i64>) -> ResultRow {
        ResultRow {
            run_id: run_id.into(),
            task: "t".into(),
            case_id: case_id.into(),
            status: "ok".into(),
            score: Some(0.5),
            epoch: 1,
            recorded_at: recorded_at.map(Timestamp),
            ..ResultRow::default()
        }
    }

    fn execution(row: &ResultRow, content: u128) -> i64 {
        execution_id(Key::of(row), attempt_identity(row, content))
    }

    #[test]
    fn a_copy_in_another_run_is_the_same_execution_only_when_it_has_a_time() {
        assert_eq!(execution(&row("1", "a", Some(7)), 1), execution(&row("2", "a", Some(7)), 2));
        assert_ne!(execution(&row("1", "a", None), 1), execution(&row("2", "a", None), 1));
        assert_ne!(execution(&row("1", "a", Some(7)), 1), execution(&row("1", "a", Some(8)), 1));
        assert_ne!(execution(&row("1", "a", Some(7)), 1), execution(&row("1", "b", Some(7)), 1));
    }

    #[test]
    fn a_missing_part_differs_from_an_empty_one() {
        let none = Key::from_parts("t", "c", [&None, &None, &None], 1);
        let empty = Key::from_parts("t", "c", [&Some(String::new()), &None, &None], 1);
        assert_ne!(none, empty);
    }

    #[test]
    fn a_set_has_one_id_in_any_order() {
        assert_eq!(set_id(vec![3, -1, 2]), set_id(vec![2, 3, -1]));
        assert_ne!(set_id(vec![3, -1]), set_id(vec![3]));
    }
}
