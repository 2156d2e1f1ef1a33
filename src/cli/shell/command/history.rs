//! `.history`: what was typed before.

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use async_trait::async_trait;

use super::DotCommand;
use crate::answer::{Answer, Block, Records};
use crate::cli::exit::CliError;
use crate::cli::shell::Shell;
use crate::session::SessionError;

/// `.history`.
pub struct History;

#[async_trait(?Send)]
impl DotCommand for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn others(&self) -> &'static [&'static str] {
        &["\\s"]
    }

    fn takes(&self) -> &'static str {
        "[N]"
    }

    fn about(&self) -> &'static str {
        "what was typed before, or the last N of it"
    }

    async fn run(&self, rest: &str, shell: &mut Shell<'_>) -> Result<(), CliError> {
        let wanted = match rest {
            "" => usize::MAX,
            number => number.parse().map_err(|_| {
                CliError::usage(format!(".history {number}: expected how many entries"), Some(".history 20"))
            })?,
        };
        let entries = shell.typing.history.entries();
        let skipped = entries.len().saturating_sub(wanted);
        let answer = answer(&entries[skipped..], skipped).map_err(SessionError::from)?;
        shell.output.redirected(shell.settings.mode.unwrap_or(crate::render::TABLE), None).answer(&answer)?;
        if let Some(problem) = shell.typing.history.problem() {
            shell.output.note(&problem);
        }
        Ok(())
    }
}

/// Entries with their numbers; the first one has the number behind those that were skipped.
fn answer(entries: &[String], skipped: usize) -> Result<Answer, arrow::error::ArrowError> {
    let numbers = || (skipped + 1..).take(entries.len());
    let width = (skipped + entries.len()).to_string().len();
    let lines = numbers().zip(entries).flat_map(|(number, entry)| {
        entry.lines().enumerate().map(move |(at, line)| {
            let number = if at == 0 { number.to_string() } else { String::new() };
            Block::Command(format!("{number:>width$}  {line}"))
        })
    });
    let places = numbers().map(|number| i64::try_from(number).unwrap_or(i64::MAX));
    let batch = RecordBatch::try_from_iter([
        ("place", Arc::new(Int64Array::from_iter_values(places)) as ArrayRef),
        ("entry", Arc::new(StringArray::from_iter_values(entries)) as ArrayRef),
    ])?;
    let records = Records { schema: batch.schema(), batches: vec![batch] };
    Ok(Answer { blocks: lines.collect(), records, ..Answer::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_are_numbered_and_keep_their_lines() {
        let entries = ["select 1;".to_owned(), "select\n  2;".to_owned()];
        let answer = answer(&entries, 8).unwrap();
        let lines: Vec<&str> = answer
            .blocks
            .iter()
            .map(|block| if let Block::Command(line) = block { line.as_str() } else { "" })
            .collect();
        assert_eq!(lines, [" 9  select 1;", "10  select", "      2;"]);
    }
}
