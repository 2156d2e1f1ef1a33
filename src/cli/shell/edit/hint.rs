//! What is shown dimly behind the cursor: what a command takes, the rest of an earlier entry, what is still open.

use super::regions::{Part, regions};
use super::words::Words;
use crate::cli::shell::split::{Piece, Within, first};

/// How many letters are typed before earlier entries are hinted at.
const LEAST: usize = 3;

/// A hint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// What is shown.
    pub shown: String,
    /// What the arrow to the right types; `None` when it is only to be read.
    pub typed: Option<String>,
}

impl rustyline::hint::Hint for Hint {
    fn display(&self) -> &str {
        &self.shown
    }

    fn completion(&self) -> Option<&str> {
        self.typed.as_deref()
    }
}

/// The hint behind a text that ends at the cursor. `earlier` gives the newest entry that begins with a text and is longer.
pub fn hint(text: &str, words: &Words, earlier: impl Fn(&str) -> Option<String>) -> Option<Hint> {
    if text.ends_with('\n') {
        return open(text).map(|shown| Hint { shown: shown.to_owned(), typed: None });
    }
    if text.trim().is_empty() {
        return None;
    }
    arguments(text, words).or_else(|| rest_of(text, earlier))
}

/// What a command takes of which nothing but the name is typed.
fn arguments(text: &str, words: &Words) -> Option<Hint> {
    let (range, Part::Command) = regions(text).pop()? else { return None };
    let line = &text[range];
    let takes = words.takes(line.trim_end()).filter(|takes| !takes.is_empty())?;
    let space = if line.ends_with(char::is_whitespace) { "" } else { " " };
    Some(Hint { shown: format!("{space}{takes}"), typed: None })
}

/// The rest of an earlier entry; only its first line is shown.
fn rest_of(text: &str, earlier: impl Fn(&str) -> Option<String>) -> Option<Hint> {
    if text.trim().chars().count() < LEAST {
        return None;
    }
    let entry = earlier(text)?;
    let rest = entry.strip_prefix(text).filter(|rest| !rest.is_empty())?;
    let shown = match rest.split_once('\n') {
        Some((line, _)) => format!("{line} …"),
        None => rest.to_owned(),
    };
    Some(Hint { shown, typed: Some(rest.to_owned()) })
}

/// What has not ended before an empty line.
fn open(text: &str) -> Option<&'static str> {
    let mut text = text;
    loop {
        let (piece, rest) = first(text);
        match piece {
            Piece::Nothing => return None,
            Piece::Open(_, within) => return Some(goes_on(within)),
            Piece::Command(_) | Piece::Statement(_) => text = rest,
        }
    }
}

fn goes_on(within: Within) -> &'static str {
    match within {
        Within::Statement => "...> ; ends the statement",
        Within::Text => "'...> ' ends the text",
        Within::Name => "\"...> \" ends the name",
        Within::Comment => "*...> */ ends the comment",
        Within::Dollar => "$...> $ ends the text as it began",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hinted(text: &str) -> Option<Hint> {
        let entry = "select value\nfrom scores;";
        hint(text, &Words::of_shell(), |start| {
            (entry.starts_with(start) && entry != start).then(|| entry.to_owned())
        })
    }

    fn hint_of(shown: &str, typed: Option<&str>) -> Option<Hint> {
        Some(Hint { shown: shown.to_owned(), typed: typed.map(str::to_owned) })
    }

    #[test]
    fn earlier_entries_are_hinted_at() {
        assert_eq!(hinted("select va"), hint_of("lue …", Some("lue\nfrom scores;")));
        assert_eq!(hinted("select value\nfrom"), hint_of(" scores;", Some(" scores;")));
        assert_eq!(hinted("se"), None);
        assert_eq!(hinted("select value\nfrom scores;"), None);
    }

    #[test]
    fn a_command_says_what_it_takes() {
        assert_eq!(hinted(".by"), hint_of(" [DIMENSION]", None));
        assert_eq!(hinted(".by "), hint_of("[DIMENSION]", None));
        assert_eq!(hinted(".by m"), None);
        assert_eq!(hinted(".show"), hint_of(" [RUN|PATH] [--FLAG ...]", None));
    }

    #[test]
    fn an_empty_line_says_what_is_open() {
        assert_eq!(hinted("select 1\n"), hint_of("...> ; ends the statement", None));
        assert_eq!(hinted("select 'a\n"), hint_of("'...> ' ends the text", None));
        assert_eq!(hinted("select 1;\n"), None);
    }
}
