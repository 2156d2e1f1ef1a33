//! Where a statement ends in what was typed, pasted or read.
//!
//! The rules are those of the SQL parser's tokenizer for its generic dialect: a semicolon counts only outside of strings
//! (`'it''s'`, `E'it\'s'`), quoted names, comments (`--`, and `/* */` also inside each other) and dollar quotes
//! (`$$`, `$tag$`). A line that begins with a dot or a backslash is a command of the shell, where no statement is open.

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
    let start = skip_nothing(text);
    let text = match start {
        Ok(rest) => rest,
        // Only a comment that does not end.
        Err(rest) => return (Piece::Open(rest, Within::Comment), ""),
    };
    if text.is_empty() {
        return (Piece::Nothing, "");
    }
    if text.starts_with(['.', '\\']) {
        let (line, rest) = text.split_once('\n').unwrap_or((text, ""));
        return (Piece::Command(line.trim_end()), rest);
    }
    match end_of_statement(text) {
        Ok(Some(end)) => (Piece::Statement(text[..end].trim_end()), &text[end + 1..]),
        Ok(None) => (Piece::Open(text, Within::Statement), ""),
        Err(within) => (Piece::Open(text, within), ""),
    }
}

/// The text without the space, comments and semicolons before its first word; what is left of a comment that does not
/// end as the error.
fn skip_nothing(mut text: &str) -> Result<&str, &str> {
    loop {
        text = text.trim_start_matches(|c: char| c.is_whitespace() || c == ';' || c == '\u{feff}');
        if text.starts_with("--") {
            text = text.split_once('\n').map_or("", |(_, rest)| rest);
        } else if text.starts_with("/*") {
            text = &text[comment(text).ok_or(text)?..];
        } else {
            return Ok(text);
        }
    }
}

/// Where the semicolon of the first statement stands.
fn end_of_statement(text: &str) -> Result<Option<usize>, Within> {
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let rest = &text[at..];
        at += match byte {
            b';' => return Ok(Some(at)),
            b'\'' => {
                let escapes = at > 0 && matches!(bytes[at - 1], b'e' | b'E') && !in_word(bytes, at - 1);
                quoted(rest, b'\'', escapes).ok_or(Within::Text)?
            }
            quote @ (b'"' | b'`') => quoted(rest, *quote, false).ok_or(Within::Name)?,
            b'-' if rest.starts_with("--") => rest.find('\n').unwrap_or(rest.len()),
            b'/' if rest.starts_with("/*") => comment(rest).ok_or(Within::Comment)?,
            b'$' if !in_word(bytes, at) => dollar(rest).ok_or(Within::Dollar)?,
            _ => rest.chars().next().map_or(1, char::len_utf8),
        };
    }
    Ok(None)
}

/// Whether a letter, digit or underscore stands before this place, so that it goes on with a word.
fn in_word(bytes: &[u8], at: usize) -> bool {
    at > 0
        && (bytes[at - 1].is_ascii_alphanumeric()
            || matches!(bytes[at - 1], b'_' | b'$')
            || bytes[at - 1] >= 0x80)
}

/// How long a quoted text is that the rest begins with.
fn quoted(rest: &str, quote: u8, escapes: bool) -> Option<usize> {
    let bytes = rest.as_bytes();
    let mut at = 1;
    while let Some(byte) = bytes.get(at) {
        if escapes && *byte == b'\\' {
            at += 2;
        } else if *byte != quote {
            at += 1;
        } else if bytes.get(at + 1) == Some(&quote) {
            at += 2;
        } else {
            return Some(at + 1);
        }
    }
    None
}

/// How long a comment is that the rest begins with, those inside it included.
fn comment(rest: &str) -> Option<usize> {
    let bytes = rest.as_bytes();
    let (mut depth, mut at) = (0, 0);
    while at + 1 < bytes.len() {
        match &bytes[at..at + 2] {
            b"/*" => (depth, at) = (depth + 1, at + 2),
            b"*/" => (depth, at) = (depth - 1, at + 2),
            _ => at += 1,
        }
        if depth == 0 {
            return Some(at);
        }
    }
    None
}

/// How long a dollar quote is that the rest begins with; a dollar that opens none (`$1`, `$name`) is one letter.
fn dollar(rest: &str) -> Option<usize> {
    let tag = rest[1..].find(|c: char| !c.is_alphanumeric() && c != '_').map(|end| end + 1);
    let Some(tag) = tag.filter(|end| rest[*end..].starts_with('$')) else { return Some(1) };
    let tag = &rest[..=tag];
    rest[tag.len()..].find(tag).map(|end| end + 2 * tag.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(mut text: &str) -> Vec<Piece<'_>> {
        let mut pieces = Vec::new();
        loop {
            let (piece, rest) = first(text);
            if piece == Piece::Nothing {
                return pieces;
            }
            pieces.push(piece);
            text = rest;
        }
    }

    #[test]
    fn a_semicolon_ends_a_statement_only_outside_of_quotes_and_comments() {
        for sql in [
            "SELECT 'a;b', 'it''s;'",
            "SELECT E'it\\'s;'",
            "SELECT \"a;b\", `c;d`",
            "SELECT 1 -- one; two\n, 2",
            "SELECT /* a; /* b; */ c; */ 1",
            "SELECT $$a;'b$$, $t$ c; $$ d; $t$",
            "SELECT * FROM t WHERE a = $1",
            "SELECT 'ü;東京🎈'",
        ] {
            let text = format!("{sql} ; SELECT 2;");
            assert_eq!(pieces(&text), [Piece::Statement(sql), Piece::Statement("SELECT 2")]);
        }
    }

    #[test]
    fn what_is_open_goes_on() {
        for (text, within) in [
            ("SELECT 1", Within::Statement),
            ("SELECT 'a;", Within::Text),
            ("SELECT 'a'';", Within::Text),
            ("SELECT \"a;", Within::Name),
            ("SELECT /* a; */ /* ;", Within::Comment),
            ("SELECT $x$ ;", Within::Dollar),
        ] {
            assert_eq!(pieces(text), [Piece::Open(text, within)]);
        }
    }

    #[test]
    fn commands_are_lines_where_no_statement_is_open() {
        let text = ";; -- nothing\n/* . */ .mode csv\r\nSELECT 1\n.5;\\d runs\n.print it's";
        let expected = [
            Piece::Command(".mode csv"),
            Piece::Statement("SELECT 1\n.5"),
            Piece::Command("\\d runs"),
            Piece::Command(".print it's"),
        ];
        assert_eq!(pieces(text), expected);
        assert_eq!(pieces(" \n-- only a comment"), []);
    }
}
