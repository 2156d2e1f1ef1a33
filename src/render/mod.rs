//! Turns an [`Answer`] into bytes: one format per file, one line per format in [`RENDERERS`].
//!
//! A renderer decides how things look and nothing else: it computes no number, reads no clock and writes only to the
//! writer it is given. `table`, `box`, `line`, `markdown` and `html` show the blocks to a person; the others give the
//! records to machines.

pub mod text;
pub mod value;

mod arrow_ipc;
mod boxed;
mod change;
mod csv;
mod document;
mod html;
mod ids;
mod json;
mod jsonl;
mod line;
mod markdown;
mod parquet;
mod result_set;
mod sh;
mod table;
mod tsv;

use std::fmt;
use std::io::{self, Write};

use arrow::error::ArrowError;

use crate::answer::Answer;

pub use result_set::table_of;

/// The format that terminals get unless another is asked for.
pub const TABLE: &dyn Renderer = &table::Table;

/// The format that shows a row over several lines.
pub const LINE: &dyn Renderer = &line::Line;

/// Every format, in the order `--help` lists them.
pub const RENDERERS: &[&dyn Renderer] = &[
    TABLE,
    &boxed::Boxed,
    LINE,
    &json::Json,
    &jsonl::Jsonl,
    &csv::Csv,
    &tsv::Tsv,
    &markdown::Markdown,
    &html::Html,
    &ids::Ids,
    &sh::Sh,
    &parquet::Parquet,
    &arrow_ipc::ArrowIpc,
];

/// One output format.
pub trait Renderer: Sync {
    /// Name for `--format`, lower case.
    fn name(&self) -> &'static str;

    /// What it is good for, in half a line.
    fn about(&self) -> &'static str;

    /// Endings of file names that mean it, lower case, beside its own name.
    fn endings(&self) -> &'static [&'static str] {
        &[]
    }

    /// Whether a person looks at it as it is: it is as wide as the screen, and says below how many rows there are.
    fn is_screen(&self) -> bool {
        false
    }

    /// What stands between two answers, so that they are not taken for one.
    fn between(&self) -> &'static str {
        ""
    }

    /// Whether its bytes are no text: a terminal cannot show them, and two answers cannot stand one after the other.
    fn is_binary(&self) -> bool {
        false
    }

    /// Writes the answer.
    ///
    /// # Errors
    /// When the writer refuses, when a column holds what the format cannot say, or when the answer lacks what the
    /// format needs.
    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError>;
}

impl fmt::Debug for dyn Renderer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The format with this name.
///
/// # Errors
/// When there is none; the message names all of them.
pub fn renderer(name: &str) -> Result<&'static dyn Renderer, UnknownFormat> {
    let found = RENDERERS.iter().copied().find(|renderer| renderer.name() == name);
    found.ok_or_else(|| UnknownFormat { name: name.to_owned() })
}

/// The format that the ending of a file's name means; `None` when it means none.
pub fn renderer_of_ending(ending: &str) -> Option<&'static dyn Renderer> {
    let ending = ending.to_lowercase();
    let means =
        |renderer: &&dyn Renderer| renderer.name() == ending || renderer.endings().contains(&ending.as_str());
    RENDERERS.iter().copied().find(means)
}

/// What the bytes are written for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Screen {
    /// Display columns of the terminal; `None` for a pipe or a file, where nothing is shortened, wrapped or made
    /// harmless for a terminal beyond what the format itself asks for.
    pub width: Option<usize>,
    /// Whether colours may be used.
    pub color: bool,
}

impl Screen {
    /// A pipe or a file: no limit, no colours.
    pub const PIPE: Self = Self { width: None, color: false };

    /// Whether a person's terminal receives the bytes.
    pub fn is_terminal(&self) -> bool {
        self.width.is_some()
    }
}

/// There is no format of this name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("there is no format `{name}`: it is one of {}", names())]
pub struct UnknownFormat {
    /// What was asked for.
    pub name: String,
}

fn names() -> String {
    RENDERERS.iter().map(|renderer| renderer.name()).collect::<Vec<_>>().join(", ")
}

/// Why an answer could not be written in a format.
#[derive(Debug, thiserror::Error)]
pub enum RenderError {
    /// The writer refused; a closed pipe arrives here with its kind.
    #[error("the output cannot be written")]
    Write(#[from] io::Error),
    /// A column holds what the format cannot say.
    #[error("column `{column}` of type {kind} cannot be written as {format}")]
    Column {
        /// The column's name.
        column: String,
        /// Its type, in SQL's words.
        kind: &'static str,
        /// The format, or `text`.
        format: &'static str,
        /// What Arrow says.
        source: ArrowError,
    },
    /// A format that is no text was asked for on a terminal.
    #[error("{format} is no text, and a terminal would show it")]
    Terminal {
        /// The format.
        format: &'static str,
    },
    /// `ids` was asked of an answer without ids.
    #[error("this answer has no ids")]
    NoIds,
    /// `sh` was asked of an answer that carries nothing out.
    #[error("this answer has no command to print")]
    NoScript,
    /// An id holds a line break, so one per line would be wrong.
    #[error("the id {id:?} holds a line break and cannot stand on one line")]
    IdWithLineBreak {
        /// The id.
        id: String,
    },
}

impl RenderError {
    /// What to do instead, when there is something.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Terminal { .. } => Some("send it to a file (> FILE), or runq export ... -o FILE"),
            Self::NoIds => Some("--format table, csv or json shows what it has"),
            Self::NoScript => Some("only runq resume answers with commands"),
            Self::IdWithLineBreak { .. } => Some("use --format jsonl"),
            Self::Column { .. } => Some("cast the column to text in the query"),
            Self::Write(_) => None,
        }
    }

    /// Whether the reader of the pipe went away, which is no failure.
    pub fn is_closed_pipe(&self) -> bool {
        matches!(self, Self::Write(error) if error.kind() == io::ErrorKind::BrokenPipe)
    }
}

#[cfg(test)]
mod tests;
