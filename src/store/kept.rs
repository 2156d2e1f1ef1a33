//! Files that never change are read once: a layer over objects that are far away.
//!
//! A data file's name is made once and never again, and a version of a log is written once. What was read of them stays in
//! memory, up to a bound, for as long as the store is open: a log that is replayed twice, a file of which every question
//! reads the footer, its page index and the same few columns. The first look at a file reads its end, which for most
//! files is all of it. Of what is written here only commits stay in memory: their writer reads them next.
//!
//! A table that was deleted and made again has other commits under the same names: whoever finds that out says so
//! ([`Kept::forget`]).

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use chrono::DateTime;
use futures::stream::{BoxStream, StreamExt as _};
use object_store::path::Path;
use object_store::{
    Attributes, CopyOptions, GetOptions, GetRange, GetResult, GetResultPayload, ListResult, MultipartUpload,
    OBJECT_STORE_COALESCE_DEFAULT, ObjectMeta, ObjectStore, PutMode, PutMultipartOptions, PutOptions,
    PutPayload, PutResult, RenameOptions, Result, coalesce_ranges,
};

/// How much of a data file's end is read at first: DataFusion's own guess at what a footer takes at most. The first range
/// that is asked for ends where the file does.
const TAIL: u64 = 512 * 1024;

/// Larger pieces are handed on and not kept.
const LARGEST: u64 = 8 * 1024 * 1024;

/// How many bytes are kept of all files together.
const MOST: usize = 64 * 1024 * 1024;

/// An object store that remembers files which never change.
#[derive(Debug, Clone)]
pub(super) struct Kept {
    inner: Arc<dyn ObjectStore>,
    shelf: Arc<Mutex<Shelf>>,
}

#[derive(Debug, Default)]
struct Shelf {
    files: HashMap<Path, File>,
    /// Held by who takes the first look at a file, so that others wait for it.
    looks: HashMap<Path, Arc<tokio::sync::Mutex<()>>>,
    bytes: usize,
    clock: u64,
}

/// What is known of a file.
#[derive(Debug)]
struct File {
    meta: ObjectMeta,
    /// Pieces by where they begin.
    pieces: BTreeMap<u64, Bytes>,
    used: u64,
}

impl File {
    fn held(&self, range: &Range<u64>) -> Option<Bytes> {
        let (start, bytes) = self.pieces.range(..=range.start).next_back()?;
        let (from, to) = (range.start - start, range.end.checked_sub(*start)?);
        (from <= to && to <= bytes.len() as u64).then(|| bytes.slice(from as usize..to as usize))
    }

    fn size(&self) -> usize {
        self.pieces.values().map(Bytes::len).sum()
    }
}

impl Shelf {
    fn meta(&mut self, path: &Path) -> Option<ObjectMeta> {
        self.clock += 1;
        let file = self.files.get_mut(path)?;
        file.used = self.clock;
        Some(file.meta.clone())
    }

    fn held(&self, path: &Path, range: &Range<u64>) -> Option<Bytes> {
        self.files.get(path)?.held(range)
    }

    fn keep(&mut self, path: &Path, meta: &ObjectMeta, (start, bytes): (u64, Bytes)) {
        self.clock += 1;
        let used = self.clock;
        let file = self.files.entry(path.clone()).or_insert_with(|| File {
            meta: meta.clone(),
            pieces: BTreeMap::new(),
            used,
        });
        self.bytes += bytes.len();
        if let Some(before) = file.pieces.insert(start, bytes) {
            self.bytes -= before.len();
        }
        while self.bytes > MOST {
            let oldest = self.files.iter().min_by_key(|(_, file)| file.used).map(|(path, _)| path.clone());
            match oldest.and_then(|oldest| self.files.remove(&oldest)) {
                Some(file) => self.bytes -= file.size(),
                None => break,
            }
        }
    }
}

impl Kept {
    pub(super) fn new(inner: Arc<dyn ObjectStore>) -> Self {
        Self { inner, shelf: Arc::default() }
    }

    /// Forgets everything below a folder.
    pub(super) fn forget(&self, folder: &Path) {
        let mut shelf = self.shelf();
        shelf.files.retain(|path, _| !path.prefix_matches(folder));
        shelf.bytes = shelf.files.values().map(File::size).sum();
    }

    fn shelf(&self) -> MutexGuard<'_, Shelf> {
        self.shelf.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a file is, from the first look at it. Of a log everything is wanted, of a data file what it ends with: not by a
    /// suffix, which some services refuse where it is longer than the file.
    async fn looked_at(&self, path: &Path, end: u64) -> Result<ObjectMeta> {
        if let Some(meta) = self.shelf().meta(path) {
            return Ok(meta);
        }
        let look = Arc::clone(self.shelf().looks.entry(path.clone()).or_default());
        let _mine = look.lock().await;
        if let Some(meta) = self.shelf().meta(path) {
            return Ok(meta);
        }
        let tail = GetRange::Bounded(end.saturating_sub(TAIL)..end);
        let range = (!is_of_a_log(path)).then_some(tail);
        let looked = self.inner.get_opts(path, GetOptions { range, ..GetOptions::default() }).await;
        self.shelf().looks.remove(path);
        let got = looked?;
        let (meta, range) = (got.meta.clone(), got.range.clone());
        let piece = if range.end - range.start > LARGEST { Bytes::new() } else { got.bytes().await? };
        self.shelf().keep(path, &meta, (range.start, piece));
        Ok(meta)
    }

    async fn pieces(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let Some(end) = ranges.iter().map(|range| range.end).max().filter(|end| *end > 0) else {
            return self.inner.get_ranges(path, ranges).await;
        };
        let meta = self.looked_at(path, end).await?;
        let held: Vec<Option<Bytes>> = {
            let shelf = self.shelf();
            ranges.iter().map(|range| shelf.held(path, range)).collect()
        };
        let missing: Vec<Range<u64>> = ranges
            .iter()
            .zip(&held)
            .filter(|(_, held)| held.is_none())
            .map(|(range, _)| range.clone())
            .collect();
        let read =
            coalesce_ranges(&missing, |range| self.read(path, &meta, range), OBJECT_STORE_COALESCE_DEFAULT);
        let mut read = read.await?.into_iter();
        Ok(held.into_iter().filter_map(|held| held.or_else(|| read.next())).collect())
    }

    async fn read(&self, path: &Path, meta: &ObjectMeta, range: Range<u64>) -> Result<Bytes> {
        let (start, length) = (range.start, range.end.saturating_sub(range.start));
        let options = GetOptions { range: Some(GetRange::Bounded(range)), ..GetOptions::default() };
        let bytes = self.inner.get_opts(path, options).await?.bytes().await?;
        if length <= LARGEST {
            self.shelf().keep(path, meta, (start, bytes.clone()));
        }
        Ok(bytes)
    }

    /// A file from its beginning to its end; commits are read so.
    async fn whole(&self, path: &Path, options: GetOptions) -> Result<GetResult> {
        let held = {
            let mut shelf = self.shelf();
            let meta = shelf.meta(path);
            meta.and_then(|meta| Some((shelf.held(path, &(0..meta.size))?, meta)))
        };
        if let Some((bytes, meta)) = held {
            return Ok(result(meta, 0, bytes));
        }
        let got = self.inner.get_opts(path, options).await?;
        if got.meta.size > LARGEST || got.range != (0..got.meta.size) {
            return Ok(got);
        }
        let meta = got.meta.clone();
        let bytes = got.bytes().await?;
        self.shelf().keep(path, &meta, (0, bytes.clone()));
        Ok(result(meta, 0, bytes))
    }
}

fn result(meta: ObjectMeta, start: u64, bytes: Bytes) -> GetResult {
    let range = start..start + bytes.len() as u64;
    let payload = GetResultPayload::Stream(futures::stream::once(async { Ok(bytes) }).boxed());
    GetResult { payload, meta, range, attributes: Attributes::default() }
}

/// Which part of a file a range is; `None` for one that the service is to refuse.
fn bounds(range: &GetRange, size: u64) -> Option<Range<u64>> {
    let bounds = match range {
        GetRange::Bounded(range) => range.start..range.end.min(size),
        GetRange::Offset(start) => *start..size,
        GetRange::Suffix(length) => size.saturating_sub(*length)..size,
    };
    (bounds.start < bounds.end).then_some(bounds)
}

fn is_of_a_log(path: &Path) -> bool {
    path.parts().any(|part| part.as_ref() == "_delta_log")
}

/// Whether what is at a path stays as it is: data files, and what a version of a log is made of.
fn never_changes(path: &Path) -> bool {
    let name = path.filename().unwrap_or_default();
    if !is_of_a_log(path) {
        return name.ends_with(".parquet");
    }
    let is_version = name
        .split('.')
        .next()
        .is_some_and(|version| version.len() == 20 && version.bytes().all(|byte| byte.is_ascii_digit()));
    is_version && (name.ends_with(".json") || name.ends_with(".parquet"))
}

/// Whether nothing but bytes is asked for.
fn is_plain(options: &GetOptions) -> bool {
    !options.head
        && options.version.is_none()
        && options.if_match.is_none()
        && options.if_none_match.is_none()
        && options.if_modified_since.is_none()
        && options.if_unmodified_since.is_none()
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Kept {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        // Who writes a commit reads it next.
        let is_commit = opts.mode == PutMode::Create && is_of_a_log(location) && never_changes(location);
        let kept = (is_commit && payload.content_length() as u64 <= LARGEST).then(|| payload.clone());
        let put = self.inner.put_opts(location, payload, opts).await?;
        if let Some(payload) = kept {
            let meta = ObjectMeta {
                location: location.clone(),
                // Nobody asks this of a commit but in a listing and a HEAD, which go to the service.
                last_modified: DateTime::UNIX_EPOCH,
                size: payload.content_length() as u64,
                e_tag: put.e_tag.clone(),
                version: put.version.clone(),
            };
            self.shelf().keep(location, &meta, (0, payload.into()));
        }
        Ok(put)
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.inner.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        if !never_changes(location) || !is_plain(&options) {
            return self.inner.get_opts(location, options).await;
        }
        let Some(range) = &options.range else { return self.whole(location, options).await };
        let end = match range {
            GetRange::Bounded(range) if range.end > 0 => range.end,
            // Of a log everything is read, wherever it ends.
            _ if is_of_a_log(location) => 0,
            _ => return self.inner.get_opts(location, options).await,
        };
        let meta = self.looked_at(location, end).await?;
        let Some(range) = bounds(range, meta.size) else {
            return self.inner.get_opts(location, options).await;
        };
        let start = range.start;
        match self.pieces(location, &[range]).await?.pop() {
            Some(bytes) => Ok(result(meta, start, bytes)),
            None => self.inner.get_opts(location, options).await,
        }
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        if never_changes(location) {
            return self.pieces(location, ranges).await;
        }
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

#[cfg(test)]
mod tests;
