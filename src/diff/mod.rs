//! What changed between two texts: choosing the level, and hunks that are exact.
//!
//! Knows texts and nothing else: no I/O, no screens, no clock. The search itself is `similar`'s; ours is what a token
//! is, which level fits a text, and what a change of a JSON document is. Time is bounded by size, see [`MOST_TOKENS`].

mod keys;
mod level;
mod tokens;

use similar::{Algorithm, DiffOp, capture_diff_slices};

pub use keys::KeyChange;
pub use level::Level;
use tokens::Tokens;

/// How many tokens of both texts together, without what they begin and end with in common, are searched for the
/// smallest change. Beyond it the whole rest is one replaced block, and [`Diff::is_coarse`] says so.
pub const MOST_TOKENS: usize = 1_000_000;

/// What happened to a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Op {
    /// Both texts have it.
    Equal,
    /// Only the baseline has it.
    Delete,
    /// Only the candidate has it.
    Insert,
    /// Each side has something else in this place.
    Replace,
}

impl Op {
    /// The word in JSON and CSV.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Equal => "equal",
            Self::Delete => "delete",
            Self::Insert => "insert",
            Self::Replace => "replace",
        }
    }
}

/// A piece of both texts. All baseline sides joined are the baseline byte for byte, all candidate sides the candidate;
/// no piece begins or ends inside a grapheme cluster of its text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hunk {
    /// What happened.
    pub op: Op,
    /// The baseline's side; empty for an insert.
    pub baseline: String,
    /// The candidate's side; empty for a delete.
    pub candidate: String,
}

/// What changed between two texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diff {
    /// The level at which it was looked for.
    pub level: Level,
    /// The text from beginning to end; at the level of keys these are its words.
    pub hunks: Vec<Hunk>,
    /// What changed by path, at the level of keys. None when only the spelling differs: spaces, order of keys, escapes.
    pub keys: Vec<KeyChange>,
    /// Whether the texts were too large to be searched, so that everything between what they begin and end with in
    /// common is one replaced block.
    pub is_coarse: bool,
}

impl Diff {
    /// How many hunks are not equal.
    pub fn changes(&self) -> usize {
        self.hunks.iter().filter(|hunk| hunk.op != Op::Equal).count()
    }
}

/// What changed from the baseline to the candidate, at the level asked for or at the one that fits the texts.
///
/// Texts that are no JSON documents have no keys: then, and only then, the level differs from the one asked for.
pub fn diff(baseline: &str, candidate: &str, wanted: Option<Level>) -> Diff {
    let fitting = || level::fitting(baseline, candidate);
    let level = match wanted {
        Some(Level::Keys) if !level::have_keys(baseline, candidate) => fitting(),
        Some(level) => level,
        None => fitting(),
    };
    let (hunks, is_coarse) = match level {
        Level::Lines => hunks(&Tokens::lines(baseline), &Tokens::lines(candidate)),
        Level::Words | Level::Keys => word_hunks(baseline, candidate),
    };
    let keys = if level == Level::Keys { keys::changes(baseline, candidate) } else { Vec::new() };
    Diff { level, hunks, keys, is_coarse }
}

/// Hunks of words. Spaces between two changed words belong to the change, so that a rewritten phrase is one hunk.
fn word_hunks(baseline: &str, candidate: &str) -> (Vec<Hunk>, bool) {
    let (hunks, is_coarse) = hunks(&Tokens::words(baseline), &Tokens::words(candidate));
    let mut joined: Vec<Hunk> = Vec::with_capacity(hunks.len());
    let mut rest = hunks.into_iter().peekable();
    while let Some(hunk) = rest.next() {
        let is_gap = hunk.op == Op::Equal && hunk.baseline.chars().all(|letter| letter == ' ');
        match joined.last_mut().filter(|last| last.op != Op::Equal) {
            Some(last) if hunk.op != Op::Equal || (is_gap && rest.peek().is_some()) => {
                last.baseline += &hunk.baseline;
                last.candidate += &hunk.candidate;
                last.op = Op::Replace;
            }
            _ => joined.push(hunk),
        }
    }
    (joined, is_coarse)
}

/// The hunks between two lists of tokens, and whether they were too many to be searched.
fn hunks(baseline: &Tokens<'_>, candidate: &Tokens<'_>) -> (Vec<Hunk>, bool) {
    let (old, new) = (baseline.list(), candidate.list());
    let before = old.iter().zip(new).take_while(|(old, new)| old == new).count();
    let (old_rest, new_rest) = (&old[before..], &new[before..]);
    let behind = old_rest.iter().rev().zip(new_rest.iter().rev()).take_while(|(old, new)| old == new).count();
    let old_middle = &old_rest[..old_rest.len() - behind];
    let new_middle = &new_rest[..new_rest.len() - behind];
    let is_coarse = old_middle.len() + new_middle.len() > MOST_TOKENS;
    let middle = match is_coarse {
        true => vec![DiffOp::Replace {
            old_index: 0,
            old_len: old_middle.len(),
            new_index: 0,
            new_len: new_middle.len(),
        }],
        false => capture_diff_slices(Algorithm::Myers, old_middle, new_middle),
    };
    let equal = |old: usize, new: usize, len: usize| DiffOp::Equal { old_index: old, new_index: new, len };
    let ops = std::iter::once((equal(0, 0, before), 0))
        .chain(middle.into_iter().map(|op| (op, before)))
        .chain([(equal(old.len() - behind, new.len() - behind, behind), 0)]);
    let pieces = ops.filter_map(|(op, shift)| {
        let moved = |range: std::ops::Range<usize>| range.start + shift..range.end + shift;
        hunk(baseline.text(moved(op.old_range())), candidate.text(moved(op.new_range())))
    });
    (merged(pieces), is_coarse)
}

/// The hunk of two sides; none when both are empty.
fn hunk(baseline: &str, candidate: &str) -> Option<Hunk> {
    let op = match (baseline.is_empty(), candidate.is_empty()) {
        (true, true) => return None,
        (false, true) => Op::Delete,
        (true, false) => Op::Insert,
        (false, false) if baseline == candidate => Op::Equal,
        (false, false) => Op::Replace,
    };
    Some(Hunk { op, baseline: baseline.to_owned(), candidate: candidate.to_owned() })
}

/// Neighbours of one kind joined: no two equal hunks, and no two changed ones, stand side by side.
fn merged(hunks: impl Iterator<Item = Hunk>) -> Vec<Hunk> {
    let mut merged: Vec<Hunk> = Vec::new();
    for hunk in hunks {
        match merged.last_mut() {
            Some(last) if (last.op == Op::Equal) == (hunk.op == Op::Equal) => {
                last.baseline += &hunk.baseline;
                last.candidate += &hunk.candidate;
                if last.op != hunk.op {
                    last.op = Op::Replace;
                }
            }
            _ => merged.push(hunk),
        }
    }
    merged
}

#[cfg(test)]
mod tests;
