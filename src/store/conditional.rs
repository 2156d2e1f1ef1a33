//! Whether a service honours conditional puts, found out by trying; and what stands in for them where one writer is
//! alone.
//!
//! Two writers of one version of a table meet in `If-None-Match: *`. A service that does not know the header takes both
//! puts, and the commit of the first one is gone. So whoever is about to write puts one key of its own that is there
//! already, or puts it twice: a service that honours conditions refuses. The key stays, so that later writers need one
//! request, and it tells of the service that answers now, also when the bucket was copied to another one.

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

/// The key that is put to find out, below the store.
pub(super) const TRIED: &str = "_runq/conditional-put";

/// What is put there. They differ, so that no layer takes the second for a lost answer to the first.
const TEXTS: [&str; 2] = [
    "runq tries with this object whether the service honours If-None-Match (first)\n",
    "runq tries with this object whether the service honours If-None-Match (second)\n",
];

/// An object store whose conditional puts can be carried out as plain ones.
#[derive(Debug, Clone)]
pub(super) struct Conditional {
    inner: Arc<dyn ObjectStore>,
    plain: Arc<AtomicBool>,
}

impl Conditional {
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, plain: Arc::default() }
    }

    /// Whether the service refuses to put what is there, tried with a key.
    ///
    /// # Errors
    /// When the service cannot be asked, or refuses the key for another reason.
    pub(super) async fn is_honoured(&self, key: &Path) -> Result<bool> {
        for text in TEXTS {
            match self.inner.put_opts(key, text.into(), PutMode::Create.into()).await {
                Ok(_) => {}
                Err(Error::AlreadyExists { .. } | Error::Precondition { .. }) => return Ok(true),
                Err(error) if is_unknown_to_the_service(&error) => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(false)
    }

    /// From now on a conditional put looks whether the key is there, and then puts it.
    pub(super) fn go_plain(&self) {
        self.plain.store(true, Ordering::Relaxed);
    }

    async fn put_plain(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        match self.inner.head(location).await {
            Ok(_) => {
                let path = location.to_string();
                return Err(Error::AlreadyExists { path, source: "it was there before it was put".into() });
            }
            Err(Error::NotFound { .. }) => {}
            Err(error) => return Err(error),
        }
        self.inner.put_opts(location, payload, PutOptions { mode: PutMode::Overwrite, ..opts }).await
    }
}

/// A service may refuse the header itself instead of passing over it.
fn is_unknown_to_the_service(error: &Error) -> bool {
    let mut link: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = link {
        let text = error.to_string();
        if text.contains("501 Not Implemented") || text.contains("<Code>NotImplemented</Code>") {
            return true;
        }
        link = error.source();
    }
    matches!(error, Error::NotImplemented { .. } | Error::NotSupported { .. })
}

impl fmt::Display for Conditional {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Conditional {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        if opts.mode == PutMode::Create && self.plain.load(Ordering::Relaxed) {
            return self.put_plain(location, payload, opts).await;
        }
        self.inner.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
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
