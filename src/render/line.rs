//! `line`: every row as lines of `column = value`, one column per line, for rows that are wider than the screen.
//!
//! Nothing is shortened. Rows stand an empty line apart. What is no table is shown as `table` shows it.

use std::io::{self, Write};

use super::table::{Drawing, Frame, cell_text, write_block};
use super::text::{visible, width};
use super::{RenderError, Renderer, Screen};
use crate::answer::{Answer, Block, Table};

/// The format `line`.
pub(super) struct Line;

impl Renderer for Line {
    fn name(&self) -> &'static str {
        "line"
    }

    fn about(&self) -> &'static str {
        "one line per column of each row"
    }

    fn is_screen(&self) -> bool {
        true
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        for block in &answer.blocks {
            match block {
                Block::Table(table) => write_rows(table, screen, out)?,
                block => write_block(block, Drawing { frame: &Frame::OPEN, heads: true }, screen, out)?,
            }
        }
        Ok(())
    }
}

fn write_rows(table: &Table, screen: &Screen, out: &mut dyn Write) -> io::Result<()> {
    let heads: Vec<_> = table.columns.iter().map(|column| visible(&column.head)).collect();
    let widest = heads.iter().map(|head| width(head)).max().unwrap_or(0);
    for (at, row) in table.rows.iter().enumerate() {
        if at > 0 {
            out.write_all(b"\n")?;
        }
        for (head, cell) in heads.iter().zip(row) {
            let (text, style) = cell_text(cell);
            let line = format!(
                "{}{head} = {}",
                " ".repeat(widest - width(head)),
                style.paint(&visible(&text), screen)
            );
            writeln!(out, "{}", line.trim_end_matches(' '))?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Cell, Column};

    #[test]
    fn each_column_has_its_line_and_nothing_is_shortened() {
        let row = |case: &str, score: &str| vec![Cell::plain(case), Cell::plain(score)];
        let table = Table {
            columns: vec![Column::text("case_id"), Column::number("n")],
            rows: vec![row(&"long ".repeat(20), "0.5"), row("two\nlines", "")],
        };
        let blocks = vec![Block::Table(table), Block::Line("2 rows".to_owned())];
        let mut out = Vec::new();
        let answer = Answer { blocks, ..Answer::default() };
        Line.render(&answer, &Screen { width: Some(30), color: false }, &mut out).unwrap();
        let long = "long ".repeat(20);
        let expected = format!(
            "case_id = {}\n      n = 0.5\n\ncase_id = two⏎lines\n      n =\n2 rows\n",
            long.trim_end()
        );
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }
}
