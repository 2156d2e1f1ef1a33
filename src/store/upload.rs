//! Holds back the failure of an upload until the writer of a file has ended.
//!
//! When the last step of an upload fails, the library's file writer aborts an upload that has already ended,
//! which panics (and is caught there): a full disk would print a panic. So a writer is told that the last step
//! went well, and whoever commits its files asks here first. Refuses nothing; reads pass through.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// The first failure of some uploads.
#[derive(Debug, Clone, Default)]
pub(super) struct Failure(Arc<Mutex<Option<Error>>>);

impl Failure {
    /// The failure, if there was one; files that were uploaded must then not be committed.
    pub(super) fn check(&self) -> Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take().map_or(Ok(()), Err)
    }

    fn hold_back(&self, result: Result<PutResult>) -> PutResult {
        result.unwrap_or_else(|error| {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
            PutResult { e_tag: None, version: None }
        })
    }
}

/// An object store whose uploads always seem to end well.
#[derive(Debug)]
pub(super) struct HeldBack {
    inner: Arc<dyn ObjectStore>,
    failure: Failure,
}

impl HeldBack {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, failure: Failure) -> Self {
        Self { inner, failure }
    }
}

impl fmt::Display for HeldBack {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HeldBack({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for HeldBack {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        Ok(self.failure.hold_back(self.inner.put_opts(location, payload, opts).await))
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let inner = self.inner.put_multipart_opts(location, opts).await?;
        Ok(Box::new(HeldBackUpload { inner, failure: self.failure.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.inner.copy_opts(from, to, options).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.inner.rename_opts(from, to, options).await
    }
}

#[derive(Debug)]
struct HeldBackUpload {
    inner: Box<dyn MultipartUpload>,
    failure: Failure,
}

#[async_trait]
impl MultipartUpload for HeldBackUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        // Parts end only when the upload is completed, where a failure would have the same effect.
        let part = self.inner.put_part(data);
        let failure = self.failure.clone();
        Box::pin(async move {
            let nothing = PutResult { e_tag: None, version: None };
            failure.hold_back(part.await.map(|()| nothing));
            Ok(())
        })
    }

    async fn complete(&mut self) -> Result<PutResult> {
        Ok(self.failure.hold_back(self.inner.complete().await))
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}

#[cfg(test)]
mod tests {
    use object_store::ObjectStoreExt;

    use super::*;
    use crate::store::{SyncedDisk, SystemDisk};

    #[tokio::test]
    async fn a_failed_upload_is_reported_when_asked_for_and_once() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("file"), "in the way").unwrap();
        let failure = Failure::default();
        let disk = HeldBack::new(Arc::new(SyncedDisk::new(Arc::new(SystemDisk))), failure.clone());
        let key = |name: &str| Path::from_absolute_path(folder.path().join(name)).unwrap();
        disk.put(&key("free"), "a".into()).await.unwrap();
        assert!(failure.check().is_ok());
        disk.put(&key("file/below"), "b".into()).await.unwrap();
        let error = failure.check().unwrap_err();
        assert!(error.to_string().contains("file"), "{error}");
        assert!(failure.check().is_ok());
    }
}
