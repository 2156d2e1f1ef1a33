//! What the line editor asks while a person types. All of it is answered from memory, but for the names of files.

use std::borrow::Cow;
use std::cell::Cell;

use rustyline::Context;
use rustyline::completion::{Completer, FilenameCompleter, Pair};
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::hint::Hinter;
use rustyline::history::SearchDirection;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};

use super::complete::{Candidate, Known, complete};
use super::hint::{Hint, hint};
use super::spans::{Kind, Span, partners, spans};
use super::theme::{Theme, painted};
use super::words::Words;
use crate::cli::shell::split::{Piece, first};
use crate::cli::shell::vocabulary::Shared;

/// Texts of more bytes than this are typed without colours and hints, so that a key stays quick after a large paste.
const LARGE: usize = 8 * 1024;

/// The code of hints.
const DIM: &str = "2";

/// The editor's helper.
pub struct Helper {
    vocabulary: Shared,
    words: Words,
    /// The colours; `None` for none in what is typed.
    pub theme: Option<Theme>,
    /// Whether the terminal shows dim text, without which a hint looks as if it were typed.
    hints: bool,
    /// Brackets that belong together at the cursor.
    partners: Cell<Option<[usize; 2]>>,
    files: FilenameCompleter,
}

impl Helper {
    /// A helper over names; `color` is whether the terminal has colours.
    pub fn new(vocabulary: Shared, color: bool) -> Self {
        Self {
            vocabulary,
            words: Words::of_shell(),
            theme: None,
            hints: color,
            partners: Cell::new(None),
            files: FilenameCompleter::new(),
        }
    }

    /// Files whose path begins with a text.
    fn files(&self, typed: &str) -> Vec<Candidate> {
        // In a quote, so that nothing is escaped: whoever asks knows how.
        let found = self.files.complete_path(&format!("'{typed}"), typed.len() + 1);
        let pairs = found.map(|(_, pairs)| pairs).unwrap_or_default();
        let hidden = typed.rsplit('/').next().is_some_and(|name| name.starts_with('.'));
        let shown = pairs.into_iter().filter(|pair| hidden || !pair.display.starts_with('.'));
        shown.map(|pair| Candidate { shown: pair.display, typed: pair.replacement }).collect()
    }
}

impl rustyline::Helper for Helper {}

impl Validator for Helper {
    fn validate(&self, typed: &mut ValidationContext<'_>) -> Result<ValidationResult, ReadlineError> {
        let mut text = typed.input();
        loop {
            let (piece, rest) = first(text);
            match piece {
                Piece::Nothing => return Ok(ValidationResult::Valid(None)),
                Piece::Open(..) => return Ok(ValidationResult::Incomplete),
                Piece::Command(_) | Piece::Statement(_) => text = rest,
            }
        }
    }
}

impl Completer for Helper {
    type Candidate = Pair;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> Result<(usize, Vec<Pair>), ReadlineError> {
        let vocabulary = self.vocabulary.now();
        let files = |typed: &str| self.files(typed);
        let known = Known { vocabulary: &vocabulary, words: &self.words, files: &files };
        let (start, candidates) = complete(line, pos, &known);
        let pair = |candidate: Candidate| Pair { display: candidate.shown, replacement: candidate.typed };
        Ok((start, candidates.into_iter().map(pair).collect()))
    }
}

impl Hinter for Helper {
    type Hint = Hint;

    fn hint(&self, line: &str, pos: usize, context: &Context<'_>) -> Option<Hint> {
        if !self.hints || pos < line.len() || line.len() > LARGE {
            return None;
        }
        let history = context.history();
        let earlier = |start: &str| {
            let mut newest = history.len().checked_sub(1)?;
            loop {
                let found = history.starts_with(start, newest, SearchDirection::Reverse).ok()??;
                if found.entry.len() > start.len() {
                    return Some(found.entry.into_owned());
                }
                newest = found.idx.checked_sub(1)?;
            }
        };
        hint(line, &self.words, earlier)
    }
}

impl Highlighter for Helper {
    fn highlight<'l>(&self, line: &'l str, _: usize) -> Cow<'l, str> {
        let Some(theme) = self.theme.filter(|_| line.len() <= LARGE) else { return Cow::Borrowed(line) };
        let mut all = spans(line, &self.vocabulary.now(), &self.words);
        all.extend(self.partners.get().into_iter().flatten().map(|at| (at..at + 1, Kind::Partner)));
        all.sort_by_key(|(range, _)| range.start);
        Cow::Owned(coloured(line, &all, theme))
    }

    fn highlight_prompt<'b, 's: 'b, 'p: 'b>(&'s self, prompt: &'p str, _: bool) -> Cow<'b, str> {
        match self.theme {
            Some(theme) => Cow::Owned(painted(prompt, theme.code(Kind::Command))),
            None => Cow::Borrowed(prompt),
        }
    }

    fn highlight_hint<'h>(&self, hint: &'h str) -> Cow<'h, str> {
        Cow::Owned(painted(hint, DIM))
    }

    fn highlight_char(&self, line: &str, pos: usize, kind: CmdKind) -> bool {
        let colours = self.theme.is_some() && line.len() <= LARGE;
        let brackets = if colours && kind != CmdKind::ForcedRefresh { partners(line, pos) } else { None };
        self.partners.set(brackets);
        // What is typed may colour anything before it; a cursor that moves only brackets.
        colours && (brackets.is_some() || kind == CmdKind::Other)
    }
}

/// A text with its parts in their colours.
fn coloured(text: &str, spans: &[Span], theme: Theme) -> String {
    let mut coloured = String::with_capacity(text.len() * 2);
    let mut done = 0;
    for (range, kind) in spans {
        if range.start < done || range.end > text.len() {
            continue;
        }
        coloured += &text[done..range.start];
        coloured += &painted(&text[range.clone()], theme.code(*kind));
        done = range.end;
    }
    coloured + &text[done..]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::shell::edit::theme::Choice;

    fn helper() -> Helper {
        Helper { theme: Choice::Dark.theme(None), ..Helper::new(Shared::default(), true) }
    }

    /// A text without the orders to the terminal.
    fn bare(text: &str) -> String {
        let mut parts = text.split('\u{1b}');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |text, part| text + part.split_once('m').map_or("", |(_, rest)| rest))
    }

    #[test]
    fn colours_add_nothing_to_read() {
        let helper = helper();
        for line in
            ["select (1, 'ü') from runs -- 東", ".by model\nselect 'a", "\\q", "select $x$ \u{7f}", ""]
        {
            for at in (0..=line.len()).filter(|at| line.is_char_boundary(*at)) {
                helper.highlight_char(line, at, CmdKind::Other);
                assert_eq!(bare(&helper.highlight(line, at)), line);
            }
        }
    }

    #[test]
    fn brackets_are_marked_while_typing_and_not_after() {
        let helper = helper();
        assert!(helper.highlight_char("(1)", 3, CmdKind::MoveCursor));
        assert_eq!(helper.highlight("(1)", 3).matches("\u{1b}[1;7m").count(), 2);
        assert!(!helper.highlight_char("(1)", 3, CmdKind::ForcedRefresh));
        assert!(!helper.highlight("(1)", 3).contains("\u{1b}[1;7m"));
        assert!(!helper.highlight_char("1 + 1", 1, CmdKind::MoveCursor));
    }

    #[test]
    fn a_large_text_is_typed_as_it_is() {
        let helper = helper();
        let large = "select 1;\n".repeat(2_000);
        assert!(!helper.highlight_char(&large, large.len(), CmdKind::Other));
        assert!(matches!(helper.highlight(&large, 0), Cow::Borrowed(_)));
    }

    #[test]
    fn a_hint_is_the_newest_longer_entry() {
        use rustyline::history::{History as _, MemHistory};
        let mut history = MemHistory::new();
        for entry in ["select 12;", "select 123;", "select 1"] {
            history.add(entry).unwrap();
        }
        let hinted = helper().hint("select 1", 8, &Context::new(&history));
        assert_eq!(hinted.map(|hint| hint.shown).as_deref(), Some("23;"));
        let plain = Helper::new(Shared::default(), false);
        assert_eq!(plain.hint("select 1", 8, &Context::new(&history)), None);
    }
}
