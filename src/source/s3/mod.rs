//! S3 as a source of runs: a folder that a person names is listed once, with everything below it, and that answers what is
//! there and what is not. Small files are fetched whole and once; large ones in pieces, the next one while one is read.

mod asking;
mod fetching;
mod known;
mod pieces;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::io::{BufRead, Cursor};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use object_store::ObjectStore;
use object_store::path::Path as Key;

use self::fetching::fetch;
use self::known::{Known, Object, There, name_of};
use self::pieces::Pieces;
use super::kept::{Beginning, Kept};
use super::{Entry, Source, SourceError, Stamp};
use crate::objects::Network;
use crate::objects::s3::Address;

/// Files up to this size are fetched whole when a part of them is asked for: at 30 ms a request, 1 MiB costs as much as
/// the next request for it would.
const EAGER: u64 = 1 << 20;

/// Files up to this size are fetched whole when all of them is read; larger ones in pieces of it.
const WHOLE: u64 = 8 << 20;

/// Files in S3.
pub struct S3Source {
    network: Arc<Network>,
    known: Mutex<Known>,
    kept: Mutex<Kept>,
    /// Why files that were to be fetched ahead could not be.
    failed: Mutex<HashMap<PathBuf, SourceError>>,
}

/// An object that is to be read.
#[derive(Clone)]
struct Wanted {
    path: PathBuf,
    name: String,
    store: Arc<dyn ObjectStore>,
    key: Key,
    /// What a listing said of it.
    object: Option<Object>,
}

/// What was read of an object, with what it is known by.
type Got = Result<(Bytes, Object), SourceError>;

impl S3Source {
    /// Files that are reached through these connections.
    pub fn new(network: Arc<Network>) -> Self {
        Self { network, known: Mutex::default(), kept: Mutex::default(), failed: Mutex::default() }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// An address with what reaches its bucket.
    fn wanted(&self, path: &Path) -> Result<Wanted, SourceError> {
        let failed = |error| SourceError::of_connection(path, &error);
        let address = Address::of(path).map_err(failed)?;
        let address = address.ok_or_else(|| SourceError::missing(path))?;
        let store = self.network.bucket(address.bucket()).map_err(failed)?;
        let name = name_of(&address);
        let object = self.known().object(&name).flatten().cloned();
        Ok(Wanted { path: path.to_owned(), name, store, key: address.key().clone(), object })
    }

    fn wait<T: Send + 'static>(
        &self,
        path: &Path,
        work: impl Future<Output = Result<T, SourceError>> + Send + 'static,
    ) -> Result<T, SourceError> {
        self.network.wait(work).map_err(|error| SourceError::of_connection(path, &error))?
    }
}

impl Source for S3Source {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        let wanted = self.wanted(folder)?;
        let listed = self.known().is_listed(&wanted.name);
        if !listed {
            self.list_here(&wanted)?;
        }
        let children = self.known().children(&wanted.name, folder);
        let is_empty = children.is_empty() && self.known().unnameable(&wanted.name).is_empty();
        if is_empty && !wanted.key.as_ref().is_empty() {
            return Err(SourceError::missing(folder));
        }
        Ok(children)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        let wanted = self.wanted(path)?;
        let entry = |folder, size| Some(Entry { path: path.to_owned(), folder, size });
        Ok(match self.there(&wanted)? {
            There::File(object) => entry(false, object.size),
            There::Folder => entry(true, 0),
            There::Nothing | There::Unknown => None,
        })
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        let wanted = self.wanted(path)?;
        Ok(match self.there(&wanted)? {
            There::File(object) => Some(stamp_of(&object)),
            There::Folder => Some(self.known().stamp(&wanted.name)),
            There::Nothing | There::Unknown => None,
        })
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        let kept = self.kept().get(path).filter(|kept| kept.whole).cloned();
        if let Some(kept) = kept {
            return Ok(Box::new(Cursor::new(kept.bytes)));
        }
        let wanted = self.to_read(path)?;
        match self.small(&wanted, WHOLE)? {
            Some(bytes) => Ok(Box::new(Cursor::new(bytes))),
            None => Ok(Box::new(Pieces::of(wanted, Arc::clone(&self.network)))),
        }
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        let kept = self.kept().get(path).and_then(|kept| kept.part(range.start, range.end));
        if let Some(part) = kept {
            return Ok(part);
        }
        // All of a file of which nothing is known is asked for as it is: whether it is there comes with the answer.
        if range == (0..u64::MAX) {
            self.failure(path)?;
            let wanted = self.wanted(path)?;
            let unknown = self.known().object(&wanted.name).is_none();
            if unknown {
                return self
                    .fetched(&wanted, None)
                    .or_else(|error| Err(self.seen_as_absent(&wanted, error)?));
            }
        }
        let wanted = self.to_read(path)?;
        let size = wanted.object.as_ref().map_or(0, |object| object.size);
        let range = range.start.min(size)..range.end.min(size);
        let most = if range == (0..size) { WHOLE } else { EAGER };
        if let Some(bytes) = self.small(&wanted, most)? {
            let whole = Beginning { bytes, whole: true };
            return Ok(whole.part(range.start, range.end).unwrap_or_default());
        }
        if range.is_empty() { Ok(Bytes::new()) } else { self.fetched(&wanted, Some(range)) }
    }

    fn read_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SourceError> {
        let wanted = self.to_read(path)?;
        let size = wanted.object.as_ref().map_or(0, |object| object.size);
        let fits = ranges.iter().all(|range| range.start < range.end && range.end <= size);
        if ranges.len() < 2 || size <= EAGER || !fits {
            return ranges.iter().map(|range| self.read_range(path, range.clone())).collect();
        }
        let (turns, ranges) = (self.network.turns(), ranges.to_vec());
        // Neighbours are fetched in one request.
        self.wait(path, async move {
            let read = |range: Range<u64>| async {
                let _turn = turns.acquire().await;
                fetch(&wanted, Some(range)).await.map(|(bytes, _)| bytes)
            };
            object_store::coalesce_ranges(&ranges, read, object_store::OBJECT_STORE_COALESCE_DEFAULT).await
        })
    }

    fn soon(&self, paths: &[PathBuf], bytes: u64) {
        self.fetch_ahead(paths, bytes);
    }

    fn left_out(&self, folder: &Path) -> Vec<SourceError> {
        self.unnameable_below(folder)
    }

    fn refresh(&self) {
        *self.known() = Known::default();
        self.kept().clear();
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// As the address prints: without a `/` at its end.
    fn full_name(&self, path: &Path) -> PathBuf {
        Address::of(path).ok().flatten().map_or_else(|| path.to_owned(), |address| address.to_path())
    }

    fn holds_file(&self, path: &Path) -> Result<bool, SourceError> {
        Ok(self.head(&self.wanted(path)?)?.is_some())
    }
}

/// The number of a file is made of what tells its bytes.
fn stamp_of(object: &Object) -> Stamp {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    object.e_tag.hash(&mut hasher);
    let file = if object.e_tag.is_some() { hasher.finish() } else { 0 };
    Stamp { size: object.size, times: [object.written, 0], file }
}
