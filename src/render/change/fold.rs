//! What of a change a screen has room for: long equal stretches are folded, very long changes lose their middle.

use std::borrow::Cow;

use unicode_segmentation::UnicodeSegmentation;

use crate::answer::number;
use crate::diff::{Hunk, Level, Op};

/// Words, or lines, of an equal stretch beside a change that stay.
const CONTEXT: [usize; 2] = [12, 3];

/// An equal stretch is folded when at least so many words, or lines, go.
const WORTH: [usize; 2] = [16, 4];

/// Letters that one side of a change takes at most.
const SIDE: usize = 600;

/// Letters that the changes of one text take at most, before the rest of them is left out.
const TEXT: usize = 3_000;

/// From how many bytes on an equal stretch is folded even when it has few words or lines.
const LONG: usize = 8 * SIDE;

/// A piece that is shown.
pub(super) enum Piece<'a> {
    /// Both sides have it.
    Equal(Cow<'a, str>),
    /// The baseline's text and the candidate's; one of them may be empty.
    Changed(Cow<'a, str>, Cow<'a, str>),
    /// What is said in the place of an equal stretch.
    Folded(String),
}

/// The room that is left, in letters, and what found none.
pub(super) struct Room {
    /// `None` for no end of it.
    left: Option<usize>,
    left_out: usize,
    clipped: bool,
}

impl Room {
    /// As much as fits about two screens.
    pub fn of_a_screen() -> Self {
        Self { left: Some(TEXT), left_out: 0, clipped: false }
    }

    /// Room for everything.
    pub fn endless() -> Self {
        Self { left: None, left_out: 0, clipped: false }
    }

    /// Whether nothing more fits.
    pub fn is_full(&self) -> bool {
        self.left == Some(0)
    }

    /// Counts changes that are not shown.
    pub fn leave_out(&mut self, changes: usize) {
        self.left_out += changes;
    }

    /// What was left out, in words; `None` for nothing.
    pub fn left_out(&self) -> Option<String> {
        match (self.left_out, self.clipped) {
            (0, false) => None,
            (0, true) => Some("long changes are shown in part".to_owned()),
            (count, _) => Some(number::counted(count, "more change", "more changes")),
        }
    }

    /// The text without its middle when it is too long; what it takes is taken from the room.
    pub fn clipped<'a>(&mut self, text: &'a str) -> Cow<'a, str> {
        let Some(left) = self.left else { return Cow::Borrowed(text) };
        // A byte is at least one letter only in ASCII; the bound on bytes spares counting what is short.
        let letters = if text.len() <= SIDE { text.len() } else { text.graphemes(true).count() };
        self.left = Some(left.saturating_sub(letters.min(SIDE)));
        if letters <= SIDE {
            return Cow::Borrowed(text);
        }
        self.clipped = true;
        let (head, tail) = (SIDE * 2 / 3, SIDE / 3);
        let place = |nth: usize| text.grapheme_indices(true).nth(nth).map_or(text.len(), |(at, _)| at);
        let gone = number::count((letters - head - tail) as i64);
        Cow::Owned(format!("{} … {gone} letters … {}", &text[..place(head)], &text[place(letters - tail)..]))
    }
}

/// The hunks of a text as far as there is room.
pub(super) fn pieces<'a>(hunks: &'a [Hunk], level: Level, room: &mut Room) -> Vec<Piece<'a>> {
    let mut pieces = Vec::new();
    for (at, hunk) in hunks.iter().enumerate() {
        if room.is_full() {
            room.leave_out(hunks[at..].iter().filter(|hunk| hunk.op != Op::Equal).count());
            break;
        }
        if hunk.op != Op::Equal {
            let removed = room.clipped(&hunk.baseline);
            pieces.push(Piece::Changed(removed, room.clipped(&hunk.candidate)));
        } else if room.left.is_none() {
            pieces.push(Piece::Equal(Cow::Borrowed(&hunk.baseline)));
        } else {
            let sides = [at > 0, at + 1 < hunks.len()];
            pieces.extend(folded(&hunk.baseline, level, sides));
        }
    }
    pieces
}

/// An equal stretch with context at the sides where a change stands, when it is long.
fn folded(text: &str, level: Level, sides: [bool; 2]) -> Vec<Piece<'_>> {
    let (of, one, several, starts): (usize, _, _, Vec<usize>) = match level {
        Level::Lines => (
            1,
            "line",
            "lines",
            text.split_inclusive('\n').scan(0, |at, line| begin(at, line.len())).collect(),
        ),
        _ => (0, "word", "words", text.unicode_word_indices().map(|(at, _)| at).collect()),
    };
    let [head, tail] = sides.map(|beside| if beside { CONTEXT[of] } else { 0 });
    let gone = starts.len().saturating_sub(head + tail);
    if gone < WORTH[of] && text.len() <= LONG {
        return vec![Piece::Equal(Cow::Borrowed(text))];
    }
    let from = starts.get(head).copied().unwrap_or(text.len());
    let to = match tail {
        0 => text.len(),
        _ => starts.get(starts.len().saturating_sub(tail)).copied().unwrap_or(from).max(from),
    };
    let (near_from, near_to) = by_letters(text, sides);
    let said = match (from <= near_from, to >= near_to, gone >= WORTH[of]) {
        (true, true, true) => format!("… {} equal …", number::counted(gone, one, several)),
        _ => {
            let letters = text[from.min(near_from)..to.max(near_to)].graphemes(true).count();
            format!("… {} equal …", number::counted(letters, "letter", "letters"))
        }
    };
    let mut pieces = Vec::new();
    if sides[0] {
        let head = text[..from.min(near_from)].trim_end_matches([' ', '\n', '\r']);
        pieces.push(Piece::Equal(Cow::Borrowed(head)));
    }
    pieces.push(Piece::Folded(said));
    if sides[1] {
        pieces.push(Piece::Equal(Cow::Borrowed(&text[to.max(near_to)..])));
    }
    pieces
}

/// Where the letters end and begin that stay of a long stretch beside its changes, however few words they are. The
/// whole of a short one stays.
fn by_letters(text: &str, sides: [bool; 2]) -> (usize, usize) {
    if text.len() <= LONG {
        return (text.len(), 0);
    }
    let end = text.grapheme_indices(true).nth(SIDE).map_or(text.len(), |(at, _)| at);
    let begin = text.grapheme_indices(true).rev().nth(SIDE - 1).map_or(0, |(at, _)| at);
    match sides {
        [true, true] if end >= begin => (text.len(), 0),
        [head, tail] => (if head { end } else { 0 }, if tail { begin } else { text.len() }),
    }
}

/// Where a piece of a text begins, when `at` is moved behind it.
fn begin(at: &mut usize, length: usize) -> Option<usize> {
    let start = *at;
    *at += length;
    Some(start)
}
