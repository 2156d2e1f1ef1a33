//! What may stand at the cursor in a line that is a command of the shell.

use super::{Candidate, Known, begins, sql};
use crate::cli::shell::edit::words::OwnWords;
use crate::cli::words::{CommandWords, Flag};
use crate::render::RENDERERS;

/// Where the word at the cursor begins, and what may stand in its place. `line` ends at the cursor.
pub fn complete(line: &str, known: &Known<'_>) -> (usize, Vec<Candidate>) {
    let Some(end) = line.find(char::is_whitespace) else { return (0, names(line, known)) };
    let (name, rest) = line.split_at(end);
    if let Some(own) = known.words.own(name) {
        if own.takes.contains("PREDICATE") && !last_word(rest).1.starts_with('-') {
            return predicate(rest, end, (own, known));
        }
        let (start, word) = last_word(rest);
        return placed(end + start, word, of_own(own, (word, known)));
    }
    let Some(command) = known.words.command(name) else { return (line.len(), Vec::new()) };
    let (start, word) = last_word(rest);
    let (name, value) = word.split_once('=').unwrap_or(("", word));
    if let Some(flag) = flag_named(command, name) {
        return placed(end + start + name.len() + 1, value, of_flag(flag, (value, known)));
    }
    let before = rest[..start].split_whitespace().next_back();
    let flag = before.and_then(|word| flag_named(command, word)).filter(|flag| flag.value.is_some());
    let candidates = match flag {
        Some(flag) => of_flag(flag, (word, known)),
        None if word.starts_with('-') => flags(command),
        None => of_places(command, (word, known)),
    };
    placed(end + start, word, candidates)
}

/// The names of commands that begin with what is typed; a backslash gives those that have one.
fn names(typed: &str, known: &Known<'_>) -> Vec<Candidate> {
    let own = known.words.own.iter().flat_map(|own| own.names.clone());
    let others = known.words.commands.iter().map(|command| format!(".{}", command.name));
    let mut names: Vec<String> = own.chain(others).filter(|name| begins(name, typed)).collect();
    names.sort();
    names.into_iter().map(Candidate::plain).collect()
}

/// The word that a text ends with, and where it begins: behind the last space that no quote holds.
fn last_word(text: &str) -> (usize, &str) {
    let mut start = 0;
    let mut quote = None;
    for (at, letter) in text.char_indices() {
        match quote {
            Some(open) if letter == open => quote = None,
            Some(_) => {}
            None if letter == '\'' || letter == '"' => quote = Some(letter),
            None if letter.is_whitespace() => start = at + letter.len_utf8(),
            None => {}
        }
    }
    (start, &text[start..])
}

/// Those that begin with the word, which may have an opening quote.
fn placed(start: usize, word: &str, mut candidates: Vec<Candidate>) -> (usize, Vec<Candidate>) {
    let bare = word.trim_start_matches(['\'', '"']);
    candidates.retain(|candidate| begins(&candidate.shown, bare) || begins(&candidate.typed, word));
    (start, candidates)
}

fn flag_named<'c>(command: &'c CommandWords, name: &str) -> Option<&'c Flag> {
    command.flags.iter().find(|flag| flag.name == name || flag.letter.as_deref() == Some(name))
}

fn flags(command: &CommandWords) -> Vec<Candidate> {
    command.flags.iter().map(|flag| Candidate::plain(flag.name.clone())).collect()
}

fn of_flag(flag: &Flag, asked: (&str, &Known<'_>)) -> Vec<Candidate> {
    if !flag.possible.is_empty() {
        return flag.possible.iter().map(Candidate::plain).collect();
    }
    flag.value.as_deref().map(|value| meant(value, asked)).unwrap_or_default()
}

fn of_places(command: &CommandWords, asked: (&str, &Known<'_>)) -> Vec<Candidate> {
    let below = command.below.iter().map(Candidate::plain);
    below.chain(command.places.iter().flat_map(|place| meant(place, asked))).collect()
}

fn of_own(own: &OwnWords, (word, known): (&str, &Known<'_>)) -> Vec<Candidate> {
    let mut candidates: Vec<Candidate> = own.words.iter().copied().map(Candidate::plain).collect();
    if own.takes.contains("--") && word.starts_with('-') {
        candidates.extend(session_flags(known));
    }
    let relations = ["schema", "tables", "views"].iter().any(|name| own.names[0].ends_with(name));
    let takes = if relations { "RELATION" } else { own.takes };
    candidates.extend(meant(takes, (word, known)));
    candidates
}

/// The flags of the session, as any command has them.
fn session_flags(known: &Known<'_>) -> Vec<Candidate> {
    known.words.commands.iter().find(|command| command.name == "runs").map(flags).unwrap_or_default()
}

/// What stands for a word of a command's help: `RUN|PATH`, `[DIMENSION]`.
fn meant(placeholder: &str, (word, known): (&str, &Known<'_>)) -> Vec<Candidate> {
    let words = placeholder.split(|c: char| !c.is_alphanumeric() && c != '_');
    words.flat_map(|placeholder| named(placeholder, (word, known))).collect()
}

fn named(placeholder: &str, (word, known): (&str, &Known<'_>)) -> Vec<Candidate> {
    let vocabulary = known.vocabulary;
    let all = |values: &[String]| values.iter().map(|value| as_word(value)).collect();
    match placeholder {
        "RUN" => std::iter::once(Candidate::plain("last"))
            .chain(vocabulary.values("run_id").iter().map(|run| as_word(run)))
            .collect(),
        "METRIC" => all(vocabulary.values("metric")),
        "ARM" => all(vocabulary.values("arm")),
        "TASK" => all(vocabulary.values("task")),
        "KIND" => all(vocabulary.values("kind")),
        "DIMENSION" => all(&vocabulary.dimensions),
        "VIEW" => all(&vocabulary.views),
        "RELATION" | "TABLE" => vocabulary.relations.keys().map(|name| as_word(name)).collect(),
        "COMMAND" | "WORD" => known
            .words
            .own
            .iter()
            .map(|own| own.names[0].clone())
            .chain(known.words.commands.iter().map(|command| format!(".{}", command.name)))
            .map(|name| Candidate::plain(name.trim_start_matches('.')))
            .collect(),
        "FORMAT" | "MODE" => RENDERERS.iter().map(|format| Candidate::plain(format.name())).collect(),
        "FILE" | "PATH" | "DIR" | "FOLDER" => files(word, known),
        _ => Vec::new(),
    }
}

/// Files as words of a command line.
fn files(word: &str, known: &Known<'_>) -> Vec<Candidate> {
    let open = word.trim_start_matches(['\'', '"']);
    let unquoted = shlex::split(open).filter(|words| words.len() == 1).map(|mut words| words.remove(0));
    let found = (known.files)(unquoted.as_deref().unwrap_or(open));
    found.into_iter().map(|file| Candidate { typed: as_word(&file.typed).typed, shown: file.typed }).collect()
}

/// A text as a word of a command line, in quotes where it needs some.
fn as_word(text: &str) -> Candidate {
    let typed = shlex::try_quote(text).map_or_else(|_| text.to_owned(), |word| word.into_owned());
    Candidate { shown: text.to_owned(), typed }
}

/// A predicate over runs is SQL; what else the command takes may stand in its place.
fn predicate(rest: &str, end: usize, (own, known): (&OwnWords, &Known<'_>)) -> (usize, Vec<Candidate>) {
    // As if a condition were asked for: a name behind WHERE.
    let (start, mut candidates) =
        sql::within(&format!("where{rest}"), "where".len() + rest.len(), (&["runs"], known));
    let start = start - "where".len();
    let typed = &rest[start..];
    if rest[..start].trim().is_empty() {
        candidates
            .extend(own.words.iter().filter(|word| begins(word, typed)).map(|word| Candidate::plain(*word)));
        if own.takes.contains("last") && begins("last", typed) && !own.words.contains(&"last") {
            candidates.retain(|candidate| !candidate.typed.eq_ignore_ascii_case("last"));
            candidates.push(Candidate::plain("last"));
        }
    }
    (end + start, candidates)
}
