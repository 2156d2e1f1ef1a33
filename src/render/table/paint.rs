//! Draws a table for people: marks, alignment and colours, part by part.

use std::borrow::Cow;
use std::io::{self, Write};

use super::super::Screen;
use super::super::text::{pieces, shorten, visible, width, wrap};
use super::frame::Frame;
use super::layout::{Slot, Span, arrange};
use crate::answer::{Cell, Column, Mark, Table};

/// Room that a mark behind or before a text takes, its space included.
const MARK: usize = 2;

/// A column whose text goes on in further lines never becomes narrower than this.
const WRAPPED: usize = 20;

/// What stands before the names of columns that a screen has no room for.
const SPARED: &str = "  not shown, too wide: ";

/// How a text looks beyond its letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::render) enum Style {
    Plain,
    Bold,
    Dim,
    Green,
    Red,
    Yellow,
}

impl Style {
    /// The text in this style, untouched where colours are not wanted.
    pub(in crate::render) fn paint(self, text: &str, screen: &Screen) -> String {
        let code = match self {
            Self::Bold => 1,
            Self::Dim => 2,
            Self::Red => 31,
            Self::Green => 32,
            Self::Yellow => 33,
            Self::Plain => return text.to_owned(),
        };
        if screen.color && !text.is_empty() {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}

/// How a table is drawn.
#[derive(Debug, Clone, Copy)]
pub(in crate::render) struct Drawing<'a> {
    /// What stands around and between its cells.
    pub frame: &'a Frame,
    /// Whether its columns have heads, where they have some.
    pub heads: bool,
}

/// Without a frame, and with heads.
pub(super) const PLAIN: Drawing<'static> = Drawing { frame: &Frame::OPEN, heads: true };

/// Writes the head (when a column has one) and the rows of every part.
pub(super) fn write_table(
    table: &Table,
    drawing: Drawing<'_>,
    screen: &Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    let Drawing { frame, heads } = drawing;
    let room = frame.room(screen.width);
    let heads = heads && !table.columns.iter().all(|column| column.head.is_empty());
    let columns: Vec<Drawn> = (0..table.columns.len()).map(|at| Drawn::new(table, at, heads)).collect();
    let keys = 1 + table.columns.iter().skip(1).take_while(|column| column.key).count();
    let all: Vec<(usize, Span)> = columns.iter().map(Drawn::span).enumerate().collect();
    let kept: Vec<(usize, Span)> = match arrange(&spans(&all), keys, room).len() {
        0 | 1 => all,
        _ => all.into_iter().filter(|(at, _)| *at == 0 || !table.columns[*at].spare).collect(),
    };
    for (at, part) in arrange(&spans(&kept), keys, room).into_iter().enumerate() {
        let part: Vec<Slot> =
            part.into_iter().map(|slot| Slot { column: kept[slot.column].0, ..slot }).collect();
        if at > 0 {
            out.write_all(b"\n")?;
        }
        frame.top(&part, screen, out)?;
        if heads {
            let heads = part.iter().map(|slot| columns[slot.column].head.placed(slot, &columns));
            write_row(&heads.collect::<Vec<_>>(), frame, screen, out)?;
            frame.below_heads(&part, screen, out)?;
        }
        for row in 0..table.rows.len() {
            let cells = part.iter().map(|slot| columns[slot.column].cells[row].placed(slot, &columns));
            write_row(&cells.collect::<Vec<_>>(), frame, screen, out)?;
        }
        frame.bottom(&part, screen, out)?;
    }
    write_spared(table, &kept, screen, out)
}

fn spans(columns: &[(usize, Span)]) -> Vec<Span> {
    columns.iter().map(|(_, span)| *span).collect()
}

/// Names the columns that are not among the kept ones.
fn write_spared(
    table: &Table,
    kept: &[(usize, Span)],
    screen: &Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    let is_kept = |at: usize| kept.iter().any(|(column, _)| *column == at);
    let gone = table.columns.iter().enumerate().filter(|(at, _)| !is_kept(*at));
    let names: Vec<&str> = gone.map(|(_, column)| column.head.as_str()).collect();
    if names.is_empty() {
        return Ok(());
    }
    let said = format!("{SPARED}{} (a wider terminal or --format csv shows them)", names.join(", "));
    for line in wrap(&visible(&said), screen.width.unwrap_or(usize::MAX), "  ") {
        writeln!(out, "{}", Style::Dim.paint(&line, screen))?;
    }
    Ok(())
}

/// A column with the texts that will be drawn.
struct Drawn<'a> {
    column: &'a Column,
    head: Piece<'a>,
    cells: Vec<Piece<'a>>,
}

impl<'a> Drawn<'a> {
    fn new(table: &'a Table, at: usize, heads: bool) -> Self {
        let column = &table.columns[at];
        let marks = || table.rows.iter().filter_map(|row| row.get(at)).map(|cell| cell.mark);
        let gutter = if column.right {
            Gutter { before: 0, behind: room(marks().any(|mark| !sign_behind(mark).is_empty())) }
        } else {
            Gutter { before: room(marks().any(|mark| mark == Mark::Winner)), behind: 0 }
        };
        let cells =
            table.rows.iter().map(|row| row.get(at).map_or_else(Piece::empty, |cell| gutter.cell(cell)));
        // A head that is not shown takes no room.
        let head = if heads { gutter.head(&column.head) } else { Piece::empty() };
        Self { column, head, cells: cells.collect() }
    }

    fn span(&self) -> Span {
        let widest = self.cells.iter().chain([&self.head]).map(Piece::full_width).max();
        let span = Span::new(widest.unwrap_or(0), self.column.shrinks);
        if self.column.wraps { Span { least: span.natural.min(WRAPPED), ..span } } else { span }
    }
}

fn room(needed: bool) -> usize {
    if needed { MARK } else { 0 }
}

/// Room beside the texts of a column that marks hang in, so that the texts themselves stay aligned.
struct Gutter {
    before: usize,
    behind: usize,
}

impl Gutter {
    fn head<'a>(&self, head: &'a str) -> Piece<'a> {
        self.piece(head, "", "", Style::Dim)
    }

    fn cell<'a>(&self, cell: &'a Cell) -> Piece<'a> {
        self.piece(&cell.text, sign_before(cell.mark), sign_behind(cell.mark), style_of(cell.mark))
    }

    fn piece<'a>(
        &self,
        text: &'a str,
        before: &'static str,
        behind: &'static str,
        style: Style,
    ) -> Piece<'a> {
        let text = visible(text);
        Piece {
            width: width(&text),
            text,
            before,
            behind,
            inset: self.before - width(before).min(self.before),
            outset: self.behind - width(behind).min(self.behind),
            style,
        }
    }
}

/// A cell outside of a table: its text with the signs of its mark, and its style.
pub(in crate::render) fn cell_text(cell: &Cell) -> (String, Style) {
    let text = format!("{}{}{}", sign_before(cell.mark), cell.text, sign_behind(cell.mark));
    (text, style_of(cell.mark))
}

fn style_of(mark: Mark) -> Style {
    match mark {
        Mark::Plain => Style::Plain,
        Mark::Winner => Style::Bold,
        Mark::Improved => Style::Green,
        Mark::Regressed | Mark::Bad => Style::Red,
        Mark::Open => Style::Yellow,
        Mark::Dim => Style::Dim,
    }
}

fn sign_before(mark: Mark) -> &'static str {
    if mark == Mark::Winner { "▸ " } else { "" }
}

fn sign_behind(mark: Mark) -> &'static str {
    match mark {
        Mark::Improved => " ▲",
        Mark::Regressed => " ▼",
        Mark::Plain | Mark::Winner | Mark::Dim | Mark::Bad | Mark::Open => "",
    }
}

/// A text with its marks, and the empty room beside it where others of its column have theirs.
struct Piece<'a> {
    text: Cow<'a, str>,
    /// Of the text alone; taken once, for a table may have many cells.
    width: usize,
    before: &'static str,
    behind: &'static str,
    inset: usize,
    outset: usize,
    style: Style,
}

impl Piece<'_> {
    fn empty() -> Self {
        let text = Cow::Borrowed("");
        Self { text, width: 0, before: "", behind: "", inset: 0, outset: 0, style: Style::Plain }
    }

    fn full_width(&self) -> usize {
        self.width + self.beside()
    }

    fn beside(&self) -> usize {
        width(self.before) + width(self.behind) + self.inset + self.outset
    }

    /// The text shortened or broken to its slot.
    fn placed(&self, slot: &Slot, columns: &[Drawn<'_>]) -> Placed<'_> {
        let column = columns[slot.column].column;
        let room = slot.width.saturating_sub(self.beside());
        let lines = if self.width > room && column.wraps {
            broken(&self.text, room)
        } else if self.width <= room {
            vec![(Cow::Borrowed(&*self.text), self.width)]
        } else if column.shrinks {
            vec![measured(shorten(&self.text, room))]
        } else {
            pieces(&self.text, room).into_iter().map(|piece| measured(Cow::Borrowed(piece))).collect()
        };
        Placed { piece: self, lines, room, right: column.right }
    }
}

/// A text in lines of at most `room` columns, broken at spaces where there are some.
fn broken(text: &str, room: usize) -> Vec<(Cow<'_, str>, usize)> {
    let lines = wrap(text, room, "").into_iter();
    let whole = lines.flat_map(|line| pieces(&line, room).into_iter().map(str::to_owned).collect::<Vec<_>>());
    whole.map(|line| measured(Cow::Owned(line))).collect()
}

fn measured(text: Cow<'_, str>) -> (Cow<'_, str>, usize) {
    let width = width(&text);
    (text, width)
}

/// A cell at its final width, as one line or more, each with the columns it takes.
struct Placed<'a> {
    piece: &'a Piece<'a>,
    lines: Vec<(Cow<'a, str>, usize)>,
    room: usize,
    right: bool,
}

impl Placed<'_> {
    /// Line `at` of the cell, padded to its width.
    fn line(&self, at: usize, screen: &Screen) -> String {
        let piece = self.piece;
        let Some((text, taken)) = self.lines.get(at) else { return " ".repeat(self.room + piece.beside()) };
        let pad = " ".repeat(self.room.saturating_sub(*taken));
        let marked = if at == 0 {
            format!("{}{text}{}", piece.before, piece.behind)
        } else {
            format!("{}{text}{}", " ".repeat(width(piece.before)), " ".repeat(width(piece.behind)))
        };
        let painted = piece.style.paint(&marked, screen);
        let (left, right) = if self.right { (pad.as_str(), "") } else { ("", pad.as_str()) };
        let (inset, outset) = (" ".repeat(piece.inset), " ".repeat(piece.outset));
        format!("{inset}{left}{painted}{right}{outset}")
    }
}

/// Writes a row of cells, over as many lines as its tallest cell has, without spaces at the lines' ends.
fn write_row(cells: &[Placed<'_>], frame: &Frame, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let height = cells.iter().map(|cell| cell.lines.len()).max().unwrap_or(0);
    for at in 0..height {
        let line: Vec<String> = cells.iter().map(|cell| cell.line(at, screen)).collect();
        writeln!(out, "{}", frame.line(&line, screen).trim_end_matches(' '))?;
    }
    Ok(())
}
