//! Templates as they stand in TOML.

use std::ops::Range;

use glob::Pattern;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::word::Word;
use super::{Property, Template};
use crate::model::nearest;

/// Keys of a template beside the properties that runs are told by.
const KEYS: [&str; 3] = ["command", "folder", "output"];

/// A template that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct TemplateError {
    /// Line of the text, from 1.
    pub line: usize,
    /// What was expected and what was found.
    pub problem: String,
    hint: String,
}

impl TemplateError {
    /// What to do about it.
    pub fn hint(&self) -> &str {
        &self.hint
    }
}

/// A problem and the bytes of the text that it is about.
struct Problem {
    at: Range<usize>,
    text: String,
    hint: Option<String>,
}

impl Problem {
    fn new(at: Range<usize>, text: impl Into<String>) -> Self {
        Self { at, text: text.into(), hint: None }
    }
}

/// Reads every template of a text.
pub(super) fn templates(text: &str) -> Result<Vec<Template>, TemplateError> {
    read(text).map_err(|problem| TemplateError {
        line: 1 + text.bytes().take(problem.at.start).filter(|byte| *byte == b'\n').count(),
        problem: problem.text,
        hint: problem.hint.unwrap_or_else(|| "docs/RESUME.md describes templates".to_owned()),
    })
}

fn read(text: &str) -> Result<Vec<Template>, Problem> {
    let table = DeTable::parse(text).map_err(|error| {
        Problem::new(error.span().unwrap_or_default(), format!("not TOML: {}", error.message()))
    })?;
    let mut templates = Vec::new();
    for (key, value) in table.get_ref() {
        if key.get_ref() != "resume" {
            let name = key.get_ref();
            let near = nearest(name, ["resume"].into_iter());
            return Err(unknown(key.span(), name, near, "[[resume]]"));
        }
        let DeValue::Array(entries) = value.get_ref() else {
            let problem = format!("expected [[resume]], found {} called resume", value.get_ref().type_str());
            return Err(Problem::new(key.span(), problem));
        };
        for entry in entries {
            templates.push(template(entry)?);
        }
    }
    Ok(templates)
}

fn template(entry: &Spanned<DeValue<'_>>) -> Result<Template, Problem> {
    let DeValue::Table(table) = entry.get_ref() else {
        return Err(expected(entry, "[[resume]] with a command in it"));
    };
    let mut read = Template { matchers: Vec::new(), command: Vec::new(), folder: None, output: None };
    for (key, value) in table {
        let property = Property::ALL.iter().find(|(name, _)| *name == key.get_ref());
        match (property, key.get_ref().as_ref()) {
            (Some((_, property)), _) => read.matchers.push((*property, pattern(value)?)),
            (None, "command") => read.command = command(value)?,
            (None, "folder") => read.folder = Some(word(value)?),
            (None, "output") => read.output = Some(word(value)?),
            (None, name) => {
                let keys = KEYS.into_iter().chain(Property::ALL.map(|(name, _)| name));
                let near = nearest(name, keys.clone());
                return Err(unknown(key.span(), name, near, &keys.collect::<Vec<_>>().join(", ")));
            }
        }
    }
    if read.command.is_empty() {
        return Err(Problem::new(entry.span(), "this [[resume]] has no command"));
    }
    Ok(read)
}

/// Words: a list of them, or a text that is split as a shell splits it.
fn command(value: &Spanned<DeValue<'_>>) -> Result<Vec<Word>, Problem> {
    match value.get_ref() {
        DeValue::Array(words) => words.iter().map(word).collect(),
        DeValue::String(text) => {
            let words = shlex::split(text)
                .ok_or_else(|| Problem::new(value.span(), "a quote in the command is not closed"))?;
            let parse = |word: &String| Word::parse(word).map_err(|text| Problem::new(value.span(), text));
            words.iter().map(parse).collect()
        }
        _ => Err(expected(value, "a text or a list of texts")),
    }
}

fn word(value: &Spanned<DeValue<'_>>) -> Result<Word, Problem> {
    Word::parse(text(value)?).map_err(|text| Problem::new(value.span(), text))
}

fn pattern(value: &Spanned<DeValue<'_>>) -> Result<Pattern, Problem> {
    Pattern::new(text(value)?)
        .map_err(|error| Problem::new(value.span(), format!("not a glob: {}", error.msg)))
}

fn text<'a>(value: &'a Spanned<DeValue<'_>>) -> Result<&'a str, Problem> {
    value.get_ref().as_str().ok_or_else(|| expected(value, "a text"))
}

fn expected(value: &Spanned<DeValue<'_>>, what: &str) -> Problem {
    Problem::new(value.span(), format!("expected {what}, found {}", value.get_ref().type_str()))
}

fn unknown(at: Range<usize>, name: &str, near: Option<&str>, all: &str) -> Problem {
    let hint = match near {
        Some(near) => format!("did you mean {near}?"),
        None => format!("there are: {all}"),
    };
    Problem { at, text: format!("{name:?} means nothing here"), hint: Some(hint) }
}
