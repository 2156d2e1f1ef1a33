//! Bytes from S3: a file whole, parts of it, and what is read next.

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use futures::StreamExt as _;
use object_store::{GetOptions, GetRange, GetResult, ObjectStore as _};

use super::known::{Object, There};
use super::{EAGER, Got, S3Source, WHOLE, Wanted};
use crate::objects::AT_ONCE;
use crate::source::SourceError;
use crate::source::kept::Beginning;

/// How much is fetched ahead at most.
const AHEAD: u64 = 32 << 20;

impl S3Source {
    /// A part of an object, or all of it, from S3.
    pub(super) fn fetched(&self, wanted: &Wanted, part: Option<Range<u64>>) -> Result<Bytes, SourceError> {
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
    pub(super) fn failure(&self, path: &Path) -> Result<(), SourceError> {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
        failed.map_or(Ok(()), Err)
    }

    /// The whole file, when it is small.
    pub(super) fn small(&self, wanted: &Wanted, most: u64) -> Result<Option<Bytes>, SourceError> {
        match &wanted.object {
            Some(object) if object.size <= most => self.fetched(wanted, None).map(Some),
            _ => Ok(None),
        }
    }

    /// What is known of a file that is to be read, with its size.
    pub(super) fn to_read(&self, path: &Path) -> Result<Wanted, SourceError> {
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

    /// Fetches what is read next, as far as it is small.
    pub(super) fn fetch_ahead(&self, paths: &[PathBuf], bytes: u64) {
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

    /// Keeps what was fetched ahead, and why it could not be.
    fn note(&self, wanted: Wanted, got: Got, whole: bool) {
        match got {
            Ok((bytes, object)) if whole => self.keep(&wanted, &bytes, object, true),
            Ok((bytes, object)) => {
                self.kept().insert(&wanted.path, Beginning { bytes, whole: false });
                self.learn(&wanted, object);
            }
            Err(error) if error.missing => self.known().add_absent(&wanted.name),
            // Whoever reads it finds out what that means.
            Err(error) if error.denied => {}
            Err(error) => {
                self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(wanted.path, error);
            }
        }
    }
}

/// Reads a part of an object or all of it, and sees that it is the one that was listed.
pub(super) async fn fetch(wanted: &Wanted, part: Option<Range<u64>>) -> Got {
    let failed = |error: object_store::Error| SourceError::of_object(&wanted.path, &error);
    let options = GetOptions { range: part.map(GetRange::Bounded), ..GetOptions::default() };
    let got: GetResult = wanted.store.get_opts(&wanted.key, options).await.map_err(failed)?;
    let found = Object::from(&got.meta);
    if let Some(listed) = &wanted.object {
        let is_other = match (&listed.e_tag, &found.e_tag) {
            (Some(listed), Some(found)) => listed != found,
            _ => listed.size != found.size,
        };
        if is_other {
            return Err(SourceError::replaced(&wanted.path));
        }
    }
    // The time of a listing is finer than that of an answer, and a stamp is to stay the same.
    let written = wanted.object.as_ref().map_or(found.written, |listed| listed.written);
    let bytes = got.bytes().await.map_err(failed)?;
    Ok((bytes, Object { written, ..found }))
}
