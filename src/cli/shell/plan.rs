//! `EXPLAIN` for a person: one operator per line, as far as the screen is wide, and below it what it measured.

use arrow::array::{Array, RecordBatch, StringArray};
use arrow::compute::cast;
use arrow::datatypes::DataType;

use crate::answer::{Block, Records};
use crate::render::text::shorten;

/// Between an operator and its measurements in the engine's text.
const MEASURED: &str = ", metrics=[";

/// The plans among the rows of a statement; `None` when they are those of no EXPLAIN.
pub(super) fn blocks(records: &Records, width: Option<usize>) -> Option<Vec<Block>> {
    let names: Vec<&str> = records.schema.fields().iter().map(|field| field.name().as_str()).collect();
    if names != ["plan_type", "plan"] {
        return None;
    }
    let mut blocks = Vec::new();
    for batch in &records.batches {
        let (kinds, plans) = (texts(batch, 0)?, texts(batch, 1)?);
        for (kind, plan) in kinds.iter().flatten().zip(plans.iter().flatten()) {
            if !blocks.is_empty() {
                blocks.push(Block::Gap);
            }
            blocks.push(Block::Line(kind.replace('_', " ")));
            blocks.extend(plan.lines().flat_map(|line| lines(line, width)).map(Block::Line));
        }
    }
    Some(blocks)
}

/// The lines of one operator.
fn lines(operator: &str, width: Option<usize>) -> Vec<String> {
    let (operator, measured) = operator.split_once(MEASURED).unwrap_or((operator, ""));
    let operator = format!("  {}", operator.trim_end());
    let operator = width.map_or_else(|| operator.clone(), |width| shorten(&operator, width).into_owned());
    let depth = operator.len() - operator.trim_start().len();
    let measured = measured.trim_end_matches(']');
    let mut lines = vec![operator];
    if !measured.is_empty() {
        lines.push(format!("{}{measured}", " ".repeat(depth + 4)));
    }
    lines
}

fn texts(batch: &RecordBatch, column: usize) -> Option<StringArray> {
    let texts = cast(batch.columns().get(column)?, &DataType::Utf8).ok()?;
    texts.as_any().downcast_ref::<StringArray>().cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_operator_fits_its_line_and_its_measurements_stand_below() {
        let said = "  ProjectionExec: expr=[model@0 as model], metrics=[output_rows=3, elapsed_compute=1µs]";
        assert_eq!(
            lines(said, Some(30)),
            ["    ProjectionExec: expr=[mod…", "        output_rows=3, elapsed_compute=1µs"]
        );
        assert_eq!(lines("EmptyExec", None), ["  EmptyExec"]);
    }
}
