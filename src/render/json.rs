//! `json`: one document per answer.
//!
//! An answer brings its own document, or it is `{schema_version, columns: [{name, type}], rows: [{...}]}` with one
//! row per line. The rows are streamed, so a long result needs no more memory than its batches.

use std::io::{self, Write};

use serde_json::Value;

use super::document::Document;
use super::jsonl::{harmless, write_rows};
use super::value::{kind, unique_names, write_quoted};
use super::{RenderError, Renderer, Screen};
use crate::answer::{Answer, Records, SCHEMA_VERSION};

/// The format `json`.
pub(super) struct Json;

impl Renderer for Json {
    fn name(&self) -> &'static str {
        "json"
    }

    fn about(&self) -> &'static str {
        "one JSON document with a schema_version"
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        match &answer.document {
            Some(document) => write_document((document, answer), screen, out),
            None => write_records(&answer.records, screen, out),
        }
    }
}

fn write_document(
    (document, answer): (&Value, &Answer),
    screen: &Screen,
    out: &mut dyn Write,
) -> Result<(), RenderError> {
    let whole = match (document, answer.rows_member) {
        (Value::Object(members), Some(rows)) => {
            Document::WithRows { members, rows, records: &answer.records }
        }
        _ => Document::Plain(document),
    };
    if screen.is_terminal() {
        let bytes = serde_json::to_vec_pretty(&whole).map_err(io::Error::from)?;
        out.write_all(&harmless(&bytes, screen))?;
    } else {
        serde_json::to_writer_pretty(&mut *out, &whole).map_err(io::Error::from)?;
    }
    Ok(out.write_all(b"\n")?)
}

fn write_records(records: &Records, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
    write!(out, "{{\n  \"schema_version\": {SCHEMA_VERSION},\n  \"columns\": [")?;
    let fields = records.schema.fields();
    for (at, (name, field)) in unique_names(&records.schema).iter().zip(fields).enumerate() {
        let mut column = Vec::new();
        write_quoted(name, &mut column);
        out.write_all(if at > 0 { b"," } else { b"" })?;
        out.write_all(b"\n    {\"name\":")?;
        out.write_all(&harmless(&column, screen))?;
        write!(out, ",\"type\":\"{}\"}}", kind(field.data_type()))?;
    }
    out.write_all(if fields.is_empty() { b"]" } else { b"\n  ]" })?;
    out.write_all(b",\n  \"rows\": [")?;
    let mut is_first = true;
    write_rows(records, screen, &mut |row| {
        out.write_all(if is_first { b"\n    " } else { b",\n    " })?;
        is_first = false;
        Ok(out.write_all(row)?)
    })?;
    Ok(out.write_all(if is_first { b"]\n}\n" } else { b"\n  ]\n}\n" })?)
}
