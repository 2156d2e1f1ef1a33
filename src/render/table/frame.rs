//! What stands around and between the cells of a table: nothing but space, or the lines of a box.

use std::io::{self, Write};

use super::super::Screen;
use super::layout::{GAP, Room, Slot};
use super::paint::Style;

/// The lines of a table.
#[derive(Debug)]
pub(in crate::render) struct Frame {
    /// What stands between two cells of a row.
    between: &'static str,
    /// What stands before the first and behind the last cell.
    sides: (&'static str, &'static str),
    /// The lines across, each by its left end, its crossing with a line down, and its right end.
    across: Option<[[&'static str; 3]; 3]>,
}

impl Frame {
    /// Space alone.
    pub(in crate::render) const OPEN: Self = Self { between: "  ", sides: ("", ""), across: None };

    /// Lines on all sides, between the columns and below the heads.
    pub(in crate::render) const BOX: Self = Self {
        between: " │ ",
        sides: ("│ ", " │"),
        across: Some([["┌", "┬", "┐"], ["├", "┼", "┤"], ["└", "┴", "┘"]]),
    };

    /// The room that it leaves to the columns.
    pub(super) fn room(&self, screen: Option<usize>) -> Room {
        match self.across {
            None => Room::open(screen),
            Some(_) => Room { screen, gap: GAP + 1, sides: 2 * GAP },
        }
    }

    /// The line above a table.
    pub(super) fn top(&self, slots: &[Slot], screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
        self.write_across(0, slots, screen, out)
    }

    /// The line between heads and rows.
    pub(super) fn below_heads(&self, slots: &[Slot], screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
        self.write_across(1, slots, screen, out)
    }

    /// The line below a table.
    pub(super) fn bottom(&self, slots: &[Slot], screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
        self.write_across(2, slots, screen, out)
    }

    fn write_across(
        &self,
        which: usize,
        slots: &[Slot],
        screen: &Screen,
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let Some([left, crossing, right]) = self.across.map(|lines| lines[which]) else { return Ok(()) };
        let lines: Vec<String> = slots.iter().map(|slot| "─".repeat(slot.width + 2)).collect();
        let line = format!("{left}{}{right}", lines.join(crossing));
        writeln!(out, "{}", Style::Dim.paint(&line, screen))
    }

    /// A line of a row.
    pub(super) fn line(&self, cells: &[String], screen: &Screen) -> String {
        let dim =
            |text: &str| if self.across.is_some() { Style::Dim.paint(text, screen) } else { text.to_owned() };
        let (left, right) = self.sides;
        format!("{}{}{}", dim(left), cells.join(&dim(self.between)), dim(right))
    }
}
