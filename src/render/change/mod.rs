//! What changed between two texts, in rows for people: one below the other, or the two sides beside each other.
//!
//! Here is decided what is shown of a change; how it is drawn is each format's own. Line breaks, tabs and letters
//! without a look of their own are made visible where they changed.

mod flow;
mod fold;

use super::text::visible;
use crate::answer::TextChange;
use crate::diff::{Diff, Hunk, KeyChange, Level, Op};
use flow::{Flow, Sides};
use fold::{Piece, Room};

/// What became of a piece of text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// Both sides have it.
    Equal,
    /// Only the baseline has it.
    Removed,
    /// Only the candidate has it.
    Added,
}

/// A piece of a row, safe for a screen and without a line break.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    /// What became of it.
    pub kind: Kind,
    /// Its text.
    pub text: String,
    /// Whether the change begins here, rather than in a row above.
    pub opens: bool,
    /// Whether the change ends here.
    pub closes: bool,
}

impl Segment {
    fn whole(kind: Kind, text: impl Into<String>) -> Self {
        Self { kind, text: text.into(), opens: true, closes: true }
    }

    /// The text with the signs that tell a change without colours: `[-removed-]`, `{+added+}`.
    pub fn marked(&self) -> String {
        let (open, close) = match self.kind {
            Kind::Equal => return self.text.clone(),
            Kind::Removed => ("[-", "-]"),
            Kind::Added => ("{+", "+}"),
        };
        let sign = |wanted: bool, sign: &'static str| if wanted { sign } else { "" };
        format!("{}{}{}", sign(self.opens, open), self.text, sign(self.closes, close))
    }
}

/// A row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Row {
    /// A line of both texts together.
    Inline(Vec<Segment>),
    /// A line of the baseline beside one of the candidate; either may be empty.
    Beside([Vec<Segment>; 2]),
    /// A whole line of one kind, told by a sign before it: `- `, `+ ` or two spaces.
    Line(Segment),
    /// Whole lines beside each other.
    Lines([Option<Segment>; 2]),
    /// Words about what stands here.
    Said(String),
}

/// How the sides stand to each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// One below the other.
    Inline,
    /// Side by side.
    Beside,
}

/// The rows of a change; all of the text when it asks for all, or when `whole`.
pub(super) fn rows(change: &TextChange, shape: Shape, whole: bool) -> Vec<Row> {
    let rest = change.rest.as_deref().filter(|_| !whole);
    let mut room = if rest.is_some() { Room::of_a_screen() } else { Room::endless() };
    let diff = &change.diff;
    let mut rows = Vec::new();
    if diff.is_coarse {
        rows.push(Row::Said(
            "too large to be searched: what stands between the common beginning and end is one block"
                .to_owned(),
        ));
    }
    rows.extend(match diff.level {
        Level::Words => words(&diff.hunks, shape, &mut room, None),
        Level::Lines => lines(&diff.hunks, shape, &mut room),
        Level::Keys => keys(diff, shape, &mut room),
    });
    if let Some(left_out) = room.left_out() {
        rows.push(Row::Said(format!("{left_out}: {}", rest.unwrap_or_default())));
    }
    rows
}

/// Words in the lines that they form.
fn words(hunks: &[Hunk], shape: Shape, room: &mut Room, before: Option<&str>) -> Vec<Row> {
    let pieces = fold::pieces(hunks, Level::Words, room);
    match shape {
        Shape::Inline => {
            let mut flow = Flow::default();
            flow.equal(before.unwrap_or_default());
            for piece in pieces {
                match piece {
                    Piece::Equal(text) => flow.equal(&text),
                    Piece::Changed(removed, added) => {
                        flow.changed(Kind::Removed, &removed, added.is_empty());
                        flow.changed(Kind::Added, &added, true);
                    }
                    Piece::Folded(said) => flow.said(said),
                }
            }
            flow.rows()
        }
        Shape::Beside => {
            let mut sides = Sides::default();
            sides.equal(before.unwrap_or_default());
            for piece in pieces {
                match piece {
                    Piece::Equal(text) => sides.equal(&text),
                    Piece::Changed(removed, added) => sides.changed(&removed, &added),
                    Piece::Folded(said) => sides.said(said),
                }
            }
            sides.rows()
        }
    }
}

fn lines(hunks: &[Hunk], shape: Shape, room: &mut Room) -> Vec<Row> {
    let mut rows = Vec::new();
    for piece in fold::pieces(hunks, Level::Lines, room) {
        match piece {
            Piece::Equal(text) => {
                for line in flow::plain_lines(&text) {
                    let segment = Segment::whole(Kind::Equal, line);
                    rows.push(match shape {
                        Shape::Inline => Row::Line(segment),
                        Shape::Beside => Row::Lines([Some(segment.clone()), Some(segment)]),
                    });
                }
            }
            Piece::Changed(removed, added) => rows.extend(changed_lines(&removed, &added, shape)),
            Piece::Folded(said) => rows.push(Row::Said(said)),
        }
    }
    rows
}

/// Removed lines and added ones. Their ends are shown when nothing else tells them apart.
fn changed_lines(removed: &str, added: &str, shape: Shape) -> Vec<Row> {
    let only_ends = flow::plain_lines(removed).eq(flow::plain_lines(added));
    let of = |kind: Kind, text: &str| -> Vec<Segment> {
        if only_ends {
            flow::spelled_lines(text).map(|line| Segment::whole(kind, line)).collect()
        } else {
            flow::plain_lines(text).map(|line| Segment::whole(kind, line)).collect()
        }
    };
    let (removed, added) = (of(Kind::Removed, removed), of(Kind::Added, added));
    match shape {
        Shape::Inline => removed.into_iter().chain(added).map(Row::Line).collect(),
        Shape::Beside => {
            let height = removed.len().max(added.len());
            (0..height).map(|at| Row::Lines([removed.get(at).cloned(), added.get(at).cloned()])).collect()
        }
    }
}

fn keys(diff: &Diff, shape: Shape, room: &mut Room) -> Vec<Row> {
    if diff.keys.is_empty() && diff.hunks.iter().any(|hunk| hunk.op != Op::Equal) {
        let said = "the same values: only spaces, the order of keys or the spelling differ".to_owned();
        let mut rows = vec![Row::Said(said)];
        rows.extend(words(&diff.hunks, shape, room, None));
        return rows;
    }
    let mut rows = Vec::new();
    for change in &diff.keys {
        if room.is_full() {
            room.leave_out(1);
            continue;
        }
        rows.extend(key_rows(change, shape, room));
    }
    rows
}

fn key_rows(change: &KeyChange, shape: Shape, room: &mut Room) -> Vec<Row> {
    let path = format!("{}: ", change.path);
    if !change.hunks.is_empty() {
        return words(&change.hunks, shape, room, Some(&path));
    }
    let mut shown = |value: &Option<String>| {
        let value = value.as_deref()?;
        Some(visible(&room.clipped(value)).into_owned())
    };
    let (old, new) = (shown(&change.baseline), shown(&change.candidate));
    let path = visible(&path).into_owned();
    let named = |kind: Kind, value: Option<String>, alone: bool| -> Vec<Segment> {
        match value {
            None => Vec::new(),
            Some(value) if alone => vec![Segment::whole(kind, format!("{path}{value}"))],
            Some(value) => vec![Segment::whole(Kind::Equal, path.clone()), Segment::whole(kind, value)],
        }
    };
    let alone = old.is_none() || new.is_none();
    let (left, right) = (named(Kind::Removed, old, alone), named(Kind::Added, new, alone));
    vec![match shape {
        Shape::Beside => Row::Beside([left, right]),
        Shape::Inline => {
            let skipped = if alone || left.is_empty() { 0 } else { 1 };
            Row::Inline(left.into_iter().chain(right.into_iter().skip(skipped)).collect())
        }
    }]
}

#[cfg(test)]
mod tests;
