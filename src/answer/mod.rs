//! An answer to a question: plain data that every format is made from.
//!
//! A question fills in all of it; a renderer picks what its format needs. Nothing here prints.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use serde_json::Value;

mod histogram;
mod text_change;

pub mod number;

pub use histogram::{Fold, Histogram, Series};
pub use text_change::TextChange;

/// Version of the JSON documents. It grows when a field changes its meaning or goes.
pub const SCHEMA_VERSION: u32 = 1;

/// An answer, ready for any format.
#[derive(Debug, Clone, Default)]
pub struct Answer {
    /// What a person reads, from top to bottom (`table`, `markdown`).
    pub blocks: Vec<Block>,
    /// The document of `json`; `None` gives `{schema_version, columns, rows}` of the records.
    pub document: Option<Value>,
    /// Member of the document that is the list of the records' rows. It is written from the records, so that a long list
    /// is not held as a document too; what the document itself says there does not count.
    pub rows_member: Option<&'static str>,
    /// The rows of `csv`, `tsv` and `jsonl`.
    pub records: Records,
    /// The ids of `ids`, one per line; `None` when the answer has no ids to give.
    pub ids: Option<Vec<String>>,
    /// The script of `sh`, with a line break at its end; `None` when there is nothing to carry out.
    pub script: Option<String>,
    /// What a person wishes for where a format leaves it open.
    pub look: Look,
}

/// How an answer looks where a format leaves it open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// Whether columns have heads (`table`, `box`, `csv`, `tsv`).
    pub heads: bool,
    /// What stands for a null in `csv` and `tsv`. Tables for people have it in their cells.
    pub null: String,
}

impl Default for Look {
    /// Heads, and nothing for a null.
    fn default() -> Self {
        Self { heads: true, null: String::new() }
    }
}

/// Rows as a machine reads them.
#[derive(Debug, Clone)]
pub struct Records {
    /// Columns, also when there is no row.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

impl Default for Records {
    /// No columns and no rows.
    fn default() -> Self {
        Self { schema: Arc::new(Schema::empty()), batches: Vec::new() }
    }
}

/// A piece of what a person reads.
#[derive(Debug, Clone)]
pub enum Block {
    /// A line: what is shown, left, and where it comes from, right-aligned on a terminal. Right may be empty.
    Headline {
        /// What is shown.
        left: String,
        /// Where it comes from.
        right: String,
    },
    /// A table.
    Table(Table),
    /// Two texts and what changed between them.
    Change(Box<TextChange>),
    /// Counts per bin: bars on a terminal, [`Histogram::numbers`] elsewhere.
    Histogram(Histogram),
    /// A plain line.
    Line(String),
    /// A line for a shell, quoted already: shown as it is, never shortened or wrapped, so that it can be copied. Where a
    /// quoted word holds a line break, so does the line.
    Command(String),
    /// An empty line between parts.
    Gap,
    /// Something to know about the answer, shown behind `note`.
    Note(String),
}

/// A table for people.
#[derive(Debug, Clone, Default)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<Column>,
    /// Its rows, each with one cell per column.
    pub rows: Vec<Vec<Cell>>,
}

/// A column of a table for people.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its head, may be empty.
    pub head: String,
    /// Whether its cells stand at the right (numbers).
    pub right: bool,
    /// Whether long text may be shortened when the terminal is narrow; ids and numbers never are.
    pub shrinks: bool,
    /// Whether text that is too wide goes on in further lines of its row instead of being shortened.
    pub wraps: bool,
    /// Whether a table that is too wide for the screen is shown without it, which is then said below.
    pub spare: bool,
    /// Whether it names its row, so that a table too wide for the screen repeats it beside the columns shown below.
    /// The first column always does.
    pub key: bool,
}

impl Column {
    /// A column of text that may be shortened.
    pub fn text(head: impl Into<String>) -> Self {
        Self { shrinks: true, ..Self::whole(head) }
    }

    /// A column of text that goes on in further lines of its row when the terminal is narrow.
    pub fn wrapping(head: impl Into<String>) -> Self {
        Self { wraps: true, ..Self::text(head) }
    }

    /// A column of text that is always shown whole.
    pub fn whole(head: impl Into<String>) -> Self {
        Self { head: head.into(), right: false, shrinks: false, wraps: false, spare: false, key: false }
    }

    /// The same column as one that names its row.
    pub fn key(self) -> Self {
        Self { key: true, ..self }
    }

    /// A column of numbers.
    pub fn number(head: impl Into<String>) -> Self {
        Self { right: true, ..Self::whole(head) }
    }

    /// The same column as one that a narrow screen does without.
    pub fn spare(self) -> Self {
        Self { spare: true, ..self }
    }
}

/// A cell of a table for people.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Cell {
    /// What it shows; empty for nothing.
    pub text: String,
    /// What it means. The sign stands in the text of every terminal, colour only repeats it.
    pub mark: Mark,
}

/// What a cell means beyond its text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Mark {
    /// Nothing.
    #[default]
    Plain,
    /// The best of its row: bold, `▸` before the text.
    Winner,
    /// Better than the baseline: green, `▲` behind the text.
    Improved,
    /// Worse than the baseline: red, `▼` behind the text.
    Regressed,
    /// Less important: dim.
    Dim,
    /// What failed: red; the text says so itself.
    Bad,
    /// What did not come to its end: yellow; the text says so itself.
    Open,
}

impl Cell {
    /// A plain cell.
    pub fn plain(text: impl Into<String>) -> Self {
        Self { text: text.into(), mark: Mark::Plain }
    }

    /// A marked cell.
    pub fn marked(text: impl Into<String>, mark: Mark) -> Self {
        Self { text: text.into(), mark }
    }
}
