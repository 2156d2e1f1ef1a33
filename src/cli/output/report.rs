//! What a person is told when something went wrong.

use std::error::Error;

use crate::render::text::visible;

/// A failure in words: what happened, why, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Report {
    /// What happened. Lines after the first (a piece of SQL with a marker) are shown indented.
    pub message: String,
    /// Why, from the outside to the inside.
    pub causes: Vec<String>,
    /// What to do instead.
    pub hints: Vec<String>,
}

impl Report {
    /// A failure of which only this is known.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// An error with its chain of sources. A source that the text before it already quotes is not said twice.
    pub fn of(error: &dyn Error) -> Self {
        let mut report = Self::new(error.to_string());
        let mut said = report.message.clone();
        let mut next = error.source();
        while let Some(source) = next {
            let text = source.to_string();
            if !said.contains(&text) {
                report.causes.push(text.clone());
                said = text;
            }
            next = source.source();
        }
        report
    }

    /// The report with one more hint.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hints.push(hint.into());
        self
    }

    /// The lines for stderr.
    pub(super) fn shown(&self, color: bool) -> String {
        let label = |text: &str, code: u8| {
            if color { format!("\u{1b}[1;{code}m{text}\u{1b}[0m") } else { text.to_owned() }
        };
        let mut shown = entry(&label("error:", 31), &self.message, "  ");
        for cause in &self.causes {
            shown += &entry(&label("caused by:", 31), cause, "  ");
        }
        for hint in &self.hints {
            shown += &entry(&format!("  {}", label("hint:", 36)), hint, "    ");
        }
        shown
    }
}

/// A labelled text, harmless for a terminal, whose further lines are indented.
fn entry(label: &str, text: &str, indent: &str) -> String {
    let mut entry = String::new();
    for (at, line) in text.trim_end().lines().enumerate() {
        let line = visible(line);
        entry += &if at == 0 { format!("{label} {line}\n") } else { format!("{indent}{line}\n") };
    }
    if entry.is_empty() { format!("{label}\n") } else { entry }
}
