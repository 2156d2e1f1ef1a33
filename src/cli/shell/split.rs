//! Where a statement ends in what was typed, pasted or read.
//!
//! The rules are those of the SQL parser's tokenizer for its generic dialect (`token`): a semicolon counts only outside
//! of strings (`'it''s'`, `E'it\'s'`, `q'[it's]'`), quoted names, comments (`--`, and `/* */` also inside each other)
//! and dollar quotes (`$$`, `$tag$`). A line that begins with a dot or a backslash is a command of the shell, where no
//! statement is open. Text that arrives in parts is read once, however long a statement or a string in it is.

mod arriving;
mod token;

pub use arriving::{Arriving, Whole};
use token::{Open, Token, token};

/// What stands first in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Nothing but space, comments and lone semicolons.
    Nothing,
    /// A command of the shell, without its line end.
    Command(&'a str),
    /// A statement without its semicolon.
    Statement(&'a str),
    /// A statement that goes on in lines to come.
    Open(&'a str, Within),
}

/// What has not ended yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Within {
    /// The statement: a semicolon is missing.
    Statement,
    /// A text in single quotes.
    Text,
    /// A name in double quotes or backticks.
    Name,
    /// A comment.
    Comment,
    /// A dollar quote.
    Dollar,
}

/// The first piece of a text, and what follows it.
pub fn first(text: &str) -> (Piece<'_>, &str) {
    let mut search = Search::default();
    match search.go_on(text) {
        Some(found) if found.is_command => {
            (Piece::Command(text[found.start..found.end].trim_end()), &text[found.next..])
        }
        Some(found) => (Piece::Statement(text[found.start..found.end].trim_end()), &text[found.next..]),
        None => match search.open_from() {
            None => (Piece::Nothing, ""),
            Some(start) => (Piece::Open(&text[start..], search.within()), ""),
        },
    }
}

/// A piece that is whole, by its places in the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Found {
    start: usize,
    end: usize,
    /// Where the next piece begins.
    next: usize,
    is_command: bool,
}

/// The search for the end of the first piece: it goes on where it stopped when the text has grown.
#[derive(Debug, Default)]
struct Search {
    /// Everything before this place was looked at.
    at: usize,
    /// Where the piece began, once it has.
    begun: Option<usize>,
    /// What has not ended before `at`.
    open: Option<Open>,
}

impl Search {
    /// Looks at what has not been looked at.
    fn go_on(&mut self, text: &str) -> Option<Found> {
        loop {
            let (kind, start, end) = self.next(text)?;
            if self.begun.is_none() && kind == Token::Word && text[start..].starts_with(['.', '\\']) {
                let end = text[start..].find('\n').map_or(text.len(), |end| start + end);
                return Some(Found { start, end, next: (end + 1).min(text.len()), is_command: true });
            }
            match (kind, self.begun) {
                (Token::Semicolon, Some(begun)) => {
                    return Some(Found { start: begun, end: start, next: end, is_command: false });
                }
                (Token::Word, None) => self.begun = Some(start),
                _ => {}
            }
        }
    }

    /// The next token with its place.
    fn next(&mut self, text: &str) -> Option<(Token, usize, usize)> {
        if let Some(mut open) = self.open.take() {
            return match open.end(text, self.at) {
                Ok(end) => {
                    self.at = end;
                    Some((open.token(), open.start, end))
                }
                Err(at) => {
                    (self.at, self.open) = (at, Some(open));
                    None
                }
            };
        }
        let start = self.at;
        if start >= text.len() {
            return None;
        }
        match token(text, start) {
            Ok((kind, end)) => {
                self.at = end;
                Some((kind, start, end))
            }
            Err((open, at)) => {
                (self.at, self.open) = (at, Some(open));
                None
            }
        }
    }

    /// Where what has not ended began.
    fn open_from(&self) -> Option<usize> {
        self.begun.or(self.open.as_ref().map(|open| open.start))
    }

    fn within(&self) -> Within {
        self.open.as_ref().map_or(Within::Statement, Open::within)
    }
}

#[cfg(test)]
mod tests;
