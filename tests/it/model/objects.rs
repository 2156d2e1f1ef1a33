//! An object store that lets others go first at random moments, and may die in the middle of its work.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::{self, BoxStream};
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// How often others go first before an operation, at most.
const MOST_TURNS: u32 = 12;

/// How the process behind this store ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Death {
    /// It works to its end.
    Never,
    /// This many writes are done; the answer of the last is lost and nothing works after it.
    AfterWrites(u32),
}

/// What one process sees of the objects.
#[derive(Debug)]
pub struct Shaken {
    inner: Arc<dyn ObjectStore>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    random: StdRng,
    /// Writes until it dies; none means never.
    left: Option<u32>,
}

/// The process is dead.
#[derive(Debug, thiserror::Error)]
#[error("the process has died")]
struct Died;

fn died() -> Error {
    Error::Generic { store: "Shaken", source: Box::new(Died) }
}

impl Shaken {
    pub fn new(inner: Arc<dyn ObjectStore>, seed: u64, death: Death) -> Self {
        let left = match death {
            Death::Never => None,
            Death::AfterWrites(writes) => Some(writes),
        };
        Self { inner, state: Mutex::new(State { random: StdRng::seed_from_u64(seed), left }) }
    }

    /// Lets others go first.
    async fn turn(&self) -> Result<()> {
        let turns = {
            let mut state = self.state.lock().expect("nobody panics here");
            if state.left == Some(0) {
                return Err(died());
            }
            state.random.random_range(0..=MOST_TURNS)
        };
        for _ in 0..turns {
            tokio::task::yield_now().await;
        }
        Ok(())
    }

    /// Does a write; its answer is lost when it is the last one before death.
    async fn write<T>(&self, work: impl Future<Output = Result<T>>) -> Result<T> {
        self.turn().await?;
        let is_last = {
            let mut state = self.state.lock().expect("nobody panics here");
            match &mut state.left {
                Some(0) => return Err(died()),
                Some(left) => {
                    *left -= 1;
                    *left == 0
                }
                None => false,
            }
        };
        let done = work.await;
        if is_last { done.and(Err(died())) } else { done }
    }
}

impl fmt::Display for Shaken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Shaken({})", self.inner)
    }
}

#[async_trait]
impl ObjectStore for Shaken {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.write(self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.write(self.inner.put_multipart_opts(location, opts)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.turn().await?;
        self.inner.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.turn().await?;
        self.inner.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        if self.state.lock().expect("nobody panics here").left == Some(0) {
            return stream::once(async { Err(died()) }).boxed();
        }
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        if self.state.lock().expect("nobody panics here").left == Some(0) {
            return stream::once(async { Err(died()) }).boxed();
        }
        self.inner.list(prefix)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.turn().await?;
        self.inner.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.write(self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.write(self.inner.rename_opts(from, to, options)).await
    }
}
