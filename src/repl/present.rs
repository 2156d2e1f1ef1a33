//! How the result of a statement becomes an answer.

use arrow::array::RecordBatch;

use super::asking::Answered;
use super::settings::Settings;
use crate::answer::number::{count, counted};
use crate::answer::{Answer, Block};
use crate::cli::exit::CliError;
use crate::cli::output::OutputError;
use crate::render::table_of;

/// The answer of one statement: its rows, as many as are shown to a person, and how many there are.
///
/// # Errors
/// When a column holds what has no text.
pub fn answer(answered: &Answered, settings: &Settings, is_terminal: bool) -> Result<Answer, CliError> {
    let limit = settings.max_rows.filter(|_| is_terminal);
    let records = answered.rows.clone().into();
    let (table, left) = table_of(&records, limit).map_err(OutputError::Render)?;
    let kept: usize = records.batches.iter().map(RecordBatch::num_rows).sum();
    let mut said = counted(kept + answered.left_out, "row", "rows");
    if answered.left_out > 0 {
        let kept = count(i64::try_from(kept).unwrap_or(i64::MAX));
        said = format!("{said}, of which _ and .last have {kept}: the rest is too much to keep");
    }
    if left > 0 {
        let left = count(i64::try_from(left).unwrap_or(i64::MAX));
        said = format!("{said}, {left} not shown (.last shows all)");
    }
    if settings.timer {
        said = format!("{said} · {} ms", answered.elapsed.as_millis());
    }
    let blocks = vec![Block::Table(table), Block::Line(said)];
    Ok(Answer { blocks, ids: crate::cli::sql::ids(&records), records, ..Answer::default() })
}
