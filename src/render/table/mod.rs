//! `table`: what a person reads on a terminal, and in a pipe the same at full width.
//!
//! Columns stand two spaces apart and have no borders. What is too wide for the terminal is shortened where a column
//! allows it, then stacked: the table goes on below, its first column repeated. Nothing is left out.
//! comfy-table, which Arrow brings along, squeezes and breaks every cell instead, so the layout is our own.

mod bars;
mod change;
mod frame;
mod layout;
mod paint;

use std::io::{self, Write};

use super::text::{command_text, indent, visible, width, wrap};
use super::{RenderError, Renderer, Screen};
use crate::answer::{Answer, Block};
use paint::{PLAIN, Style};

pub(super) use frame::Frame;
pub(super) use paint::{Drawing, cell_text};

/// The format `table`.
pub(super) struct Table;

/// What stands before a note; further lines of it are indented by as much.
const NOTE: &str = "note  ";

impl Renderer for Table {
    fn name(&self) -> &'static str {
        "table"
    }

    fn about(&self) -> &'static str {
        "for people, as wide as the terminal"
    }

    fn is_screen(&self) -> bool {
        true
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        let drawing = Drawing { heads: answer.look.heads, ..PLAIN };
        for block in &answer.blocks {
            write_block(block, drawing, screen, out)?;
        }
        Ok(())
    }
}

/// Writes a block, with its tables drawn that way.
pub(super) fn write_block(
    block: &Block,
    drawing: Drawing<'_>,
    screen: &Screen,
    out: &mut dyn Write,
) -> io::Result<()> {
    match block {
        Block::Headline { left, right } => write_headline(left, right, screen, out),
        Block::Table(table) => paint::write_table(table, drawing, screen, out),
        Block::Change(change) => change::write_change(change, screen, out),
        Block::Histogram(histogram) => bars::write_histogram(histogram, screen, out),
        Block::Line(line) => write_line(line, screen, out),
        Block::Command(command) => writeln!(out, "  {}", command_text(command, screen)),
        Block::Gap => out.write_all(b"\n"),
        Block::Note(note) => write_note(note, screen, out),
    }
}

/// The two parts on one line where they fit, else each on its own.
fn write_headline(left: &str, right: &str, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let (left, right) = (visible(left), visible(right));
    if right.is_empty() || left.is_empty() {
        return write_line(if right.is_empty() { &left } else { &right }, screen, out);
    }
    let dim = Style::Dim.paint(&right, screen);
    let gap = match screen.width {
        None => 2,
        Some(limit) => limit.saturating_sub(width(&left) + width(&right)),
    };
    if gap >= 2 {
        return writeln!(out, "{left}{}{dim}", " ".repeat(gap));
    }
    write_line(&left, screen, out)?;
    write_line(&right, screen, out)
}

/// A line, wrapped on a terminal with its own indentation kept.
fn write_line(line: &str, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let line = visible(line);
    let Some(limit) = screen.width else { return writeln!(out, "{line}") };
    for line in wrap(&line, limit, indent(&line)) {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

fn write_note(note: &str, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let note = visible(note);
    let limit = screen.width.map_or(usize::MAX, |limit| limit.saturating_sub(NOTE.len()));
    for (at, line) in wrap(&note, limit, "").iter().enumerate() {
        let before = if at == 0 { Style::Dim.paint(NOTE, screen) } else { " ".repeat(NOTE.len()) };
        writeln!(out, "{before}{line}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
