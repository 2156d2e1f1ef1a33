//! Uploads in parts: those that nobody ends are aborted, so that no parts stay that a bucket's owner pays for.
//!
//! An upload that is dropped (its writer failed) is aborted in the background. [`abort_unfinished`] waits for those and
//! aborts the others; the program calls it before it ends, also by Ctrl-C.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use futures::FutureExt as _;
use futures::future::join_all;
use object_store::path::Path;
use object_store::{
    Error, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutPayload, PutResult,
    Result, UploadPart,
};
use tokio::sync::{Mutex as Turn, watch};

use super::refusal::Refusal;

/// Uploads that were begun and not ended, by number.
static OPEN: Mutex<BTreeMap<u64, Arc<Upload>>> = Mutex::new(BTreeMap::new());

/// Number of the next upload.
static NEXT: AtomicU64 = AtomicU64::new(0);

fn open() -> MutexGuard<'static, BTreeMap<u64, Arc<Upload>>> {
    OPEN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Whether an upload was begun that nobody has ended.
pub fn is_uploading() -> bool {
    !open().is_empty()
}

/// Aborts every upload that nobody has ended. What waits for one of them waits for ever: the program ends.
pub async fn abort_unfinished() {
    let uploads: Vec<Arc<Upload>> = open().values().cloned().collect();
    // What could not be aborted cannot be told any more; the bucket's own rules take it.
    join_all(uploads.iter().map(|upload| upload.abort())).await;
}

/// Begins an upload.
pub(super) async fn begin(
    store: &Arc<dyn ObjectStore>,
    location: &Path,
    opts: PutMultipartOptions,
) -> Result<Box<dyn MultipartUpload>> {
    let inner = store.put_multipart_opts(location, opts).await?;
    let (stop, _) = watch::channel(false);
    let upload = Arc::new(Upload {
        number: NEXT.fetch_add(1, Ordering::Relaxed),
        store: Arc::clone(store),
        location: location.clone(),
        bytes: AtomicU64::new(0),
        stop,
        inner: Turn::new(Some(inner)),
    });
    open().insert(upload.number, Arc::clone(&upload));
    Ok(Box::new(Held(upload)))
}

struct Upload {
    number: u64,
    store: Arc<dyn ObjectStore>,
    location: Path,
    /// The size of all parts.
    bytes: AtomicU64,
    /// Parts on their way stop when this is true.
    stop: watch::Sender<bool>,
    /// `None` once it has ended.
    inner: Turn<Option<Box<dyn MultipartUpload>>>,
}

impl Upload {
    async fn abort(&self) -> Result<()> {
        self.stop.send_replace(true);
        let aborted = match self.inner.lock().await.take() {
            Some(mut inner) => inner.abort().await,
            None => Ok(()),
        };
        open().remove(&self.number);
        aborted
    }

    /// Ends the upload; one whose answer was lost is there, or it is aborted.
    async fn complete(&self) -> Result<PutResult> {
        let Some(mut inner) = self.inner.lock().await.take() else { return std::future::pending().await };
        let ended = match inner.complete().await {
            Err(error) => match self.found(&error).await {
                Some(put) => Ok(put),
                None => {
                    let _ = inner.abort().await;
                    Err(error)
                }
            },
            ended => ended,
        };
        open().remove(&self.number);
        ended
    }

    /// What stands in the place of an upload that is said not to exist: it was ended by a try without an answer.
    async fn found(&self, error: &Error) -> Option<PutResult> {
        let is_gone = matches!(error, Error::NotFound { .. })
            || Refusal::of(error).is_some_and(|refusal| refusal.code() == "NoSuchUpload");
        let meta = self.store.head(&self.location).await.ok().filter(|_| is_gone)?;
        let is_ours = meta.size == self.bytes.load(Ordering::Relaxed);
        is_ours.then_some(PutResult { e_tag: meta.e_tag, version: meta.version })
    }
}

/// An upload in somebody's hand.
struct Held(Arc<Upload>);

impl std::fmt::Debug for Held {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Upload({})", self.0.location)
    }
}

#[async_trait]
impl MultipartUpload for Held {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.0.bytes.fetch_add(data.content_length() as u64, Ordering::Relaxed);
        // Nobody but an abort holds it while parts are given.
        let part = match self.0.inner.try_lock() {
            Ok(mut inner) => inner.as_mut().map(|inner| inner.put_part(data)),
            Err(_) => None,
        };
        let mut stop = self.0.stop.subscribe();
        let stopped = async move {
            let _ = stop.wait_for(|stop| *stop).await.map(|_| ());
        };
        async move {
            let Some(part) = part else { return std::future::pending().await };
            tokio::select! {
                sent = part => sent,
                () = stopped => std::future::pending().await,
            }
        }
        .boxed()
    }

    async fn complete(&mut self) -> Result<PutResult> {
        self.0.complete().await
    }

    async fn abort(&mut self) -> Result<()> {
        self.0.abort().await
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if !open().contains_key(&self.0.number) {
            return;
        }
        let upload = Arc::clone(&self.0);
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move { upload.abort().await });
        }
    }
}
