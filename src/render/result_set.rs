//! A table for people of any result set, as `sql` and the shell show it.

use arrow::datatypes::Field;

use crate::answer::number;
use crate::answer::{Cell, Column, Mark, Records, Table};

use super::RenderError;
use super::value::{Reader, TextColumn, is_number, kind, plain_columns};

/// A people's table of the records, of its first `max_rows` rows when given, and how many rows it leaves out. `null`
/// stands for a null.
///
/// Numbers stand at the right. Text and nested values may be shortened on a narrow terminal, but no number, time or
/// id (a column called `id` or `..._id`). Heads are the columns' own names, equal ones included.
///
/// # Errors
/// When a column holds what has no text.
pub fn table_of(
    records: &Records,
    max_rows: Option<usize>,
    null: &str,
) -> Result<(Table, usize), RenderError> {
    let columns = records.schema.fields().iter().map(|field| {
        let shrinks =
            matches!(kind(field.data_type()), "text" | "list" | "struct" | "map" | "union" | "binary");
        let is_id = field.name() == "id" || field.name().ends_with("_id");
        Column {
            head: field.name().clone(),
            right: is_number(field.data_type()),
            shrinks: shrinks && !is_id,
            key: false,
            wraps: false,
            spare: false,
        }
    });
    let mut table = Table { columns: columns.collect(), rows: Vec::new() };
    let total: usize = records.batches.iter().map(|batch| batch.num_rows()).sum();
    let wanted = max_rows.map_or(total, |most| most.min(total));
    for batch in &records.batches {
        let rows = batch.num_rows().min(wanted - table.rows.len());
        let arrays = plain_columns(&batch.slice(0, rows))?;
        let fields = batch.schema_ref().fields();
        let mut columns = (fields.iter().zip(&arrays))
            .map(|(field, array)| Ok((TextColumn::new(field, array, Reader::Person)?, is_cost(field))))
            .collect::<Result<Vec<_>, RenderError>>()?;
        for row in 0..rows {
            table.rows.push(columns.iter_mut().map(|column| cell(column, row, null)).collect());
        }
    }
    Ok((table, total - wanted))
}

/// Whether a column holds amounts of money: its name says the unit, also inside of `avg(cost_usd)`.
fn is_cost(field: &Field) -> bool {
    field.data_type().is_floating() && field.name().contains("_usd")
}

fn cell((column, is_cost): &mut (TextColumn<'_>, bool), row: usize, null: &str) -> Cell {
    if column.is_null(row) {
        return if null.is_empty() { Cell::default() } else { Cell::marked(null, Mark::Dim) };
    }
    Cell::plain(if *is_cost { number::cost(column.number(row)) } else { column.text(row) })
}
