//! `arrow`: the records as one Arrow IPC file (Feather version 2), uncompressed.
//!
//! Columns keep their types, but texts have the one layout that every reader knows; equal names are made distinct as
//! everywhere else. NaN stays NaN. Refuses a terminal. Batches are written as they are.

use std::io::{self, Write};

use arrow::error::ArrowError;
use arrow::ipc::writer::FileWriter;

use super::value::{plain_batch, plain_schema};
use super::{RenderError, Renderer, Screen};
use crate::answer::Answer;

/// The format `arrow`.
pub(super) struct ArrowIpc;

impl Renderer for ArrowIpc {
    fn name(&self) -> &'static str {
        "arrow"
    }

    fn about(&self) -> &'static str {
        "the records as an Arrow IPC file"
    }

    fn endings(&self) -> &'static [&'static str] {
        &["feather"]
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        if screen.is_terminal() {
            return Err(RenderError::Terminal { format: self.name() });
        }
        let schema = plain_schema(&answer.records.schema);
        let mut writer = FileWriter::try_new(out, &schema).map_err(failed)?;
        for batch in &answer.records.batches {
            writer.write(&plain_batch(&schema, batch, self.name())?).map_err(failed)?;
        }
        writer.finish().map_err(failed)
    }
}

/// Keeps the kind of an I/O error, by which a closed pipe is told.
fn failed(error: ArrowError) -> RenderError {
    match error {
        ArrowError::IoError(_, error) => error.into(),
        other => io::Error::other(other).into(),
    }
}
