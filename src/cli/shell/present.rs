//! How the result of a statement becomes an answer.

use arrow::array::RecordBatch;

use super::asking::Answered;
use super::command::DotCommand;
use super::destination::Asks;
use super::settings::{RowsShown, Settings};
use super::{Shell, plan};
use crate::answer::number::{count, counted};
use crate::answer::{Answer, Block, Look, Records};
use crate::cli::exit::CliError;
use crate::cli::output::{Output, OutputError};
use crate::render::table_of;
use crate::render::text::visible;

/// What stands for a null in tables, as in those of all commands.
const NULL: &str = "—";

/// Shows the result of a statement: where answers go, in the form that they have.
///
/// # Errors
/// When a column holds what has no text, or the place refuses.
pub fn show(shell: &mut Shell<'_>, answered: &Answered) -> Result<(), CliError> {
    let settings = shell.settings.clone();
    show_with(shell, answered, &settings)
}

/// Shows a result once more, with all of its rows and without the time that it took.
///
/// # Errors
/// As [`show`].
pub fn show_whole(shell: &mut Shell<'_>, answered: &Answered) -> Result<(), CliError> {
    let whole = Settings { max_rows: RowsShown::All, timer: Some(false), ..shell.settings.clone() };
    show_with(shell, answered, &whole)
}

fn show_with(shell: &mut Shell<'_>, answered: &Answered, settings: &Settings) -> Result<(), CliError> {
    let outlet = shell.outlet(Asks::Rows)?;
    let written = answer(answered, settings, outlet.output())
        .and_then(|answer| outlet.output().answer(&answer).map_err(CliError::from));
    shell.written(outlet, written)
}

impl Shell<'_> {
    /// Shows an answer of a command where answers go.
    ///
    /// # Errors
    /// When the place refuses.
    pub fn give(&mut self, answer: &Answer) -> Result<(), CliError> {
        self.give_as(answer, Asks::Command)
    }

    /// The same, in the form of what it is about.
    ///
    /// # Errors
    /// When the place refuses.
    pub fn give_as(&mut self, answer: &Answer, asks: Asks) -> Result<(), CliError> {
        let outlet = self.outlet(asks)?;
        let written = outlet.output().answer(answer).map_err(CliError::from);
        self.written(outlet, written)
    }

    /// Puts a text among the answers.
    ///
    /// # Errors
    /// When the place refuses.
    pub fn put(&mut self, text: &str) -> Result<(), CliError> {
        let outlet = self.outlet(Asks::Command)?;
        let written = outlet.output().text(text).map_err(CliError::from);
        self.written(outlet, written)
    }

    /// Answers a question about the shell itself in a line.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn tell(&self, line: &str) -> Result<(), CliError> {
        Ok(self.output.text(&format!("{}\n", visible(line)))?)
    }

    /// Tells what a setting is.
    ///
    /// # Errors
    /// When nobody reads any more.
    pub fn tell_value(&self, command: &dyn DotCommand) -> Result<(), CliError> {
        self.tell(&format!("{} {}", command.name(), command.value(self).unwrap_or_default()))
    }

    /// Says what has changed: on stderr, so that it never stands among data.
    pub fn note_change(&self, line: &str) {
        self.output.line(line);
    }
}

/// The answer of one statement: its rows, as many as are shown to a person, and how many there are.
fn answer(answered: &Answered, settings: &Settings, output: &Output) -> Result<Answer, CliError> {
    let records: Records = answered.rows.clone().into();
    let form = output.format();
    // A width that was asked for makes no terminal of a pipe.
    let is_terminal = output.environment().stdout_terminal;
    let blocks = match plan::blocks(&records, output.screen().width).filter(|_| form.is_screen()) {
        Some(plan) => plan,
        None if form.is_screen() => {
            let limit = settings.max_rows.limit(is_terminal);
            let null = settings.null.as_deref().unwrap_or(NULL);
            let (table, left) = table_of(&records, limit, null).map_err(OutputError::Render)?;
            let is_timed = settings.timer.unwrap_or(is_terminal);
            let elapsed = is_timed.then_some(answered.elapsed.as_millis());
            let said = below(&records, (left, answered.left_out), elapsed);
            vec![Block::Table(table), Block::Line(said)]
        }
        None => {
            let null = settings.null.as_deref().unwrap_or_default();
            vec![Block::Table(table_of(&records, None, null).map_err(OutputError::Render)?.0)]
        }
    };
    let look = Look { heads: settings.headers, null: settings.null.clone().unwrap_or_default() };
    Ok(Answer { blocks, ids: crate::cli::sql::ids(&records), records, look, ..Answer::default() })
}

/// The line below a result: `1,204 rows, 1,164 not shown (.last shows all) · 11 ms`.
fn below(records: &Records, (left, not_kept): (usize, usize), milliseconds: Option<u128>) -> String {
    let kept: usize = records.batches.iter().map(RecordBatch::num_rows).sum();
    let mut said = counted(kept + not_kept, "row", "rows");
    let number = |rows: usize| count(i64::try_from(rows).unwrap_or(i64::MAX));
    if not_kept > 0 {
        said = format!("{said}, of which _ and .last have {}: the rest is too much to keep", number(kept));
    } else if left > 0 {
        said = format!("{said}, {} not shown (.last shows all)", number(left));
    }
    if let Some(milliseconds) = milliseconds {
        let span = crate::answer::number::span(milliseconds as f64);
        said = format!("{said} · {span}");
    }
    said
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, Int64Array};

    use super::*;

    fn records(columns: Vec<(&str, ArrayRef)>) -> Records {
        let batch = RecordBatch::try_from_iter(columns).unwrap();
        Records { schema: batch.schema(), batches: vec![batch] }
    }

    #[test]
    fn the_line_below_counts_what_is_shown_and_what_is_not() {
        let many = records(vec![("n", Arc::new(Int64Array::from_iter_values(0..1_204)))]);
        assert_eq!(
            below(&many, (1_164, 0), Some(11)),
            "1,204 rows, 1,164 not shown (.last shows all) · 11 ms"
        );
        let one = records(vec![("n", Arc::new(Int64Array::from(vec![1])))]);
        assert_eq!(below(&one, (0, 0), None), "1 row");
        assert_eq!(
            below(&one, (0, 2_000), None),
            "2,001 rows, of which _ and .last have 1: the rest is too much to keep"
        );
        assert_eq!(below(&one, (0, 0), Some(61_000)), "1 row · 1 min 1 s");
    }
}
