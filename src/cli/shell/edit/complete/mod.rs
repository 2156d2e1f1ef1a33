//! What may stand at the cursor: names of the SQL, words of a command, files.

mod line;
mod sql;

use super::regions::{Part, regions};
use super::words::Words;
use crate::cli::shell::vocabulary::Vocabulary;

/// How many candidates are listed at most.
const MOST: usize = 1000;

/// Something that may stand at the cursor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Candidate {
    /// As it is listed.
    pub shown: String,
    /// As it is typed, with quotes where it needs some.
    pub typed: String,
}

impl Candidate {
    /// One that is listed as it is typed.
    pub fn plain(text: impl Into<String>) -> Self {
        let text = text.into();
        Self { shown: text.clone(), typed: text }
    }
}

/// What is known of names.
pub struct Known<'a> {
    /// The names of the store and of SQL.
    pub vocabulary: &'a Vocabulary,
    /// The commands.
    pub words: &'a Words,
    /// The files whose path begins with a text, as they are.
    pub files: &'a dyn Fn(&str) -> Vec<Candidate>,
}

/// Where the word at the cursor begins, and what may stand in its place.
pub fn complete(text: &str, cursor: usize, known: &Known<'_>) -> (usize, Vec<Candidate>) {
    let at_cursor =
        regions(text).into_iter().rev().find(|(range, _)| range.start <= cursor && cursor <= range.end);
    let (range, part) = at_cursor.unwrap_or((cursor..cursor, Part::Sql));
    let begins = range.start;
    let (start, mut candidates) = match part {
        Part::Command => line::complete(&text[begins..cursor], known),
        Part::Sql => sql::complete(&text[range], cursor - begins, known),
    };
    candidates.truncate(MOST);
    (begins + start, candidates)
}

/// Whether a name begins with what is typed, in any case.
fn begins(name: &str, typed: &str) -> bool {
    name.get(..typed.len()).is_some_and(|start| start.eq_ignore_ascii_case(typed))
}

#[cfg(test)]
mod tests;
