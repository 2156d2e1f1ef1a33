//! Text that arrives in parts, line by line or at once.

use super::{Search, Within};

/// A command or a statement that is whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Whole<'a> {
    /// Its text: of a statement without its semicolon, of a command without its line end.
    pub text: &'a str,
    /// Whether it is a command of the shell.
    pub is_command: bool,
    /// The line it begins in, from 1.
    pub line: usize,
    /// The line of the first letter in it that could not be read.
    pub unreadable: Option<usize>,
}

/// Cuts what arrives into commands and statements, each as soon as it is whole.
#[derive(Debug, Default)]
pub struct Arriving {
    pub(super) text: String,
    /// Everything before this place was given out.
    taken: usize,
    /// The line of `taken`, from 0.
    line: usize,
    pub(super) search: Search,
    /// Where letters stand that could not be read.
    unreadable: Vec<usize>,
}

/// What ends without being whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// The statement as far as it goes.
    pub text: String,
    /// The line it begins in, from 1.
    pub line: usize,
    /// What has not ended.
    pub within: Within,
    /// The line in which that began.
    pub opened: usize,
    /// The line of the first letter in it that could not be read.
    pub unreadable: Option<usize>,
}

impl Arriving {
    /// One more line with its line end, or all of what there is.
    pub fn push(&mut self, bytes: &[u8]) {
        self.forget_taken();
        for part in bytes.utf8_chunks() {
            self.text.push_str(part.valid());
            if !part.invalid().is_empty() {
                self.unreadable.push(self.text.len());
                self.text.push(char::REPLACEMENT_CHARACTER);
            }
        }
    }

    /// What is whole and was not given out yet.
    pub fn whole(&mut self) -> Option<Whole<'_>> {
        let mut found = self.search.go_on(&self.text)?;
        self.line += lines(&self.text[self.taken..found.start]);
        let line = self.line + 1;
        self.line += lines(&self.text[found.start..found.next]);
        let unreadable = self.unreadable_in(found.start, found.end, line);
        self.unreadable.retain(|at| *at >= found.next);
        self.taken = found.next;
        self.search = Search { at: found.next, ..Search::default() };
        found.end = found.start + self.text[found.start..found.end].trim_end().len();
        let text = &self.text[found.start..found.end];
        Some(Whole { text, is_command: found.is_command, line, unreadable })
    }

    /// What is left when nothing more comes; `None` when that is only space and comments.
    pub fn rest(&self) -> Option<Rest> {
        let start = self.search.open_from()?;
        let line_of = |at: usize| self.line + 1 + lines(&self.text[self.taken..at]);
        let opened = self.search.open.as_ref().map_or(start, |open| open.start);
        Some(Rest {
            text: self.text[start..].to_owned(),
            line: line_of(start),
            within: self.search.within(),
            opened: line_of(opened),
            unreadable: self.unreadable_in(start, self.text.len(), line_of(start)),
        })
    }

    fn unreadable_in(&self, start: usize, end: usize, line: usize) -> Option<usize> {
        let first = self.unreadable.iter().find(|at| (start..end).contains(*at))?;
        Some(line + lines(&self.text[start..*first]))
    }

    /// Lets go of what was given out, when everything was and nothing is open: then nobody knows a place in it.
    fn forget_taken(&mut self) {
        if self.search.open_from().is_none() && self.search.at >= self.text.len() {
            self.line += lines(&self.text[self.taken..]);
            self.text.clear();
            self.unreadable.clear();
            self.taken = 0;
            self.search = Search::default();
        }
    }
}

fn lines(text: &str) -> usize {
    text.bytes().filter(|byte| *byte == b'\n').count()
}
