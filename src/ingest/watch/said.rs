//! What has been said already: a watch says a thing once, not every round.

use std::collections::{BTreeMap, HashSet};
use std::path::PathBuf;

use crate::import::{Fault, json};
use crate::ingest::{Problem, Reading};

/// Something that cannot be read is said when it could not be read for so many rounds: a file that is being written may
/// be broken for a moment.
const ROUNDS: u32 = 2;

/// What a watch has said.
#[derive(Debug, Default)]
pub(super) struct Said {
    /// For how many rounds a path has had a problem.
    problems: BTreeMap<PathBuf, u32>,
    faults: HashSet<u128>,
    notes: HashSet<String>,
}

impl Said {
    /// Of the problems that there are now those that are to be said. One that went away is said again when it comes back.
    pub fn problems(&mut self, now: Vec<Problem>) -> Vec<Problem> {
        self.problems.retain(|path, _| now.iter().any(|problem| problem.path == *path));
        now.into_iter()
            .filter(|problem| {
                let rounds = self.problems.entry(problem.path.clone()).or_insert(0);
                *rounds = rounds.saturating_add(1);
                *rounds == if problem.missing { 1 } else { ROUNDS }
            })
            .collect()
    }

    /// Leaves of a reading what has not been said.
    pub fn reading(&mut self, reading: &mut Reading) {
        reading.faults.retain(|fault| self.faults.insert(hash_of(fault)));
        reading.notes.retain(|note| self.notes.insert(without_numbers(note)));
    }
}

fn hash_of(fault: &Fault) -> u128 {
    json::content_hash(fault.to_string().as_bytes())
}

/// A note that counts something says the same with every other count.
fn without_numbers(note: &str) -> String {
    note.chars().filter(|letter| !letter.is_ascii_digit()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(path: &str, missing: bool) -> Problem {
        Problem { path: path.into(), message: "broken".to_owned(), hint: None, missing, unreachable: false }
    }

    #[test]
    fn a_problem_is_said_once_and_a_passing_one_not_at_all() {
        let mut said = Said::default();
        let (absent, broken) = (problem("a", true), problem("b", false));
        assert_eq!(said.problems(vec![absent.clone(), broken.clone()]), std::slice::from_ref(&absent));
        assert_eq!(said.problems(vec![absent.clone()]), []);
        assert_eq!(said.problems(vec![broken.clone()]), []);
        assert_eq!(said.problems(vec![broken.clone()]), std::slice::from_ref(&broken));
        assert_eq!(said.problems(vec![broken.clone()]), []);
        assert_eq!(said.problems(vec![absent.clone()]), [absent]);
    }

    #[test]
    fn a_line_and_a_note_are_said_once() {
        let mut said = Said::default();
        let fault = Fault { path: "a".into(), line: Some(3), message: "no row".to_owned() };
        let reading = |rows: u32| Reading {
            notes: vec![format!("{rows} rows share their key")],
            faults: vec![fault.clone()],
            ..Reading::default()
        };
        let mut first = reading(2);
        said.reading(&mut first);
        assert_eq!((first.notes.len(), first.faults.len()), (1, 1));
        let mut second = reading(17);
        said.reading(&mut second);
        assert_eq!((second.notes.len(), second.faults.len()), (0, 0));
    }
}
