//! Parquet, decoded batch by batch from the ranges that the decoder asks for.

use std::ops::Range;
use std::path::Path;

use arrow::array::RecordBatch;
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use bytes::Bytes;
use parquet::DecodeResult;
use parquet::arrow::push_decoder::{ParquetPushDecoder, ParquetPushDecoderBuilder};
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataPushDecoder};
use serde_json::{Map, Value};
use sha2::Sha256;

use super::stream::Stream;
use super::{NoRow, Rows, SourceRow, parse_object};
use crate::import::ImportError;
use crate::source::Source;

/// Rows that are decoded at a time.
const BATCH_ROWS: usize = 1024;

pub(super) struct ParquetRows<'a> {
    source: &'a dyn Source,
    path: &'a Path,
    decoder: ParquetPushDecoder,
    batch: std::vec::IntoIter<Map<String, Value>>,
    number: u64,
    fetched: u64,
}

impl<'a> ParquetRows<'a> {
    pub(super) fn open(source: &'a dyn Source, path: &'a Path) -> Result<Self, ImportError> {
        let size = source.entry(path)?.map_or(0, |entry| entry.size);
        let metadata = read_metadata(source, path, size)?;
        let decoder = ParquetPushDecoderBuilder::try_new_decoder(metadata.into())
            .and_then(|builder| builder.with_batch_size(BATCH_ROWS).build())
            .map_err(|error| not_readable(path, &error))?;
        Ok(Self { source, path, decoder, batch: Vec::new().into_iter(), number: 0, fetched: 0 })
    }

    /// Decodes the next batch; whether there was one.
    fn next_batch(&mut self) -> Result<bool, ImportError> {
        loop {
            match self.decoder.try_decode().map_err(|error| not_readable(self.path, &error))? {
                DecodeResult::NeedsData(ranges) => {
                    let data = fetch(self.source, self.path, &ranges)?;
                    self.fetched += data.iter().map(|bytes| bytes.len() as u64).sum::<u64>();
                    self.decoder
                        .push_ranges(ranges, data)
                        .map_err(|error| not_readable(self.path, &error))?;
                }
                DecodeResult::Data(batch) => {
                    self.batch = objects(&batch)
                        .map_err(|message| ImportError::unreadable(self.path, None, message, None))?
                        .into_iter();
                    return Ok(true);
                }
                DecodeResult::Finished => return Ok(false),
            }
        }
    }
}

fn read_metadata(source: &dyn Source, path: &Path, size: u64) -> Result<ParquetMetaData, ImportError> {
    let failed = |error: ParquetError| not_readable(path, &error);
    let mut decoder = ParquetMetaDataPushDecoder::try_new(size).map_err(failed)?;
    loop {
        match decoder.try_decode().map_err(failed)? {
            DecodeResult::NeedsData(ranges) => {
                let data = fetch(source, path, &ranges)?;
                decoder.push_ranges(ranges, data).map_err(failed)?;
            }
            DecodeResult::Data(metadata) => return Ok(metadata),
            DecodeResult::Finished => {
                return Err(ImportError::unreadable(
                    path,
                    None,
                    "expected a Parquet footer, found none",
                    None,
                ));
            }
        }
    }
}

/// Reads ranges of the file; one that comes back shorter means that the file is cut off.
fn fetch(source: &dyn Source, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, ImportError> {
    let parts = source.read_ranges(path, ranges)?;
    let is_short = |(range, bytes): &(&Range<u64>, &Bytes)| bytes.len() as u64 != range.end - range.start;
    match ranges.iter().zip(&parts).find(is_short) {
        None => Ok(parts),
        Some((range, _)) => {
            let message =
                format!("expected bytes {} to {}, found the end of the file", range.start, range.end);
            Err(ImportError::unreadable(path, None, message, None))
        }
    }
}

fn not_readable(path: &Path, error: &ParquetError) -> ImportError {
    ImportError::unreadable(path, None, format!("not readable as Parquet: {error}"), None)
}

/// The rows of a batch as JSON objects. Numbers that are not finite are null, bytes hexadecimal, times RFC 3339.
fn objects(batch: &RecordBatch) -> Result<Vec<Map<String, Value>>, String> {
    let mut lines = Vec::new();
    let mut writer = WriterBuilder::new().with_explicit_nulls(true).build::<_, LineDelimited>(&mut lines);
    writer.write(batch).and_then(|()| writer.finish()).map_err(|error| error.to_string())?;
    drop(writer);
    lines.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(parse_object).collect()
}

impl Rows for ParquetRows<'_> {
    fn next_row(&mut self) -> Option<Result<SourceRow, NoRow>> {
        loop {
            if let Some(fields) = self.batch.next() {
                self.number += 1;
                return Some(Ok(SourceRow { number: self.number, fields }));
            }
            match self.next_batch() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => return Some(Err(NoRow::File(error))),
            }
        }
    }

    fn bytes_read(&self) -> u64 {
        self.fetched
    }

    fn fixed_columns(&self) -> bool {
        true
    }

    fn into_hash(self: Box<Self>) -> Result<Sha256, ImportError> {
        Stream::new(self.source.open(self.path)?, self.path).into_hash()
    }
}
