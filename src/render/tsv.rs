//! `tsv`: fields between tabs, never quoted, so that `cut` and `awk` see what is there.
//!
//! Inside a value a tab is `\t`, a line feed `\n`, a carriage return `\r` and a backslash `\\` (the escapes of
//! PostgreSQL's COPY). Nulls, NaN and infinities are as in `csv`, and so is the head line.

use std::io::Write;

use super::value::{Reader, TextColumn, plain_columns, unique_names};
use super::{RenderError, Renderer, Screen, text};
use crate::answer::Answer;

/// The format `tsv`.
pub(super) struct Tsv;

impl Renderer for Tsv {
    fn name(&self) -> &'static str {
        "tsv"
    }

    fn about(&self) -> &'static str {
        "tab-separated records with a head line, for cut and awk"
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        let records = &answer.records;
        if records.schema.fields().is_empty() {
            return Ok(());
        }
        if answer.look.heads {
            write_line(unique_names(&records.schema).into_iter(), screen, out)?;
        }
        let null = &answer.look.null;
        for batch in &records.batches {
            let arrays = plain_columns(batch)?;
            let fields = batch.schema_ref().fields();
            let mut columns = (fields.iter().zip(&arrays))
                .map(|(field, array)| TextColumn::new(field, array, Reader::Machine))
                .collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                write_line(columns.iter_mut().map(|column| column.text_or(row, null)), screen, out)?;
            }
        }
        Ok(())
    }
}

fn write_line(
    fields: impl Iterator<Item = String>,
    screen: &Screen,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let mut line = String::new();
    for (at, field) in fields.enumerate() {
        if at > 0 {
            line.push('\t');
        }
        let field = escaped(&field);
        line.push_str(&if screen.is_terminal() { text::visible(&field) } else { field.as_str().into() });
    }
    line.push('\n');
    Ok(out.write_all(line.as_bytes())?)
}

fn escaped(field: &str) -> String {
    let mut text = String::with_capacity(field.len());
    for letter in field.chars() {
        match letter {
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\\' => text.push_str("\\\\"),
            letter => text.push(letter),
        }
    }
    text
}
