//! The words, texts and signs of SQL that may not be finished, with their places.
//!
//! The SQL parser's own tokenizer cuts the text; where it stops, at a quote or comment that does not end yet, the rest
//! is one piece that is marked as unfinished.

use std::ops::Range;

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, Tokenizer, Whitespace};

/// What a piece is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lex {
    /// A bare word: a keyword or a name.
    Word,
    /// A name in quotes.
    Name,
    /// A text.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// `(`, `[` or `{`.
    Open,
    /// `)`, `]` or `}`.
    Close,
    /// `.`
    Dot,
    /// `,`
    Comma,
    /// `;`
    Semicolon,
    /// Any other sign.
    Sign,
}

/// A piece of SQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lexeme<'t> {
    /// Where it stands, in bytes.
    pub range: Range<usize>,
    /// Its letters, quotes included.
    pub text: &'t str,
    /// What it is.
    pub lex: Lex,
    /// Whether its end is missing.
    pub unfinished: bool,
}

impl Lexeme<'_> {
    /// Whether it is this bare word, in any case.
    pub fn is(&self, word: &str) -> bool {
        self.lex == Lex::Word && self.text.eq_ignore_ascii_case(word)
    }

    /// The name it stands for: as it is where it is quoted, in lower case where it is not. `None` for what is no name.
    pub fn name(&self) -> Option<String> {
        match self.lex {
            Lex::Word => Some(self.text.to_lowercase()),
            Lex::Name => {
                let quote = self.text.chars().next()?;
                let inner = self.text.strip_prefix(quote)?;
                let inner = inner.strip_suffix(quote).unwrap_or(inner);
                Some(inner.replace(&format!("{quote}{quote}"), &quote.to_string()))
            }
            _ => None,
        }
    }
}

/// The pieces of a text without the space between them.
pub fn lexemes(sql: &str) -> Vec<Lexeme<'_>> {
    let mut tokens = Vec::new();
    let dialect = GenericDialect {};
    let whole = Tokenizer::new(&dialect, sql).tokenize_with_location_into_buf(&mut tokens).is_ok();
    let mut places = Places::new(sql);
    let mut lexemes = Vec::new();
    let mut end = 0;
    for token in tokens {
        let start = places.byte_of(token.span.start);
        end = places.byte_of(token.span.end);
        if let Some(lex) = lex(&token.token) {
            let text = &sql[start..end];
            lexemes.push(Lexeme { range: start..end, text, lex, unfinished: false });
        }
    }
    if !whole {
        let rest = &sql[end..];
        let start = end + rest.len() - rest.trim_start().len();
        lexemes.push(unfinished(sql, start));
    }
    lexemes
}

fn lex(token: &Token) -> Option<Lex> {
    Some(match token {
        Token::Word(word) if word.quote_style.is_some() => Lex::Name,
        Token::Word(_) => Lex::Word,
        Token::Number(..) => Lex::Number,
        Token::Whitespace(Whitespace::SingleLineComment { .. } | Whitespace::MultiLineComment(_)) => {
            Lex::Comment
        }
        Token::EOF | Token::Whitespace(_) => return None,
        Token::LParen | Token::LBracket | Token::LBrace => Lex::Open,
        Token::RParen | Token::RBracket | Token::RBrace => Lex::Close,
        Token::Period => Lex::Dot,
        Token::Comma => Lex::Comma,
        Token::SemiColon => Lex::Semicolon,
        token if is_text(token) => Lex::Text,
        _ => Lex::Sign,
    })
}

fn is_text(token: &Token) -> bool {
    matches!(
        token,
        Token::SingleQuotedString(_)
            | Token::DoubleQuotedString(_)
            | Token::TripleSingleQuotedString(_)
            | Token::TripleDoubleQuotedString(_)
            | Token::DollarQuotedString(_)
            | Token::SingleQuotedByteStringLiteral(_)
            | Token::DoubleQuotedByteStringLiteral(_)
            | Token::SingleQuotedRawStringLiteral(_)
            | Token::DoubleQuotedRawStringLiteral(_)
            | Token::NationalStringLiteral(_)
            | Token::EscapedStringLiteral(_)
            | Token::UnicodeStringLiteral(_)
            | Token::HexStringLiteral(_)
    )
}

/// What the tokenizer could not end: from its first quote on it is what that quote opens.
fn unfinished(sql: &str, start: usize) -> Lexeme<'_> {
    let text = &sql[start..];
    let opener = text.find(['\'', '"', '`', '$']).map(|at| &text[at..]);
    let lex = match opener {
        _ if text.starts_with("/*") => Lex::Comment,
        Some(quote) if quote.starts_with(['"', '`']) => Lex::Name,
        Some(_) => Lex::Text,
        None => Lex::Sign,
    };
    Lexeme { range: start..sql.len(), text, lex, unfinished: true }
}

/// Turns the tokenizer's lines and columns into bytes, from left to right.
struct Places<'t> {
    letters: std::str::Chars<'t>,
    length: usize,
    line: u64,
    column: u64,
}

impl<'t> Places<'t> {
    fn new(text: &'t str) -> Self {
        Self { letters: text.chars(), length: text.len(), line: 1, column: 1 }
    }

    /// The byte of a place that is not before those asked for so far.
    fn byte_of(&mut self, place: Location) -> usize {
        while (self.line, self.column) < (place.line, place.column) {
            match self.letters.next() {
                Some('\n') => (self.line, self.column) = (self.line + 1, 1),
                Some(_) => self.column += 1,
                None => break,
            }
        }
        self.length - self.letters.as_str().len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(sql: &str) -> Vec<(&str, Lex)> {
        lexemes(sql).into_iter().map(|lexeme| (lexeme.text, lexeme.lex)).collect()
    }

    #[test]
    fn pieces_stand_where_they_are_typed() {
        let sql = "SELECT 'ü''東',\n  \"a b\".x -- end\nFROM t;";
        let expected = [
            ("SELECT", Lex::Word),
            ("'ü''東'", Lex::Text),
            (",", Lex::Comma),
            ("\"a b\"", Lex::Name),
            (".", Lex::Dot),
            ("x", Lex::Word),
            ("-- end\n", Lex::Comment),
            ("FROM", Lex::Word),
            ("t", Lex::Word),
            (";", Lex::Semicolon),
        ];
        assert_eq!(pieces(sql), expected);
    }

    #[test]
    fn what_does_not_end_is_one_piece() {
        for (sql, text, lex) in [
            ("SELECT 'it''s ; --", "'it''s ; --", Lex::Text),
            ("SELECT \"a b", "\"a b", Lex::Name),
            ("SELECT /* a", "/* a", Lex::Comment),
            ("SELECT $x$ a", "$x$ a", Lex::Text),
        ] {
            let all = lexemes(sql);
            let last = all.last().unwrap();
            assert_eq!((last.text, last.lex, last.unfinished), (text, lex, true), "{sql}");
        }
    }
}
