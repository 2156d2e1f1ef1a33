//! The tokens of SQL as far as a splitter has to know them: where each ends, and which are semicolons.
//!
//! They end where those of the SQL parser's tokenizer end for its generic dialect, in which `#;` is one word, `1e'\''`
//! holds an escaped string, `|/*` opens no comment and `q'[it's]'` is a string. A property test holds the two against
//! each other. What the tokenizer refuses is one letter here, so that the statement is whole and can be refused.

use std::ops::Range;

use super::Within;

/// What a token is to a splitter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Token {
    /// Space or a comment.
    Space,
    /// The end of a statement.
    Semicolon,
    /// Anything else.
    Word,
}

/// What has begun and not ended: it can be looked for again when there is more text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Open {
    /// Where it began.
    pub start: usize,
    quote: Quote,
}

/// What ends only at a mark of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Quote {
    /// Until this letter; twice it is a part of the text, and so is anything behind a backslash that escapes.
    Plain { mark: u8, escapes: bool },
    /// Until three of this letter.
    Triple { mark: u8 },
    /// Until this letter with a single quote behind it.
    Delimited { mark: char },
    /// A comment with as many comments around it, itself counted; what a hint (`/*! ... */`) says is a part of the
    /// statement.
    Comment { depth: usize, is_hint: bool },
    /// Until the mark that stands at this place of the text.
    Dollar { mark: Range<usize> },
}

impl Open {
    /// What a person calls it.
    pub fn within(&self) -> Within {
        match self.quote {
            Quote::Plain { mark: b'"' | b'`', .. } | Quote::Triple { mark: b'"' } => Within::Name,
            Quote::Plain { .. } | Quote::Triple { .. } | Quote::Delimited { .. } => Within::Text,
            Quote::Comment { .. } => Within::Comment,
            Quote::Dollar { .. } => Within::Dollar,
        }
    }

    /// What it is once it has ended.
    pub fn token(&self) -> Token {
        if matches!(self.quote, Quote::Comment { is_hint: false, .. }) { Token::Space } else { Token::Word }
    }

    /// Where it ends, looked for from a place inside it; where to look on as the error.
    pub fn end(&mut self, text: &str, from: usize) -> Result<usize, usize> {
        let bytes = text.as_bytes();
        match &mut self.quote {
            Quote::Plain { mark, escapes } => plain(bytes, from, *mark, *escapes),
            Quote::Triple { mark } => triple(bytes, from, *mark),
            Quote::Delimited { mark } => delimited(text, from, *mark),
            Quote::Comment { depth, .. } => comment(bytes, from, depth),
            Quote::Dollar { mark } => {
                let found = text[from..].find(&text[mark.clone()]).map(|at| from + at + mark.len());
                // The mark may have begun in the last letters.
                found.ok_or_else(|| text.floor_char_boundary((text.len() + 1 - mark.len()).max(from)))
            }
        }
    }
}

fn plain(bytes: &[u8], from: usize, mark: u8, escapes: bool) -> Result<usize, usize> {
    let mut at = from;
    while let Some(byte) = bytes.get(at) {
        if escapes && *byte == b'\\' {
            at += 2;
        } else if *byte != mark {
            at += 1;
        } else if bytes.get(at + 1) == Some(&mark) {
            at += 2;
        } else {
            return Ok(at + 1);
        }
    }
    Err(at)
}

fn triple(bytes: &[u8], from: usize, mark: u8) -> Result<usize, usize> {
    let mut marks = 0;
    for (at, byte) in bytes.iter().enumerate().skip(from) {
        marks = if *byte == mark { marks + 1 } else { 0 };
        if marks == 3 {
            return Ok(at + 1);
        }
    }
    Err(bytes.len().max(from) - marks)
}

fn delimited(text: &str, from: usize, mark: char) -> Result<usize, usize> {
    let rest = text.get(from..).unwrap_or_default();
    for (at, letter) in rest.char_indices().filter(|(_, letter)| *letter == mark) {
        let behind = from + at + letter.len_utf8();
        match text.as_bytes().get(behind) {
            Some(b'\'') => return Ok(behind + 1),
            Some(_) => {}
            None => return Err(from + at),
        }
    }
    Err(text.len().max(from))
}

fn comment(bytes: &[u8], from: usize, depth: &mut usize) -> Result<usize, usize> {
    let mut at = from;
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (*depth, at) = (*depth + 1, at + 2),
            b"*/" => (*depth, at) = (*depth - 1, at + 2),
            _ => at += 1,
        }
        if *depth == 0 {
            return Ok(at);
        }
    }
    Err(at)
}

/// The token that begins at a place, and where it ends; what does not end, and where to look on, as the error.
///
/// # Errors
/// When the text ends before the token does.
pub fn token(text: &str, at: usize) -> Result<(Token, usize), (Open, usize)> {
    let Some(first) = text[at..].chars().next() else { return Ok((Token::Space, at)) };
    if let Some((quote, inside)) = quote(text, at) {
        let mut open = Open { start: at, quote };
        return match open.end(text, inside) {
            Ok(end) => Ok((open.token(), end)),
            Err(from) => Err((open, from)),
        };
    }
    let next = at + first.len_utf8();
    Ok(match first {
        ';' => (Token::Semicolon, next),
        '-' if text[next..].starts_with('-') => (Token::Space, line_end(text, next)),
        '0'..='9' | '.' => (Token::Word, number(text.as_bytes(), at)),
        '?' => (Token::Word, taken(text, next, char::is_numeric)),
        '$' => (Token::Word, taken(text, next, is_tag)),
        '#' | '@' => (Token::Word, sign(text, at)),
        '/' | '|' | '<' | '^' => (Token::Word, at + operator(&text[at..])),
        letter if is_word_start(letter) => (Token::Word, taken(text, next, is_word)),
        letter if letter.is_whitespace() || letter == '\u{feff}' => (Token::Space, next),
        _ => (Token::Word, next),
    })
}

/// What opens at a place, and where its inside begins.
fn quote(text: &str, at: usize) -> Option<(Quote, usize)> {
    let rest = &text.as_bytes()[at..];
    let plain =
        |length: usize, escapes| Some((Quote::Plain { mark: rest[length - 1], escapes }, at + length));
    match rest {
        [b'\'' | b'"' | b'`', ..] => plain(1, false),
        [b'b' | b'B', b'\'' | b'"', ..] | [b'n' | b'N', b'\'', ..] => plain(2, false),
        [b'e' | b'E' | b'x' | b'X', b'\'', ..] => plain(2, true),
        [b'u' | b'U', b'&', b'\'', ..] => plain(3, false),
        [b'r' | b'R', mark @ (b'\'' | b'"'), second, third, ..] if mark == second && mark == third => {
            Some((Quote::Triple { mark: *mark }, at + 4))
        }
        // Two quotes are an empty text, whatever stands behind them.
        [b'r' | b'R', mark @ (b'\'' | b'"'), ..] => {
            Some((Quote::Plain { mark: *mark, escapes: false }, at + 2))
        }
        [b'q' | b'Q', b'\'', ..] => Some(marked(text, at + 2)),
        [b'n' | b'N', b'q' | b'Q', b'\'', ..] => Some(marked(text, at + 3)),
        [b'/', b'*', ..] => Some((Quote::Comment { depth: 1, is_hint: rest.get(2) == Some(&b'!') }, at + 2)),
        [b'$', ..] => {
            let tag = taken(text, at + 1, is_tag);
            let mark = at..tag + 1;
            text[tag..].starts_with('$').then_some((Quote::Dollar { mark }, tag + 1))
        }
        _ => None,
    }
}

/// A text whose first letter says what ends it: `q'[it's]'`.
fn marked(text: &str, at: usize) -> (Quote, usize) {
    let mark = match text[at..].chars().next() {
        // The tokenizer refuses space.
        None | Some(' ' | '\t' | '\r' | '\n') => return (Quote::Plain { mark: b'\'', escapes: false }, at),
        Some(mark) => mark,
    };
    let closes = match mark {
        '[' => ']',
        '{' => '}',
        '<' => '>',
        '(' => ')',
        other => other,
    };
    (Quote::Delimited { mark: closes }, at + mark.len_utf8())
}

fn line_end(text: &str, at: usize) -> usize {
    text[at..].find('\n').map_or(text.len(), |end| at + end + 1)
}

/// Where a run of letters ends.
fn taken(text: &str, at: usize, is_part: impl Fn(char) -> bool) -> usize {
    text[at..].find(|letter| !is_part(letter)).map_or(text.len(), |end| at + end)
}

fn is_word_start(letter: char) -> bool {
    letter.is_alphabetic() || matches!(letter, '_' | '#' | '@')
}

fn is_word(letter: char) -> bool {
    is_word_start(letter) || letter.is_ascii_digit() || letter == '$'
}

fn is_tag(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// Where a number, or a lone dot, ends.
fn number(bytes: &[u8], start: usize) -> usize {
    let digits = |mut at: usize, is_digit: fn(&u8) -> bool| {
        while bytes.get(at).is_some_and(is_digit) {
            at += 1;
        }
        at
    };
    let whole = digits(start, u8::is_ascii_digit);
    if &bytes[start..whole] == b"0" && bytes.get(whole) == Some(&b'x') {
        return digits(whole + 1, u8::is_ascii_hexdigit);
    }
    let dot = whole + usize::from(bytes.get(whole) == Some(&b'.'));
    let mut end = digits(dot, u8::is_ascii_digit);
    if &bytes[start..end] == b"." {
        return end;
    }
    if matches!(bytes.get(end), Some(b'e' | b'E')) {
        let sign = end + 1 + usize::from(matches!(bytes.get(end + 1), Some(b'+' | b'-')));
        let exponent = digits(sign, u8::is_ascii_digit);
        end = if exponent > sign { exponent } else { end };
    }
    end + usize::from(bytes.get(end) == Some(&b'L'))
}

/// Where a word or an operator ends that begins with `#` or `@`: the word takes the next letter, whatever it is.
fn sign(text: &str, at: usize) -> usize {
    let rest = &text[at..];
    let fixed = ["#-", "#>", "# ", "@>", "@?", "@ ", "@'", "@\"", "@`", "@@ "];
    if let Some(found) = fixed.iter().find(|found| rest.starts_with(**found)) {
        let is_behind = found.ends_with([' ', '\'', '"', '`']);
        return at + found.len() - usize::from(is_behind);
    }
    let signs = if rest.starts_with("@@") { 2 } else { 1 };
    match rest[signs..].chars().next() {
        Some(letter) => taken(text, at + signs + letter.len_utf8(), is_word),
        None => at + signs,
    }
}

/// How long an operator is, of those whose last letter would open something by itself.
fn operator(rest: &str) -> usize {
    let known = ["||/", "||", "|/", "//", "<<", "<=", "<>", "<@", "^@"];
    known.iter().find(|operator| rest.starts_with(**operator)).map_or(1, |operator| operator.len())
}
