//! Services that do not honour conditional puts, and stores that are reached through a network.

use std::fmt;
use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures::TryStreamExt as _;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};

use super::*;
use crate::store::Location;

/// Objects whose puts overwrite, whatever they are told.
#[derive(Debug, Clone)]
struct Careless(InMemory);

impl fmt::Display for Careless {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Careless {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.0.put_opts(location, payload, PutOptions { mode: PutMode::Overwrite, ..opts }).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.0.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.0.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.0.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.0.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.0.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.0.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.0.copy_opts(from, to, options).await
    }
}

async fn keys(memory: &InMemory) -> Vec<String> {
    let mut keys: Vec<String> =
        memory.list(None).map_ok(|meta| meta.location.to_string()).try_collect().await.unwrap();
    keys.sort();
    keys
}

#[tokio::test]
async fn a_service_that_overwrites_is_refused_and_nothing_is_made() {
    let memory = InMemory::new();
    let refused = Store::create_with(Arc::new(Careless(memory.clone())), &memory_url()).await.unwrap_err();
    assert!(matches!(refused, StoreError::Unguarded { .. }), "{refused}");
    assert!(refused.hint().contains("--single-writer"));
    assert_eq!(keys(&memory).await, ["store/_runq/conditional-put"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_single_writer_looks_before_each_commit() {
    let memory = InMemory::new();
    let location = || Location::new(Arc::new(Careless(memory.clone())), &memory_url(), &Arc::default());
    let store = Store::made(location(), Access::SingleWriter).await.unwrap();
    publish(&store, &[ingest("a", 1, "ingest-00001", 3)]).await.unwrap();
    // A second one that has read before, and comes too late: it sees the commit and goes on behind it.
    let other = Store::existing(location(), Access::SingleWriter).await.unwrap();
    other.snapshot().await.unwrap();
    publish(&store, &[ingest("b", 1, "ingest-00002", 3)]).await.unwrap();
    publish(&other, &[ingest("c", 1, "ingest-00003", 3)]).await.unwrap();
    let snapshot = other.snapshot().await.unwrap();
    assert_eq!(snapshot.runs.len(), 3);
    assert_whole(&snapshot).await;
    let plain = Store::existing(location(), Access::ReadWrite).await.unwrap();
    let refused = plain.publish().await.unwrap_err();
    assert!(matches!(refused, StoreError::Unguarded { .. }), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_that_was_deleted_and_made_again_is_read_anew() {
    let (store, memory) = memory_store().await;
    publish(&store, &[ingest("old", 1, "ingest-00001", 3)]).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().runs[0].run_id, "old");
    for key in keys(&memory).await {
        memory.delete(&Path::from(key)).await.unwrap();
    }
    let again = Store::create_with(Arc::new(memory), &memory_url()).await.unwrap();
    publish(&again, &[ingest("new", 1, "ingest-00002", 2)]).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs.iter().map(|run| run.run_id.as_str()).collect::<Vec<_>>(), ["new"]);
    assert_whole(&snapshot).await;
}
