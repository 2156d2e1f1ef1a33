//! `box`: what `table` shows, with its tables between lines.

use std::io::Write;

use super::table::{Drawing, Frame, write_block};
use super::{RenderError, Renderer, Screen};
use crate::answer::Answer;

/// The format `box`.
pub(super) struct Boxed;

impl Renderer for Boxed {
    fn name(&self) -> &'static str {
        "box"
    }

    fn about(&self) -> &'static str {
        "table between lines"
    }

    fn is_screen(&self) -> bool {
        true
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        let drawing = Drawing { frame: &Frame::BOX, heads: answer.look.heads };
        for block in &answer.blocks {
            write_block(block, drawing, screen, out)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Block, Cell, Column, Look, Table};

    fn shown(width: Option<usize>, heads: bool) -> String {
        let table = Table {
            columns: vec![Column::text("answer"), Column::number("score")],
            rows: vec![
                vec![Cell::plain("one two three four five"), Cell::plain("0.5")],
                vec![Cell::plain("日本"), Cell::plain("1,240")],
            ],
        };
        let look = Look { heads, ..Look::default() };
        let answer = Answer { blocks: vec![Block::Table(table)], look, ..Answer::default() };
        let mut out = Vec::new();
        Boxed.render(&answer, &Screen { width, color: false }, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn lines_stand_around_the_cells() {
        let expected = "\
┌─────────────────────────┬───────┐
│ answer                  │ score │
├─────────────────────────┼───────┤
│ one two three four five │   0.5 │
│ 日本                    │ 1,240 │
└─────────────────────────┴───────┘
";
        assert_eq!(shown(None, true), expected);
        assert_eq!(shown(Some(35), true), expected);
    }

    #[test]
    fn a_narrow_screen_shortens_the_text_and_not_the_number() {
        let expected = "\
┌────────────┬───────┐
│ one two t… │   0.5 │
│ 日本       │ 1,240 │
└────────────┴───────┘
";
        assert_eq!(shown(Some(22), false), expected);
    }
}
