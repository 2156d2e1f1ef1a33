//! Writing a table's Parquet files: zstd, statistics per page, small pages, files of about 64 MiB.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::compute::cast;
use arrow::datatypes::SchemaRef;
use arrow::error::ArrowError;
use deltalake_core::kernel::Add;
use deltalake_core::parquet::basic::{Compression, ZstdLevel};
use deltalake_core::parquet::file::properties::WriterProperties;
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableError};

use super::location::{Location, table_at};
use super::schema::conformed;
use super::upload::{Failure, HeldBack};

/// A file is closed when it is about this large; also bounds what one writer holds in memory.
pub(super) const TARGET_FILE_BYTES: u64 = 64 * 1024 * 1024;

/// Small pages make the look-up of one case cheap.
const PAGE_ROWS: usize = 2048;

const ROW_GROUP_ROWS: usize = 128 * 1024;

/// How every file of a store is written.
fn writer_properties() -> DeltaResult<WriterProperties> {
    Ok(WriterProperties::builder()
        .set_created_by(concat!("runq version ", env!("CARGO_PKG_VERSION")).to_owned())
        .set_compression(Compression::ZSTD(ZstdLevel::try_new(3)?))
        .set_data_page_row_count_limit(PAGE_ROWS)
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .build())
}

/// Writes new files of a table. Nobody sees them before they are committed.
#[derive(Debug)]
pub(super) struct FileWriter {
    files: RecordBatchWriter,
    failure: Failure,
}

impl FileWriter {
    /// A writer for a loaded table.
    pub(super) fn new(location: &Location, table: &DeltaTable) -> DeltaResult<Self> {
        Self::closing_at(location, table, TARGET_FILE_BYTES)
    }

    /// A writer of one file, however large it becomes.
    pub(super) fn of_one_file(location: &Location, table: &DeltaTable) -> DeltaResult<Self> {
        // 0 is no limit.
        Self::closing_at(location, table, 0)
    }

    fn closing_at(location: &Location, table: &DeltaTable, bytes: u64) -> DeltaResult<Self> {
        let failure = Failure::default();
        let objects = Arc::new(HeldBack::new(location.objects(), failure.clone()));
        let mut target = table_at(table.table_url(), objects)?;
        target.state.clone_from(&table.state);
        let files = RecordBatchWriter::for_table(&target)?
            .with_writer_properties(writer_properties()?)
            .with_target_file_size(bytes);
        Ok(Self { files, failure })
    }

    /// The columns that batches must have.
    pub(super) fn schema(&self) -> SchemaRef {
        self.files.arrow_schema()
    }

    /// Appends rows.
    pub(super) async fn write(&mut self, batch: RecordBatch) -> DeltaResult<()> {
        self.files.write(batch).await
    }

    /// How many bytes were written so far, about.
    pub(super) fn bytes(&self) -> u64 {
        self.files.buffer_len() as u64
    }

    /// Ends the files; what is to be committed.
    pub(super) async fn finish(mut self) -> DeltaResult<Vec<Add>> {
        let adds = self.files.flush().await?;
        self.failure.check()?;
        Ok(adds)
    }
}

/// Writes one batch into new files of a table, in the table's own columns.
pub(super) async fn write_files(
    location: &Location,
    (name, table): (&'static str, &DeltaTable),
    batch: RecordBatch,
) -> DeltaResult<Vec<Add>> {
    let mut writer = FileWriter::new(location, table)?;
    let batch = conformed(location, name, batch, &writer.schema())
        .map_err(|error| DeltaTableError::GenericError { source: Box::new(error) })?;
    writer.write(batch).await?;
    writer.finish().await
}

/// A batch as the table has its columns: the reader gives views of texts where the table has texts.
pub(super) fn in_columns(batch: &RecordBatch, columns: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let arrays = columns.fields().iter().map(|field| {
        let found = batch.column_by_name(field.name());
        let array = found.ok_or_else(|| ArrowError::SchemaError(format!("no column {}", field.name())))?;
        cast(array, field.data_type())
    });
    RecordBatch::try_new(Arc::clone(columns), arrays.collect::<Result<_, _>>()?)
}
