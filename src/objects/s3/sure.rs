//! Puts that may only create: when an answer was lost, the object itself tells whether it is ours.
//!
//! The layer below tries a put again whose answer was lost, and then meets its own object. So whoever is told that an
//! object exists already, after a try without an answer, reads it and compares it with what was sent.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    ObjectStoreExt as _, PutMode, PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions,
    Result,
};

use super::unnameable::Unnameable;
use super::uploads;

/// Whether a put may have been done although nobody said so. Goes with the request down to the connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Doubt(Arc<AtomicBool>);

impl Doubt {
    /// Notes that a try of the request had no answer, or one that does not tell.
    pub(super) fn arises(doubt: Option<&Self>) {
        if let Some(doubt) = doubt {
            doubt.0.store(true, Ordering::Relaxed);
        }
    }
}

/// A bucket whose puts are told truly, and whose uploads are aborted when nobody ends them.
#[derive(Debug, Clone)]
pub(super) struct Sure {
    inner: Arc<dyn ObjectStore>,
    unnameable: Unnameable,
}

impl Sure {
    pub(super) fn new(inner: Arc<dyn ObjectStore>, unnameable: Unnameable) -> Self {
        Self { inner, unnameable }
    }

    /// What became of a put in doubt that ended with an error.
    async fn looked_at(&self, location: &Path, payload: &PutPayload, error: Error) -> Result<PutResult> {
        let Ok(there) = self.inner.get(location).await else { return Err(error) };
        let put = PutResult { e_tag: there.meta.e_tag.clone(), version: there.meta.version.clone() };
        let has_same_size = there.meta.size == payload.content_length() as u64;
        if has_same_size && there.bytes().await? == Bytes::from(payload.clone()) {
            return Ok(put);
        }
        Err(Error::AlreadyExists { path: location.to_string(), source: Box::new(error) })
    }
}

impl fmt::Display for Sure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Sure {
    async fn put_opts(
        &self,
        location: &Path,
        payload: PutPayload,
        mut opts: PutOptions,
    ) -> Result<PutResult> {
        if opts.mode != PutMode::Create {
            return self.inner.put_opts(location, payload, opts).await;
        }
        let doubt = Doubt::default();
        opts.extensions.insert(doubt.clone());
        match self.inner.put_opts(location, payload.clone(), opts).await {
            Err(error) if doubt.0.load(Ordering::Relaxed) => self.looked_at(location, &payload, error).await,
            answer => answer,
        }
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        uploads::begin(&self.inner, location, opts).await
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
        self.unnameable.told_behind(self.inner.list(prefix), prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.inner.list_with_offset(prefix, offset)
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
