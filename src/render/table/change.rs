//! Draws what changed between two texts: beside each other on a wide terminal, else below each other.
//!
//! `[-removed-]` and `{+added+}`, or `- ` and `+ ` before whole lines, carry the meaning; colours repeat it.

use std::io::{self, Write};

use super::super::Screen;
use super::super::change::{Kind, Row, Segment, Shape, rows};
use super::super::text::{indent, pieces, prefix, visible, width, wrap};
use super::paint::{Style, cell_text};
use crate::answer::TextChange;

/// From how many columns on the sides stand beside each other.
const WIDE: usize = 120;

/// What stands before every line of a text.
const INDENT: &str = "  ";

/// What stands between the two sides.
const BETWEEN: &str = " │ ";

/// Writes the title with the outcome, what is to be known, and the rows.
pub(super) fn write_change(change: &TextChange, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    write_title(change, screen, out)?;
    let room = screen.width.map(|limit| limit.saturating_sub(INDENT.len()));
    for note in &change.notes {
        write_said(note, room, screen, out)?;
    }
    let column = room.filter(|_| screen.width >= Some(WIDE)).map(|room| (room - width(BETWEEN)) / 2);
    let shape = if column.is_some() { Shape::Beside } else { Shape::Inline };
    let rows = rows(change, shape, false);
    if let Some(column) = column.filter(|_| !rows.is_empty()) {
        let heads = change.sides.each_ref().map(|side| vec![vec![(Style::Dim, visible(side).into_owned())]]);
        write_sides(&heads, column, screen, out)?;
    }
    for row in &rows {
        match (row, column) {
            (Row::Said(said), _) => write_said(said, room, screen, out)?,
            (Row::Inline(line), _) => write_lines(&wrapped(&marked(line), room), screen, out)?,
            (Row::Line(line), _) => write_lines(&wrapped(&[signed(line)], room), screen, out)?,
            (Row::Beside(sides), column) => {
                let sides = sides.each_ref().map(|side| wrapped(&marked(side), column));
                write_sides(&sides, column.unwrap_or(WIDE), screen, out)?;
            }
            (Row::Lines(sides), column) => {
                let drawn =
                    |line: &Option<Segment>| wrapped(&line.iter().map(signed).collect::<Vec<_>>(), column);
                write_sides(&sides.each_ref().map(drawn), column.unwrap_or(WIDE), screen, out)?;
            }
        }
    }
    Ok(())
}

fn write_title(change: &TextChange, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let title = visible(&change.title);
    let (outcome, style) = cell_text(&change.outcome);
    let outcome = visible(&outcome);
    let fits = screen.width.is_none_or(|limit| width(&title) + 2 + width(&outcome) <= limit);
    let painted = style.paint(&outcome, screen);
    let title = Style::Bold.paint(&title, screen);
    match (outcome.is_empty(), fits) {
        (true, _) => writeln!(out, "{title}"),
        (false, true) => writeln!(out, "{title}{INDENT}{painted}"),
        (false, false) => writeln!(out, "{title}\n{INDENT}{painted}"),
    }
}

fn write_said(said: &str, room: Option<usize>, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let said = visible(said);
    for line in wrap(&said, room.unwrap_or(usize::MAX), indent(&said)) {
        writeln!(out, "{INDENT}{}", Style::Dim.paint(&line, screen))?;
    }
    Ok(())
}

/// A line in parts that look alike.
type Line = Vec<(Style, String)>;

fn style(kind: Kind) -> Style {
    match kind {
        Kind::Equal => Style::Plain,
        Kind::Removed => Style::Red,
        Kind::Added => Style::Green,
    }
}

fn marked(line: &[Segment]) -> Vec<(Style, String)> {
    line.iter().map(|segment| (style(segment.kind), segment.marked())).collect()
}

fn signed(line: &Segment) -> (Style, String) {
    let sign = match line.kind {
        Kind::Equal => "  ",
        Kind::Removed => "- ",
        Kind::Added => "+ ",
    };
    (style(line.kind), format!("{sign}{}", line.text))
}

/// A line in as many as it takes, broken at spaces where there are any.
fn wrapped(line: &[(Style, String)], limit: Option<usize>) -> Vec<Line> {
    let Some(limit) = limit else { return vec![line.to_vec()] };
    let mut wrap = Wrap { limit: limit.max(1), lines: vec![Vec::new()], taken: 0 };
    for (style, text) in line {
        for atom in atoms(text) {
            wrap.take(*style, atom);
        }
    }
    wrap.lines
}

/// Fills lines from left to right.
struct Wrap {
    limit: usize,
    lines: Vec<Line>,
    taken: usize,
}

impl Wrap {
    /// A word with the spaces before it, which go when it begins a line.
    fn take(&mut self, style: Style, atom: &str) {
        let word = atom.trim_start_matches(' ');
        if self.taken + width(atom) <= self.limit {
            return self.put(style, atom);
        }
        if word.is_empty() {
            return;
        }
        if self.taken > 0 && width(word) <= self.limit {
            self.lines.push(Vec::new());
            self.taken = 0;
            return self.put(style, word);
        }
        let (first, rest) = atom.split_at(prefix(atom, self.limit - self.taken));
        self.put(style, first);
        for piece in pieces(rest, self.limit).into_iter().filter(|piece| !piece.is_empty()) {
            self.lines.push(Vec::new());
            self.taken = 0;
            self.put(style, piece);
        }
    }

    fn put(&mut self, style: Style, text: &str) {
        self.taken += width(text);
        let Some(line) = self.lines.last_mut() else { return };
        match line.last_mut().filter(|(last, _)| *last == style) {
            Some((_, before)) => before.push_str(text),
            None => line.push((style, text.to_owned())),
        }
    }
}

/// Words, each with the spaces before it.
fn atoms(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let word = rest.find(|letter| letter != ' ').unwrap_or(rest.len());
        let end = rest[word..].find(' ').map_or(rest.len(), |space| word + space);
        let (atom, after) = rest.split_at(end);
        rest = after;
        Some(atom)
    })
}

fn painted(line: &Line, screen: &Screen) -> String {
    line.iter().map(|(style, text)| style.paint(text, screen)).collect()
}

fn write_lines(lines: &[Line], screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    for line in lines {
        writeln!(out, "{}", format!("{INDENT}{}", painted(line, screen)).trim_end_matches(' '))?;
    }
    Ok(())
}

/// The lines of both sides, each padded to its column.
fn write_sides(
    sides: &[Vec<Line>; 2],
    column: usize,
    screen: &Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    let [left, right] = sides;
    let nothing = Line::new();
    for at in 0..left.len().max(right.len()) {
        let (left, right) = (left.get(at).unwrap_or(&nothing), right.get(at).unwrap_or(&nothing));
        let taken: usize = left.iter().map(|(_, text)| width(text)).sum();
        let pad = " ".repeat(column.saturating_sub(taken));
        let line = format!(
            "{INDENT}{}{pad}{}{}",
            painted(left, screen),
            Style::Dim.paint(BETWEEN, screen),
            painted(right, screen)
        );
        writeln!(out, "{}", line.trim_end_matches(' '))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
