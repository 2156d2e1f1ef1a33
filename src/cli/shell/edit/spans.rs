//! Which parts of what is typed are what, for colours, and which brackets belong together.

use std::ops::Range;

use super::keywords::is_keyword;
use super::lexed::{Lex, Lexeme, lexemes};
use super::query::mentions;
use super::regions::{Part, regions};
use super::words::Words;
use crate::cli::shell::vocabulary::Vocabulary;

/// What a part of a text is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A keyword of SQL.
    Keyword,
    /// A text in quotes.
    Text,
    /// A number.
    Number,
    /// A comment.
    Comment,
    /// A relation that exists.
    Relation,
    /// A function that exists.
    Function,
    /// A command of the shell that exists.
    Command,
    /// One of two brackets that belong together.
    Partner,
}

/// A part of a text and what it is.
pub type Span = (Range<usize>, Kind);

/// The parts of a text that are something, from left to right.
pub fn spans(text: &str, vocabulary: &Vocabulary, words: &Words) -> Vec<Span> {
    let mut spans = Vec::new();
    for (range, part) in regions(text) {
        let begins = range.start;
        let found = match part {
            Part::Command => command(&text[range], words),
            Part::Sql => sql(&text[range], vocabulary),
        };
        spans.extend(found.into_iter().map(|(at, kind)| (at.start + begins..at.end + begins, kind)));
    }
    spans
}

fn command(line: &str, words: &Words) -> Vec<Span> {
    let end = line.find(char::is_whitespace).unwrap_or(line.len());
    let name = line[..end].trim_end_matches(';');
    if words.is_command(name) { vec![(0..name.len(), Kind::Command)] } else { Vec::new() }
}

fn sql(text: &str, vocabulary: &Vocabulary) -> Vec<Span> {
    let lexemes = lexemes(text);
    let relations: Vec<usize> = mentions(&lexemes)
        .into_iter()
        .filter(|mention| vocabulary.relations.contains_key(&mention.relation))
        .map(|mention| mention.place)
        .collect();
    let kind = |(at, lexeme): (usize, &Lexeme<'_>)| {
        let kind = match lexeme.lex {
            Lex::Text => Kind::Text,
            Lex::Number => Kind::Number,
            Lex::Comment => Kind::Comment,
            Lex::Word | Lex::Name if relations.contains(&at) => Kind::Relation,
            Lex::Word => word(&lexemes, at, vocabulary)?,
            _ => return None,
        };
        Some((lexeme.range.clone(), kind))
    };
    lexemes.iter().enumerate().filter_map(kind).collect()
}

fn word(lexemes: &[Lexeme<'_>], at: usize, vocabulary: &Vocabulary) -> Option<Kind> {
    let text = lexemes[at].text;
    if at > 0 && lexemes[at - 1].lex == Lex::Dot {
        return None;
    }
    let is_called = lexemes.get(at + 1).is_some_and(|next| next.text == "(");
    if is_called && vocabulary.is_function(&text.to_lowercase()) && !is_in_list(text) {
        return Some(Kind::Function);
    }
    is_keyword(text).then_some(Kind::Keyword)
}

/// `IN (` and the like: keywords, also where a bracket follows.
fn is_in_list(word: &str) -> bool {
    ["IN", "EXISTS", "ANY", "ALL", "VALUES"].iter().any(|known| known.eq_ignore_ascii_case(word))
}

/// The bracket under the cursor, else before it, and the one that belongs to it.
pub fn partners(text: &str, cursor: usize) -> Option<[usize; 2]> {
    let nearby = &text.as_bytes()[cursor.saturating_sub(1)..text.len().min(cursor + 1)];
    if !nearby.iter().any(|byte| b"()[]{}".contains(byte)) {
        return None;
    }
    let (range, _) =
        regions(text).into_iter().find(|(range, part)| *part == Part::Sql && touches(range, cursor))?;
    let begins = range.start;
    let all = lexemes(&text[range]);
    let brackets: Vec<&Lexeme<'_>> =
        all.iter().filter(|lexeme| matches!(lexeme.lex, Lex::Open | Lex::Close)).collect();
    let place = |wanted: Option<usize>| {
        wanted.and_then(|wanted| brackets.iter().position(|bracket| bracket.range.start + begins == wanted))
    };
    let at = place(Some(cursor)).or_else(|| place(cursor.checked_sub(1)))?;
    let other = match brackets[at].lex {
        Lex::Open => at + closing(brackets[at..].iter().copied(), Lex::Open)?,
        _ => at - closing(brackets[..=at].iter().rev().copied(), Lex::Close)?,
    };
    let mut both = [at, other].map(|at| brackets[at].range.start + begins);
    both.sort_unstable();
    Some(both)
}

fn touches(range: &Range<usize>, cursor: usize) -> bool {
    range.start <= cursor && cursor <= range.end
}

/// How many brackets on the one stands that ends the first.
fn closing<'l>(mut brackets: impl Iterator<Item = &'l Lexeme<'l>>, opens: Lex) -> Option<usize> {
    let mut depth = 0;
    brackets.position(|bracket| {
        depth += if bracket.lex == opens { 1 } else { -1 };
        depth == 0
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(text: &str) -> Vec<(&str, Kind)> {
        spans(text, &Vocabulary::built_in(), &Words::of_shell())
            .into_iter()
            .map(|(range, kind)| (&text[range], kind))
            .collect()
    }

    #[test]
    fn what_exists_is_told_from_what_does_not() {
        let text = "select value, median(x), nothing(1) from scores s, nowhere where s.last = 'a' -- b";
        let expected = [
            ("select", Kind::Keyword),
            ("1", Kind::Number),
            ("from", Kind::Keyword),
            ("scores", Kind::Relation),
            ("where", Kind::Keyword),
            ("'a'", Kind::Text),
            ("-- b", Kind::Comment),
        ];
        let mut found = kinds(text);
        // Which functions there are is known later, but for our own.
        found.retain(|(_, kind)| *kind != Kind::Function);
        assert_eq!(found, expected);
        assert!(kinds("SELECT quantile_of(1)").contains(&("quantile_of", Kind::Function)));
    }

    #[test]
    fn commands_are_told_from_sql() {
        assert_eq!(kinds(".by model"), [(".by", Kind::Command)]);
        assert_eq!(kinds(".compare --by model;"), [(".compare", Kind::Command)]);
        assert_eq!(kinds(".nonsense select"), []);
        assert_eq!(kinds("\\q"), [("\\q", Kind::Command)]);
    }

    #[test]
    fn an_unfinished_text_is_a_text() {
        assert_eq!(kinds("SELECT 'it''s"), [("SELECT", Kind::Keyword), ("'it''s", Kind::Text)]);
    }

    #[test]
    fn brackets_find_their_partners_but_not_in_texts() {
        //          0123456789012345
        let text = "SELECT (a, ')', [b])";
        assert_eq!(partners(text, 7), Some([7, 19]));
        assert_eq!(partners(text, 20), Some([7, 19]));
        assert_eq!(partners(text, 16), Some([16, 18]));
        assert_eq!(partners(text, 12), None);
        assert_eq!(partners("((", 1), None);
        assert_eq!(partners(")", 0), None);
    }
}
