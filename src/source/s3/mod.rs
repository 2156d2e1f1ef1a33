//! S3 as a source of runs: a folder that a person names is listed once, with everything below it, and that answers what is
//! there and what is not. Small files are fetched whole and once; large ones in pieces, the next one while one is read.

mod known;
mod pieces;
#[cfg(test)]
mod tests;
mod words;

use std::collections::HashMap;
use std::io::{BufRead, Cursor};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::path::Path as Key;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore, ObjectStoreExt as _};

use self::known::{Known, Object, There, name_of};
use self::pieces::Pieces;
use self::words::{REPLACED, unconnected};
use super::kept::{Beginning, Kept};
use super::{Entry, Source, SourceError, Stamp};
use crate::objects::s3::Address;
use crate::objects::{AT_ONCE, Network};

pub use words::problem;

/// Files up to this size are fetched whole when a part of them is asked for: at 30 ms a request, 1 MiB costs as much as
/// the next request for it would.
const EAGER: u64 = 1 << 20;

/// Files up to this size are fetched whole when all of them is read; larger ones in pieces of it.
const WHOLE: u64 = 8 << 20;

/// How much is fetched ahead at most.
const AHEAD: u64 = 32 << 20;

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
        let failed = |error| unconnected(path, &error);
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
        self.network.wait(work).map_err(|error| unconnected(path, &error))?
    }

    /// What stands at a path; asked for where it is not known.
    fn there(&self, wanted: &Wanted) -> Result<There, SourceError> {
        let known = self.known().at(&wanted.name);
        if known != There::Unknown {
            return Ok(known);
        }
        // A name with an ending is most likely a file.
        let likely = wanted.key.extension().is_some();
        if likely && let Some(object) = self.head(wanted)? {
            return Ok(There::File(object));
        }
        let listed = self.known().is_listed(&wanted.name);
        if !listed {
            self.list_below(wanted)?;
        }
        let is_bucket = wanted.key.as_ref().is_empty();
        if !likely && !is_bucket && self.known().at(&wanted.name) == There::Unknown {
            self.head(wanted)?;
        }
        Ok(self.known().at(&wanted.name))
    }

    /// Whether an object is there: one request.
    fn head(&self, wanted: &Wanted) -> Result<Option<Object>, SourceError> {
        if wanted.key.as_ref().is_empty() {
            return Ok(None);
        }
        if let Some(known) = self.known().object(&wanted.name) {
            return Ok(known.cloned());
        }
        let (store, key, path) = (Arc::clone(&wanted.store), wanted.key.clone(), wanted.path.clone());
        let met =
            self.wait(
                &wanted.path,
                async move { store.head(&key).await.map_err(|error| problem(&path, &error)) },
            );
        match met {
            Ok(meta) => {
                let object = Object::from(&meta);
                self.known().add(wanted.name.clone(), object.clone());
                Ok(Some(object))
            }
            Err(error) if error.missing => {
                self.known().add_absent(&wanted.name);
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }

    /// Lists everything below a folder.
    fn list_below(&self, wanted: &Wanted) -> Result<(), SourceError> {
        let (store, key, path) = (Arc::clone(&wanted.store), wanted.key.clone(), wanted.path.clone());
        let turns = self.network.turns();
        let metas = self.wait(&wanted.path, async move {
            let _turn = turns.acquire().await;
            let prefix = Some(&key).filter(|key| !key.as_ref().is_empty());
            let listing: Vec<_> =
                store.list(prefix).try_collect().await.map_err(|error| problem(&path, &error))?;
            Ok(listing)
        })?;
        let bucket = bucket_of(&wanted.name);
        let objects = metas.iter().map(|meta| (format!("{bucket}/{}", meta.location), Object::from(meta)));
        self.known().add_listing(&wanted.name, objects);
        Ok(())
    }

    /// Lists a folder without what is below the folders in it.
    fn list_here(&self, wanted: &Wanted) -> Result<(), SourceError> {
        let (store, key, path) = (Arc::clone(&wanted.store), wanted.key.clone(), wanted.path.clone());
        let listing = self.wait(&wanted.path, async move {
            let prefix = Some(&key).filter(|key| !key.as_ref().is_empty());
            store.list_with_delimiter(prefix).await.map_err(|error| problem(&path, &error))
        })?;
        let bucket = bucket_of(&wanted.name);
        let mut known = self.known();
        for folder in &listing.common_prefixes {
            known.add_folder(&format!("{bucket}/{folder}"));
        }
        for meta in &listing.objects {
            known.add(format!("{bucket}/{}", meta.location), Object::from(meta));
        }
        Ok(())
    }

    /// A part of an object, or all of it, from S3.
    fn fetched(&self, wanted: &Wanted, part: Option<Range<u64>>) -> Result<Bytes, SourceError> {
        let turns = self.network.turns();
        let (asked, whole) = (wanted.clone(), part.is_none());
        let (bytes, object) = self.wait(&wanted.path, async move {
            let _turn = turns.acquire().await;
            fetch(&asked, part).await
        })?;
        self.keep(wanted, &bytes, object, whole);
        Ok(bytes)
    }

    fn keep(&self, wanted: &Wanted, bytes: &Bytes, object: Object, whole: bool) {
        if whole && object.size <= WHOLE {
            self.kept().insert(&wanted.path, Beginning { bytes: bytes.clone(), whole });
        }
        self.learn(wanted, object);
    }

    /// What a listing said stays as it was said: stamps are made of it.
    fn learn(&self, wanted: &Wanted, object: Object) {
        if wanted.object.is_none() {
            self.known().add(wanted.name.clone(), object);
        }
    }

    /// Why the file could not be fetched ahead; told once.
    fn failure(&self, path: &Path) -> Result<(), SourceError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        failed.map_or(Ok(()), Err)
    }

    /// The whole file, when it is small.
    fn small(&self, wanted: &Wanted, most: u64) -> Result<Option<Bytes>, SourceError> {
        match &wanted.object {
            Some(object) if object.size <= most => self.fetched(wanted, None).map(Some),
            _ => Ok(None),
        }
    }

    /// What is known of a file that is to be read, with its size.
    fn to_read(&self, path: &Path) -> Result<Wanted, SourceError> {
        self.failure(path)?;
        let mut wanted = self.wanted(path)?;
        if wanted.object.is_some() {
            return Ok(wanted);
        }
        if self.known().object(&wanted.name).is_some() {
            return Err(match self.known().at(&wanted.name) {
                There::Folder => SourceError::unreadable(path, "this is a folder, not a file"),
                _ => SourceError::missing(path),
            });
        }
        wanted.object = self.head(&wanted)?;
        if wanted.object.is_none() { Err(SourceError::missing(path)) } else { Ok(wanted) }
    }

    /// What of a file is to be fetched ahead: `None` where that is nothing.
    fn ahead(&self, path: &Path, bytes: u64) -> Option<(Wanted, Option<Range<u64>>)> {
        let wanted = self.wanted(path).ok()?;
        let size = match self.known().object(&wanted.name) {
            Some(object) => object?.size,
            None => return (bytes > EAGER).then_some((wanted, None)),
        };
        if self.kept().get(path).is_some_and(|kept| kept.part(0, bytes.min(size)).is_some()) {
            return None;
        }
        match size {
            ..=EAGER => Some((wanted, None)),
            ..=WHOLE if bytes >= size => Some((wanted, None)),
            _ if bytes <= EAGER => Some((wanted, Some(0..bytes))),
            _ => None,
        }
    }
}

/// Reads a part of an object or all of it, and sees that it is the one that was listed.
async fn fetch(wanted: &Wanted, part: Option<Range<u64>>) -> Got {
    let failed = |error: object_store::Error| problem(&wanted.path, &error);
    let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
    let got: GetResult = wanted.store.get_opts(&wanted.key, options).await.map_err(failed)?;
    let found = Object::from(&got.meta);
    if let Some(listed) = &wanted.object {
        let is_other = match (&listed.e_tag, &found.e_tag) {
            (Some(listed), Some(found)) => listed != found,
            _ => listed.size != found.size,
        };
        if is_other {
            return Err(SourceError::unreadable(&wanted.path, REPLACED));
        }
    }
    // The time of a listing is finer than that of an answer, and a stamp is to stay the same.
    let written = wanted.object.as_ref().map_or(found.written, |listed| listed.written);
    let bytes = got.bytes().await.map_err(failed)?;
    Ok((bytes, Object { written, ..found }))
}

fn bucket_of(name: &str) -> &str {
    name.split_once('/').map_or(name, |(bucket, _)| bucket)
}

impl Source for S3Source {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        let wanted = self.wanted(folder)?;
        let listed = self.known().is_listed(&wanted.name);
        if !listed {
            self.list_here(&wanted)?;
        }
        let children = self.known().children(&wanted.name, folder);
        if children.is_empty() && !wanted.key.as_ref().is_empty() {
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
                let got = self.fetched(&wanted, None);
                if got.as_ref().is_err_and(|error| error.missing) {
                    self.known().add_absent(&wanted.name);
                }
                return got;
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
        let mut room = AHEAD;
        let mut wanted = Vec::new();
        for (wanted_file, part) in paths.iter().filter_map(|path| self.ahead(path, bytes)) {
            let size = part.as_ref().map_or_else(
                || wanted_file.object.as_ref().map_or(EAGER / 16, |object| object.size),
                |part| part.end,
            );
            if size > room {
                break;
            }
            room -= size;
            wanted.push((wanted_file, part));
        }
        if wanted.len() < 2 {
            return;
        }
        let turns = self.network.turns();
        let fetching = self.network.wait(async move {
            let fetching = wanted.into_iter().map(|(wanted, part)| {
                let turns = Arc::clone(&turns);
                async move {
                    let _turn = turns.acquire().await;
                    let whole = part.is_none();
                    let got = fetch(&wanted, part).await;
                    (wanted, got, whole)
                }
            });
            futures::stream::iter(fetching).buffer_unordered(AT_ONCE).collect::<Vec<_>>().await
        });
        for (wanted, got, whole) in fetching.unwrap_or_default() {
            self.note(wanted, got, whole);
        }
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

impl S3Source {
    /// Keeps what was fetched ahead, and why it could not be.
    fn note(&self, wanted: Wanted, got: Got, whole: bool) {
        match got {
            Ok((bytes, object)) if whole => self.keep(&wanted, &bytes, object, true),
            Ok((bytes, object)) => {
                self.kept().insert(&wanted.path, Beginning { bytes, whole: false });
                self.learn(&wanted, object);
            }
            Err(error) if error.missing => self.known().add_absent(&wanted.name),
            Err(error) => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted.path, error);
            }
        }
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
