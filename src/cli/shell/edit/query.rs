//! Which relations a query reads, as far as it is typed, and under which names.

use super::keywords::is_keyword;
use super::lexed::{Lex, Lexeme};

/// A relation in a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// Its name.
    pub relation: String,
    /// The name that the query gives it.
    pub alias: Option<String>,
    /// Which piece names it.
    pub place: usize,
}

impl Mention {
    /// Whether columns of it are written behind this name.
    pub fn answers_to(&self, name: &str) -> bool {
        self.alias.as_deref().unwrap_or(&self.relation) == name
    }
}

/// The relations behind FROM and JOIN.
pub fn mentions(lexemes: &[Lexeme<'_>]) -> Vec<Mention> {
    let mut mentions = Vec::new();
    let mut at = 0;
    while at < lexemes.len() {
        at = if reads(&lexemes[at]) { listed(lexemes, at + 1, &mut mentions) } else { at + 1 };
    }
    mentions
}

/// Whether a relation follows this word.
pub fn reads(lexeme: &Lexeme<'_>) -> bool {
    ["FROM", "JOIN", "TABLE", "DESCRIBE"].iter().any(|word| lexeme.is(word))
}

/// Reads relations with commas between them; gives the place behind them.
fn listed(lexemes: &[Lexeme<'_>], mut at: usize, mentions: &mut Vec<Mention>) -> usize {
    loop {
        let Some((place, relation)) = qualified(lexemes, at) else { return at };
        at = place + 1;
        if lexemes.get(at).is_some_and(|lexeme| lexeme.is("AS")) {
            at += 1;
        }
        let alias = lexemes.get(at).filter(|lexeme| is_name(lexeme)).and_then(Lexeme::name);
        at += usize::from(alias.is_some());
        mentions.push(Mention { relation, alias, place });
        if lexemes.get(at).is_none_or(|lexeme| lexeme.lex != Lex::Comma) {
            return at;
        }
        at += 1;
    }
}

/// A name with what qualifies it: the place and name of its last part.
fn qualified(lexemes: &[Lexeme<'_>], mut at: usize) -> Option<(usize, String)> {
    let mut name = lexemes.get(at).filter(|lexeme| is_name(lexeme))?.name()?;
    while lexemes.get(at + 1).is_some_and(|dot| dot.lex == Lex::Dot) {
        let Some(part) = lexemes.get(at + 2).and_then(Lexeme::name) else { break };
        (at, name) = (at + 2, part);
    }
    Some((at, name))
}

fn is_name(lexeme: &Lexeme<'_>) -> bool {
    lexeme.lex == Lex::Name || lexeme.lex == Lex::Word && !is_keyword(lexeme.text)
}

/// The names that the query itself gives to queries: `WITH name AS (`.
pub fn named_queries(lexemes: &[Lexeme<'_>]) -> Vec<String> {
    lexemes
        .windows(3)
        .filter(|three| is_name(&three[0]) && three[1].is("AS") && three[2].lex == Lex::Open)
        .filter_map(|three| three[0].name())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::super::lexed::lexemes;
    use super::*;

    #[test]
    fn relations_are_found_with_their_names() {
        let sql = "WITH w AS (SELECT 1 FROM steps) SELECT m. FROM metric_winners AS m, public.runs r \
                   LEFT JOIN \"My View\" ON true WHERE";
        let found: Vec<(String, Option<String>)> =
            mentions(&lexemes(sql)).into_iter().map(|mention| (mention.relation, mention.alias)).collect();
        let some = |text: &str| Some(text.to_owned());
        let expected = [
            ("steps".to_owned(), None),
            ("metric_winners".to_owned(), some("m")),
            ("runs".to_owned(), some("r")),
            ("My View".to_owned(), None),
        ];
        assert_eq!(found, expected);
        assert_eq!(named_queries(&lexemes(sql)), ["w"]);
    }
}
