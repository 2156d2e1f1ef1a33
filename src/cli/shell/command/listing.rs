//! Answers that are lists of texts, and which names a pattern means.

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use glob::{MatchOptions, Pattern};

use crate::answer::{Answer, Block, Cell, Column, Records, Table};
use crate::cli::exit::CliError;
use crate::cli::output::{OutputError, Report};
use crate::render::RenderError;

/// The heads of a list.
pub struct Heads(pub &'static [&'static str]);

/// A list with one text per head in each row. Its first column is never shortened, and no other is on a terminal.
///
/// # Errors
/// Never for rows that are as long as the heads; Arrow's check is passed on.
pub fn answer(heads: &Heads, rows: Vec<Vec<String>>) -> Result<Answer, CliError> {
    let fields = heads.0.iter().map(|head| Field::new(*head, DataType::Utf8, false));
    let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
    let column = |at: usize| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(rows.iter().map(|row| row.get(at).map_or("", String::as_str))))
    };
    let columns = (0..heads.0.len()).map(column).collect();
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)
        .map_err(|error| OutputError::Render(RenderError::Write(std::io::Error::other(error))))?;
    let ids = rows.iter().filter_map(|row| row.first().cloned()).collect();
    Ok(Answer {
        blocks: vec![Block::Table(table(heads, rows))],
        ids: Some(ids),
        records: Records { schema, batches: vec![batch] },
        ..Answer::default()
    })
}

/// The rows as a table.
pub fn table(heads: &Heads, rows: Vec<Vec<String>>) -> Table {
    let columns = heads.0.iter().enumerate();
    let columns =
        columns.map(|(at, head)| if at == 0 { Column::whole(*head) } else { Column::wrapping(*head) });
    let rows = rows.into_iter().map(|row| row.into_iter().map(Cell::plain).collect());
    Table { columns: columns.collect(), rows: rows.collect() }
}

/// Which names are meant.
pub enum Meant {
    /// All.
    All,
    /// Those that hold this text.
    Holding(String),
    /// Those that fit.
    Like(Pattern),
}

impl Meant {
    /// What a word means: LIKE with `%` (and `_`), a glob with `*` and `?`, else a part of the name.
    ///
    /// # Errors
    /// When it is no pattern.
    pub fn of(word: Option<&str>) -> Result<Self, CliError> {
        let Some(word) = word else { return Ok(Self::All) };
        if !word.contains(['%', '*', '?', '[']) {
            return Ok(Self::Holding(word.to_lowercase()));
        }
        let glob = if word.contains('%') {
            Pattern::escape(word).replace('%', "*").replace('_', "?")
        } else {
            word.to_owned()
        };
        let broken = |error: glob::PatternError| CliError {
            report: Some(Report::new(format!("{word}: {}", error.msg))),
            ..CliError::usage("", None)
        };
        Pattern::new(&glob).map(Self::Like).map_err(broken)
    }

    /// Whether a name is meant, in upper or lower case.
    pub fn has(&self, name: &str) -> bool {
        match self {
            Self::All => true,
            Self::Holding(part) => name.to_lowercase().contains(part),
            Self::Like(pattern) => {
                let any_case = MatchOptions { case_sensitive: false, ..MatchOptions::new() };
                pattern.matches_with(name, any_case)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn like_globs_and_parts_find_names() {
        let names = ["scores", "score_changes", "metric_winners", "runs"];
        let found = |word: &str| -> Vec<&str> {
            let meant = Meant::of(Some(word)).unwrap();
            names.into_iter().filter(|name| meant.has(name)).collect()
        };
        assert_eq!(found("score%"), ["scores", "score_changes"]);
        assert_eq!(found("%_winners"), ["metric_winners"]);
        assert_eq!(found("score?"), ["scores"]);
        assert_eq!(found("*S"), ["scores", "score_changes", "metric_winners", "runs"]);
        assert_eq!(found("un"), ["runs"]);
        assert_eq!(found("SCORE_"), ["score_changes"]);
        assert!(Meant::of(Some("a[")).is_err());
        assert!(Meant::of(None).unwrap().has("anything"));
    }
}
