//! What is typed, cut into lines that are commands of the shell and texts that are SQL.

use std::ops::Range;

use crate::cli::shell::split::{Piece, first};

/// What a part of the text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// A command of the shell, to the end of its line.
    Command,
    /// SQL: one statement with its semicolon and the comments before it, or what is left of one.
    Sql,
}

/// The parts of a text in their order; together they are all of it but the line ends behind commands.
pub fn regions(text: &str) -> Vec<(Range<usize>, Part)> {
    let mut regions = Vec::new();
    let mut begun = 0;
    while begun < text.len() {
        let (piece, rest) = first(&text[begun..]);
        let end = text.len() - rest.len();
        match piece {
            Piece::Command(line) => {
                let start = offset(text, line);
                let line_end = text[start..].find('\n').map_or(text.len(), |length| start + length);
                if begun < start {
                    regions.push((begun..start, Part::Sql));
                }
                regions.push((start..line_end, Part::Command));
            }
            Piece::Nothing | Piece::Statement(_) | Piece::Open(..) => regions.push((begun..end, Part::Sql)),
        }
        begun = end;
    }
    regions
}

/// Where a part of a text stands in it.
fn offset(text: &str, part: &str) -> usize {
    part.as_ptr() as usize - text.as_ptr() as usize
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_and_statements_are_told_apart() {
        let text = "-- first\n.by model \nSELECT ';'; select 2\n.5";
        let parts: Vec<(&str, Part)> =
            regions(text).into_iter().map(|(range, part)| (&text[range], part)).collect();
        let expected = [
            ("-- first\n", Part::Sql),
            (".by model ", Part::Command),
            ("SELECT ';';", Part::Sql),
            (" select 2\n.5", Part::Sql),
        ];
        assert_eq!(parts, expected);
    }
}
