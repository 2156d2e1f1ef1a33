//! An object store that notes every operation and can fail at one of them.

use std::fmt;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::future::BoxFuture;
use futures::stream::{self, BoxStream};
use futures::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// When to fail; operations count from 1. A read that is done and fails is a read that is not done, so a lost
/// answer and a crash count only writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    Never,
    /// This operation is not done.
    Before(usize),
    /// This write is done and its answer is lost.
    After(usize),
    /// This write is done, and nothing works any more.
    Crash(usize),
}

/// Something that happens once, before a path is read for the first time.
type Interlude = Arc<Mutex<Option<(&'static str, BoxFuture<'static, ()>)>>>;

#[derive(Clone)]
pub(crate) struct Watched {
    inner: Arc<dyn ObjectStore>,
    fault: Fault,
    seen: Arc<AtomicUsize>,
    written: Arc<AtomicUsize>,
    operations: Arc<Mutex<Vec<String>>>,
    interlude: Interlude,
}

impl fmt::Debug for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[derive(Debug, thiserror::Error)]
#[error("made to fail")]
struct MadeToFail;

fn failure() -> Error {
    Error::Generic { store: "Watched", source: Box::new(MadeToFail) }
}

impl Watched {
    pub(crate) fn new(inner: Arc<dyn ObjectStore>, fault: Fault) -> Self {
        Self {
            inner,
            fault,
            seen: Arc::default(),
            written: Arc::default(),
            operations: Arc::default(),
            interlude: Arc::default(),
        }
    }

    /// Lets something happen just before a path is read for the first time.
    pub(crate) fn before_reading(&self, path: &'static str, happens: BoxFuture<'static, ()>) {
        *self.interlude.lock().unwrap() = Some((path, happens));
    }

    async fn happen(&self, location: &Path) {
        let due = self.interlude.lock().unwrap().take_if(|(path, _)| location.as_ref() == *path);
        if let Some((_, happens)) = due {
            happens.await;
        }
    }

    /// Whether the thing that should happen has happened.
    pub(crate) fn has_happened(&self) -> bool {
        self.interlude.lock().unwrap().is_none()
    }

    /// Whether the fault was reached.
    pub(crate) fn has_failed(&self) -> bool {
        match self.fault {
            Fault::Never => false,
            Fault::Before(n) => self.seen.load(Ordering::SeqCst) >= n,
            Fault::After(n) | Fault::Crash(n) => self.written.load(Ordering::SeqCst) >= n,
        }
    }

    pub(crate) fn operations(&self) -> Vec<String> {
        self.operations.lock().unwrap().clone()
    }

    /// Notes an operation; fails when it must not be done, says whether its answer is lost.
    fn note(&self, operation: &str, path: &str) -> Result<bool> {
        self.operations.lock().unwrap().push(format!("{operation} {path}"));
        let now = self.seen.fetch_add(1, Ordering::SeqCst) + 1;
        let writes = operation.starts_with("put");
        let written = self.written.fetch_add(usize::from(writes), Ordering::SeqCst) + usize::from(writes);
        match self.fault {
            Fault::Before(n) if now == n => Err(failure()),
            Fault::Crash(n) if written > n || (written == n && !writes) => Err(failure()),
            Fault::After(n) | Fault::Crash(n) => Ok(writes && written == n),
            _ => Ok(false),
        }
    }
}

fn answer<T>(lost: bool, result: Result<T>) -> Result<T> {
    if lost { result.and(Err(failure())) } else { result }
}

impl fmt::Display for Watched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Watched({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Watched {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let lost = self.note("put", location.as_ref())?;
        answer(lost, self.inner.put_opts(location, payload, opts).await)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let lost = self.note("put_multipart", location.as_ref())?;
        answer(lost, self.inner.put_multipart_opts(location, opts).await)
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let lost = self.note("get", location.as_ref())?;
        self.happen(location).await;
        answer(lost, self.inner.get_opts(location, options).await)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let lost = self.note("get_ranges", location.as_ref())?;
        self.happen(location).await;
        answer(lost, self.inner.get_ranges(location, ranges).await)
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        match self.note("delete", "") {
            Ok(_) => self.inner.delete_stream(locations),
            Err(error) => stream::once(async { Err(error) }).boxed(),
        }
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.note("list", prefix.map_or("", |path| path.as_ref())) {
            Ok(false) => self.inner.list(prefix),
            _ => stream::once(async { Err(failure()) }).boxed(),
        }
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        match self.note("list_from", offset.as_ref()) {
            Ok(false) => self.inner.list_with_offset(prefix, offset).into_stream().boxed(),
            _ => stream::once(async { Err(failure()) }).boxed(),
        }
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        let lost = self.note("list_folder", prefix.map_or("", |path| path.as_ref()))?;
        answer(lost, self.inner.list_with_delimiter(prefix).await)
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let lost = self.note("copy", to.as_ref())?;
        answer(lost, self.inner.copy_opts(from, to, options).await)
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let lost = self.note("rename", to.as_ref())?;
        answer(lost, self.inner.rename_opts(from, to, options).await)
    }
}
