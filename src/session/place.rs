//! Where in a text of SQL the fault is, and how that is shown: the line, and a marker under the word.
//!
//! DataFusion gives the place of some faults and sqlparser that of others; for the rest the word is looked for. A fault
//! that has no place in the text is shown without one.

use datafusion::common::SchemaError;
use datafusion::error::DataFusionError;
use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::parser::ParserError;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer, Word};
use unicode_width::UnicodeWidthStr;

use super::wording::{is_aggregate_in_where, unknown_function, unknown_table};

/// How much of a long line is shown around the fault, in display columns.
const SHOWN: usize = 74;

/// How much of it is shown before the fault.
const BEFORE: usize = 30;

/// A word in a text of SQL: its line and column from 1, and its length, both in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    line: usize,
    column: usize,
    length: usize,
}

impl Place {
    /// Where a text has the fault that DataFusion found in it; `None` when that cannot be told.
    pub fn of(sql: &str, error: &DataFusionError) -> Option<Self> {
        if let Some(span) = error.diagnostic().and_then(|diagnostic| diagnostic.span) {
            return Self::between((span.start.line, span.start.column), (span.end.line, span.end.column));
        }
        match error.find_root() {
            DataFusionError::SchemaError(schema, _) => match schema.as_ref() {
                SchemaError::FieldNotFound { field, .. } => {
                    let relation = field.relation.as_ref().map(|relation| relation.table());
                    Self::of_name(sql, relation, &field.name)
                }
                SchemaError::AmbiguousReference { field } => Self::of_name(sql, None, &field.name),
                _ => None,
            },
            DataFusionError::Plan(text) if is_aggregate_in_where(text) => Self::of_aggregate_in_where(sql),
            DataFusionError::Plan(text) => {
                let name = unknown_table(text).or_else(|| unknown_function(text).map(|(name, _)| name))?;
                Self::of_name(sql, None, name)
            }
            DataFusionError::SQL(problem, _) => Self::of_syntax(sql, problem),
            _ => None,
        }
    }

    fn between(start: (u64, u64), end: (u64, u64)) -> Option<Self> {
        let length = if start.0 == end.0 { end.1.saturating_sub(start.1).max(1) } else { 1 };
        Some(Self {
            line: usize::try_from(start.0).ok().filter(|line| *line > 0)?,
            column: usize::try_from(start.1).ok().filter(|column| *column > 0)?,
            length: usize::try_from(length).ok()?,
        })
    }

    /// The first place where a name stands as one, behind its relation when it is said with one.
    fn of_name(sql: &str, relation: Option<&str>, name: &str) -> Option<Self> {
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
        let is = |token: Option<&TokenWithSpan>, name: &str| matches!(token.map(|token| &token.token), Some(Token::Word(word)) if is_called(word, name));
        let is_dot =
            |token: Option<&TokenWithSpan>| matches!(token.map(|token| &token.token), Some(Token::Period));
        let found = (0..tokens.len()).find(|at| {
            let before = |back: usize| at.checked_sub(back).and_then(|at| tokens.get(at));
            let qualified = is_dot(before(1));
            is(tokens.get(*at), name)
                && match relation {
                    Some(relation) => qualified && is(before(2), relation),
                    None => !is_dot(tokens.get(at + 1)),
                }
        });
        let span = tokens.get(found?)?.span;
        Self::between((span.start.line, span.start.column), (span.end.line, span.end.column))
    }

    /// The first aggregate that is called behind WHERE.
    fn of_aggregate_in_where(sql: &str) -> Option<Self> {
        const AGGREGATES: [&str; 9] =
            ["count", "sum", "avg", "mean", "min", "max", "median", "stddev", "approx_distinct"];
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().ok()?;
        let word = |token: &TokenWithSpan| match &token.token {
            Token::Word(word) => word.value.to_lowercase(),
            _ => String::new(),
        };
        let from = tokens.iter().position(|token| word(token) == "where")?;
        let behind = tokens[from..].windows(2);
        let called = |pair: &&[TokenWithSpan]| {
            AGGREGATES.contains(&word(&pair[0]).as_str()) && pair[1].token == Token::LParen
        };
        let span = behind.into_iter().find(called)?[0].span;
        Self::between((span.start.line, span.start.column), (span.end.line, span.end.column))
    }

    /// The line, from 1.
    pub const fn line(&self) -> usize {
        self.line
    }

    /// The column, from 1, in characters.
    pub const fn column(&self) -> usize {
        self.column
    }

    /// Where the parser stopped: it says so at the end of its message, except at the end of the text.
    fn of_syntax(sql: &str, problem: &ParserError) -> Option<Self> {
        let (ParserError::ParserError(text) | ParserError::TokenizerError(text)) = problem else {
            return None;
        };
        let Some((_, place)) = text.rsplit_once("Line: ") else {
            return text.ends_with("found: EOF").then(|| Self::end(sql));
        };
        let (line, column) = place.split_once(", Column: ")?;
        let at = Location { line: line.trim().parse().ok()?, column: column.trim().parse().ok()? };
        let tokens = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location().unwrap_or_default();
        let end = tokens.iter().find(|token| token.span.start == at).map_or(at, |token| token.span.end);
        Self::between((at.line, at.column), (end.line, end.column))
    }

    fn end(sql: &str) -> Self {
        let text = sql.trim_end();
        let last = text.lines().last().unwrap_or_default();
        Self { line: text.lines().count().max(1), column: last.chars().count() + 1, length: 1 }
    }

    /// The line of the text, and below it a marker under the word.
    pub fn marked(&self, sql: &str) -> String {
        let line = sql.lines().nth(self.line - 1).unwrap_or_default();
        let letters: Vec<char> = line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let at = (self.column - 1).min(letters.len());
        let start = if width(&letters) <= SHOWN { 0 } else { at.saturating_sub(BEFORE) };
        let cut = if start > 0 { "…" } else { "" };
        let mut shown = String::new();
        for letter in &letters[start..] {
            if shown.width() + 2 > SHOWN && width(&letters[start..]) > SHOWN {
                shown.push('…');
                break;
            }
            shown.push(*letter);
        }
        let pad = cut.width() + width(&letters[start..at]);
        let word = width(&letters[at..(at + self.length).min(letters.len())]).clamp(1, SHOWN);
        format!("{cut}{}\n{}{}", shown.trim_end(), " ".repeat(pad), "^".repeat(word))
    }
}

/// Whether an identifier means a name: what is not quoted is the same in upper and lower case.
fn is_called(word: &Word, name: &str) -> bool {
    if word.quote_style.is_some() { word.value == name } else { word.value.eq_ignore_ascii_case(name) }
}

fn width(letters: &[char]) -> usize {
    letters.iter().collect::<String>().as_str().width()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn marked(sql: &str, name: &str) -> String {
        Place::of_name(sql, None, name).expect("the name stands there").marked(sql)
    }

    #[test]
    fn the_marker_stands_under_the_word_however_wide_letters_are() {
        assert_eq!(
            marked("SELECT accuracy FROM scores", "accuracy"),
            "SELECT accuracy FROM scores\n       ^^^^^^^^"
        );
        assert_eq!(marked("a = '日本' AND\tnme = 1", "nme"), "a = '日本' AND nme = 1\n               ^^^");
        assert_eq!(
            marked("SELECT 'valu', v.x FROM valu", "valu"),
            "SELECT 'valu', v.x FROM valu\n                        ^^^^"
        );
        assert_eq!(marked("a = 1\n  OR Nme = 2", "nme"), "  OR Nme = 2\n     ^^^");
        assert_eq!(Place::of_name("SELECT \"Nme\"", None, "nme"), None, "what is quoted is another name");
    }

    #[test]
    fn a_long_line_is_cut_around_the_fault() {
        let sql = format!("{} AND nme = 1 AND {}", "aaaa = 1 AND ".repeat(20), "bbbb = 2 AND ".repeat(20));
        let shown = marked(&sql, "nme");
        let (line, marker) = shown.split_once('\n').expect("two lines");
        assert!(line.width() <= SHOWN + 1 && line.starts_with('…') && line.ends_with('…'), "{line}");
        let at = marker.find('^').expect("a marker");
        let letters: Vec<char> = line.chars().collect();
        assert_eq!(
            (letters[at..at + 3].iter().collect::<String>(), marker.trim()),
            ("nme".to_owned(), "^^^")
        );
    }
}
