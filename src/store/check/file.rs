//! Reading one data file, to see that it is what the log says.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use deltalake_core::DeltaTable;
use futures::future::BoxFuture;
use futures::{FutureExt as _, TryFutureExt as _, TryStreamExt as _};
use object_store::path::Path as Key;
use object_store::{ObjectMeta, ObjectStore, ObjectStoreExt as _};
use parquet::arrow::ParquetRecordBatchStreamBuilder;
use parquet::arrow::arrow_reader::ArrowReaderOptions;
use parquet::arrow::async_reader::AsyncFileReader;
use parquet::errors::ParquetError;
use parquet::file::metadata::{ParquetMetaData, ParquetMetaDataReader};

use super::Depth;
use crate::store::files::StoredFile;

/// The end of a file that is read at once: with few columns more than its footer.
const TAIL_BYTES: usize = 64 * 1024;

/// How many rows a file holds, or in words what is wrong with it.
///
/// # Errors
/// When the place that holds it does not answer.
pub(super) async fn look_into(
    table: &DeltaTable,
    file: &StoredFile,
    (meta, depth): (Option<&ObjectMeta>, Depth),
) -> Result<Result<i64, String>, object_store::Error> {
    let Some(meta) = meta else { return Ok(Err("it is not there".to_owned())) };
    if meta.size != file.size {
        return Ok(Err(format!("the log says {} bytes, and it has {}", file.size, meta.size)));
    }
    let rows = match read(table, file, depth).await {
        Ok(rows) => rows,
        Err(ParquetError::External(cause)) => match cause.downcast::<object_store::Error>() {
            Ok(cause) if !matches!(*cause, object_store::Error::NotFound { .. }) => return Err(*cause),
            Ok(cause) => return Ok(Err(format!("it cannot be read: {cause}"))),
            Err(cause) => return Ok(Err(format!("it cannot be read: {cause}"))),
        },
        Err(error) => return Ok(Err(format!("it cannot be read: {error}"))),
    };
    Ok(match file.rows {
        Some(expected) if i64::try_from(expected) != Ok(rows) => {
            Err(format!("the log says {expected} rows, and it has {rows}"))
        }
        _ => Ok(rows),
    })
}

async fn read(table: &DeltaTable, file: &StoredFile, depth: Depth) -> Result<i64, ParquetError> {
    let reader = FileReader { objects: table.object_store(), key: file.key(), size: file.size };
    let builder = ParquetRecordBatchStreamBuilder::new(reader).await?;
    let said = builder.metadata().file_metadata().num_rows();
    if depth == Depth::Footers {
        return Ok(said);
    }
    let rows = builder.build()?.try_fold(0_usize, |rows, batch| async move { Ok(rows + batch.num_rows()) });
    Ok(rows.await?.try_into().unwrap_or(i64::MAX))
}

/// A file of which the size is known.
struct FileReader {
    objects: Arc<dyn ObjectStore>,
    key: Key,
    size: u64,
}

impl AsyncFileReader for FileReader {
    fn get_bytes(&mut self, range: Range<u64>) -> BoxFuture<'_, Result<Bytes, ParquetError>> {
        self.objects.get_range(&self.key, range).map_err(external).boxed()
    }

    fn get_byte_ranges(
        &mut self,
        ranges: Vec<Range<u64>>,
    ) -> BoxFuture<'_, Result<Vec<Bytes>, ParquetError>> {
        async move { self.objects.get_ranges(&self.key, &ranges).await.map_err(external) }.boxed()
    }

    fn get_metadata<'a>(
        &'a mut self,
        options: Option<&'a ArrowReaderOptions>,
    ) -> BoxFuture<'a, Result<Arc<ParquetMetaData>, ParquetError>> {
        let size = self.size;
        async move {
            let reader = ParquetMetaDataReader::new()
                .with_arrow_reader_options(options)
                .with_prefetch_hint(Some(TAIL_BYTES));
            Ok(Arc::new(reader.load_and_finish(self, size).await?))
        }
        .boxed()
    }
}

fn external(error: object_store::Error) -> ParquetError {
    ParquetError::External(Box::new(error))
}
