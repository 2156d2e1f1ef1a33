//! `csv`: RFC 4180 fields, lines ending in `\n`, with a head line unless the answer wants none.
//!
//! A null is an empty field, or what the answer wants for one, and so are NaN and infinities; a reader cannot tell an
//! empty text from a null (`jsonl` can). Lists and structs are JSON. On a terminal control characters in the data are made harmless, in a pipe the
//! data stays as it is.

use std::io::{self, Write};

use ::csv::{ErrorKind, Writer};

use super::value::{Reader, TextColumn, plain_columns, unique_names};
use super::{RenderError, Renderer, Screen, text};
use crate::answer::Answer;

/// The format `csv`.
pub(super) struct Csv;

impl Renderer for Csv {
    fn name(&self) -> &'static str {
        "csv"
    }

    fn about(&self) -> &'static str {
        "comma-separated records with a head line"
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        let records = &answer.records;
        if records.schema.fields().is_empty() {
            return Ok(());
        }
        let mut writer = Writer::from_writer(out);
        let names = unique_names(&records.schema);
        if answer.look.heads {
            writer.write_record(names.iter().map(|name| guarded(name, screen))).map_err(failed)?;
        }
        let null = &answer.look.null;
        for batch in &records.batches {
            let arrays = plain_columns(batch)?;
            let fields = batch.schema_ref().fields();
            let mut columns = (fields.iter().zip(&arrays))
                .map(|(field, array)| TextColumn::new(field, array, Reader::Machine))
                .collect::<Result<Vec<_>, _>>()?;
            for row in 0..batch.num_rows() {
                for column in &mut columns {
                    writer.write_field(guarded(&column.text_or(row, null), screen)).map_err(failed)?;
                }
                writer.write_record(None::<&[u8]>).map_err(failed)?;
            }
        }
        Ok(writer.flush()?)
    }
}

/// The text, harmless on a terminal. Line breaks and tabs are kept: the quotes around them do what is needed.
fn guarded(field: &str, screen: &Screen) -> String {
    let harmful = |letter: char| text::is_unsafe(letter) && !matches!(letter, '\n' | '\t');
    if screen.is_terminal() && field.contains(harmful) {
        field.split_inclusive(['\n', '\t']).map(guarded_piece).collect()
    } else {
        field.to_owned()
    }
}

fn guarded_piece(piece: &str) -> String {
    let body = piece.trim_end_matches(['\n', '\t']);
    format!("{}{}", text::visible(body), &piece[body.len()..])
}

/// Keeps the kind of an I/O error, by which a closed pipe is told.
fn failed(error: ::csv::Error) -> RenderError {
    match error.into_kind() {
        ErrorKind::Io(error) => error.into(),
        other => io::Error::other(format!("{other:?}")).into(),
    }
}
