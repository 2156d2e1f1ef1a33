//! Two texts beside each other, as a person reads them: an output of the baseline and the candidate's.

use super::Cell;
use crate::diff::Diff;

/// What changed between two texts, with what stands above them. Holds the texts whole; how much of them is shown is the
/// renderer's business, within `rest`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextChange {
    /// What the texts are of, such as a case.
    pub title: String,
    /// What became of it beyond the text, with its mark.
    pub outcome: Cell,
    /// What the two sides are called: the baseline's text, the candidate's.
    pub sides: [String; 2],
    /// The texts and what changed.
    pub diff: Diff,
    /// What to know about these texts, such as that one side has none.
    pub notes: Vec<String>,
    /// How to see all of the text, such as `--all`: then long unchanged stretches are folded and what is very long is
    /// cut on a screen. `None` when all of it is to be shown.
    pub rest: Option<String>,
}
