//! `parquet`: the records as one Parquet file, compressed with zstd, up to a million rows per row group.
//!
//! Columns keep their types; equal names are made distinct as everywhere else. NaN stays NaN. Refuses a terminal.
//! Beside the records themselves no more than one encoded row group is held.

use std::io::{self, Write};
use std::sync::Arc;

use ::parquet::arrow::{ArrowSchemaConverter, ArrowWriter};
use ::parquet::basic::{Compression, ZstdLevel};
use ::parquet::errors::ParquetError;
use ::parquet::file::properties::WriterProperties;
use arrow::datatypes::{Schema, SchemaRef};
use arrow::error::ArrowError;

use super::value::{plain_batch, plain_schema, unreadable};
use super::{RenderError, Renderer, Screen};
use crate::answer::Answer;

/// Rows of a row group: enough to compress well, few enough to be held in memory while they are encoded.
const ROW_GROUP: usize = 1_000_000;

/// The format `parquet`.
pub(super) struct Parquet;

impl Renderer for Parquet {
    fn name(&self) -> &'static str {
        "parquet"
    }

    fn about(&self) -> &'static str {
        "the records as a Parquet file (zstd)"
    }

    fn is_binary(&self) -> bool {
        true
    }

    fn render(&self, answer: &Answer, screen: &Screen, out: &mut dyn Write) -> Result<(), RenderError> {
        if screen.is_terminal() {
            return Err(RenderError::Terminal { format: self.name() });
        }
        let records = &answer.records;
        let schema = plain_schema(&records.schema);
        writable(&schema)?;
        let properties = WriterProperties::builder()
            .set_compression(Compression::ZSTD(ZstdLevel::default()))
            .set_max_row_group_row_count(Some(ROW_GROUP))
            .build();
        // The writer wants a stream that may go to another thread; what it has written is handed on after each batch.
        let mut writer =
            ArrowWriter::try_new(Vec::new(), Arc::clone(&schema), Some(properties)).map_err(failed)?;
        for batch in &records.batches {
            writer.write(&plain_batch(&schema, batch, self.name())?).map_err(failed)?;
            out.write_all(writer.inner())?;
            writer.inner_mut().clear();
        }
        Ok(out.write_all(&writer.into_inner().map_err(failed)?)?)
    }
}

/// Whether Parquet has a type for every column; the error names the first one for which it has none.
fn writable(schema: &SchemaRef) -> Result<(), RenderError> {
    for field in schema.fields() {
        let alone = Schema::new(vec![Arc::clone(field)]);
        ArrowSchemaConverter::new()
            .convert(&alone)
            .map_err(|error| unreadable(field, "parquet", ArrowError::ExternalError(Box::new(error))))?;
    }
    Ok(())
}

fn failed(error: ParquetError) -> RenderError {
    io::Error::other(error).into()
}
