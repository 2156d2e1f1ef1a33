//! What may stand at the cursor in SQL.

use super::{Candidate, Known, begins};
use crate::cli::shell::edit::keywords::{BEGINNINGS, KEYWORDS, is_keyword, quoted, written};
use crate::cli::shell::edit::lexed::{Lex, Lexeme, lexemes};
use crate::cli::shell::edit::query::{Mention, mentions, named_queries, reads};

/// A statement and the place of the cursor in it.
struct Typing<'t> {
    /// What stands before the word at the cursor.
    before: Vec<Lexeme<'t>>,
    /// The relations of the whole statement.
    mentions: Vec<Mention>,
    /// Queries that the statement names itself.
    named: Vec<String>,
    /// The word at the cursor, as far as it is typed.
    word: &'t str,
    /// What follows the cursor.
    after: &'t str,
}

/// Where the word at the cursor begins, and what may stand in its place.
pub fn complete(sql: &str, cursor: usize, known: &Known<'_>) -> (usize, Vec<Candidate>) {
    within(sql, cursor, (&[], known))
}

/// As [`complete`], with relations that are meant without being named.
pub fn within(sql: &str, cursor: usize, (meant, known): (&[&str], &Known<'_>)) -> (usize, Vec<Candidate>) {
    let mut before = lexemes(&sql[..cursor]);
    if let Some(end) = before.iter().rposition(|lexeme| lexeme.lex == Lex::Semicolon) {
        before.drain(..=end);
    }
    before.retain(|lexeme| lexeme.lex != Lex::Comment || lexeme.range.end == cursor);
    let touching = before
        .pop_if(|lexeme| lexeme.range.end == cursor && lexeme.lex != Lex::Sign && !is_bracket(lexeme.lex));
    let whole = lexemes(sql);
    let meant =
        meant.iter().map(|name| Mention { relation: (*name).to_owned(), alias: None, place: usize::MAX });
    let typing = |word| Typing {
        mentions: mentions(&whole).into_iter().chain(meant).collect(),
        named: named_queries(&whole),
        before,
        word,
        after: &sql[cursor..],
    };
    match touching {
        None => (cursor, typing("").names(known)),
        Some(lexeme) if lexeme.lex == Lex::Word => (lexeme.range.start, typing(lexeme.text).names(known)),
        Some(lexeme) if lexeme.unfinished && lexeme.lex == Lex::Name => {
            (lexeme.range.start, typing(lexeme.text.trim_start_matches(['"', '`'])).quoted_names(known))
        }
        Some(lexeme) if lexeme.unfinished && lexeme.text.starts_with('\'') => {
            (lexeme.range.start + 1, typing(&lexeme.text[1..]).values(known))
        }
        Some(_) => (cursor, Vec::new()),
    }
}

/// Signs behind which a word may begin at once.
fn is_bracket(lex: Lex) -> bool {
    matches!(lex, Lex::Open | Lex::Close | Lex::Dot | Lex::Comma | Lex::Semicolon)
}

impl Typing<'_> {
    /// Names and keywords that begin with the word at the cursor.
    fn names(&self, known: &Known<'_>) -> Vec<Candidate> {
        if self.before.last().is_some_and(|last| last.lex == Lex::Dot) {
            return self
                .of_owner(known)
                .into_iter()
                .filter(|name| self.fits(name))
                .map(|name| as_name(&name))
                .collect();
        }
        if self.before.is_empty() {
            return self.keywords(&BEGINNINGS);
        }
        if self.wants_relation() {
            return self.relations(known);
        }
        let columns = self.columns(known);
        let mut candidates: Vec<Candidate> =
            columns.into_iter().filter(|name| self.fits(name)).map(|name| as_name(&name)).collect();
        candidates.extend(self.aliases());
        if self.word.is_empty() && !candidates.is_empty() && self.wants_expression() {
            return candidates;
        }
        candidates.extend(self.keywords(&KEYWORDS));
        if !self.word.is_empty() {
            candidates.extend(self.functions(known));
        }
        if self.mentions.is_empty() && !self.word.is_empty() {
            candidates.extend(self.relations(known));
        }
        let mut seen = std::collections::HashSet::new();
        candidates.retain(|candidate| seen.insert(candidate.typed.clone()));
        candidates
    }

    /// Columns, or relations, for a name in quotes.
    fn quoted_names(&self, known: &Known<'_>) -> Vec<Candidate> {
        let names = if self.wants_relation() {
            known.vocabulary.relations.keys().cloned().collect()
        } else if self.before.last().is_some_and(|last| last.lex == Lex::Dot) {
            self.of_owner(known)
        } else {
            self.columns(known)
        };
        let fitting = names.into_iter().filter(|name| self.fits(name));
        fitting.map(|name| Candidate { typed: quoted(&name), shown: name }).collect()
    }

    /// What a text may be: a file behind FROM, else a value of the column that it is held against.
    fn values(&self, known: &Known<'_>) -> Vec<Candidate> {
        let end = if self.after.starts_with('\'') { "" } else { "'" };
        if self.before.last().is_some_and(reads) {
            let is_folder = |candidate: &Candidate| candidate.typed.ends_with('/');
            let closed = |candidate: Candidate| match is_folder(&candidate) {
                true => candidate,
                false => Candidate { typed: candidate.typed + end, ..candidate },
            };
            return (known.files)(self.word).into_iter().map(closed).collect();
        }
        let Some(column) = self.compared_column() else { return Vec::new() };
        let values = known.vocabulary.values(value_kind(&column)).iter().filter(|value| self.fits(value));
        values
            .map(|value| Candidate { shown: value.clone(), typed: value.replace('\'', "''") + end })
            .collect()
    }

    /// The column that a text at the cursor is held against: `metric = '`, `metric IN ('a', '`.
    fn compared_column(&self) -> Option<String> {
        let between = |lexeme: &&Lexeme<'_>| {
            matches!(lexeme.lex, Lex::Sign | Lex::Open | Lex::Comma | Lex::Text)
                || ["IN", "NOT", "LIKE", "ILIKE"].iter().any(|word| lexeme.is(word))
        };
        let column = self.before.iter().rev().find(|lexeme| !between(lexeme))?;
        if is_keyword(column.text) { None } else { column.name() }
    }

    /// Whether a relation stands at the cursor: behind FROM and JOIN, and behind commas there.
    fn wants_relation(&self) -> bool {
        let Some(last) = self.before.last() else { return false };
        if last.lex != Lex::Comma {
            return reads(last);
        }
        let part_of_list = |lexeme: &&Lexeme<'_>| {
            matches!(lexeme.lex, Lex::Comma | Lex::Name | Lex::Dot)
                || lexeme.is("AS")
                || lexeme.lex == Lex::Word && !is_keyword(lexeme.text)
        };
        let begins = self.before.iter().rev().find(|lexeme| !part_of_list(lexeme));
        begins.is_some_and(|lexeme| lexeme.is("FROM"))
    }

    /// Whether only an expression can stand at the cursor.
    fn wants_expression(&self) -> bool {
        let words =
            ["SELECT", "WHERE", "BY", "ON", "AND", "OR", "HAVING", "DISTINCT", "NOT", "WHEN", "THEN", "ELSE"];
        self.before.last().is_some_and(|last| {
            matches!(last.lex, Lex::Comma | Lex::Open | Lex::Sign) || words.iter().any(|word| last.is(word))
        })
    }

    fn relations(&self, known: &Known<'_>) -> Vec<Candidate> {
        let names = self.named.iter().chain(known.vocabulary.relations.keys());
        names.filter(|name| self.fits(name)).map(|name| as_name(name)).collect()
    }

    /// The columns behind `name.`: of the relation of that name, or the one that the query calls so.
    fn of_owner(&self, known: &Known<'_>) -> Vec<String> {
        let owner = self.before.len().checked_sub(2).and_then(|at| self.before[at].name());
        let Some(owner) = owner else { return Vec::new() };
        let mention = self.mentions.iter().find(|mention| mention.answers_to(&owner));
        let relation = mention.map_or(owner.as_str(), |mention| mention.relation.as_str());
        known.vocabulary.relations.get(relation).cloned().unwrap_or_default()
    }

    /// The columns of the relations of the query, each once.
    fn columns(&self, known: &Known<'_>) -> Vec<String> {
        let mut seen = std::collections::HashSet::new();
        let of = |mention: &Mention| known.vocabulary.relations.get(&mention.relation);
        let all = self.mentions.iter().filter_map(of).flatten();
        all.filter(|name| seen.insert(name.as_str())).cloned().collect()
    }

    /// Names that the query gives to relations, where something is typed.
    fn aliases(&self) -> impl Iterator<Item = Candidate> + '_ {
        let aliases = self.mentions.iter().filter_map(|mention| mention.alias.as_deref());
        aliases.filter(|alias| !self.word.is_empty() && *alias != self.word && self.fits(alias)).map(as_name)
    }

    fn functions(&self, known: &Known<'_>) -> Vec<Candidate> {
        let open = if self.after.starts_with('(') { "" } else { "(" };
        let names = known.vocabulary.functions.iter().filter(|name| self.fits(name));
        names.map(|name| Candidate { shown: format!("{name}()"), typed: format!("{name}{open}") }).collect()
    }

    /// Keywords in the case of what is typed.
    fn keywords(&self, keywords: &[&str]) -> Vec<Candidate> {
        let upper = self.is_upper();
        let fitting = keywords.iter().filter(|keyword| self.fits(keyword));
        fitting
            .map(|keyword| {
                Candidate::plain(if upper { (*keyword).to_owned() } else { keyword.to_lowercase() })
            })
            .collect()
    }

    /// Whether keywords are typed in capitals: as the word at the cursor, else as the last keyword before it.
    fn is_upper(&self) -> bool {
        let keyword =
            self.before.iter().rev().find(|lexeme| lexeme.lex == Lex::Word && is_keyword(lexeme.text));
        let shown = if self.word.is_empty() { keyword.map_or("", |keyword| keyword.text) } else { self.word };
        shown.chars().any(char::is_uppercase) && !shown.chars().any(char::is_lowercase)
    }

    fn fits(&self, name: &str) -> bool {
        begins(name, self.word)
    }
}

/// Which values a column has.
fn value_kind(column: &str) -> &str {
    match column {
        "baseline" | "other_arm" | "winner_arm" => "arm",
        "parent_run_id" | "root_run_id" => "run_id",
        column => column,
    }
}

fn as_name(name: &str) -> Candidate {
    Candidate { shown: name.to_owned(), typed: written(name) }
}
