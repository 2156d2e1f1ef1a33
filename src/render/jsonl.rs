//! `jsonl`: one record per line, each a JSON object with every column, nulls included.
//!
//! Also the writer of rows that `json` uses: rows are encoded one after the other, never all at once.

use std::borrow::Cow;
use std::io::Write;

use super::value::{JsonColumn, plain_columns, unique_names, write_quoted};
use super::{RenderError, Renderer, Screen, text};
use crate::answer::{Answer, Records};

/// The format `jsonl`.
pub(super) struct Jsonl;

impl Renderer for Jsonl {
    fn name(&self) -> &'static str {
        "jsonl"
    }

    fn about(&self) -> &'static str {
        "one JSON object per record and line"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["ndjson"]
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        write_rows(&answer.records, screen, &mut |row| {
            out.write_all(row)?;
            Ok(out.write_all(b"\n")?)
        })
    }
}

/// Gives each record, encoded as one JSON object without a line break, to `write`.
pub(super) fn write_rows(
    records: &Records,
    screen: &Screen,
    write: &mut dyn FnMut(&[u8]) -> Result<(), RenderError>,
) -> Result<(), RenderError> {
    let keys: Vec<Vec<u8>> = unique_names(&records.schema).iter().map(|name| key(name)).collect();
    let mut object = Vec::new();
    for batch in &records.batches {
        let arrays = plain_columns(batch)?;
        let fields = batch.schema_ref().fields();
        let mut columns = (fields.iter().zip(&arrays))
            .map(|(field, array)| JsonColumn::new(field, array))
            .collect::<Result<Vec<_>, _>>()?;
        for row in 0..batch.num_rows() {
            object.clear();
            object.push(b'{');
            for (at, (key, column)) in keys.iter().zip(&mut columns).enumerate() {
                object.extend_from_slice(if at > 0 { b"," } else { b"" });
                object.extend_from_slice(key);
                column.write(row, &mut object);
            }
            object.push(b'}');
            write(&harmless(&object, screen))?;
        }
    }
    Ok(())
}

fn key(name: &str) -> Vec<u8> {
    let mut key = Vec::new();
    write_quoted(name, &mut key);
    key.push(b':');
    key
}

/// On a terminal, JSON in which nothing steers it: what JSON may hold raw (C1 controls, DEL, reordering marks) is
/// escaped. Outside of strings none of them can stand, and inside the escape means the same.
pub(super) fn harmless<'a>(json: &'a [u8], screen: &Screen) -> Cow<'a, [u8]> {
    let harmful = |letter: char| text::is_unsafe(letter) && letter != '\n';
    match std::str::from_utf8(json) {
        Ok(json) if screen.is_terminal() && json.contains(harmful) => {
            let mut shown = String::with_capacity(json.len() + 16);
            for letter in json.chars() {
                if harmful(letter) {
                    shown.push_str(&format!("\\u{:04x}", u32::from(letter)));
                } else {
                    shown.push(letter);
                }
            }
            Cow::Owned(shown.into_bytes())
        }
        _ => Cow::Borrowed(json),
    }
}
