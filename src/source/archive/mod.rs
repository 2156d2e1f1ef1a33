//! Zip archives as folders: `runs.zip/run-1/index.jsonl` is a file, on a disk and in S3.
//!
//! The directory at an archive's end is read first, then only the members that are asked for. What stands inside of an
//! archive in an archive is not looked for.

mod ahead;
mod directory;
mod ranged;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read as _, Seek as _, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use tempfile::NamedTempFile;

use self::directory::{Directory, Member};
use super::kept::{Beginning, Kept};
use super::{Entry, Source, SourceError, Stamp};

/// Members up to this size are unpacked in memory; larger ones into a temporary file.
const IN_MEMORY: u64 = 8 << 20;

/// Members up to this size are unpacked whole when a part is asked for.
const EAGER: u64 = 1 << 20;

/// How many large members are kept unpacked.
const LARGE_KEPT: usize = 4;

/// Another source, and the members of the archives in it.
pub struct Archives {
    inner: Arc<dyn Source>,
    opened: Mutex<HashMap<PathBuf, Arc<Mutex<Option<Opened>>>>>,
    kept: Mutex<Kept>,
    large: Mutex<Vec<(PathBuf, Stamp, Large)>>,
}

/// A large member, once it was unpacked.
type Large = Arc<Mutex<Option<Arc<NamedTempFile>>>>;

/// The directory of an archive, as long as its file is the same.
struct Opened {
    stamp: Stamp,
    directory: Result<Arc<Directory>, SourceError>,
}

/// A place inside of an archive.
struct Inside {
    archive: PathBuf,
    stamp: Stamp,
    /// Empty for the archive itself.
    name: String,
}

/// The archive that a path leads into, by the names on the way to it; `None` for one that is itself the last.
pub fn archive_above(path: &Path) -> Option<&Path> {
    path.ancestors().skip(1).filter(|above| is_archive_name(above)).last()
}

/// Says which of these entries are archives that are looked into next.
pub(super) fn open_soon<'a>(source: &dyn Source, entries: impl IntoIterator<Item = &'a Entry>) {
    let is_archive = |entry: &&Entry| entry.folder && is_archive_name(&entry.path);
    let archives: Vec<PathBuf> =
        entries.into_iter().filter(is_archive).map(|entry| entry.path.clone()).collect();
    if archives.len() > 1 {
        source.soon(&archives, 0);
    }
}

/// A `/` behind a file's name would make a folder of it.
fn without_slash(path: &Path) -> &Path {
    path.to_str().map_or(path, |text| Path::new(text.trim_end_matches('/')))
}

fn is_archive_name(path: &Path) -> bool {
    path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("zip"))
}

impl Archives {
    /// Looks into the archives of a source.
    pub fn new(inner: Arc<dyn Source>) -> Self {
        Self { inner, opened: Mutex::default(), kept: Mutex::default(), large: Mutex::default() }
    }

    /// Where a path leads to inside of an archive; `None` when there is none on the way.
    fn inside(&self, path: &Path) -> Result<Option<Inside>, SourceError> {
        let mut above: Vec<&Path> = path.ancestors().filter(|above| is_archive_name(above)).collect();
        while let Some(archive) = above.pop() {
            let archive = without_slash(archive);
            if matches!(self.inner.entry(archive)?, Some(entry) if !entry.folder) {
                let stamp = self.inner.stamp(archive)?.unwrap_or_default();
                let rest = path.strip_prefix(archive).unwrap_or(Path::new(""));
                let name = rest.to_string_lossy().replace(std::path::MAIN_SEPARATOR, "/");
                return Ok(Some(Inside { archive: archive.to_owned(), stamp, name }));
            }
        }
        Ok(None)
    }

    /// The directory of an archive. Others can be read meanwhile.
    fn directory(&self, inside: &Inside) -> Result<Arc<Directory>, SourceError> {
        let slot = {
            let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
            Arc::clone(opened.entry(inside.archive.clone()).or_default())
        };
        let mut opened = slot.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = opened.as_ref().filter(|known| known.stamp == inside.stamp) {
            return known.directory.clone();
        }
        let read = Directory::read(Arc::clone(&self.inner), &inside.archive, inside.stamp.size).map(Arc::new);
        // A way that failed may be open the next time.
        if !matches!(&read, Err(error) if error.unreachable)
            && opened.replace(Opened { stamp: inside.stamp, directory: read.clone() }).is_some()
        {
            self.kept.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        read
    }

    /// A member that is to be read.
    fn member(&self, path: &Path, inside: &Inside) -> Result<(Arc<Directory>, Member), SourceError> {
        let directory = self.directory(inside)?;
        match directory.member(&inside.name) {
            Some(member) if member.encrypted => {
                let hint = "unpack the archive with its password, and name the folder".to_owned();
                Err(SourceError { hint: Some(hint), ..SourceError::unreadable(path, "it is encrypted") })
            }
            Some(member) => Ok((directory, member)),
            None if directory.is_folder(&inside.name) => {
                Err(SourceError::unreadable(path, "this is a folder, not a file"))
            }
            None => Err(SourceError::missing(path)),
        }
    }

    fn kept(&self, path: &Path) -> Option<Beginning> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned()
    }

    fn keep(&self, path: &Path, beginning: Beginning) {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner).insert(path, beginning);
    }

    /// The first bytes of a member.
    fn unpacked(&self, path: &Path, inside: &Inside, most: u64) -> Result<Beginning, SourceError> {
        let (directory, member) = self.member(path, inside)?;
        if let Some(kept) = self.kept(path).filter(|kept| kept.part(0, most.min(member.size)).is_some()) {
            return Ok(kept);
        }
        let bytes = directory.reading((&inside.name, member), |reader| {
            let mut bytes = Vec::new();
            reader.take(most).read_to_end(&mut bytes)?;
            Ok(bytes)
        })?;
        let beginning = Beginning { whole: (bytes.len() as u64) < most, bytes: bytes.into() };
        self.keep(path, beginning.clone());
        Ok(beginning)
    }

    /// The place of a large member; it may be unpacked already.
    fn large(&self, path: &Path, stamp: Stamp) -> Large {
        let mut large = self.large.lock().unwrap_or_else(PoisonError::into_inner);
        let known = large.iter().find(|(known, of, _)| known == path && *of == stamp);
        if let Some((.., place)) = known {
            return Arc::clone(place);
        }
        if large.len() >= LARGE_KEPT {
            large.remove(0);
        }
        let place = Large::default();
        large.push((path.to_owned(), stamp, Arc::clone(&place)));
        place
    }

    /// A large member in a temporary file. Others can be unpacked meanwhile.
    fn in_file(&self, path: &Path, inside: &Inside) -> Result<Arc<NamedTempFile>, SourceError> {
        let place = self.large(path, inside.stamp);
        let mut unpacked = place.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = unpacked.as_ref() {
            return Ok(Arc::clone(file));
        }
        let (directory, member) = self.member(path, inside)?;
        let failed = |error: io::Error| {
            SourceError::unreadable(path, format!("it cannot be unpacked into a temporary file: {error}"))
        };
        let mut file = tempfile::Builder::new().prefix("runq-").tempfile().map_err(failed)?;
        directory.reading((&inside.name, member), |reader| io::copy(reader, file.as_file_mut()))?;
        Ok(Arc::clone(unpacked.insert(Arc::new(file))))
    }

    fn reopened(&self, path: &Path, inside: &Inside) -> Result<File, SourceError> {
        let file = self.in_file(path, inside)?;
        file.reopen().map_err(|error| SourceError::unreadable(path, error.to_string()))
    }

    /// An archive is a folder.
    fn as_folder(entry: Entry) -> Entry {
        let folder = entry.folder || is_archive_name(&entry.path);
        Entry { folder, size: if folder { 0 } else { entry.size }, ..entry }
    }
}

impl Source for Archives {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        let Some(inside) = self.inside(folder)? else {
            return Ok(self.inner.list(folder)?.into_iter().map(Self::as_folder).collect());
        };
        let directory = self.directory(&inside)?;
        if !directory.is_folder(&inside.name) {
            return Err(SourceError::missing(folder));
        }
        Ok(directory.children(&inside.name, folder))
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        let Some(inside) = self.inside(path)? else { return self.inner.entry(path) };
        let entry = |folder, size| Some(Entry { path: path.to_owned(), folder, size });
        if inside.name.is_empty() {
            return Ok(entry(true, 0));
        }
        let directory = self.directory(&inside)?;
        Ok(match directory.member(&inside.name) {
            Some(member) => entry(false, member.size),
            None if directory.is_folder(&inside.name) => entry(true, 0),
            None => None,
        })
    }

    /// That of the archive: a member does not change without it.
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        let Some(inside) = self.inside(path)? else { return self.inner.stamp(path) };
        let entry = self.entry(path)?;
        Ok(entry.map(
            |entry| if entry.folder { inside.stamp } else { Stamp { size: entry.size, ..inside.stamp } },
        ))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        let Some(inside) = self.inside(path)? else { return self.inner.open(path) };
        let (_, member) = self.member(path, &inside)?;
        if member.size <= IN_MEMORY {
            let whole = self.unpacked(path, &inside, member.size + 1)?;
            return Ok(Box::new(Cursor::new(whole.bytes)));
        }
        Ok(Box::new(BufReader::new(self.reopened(path, &inside)?)))
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        let Some(inside) = self.inside(path)? else { return self.inner.read_range(path, range) };
        let (_, member) = self.member(path, &inside)?;
        let end = range.end.min(member.size);
        let most = match member.size {
            ..=EAGER => Some(member.size + 1),
            ..=IN_MEMORY if end == member.size => Some(member.size + 1),
            _ if end <= EAGER => Some(end),
            _ => None,
        };
        if let Some(most) = most {
            let beginning = self.unpacked(path, &inside, most)?;
            return Ok(beginning.part(range.start, end).unwrap_or_default());
        }
        let failed = |error: io::Error| SourceError::unreadable(path, error.to_string());
        let mut file = self.reopened(path, &inside)?;
        file.seek(SeekFrom::Start(range.start)).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(end.saturating_sub(range.start)).read_to_end(&mut bytes).map_err(failed)?;
        Ok(bytes.into())
    }

    fn read_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SourceError> {
        match self.inside(path)? {
            None => self.inner.read_ranges(path, ranges),
            Some(_) => ranges.iter().map(|range| self.read_range(path, range.clone())).collect(),
        }
    }

    fn soon(&self, paths: &[PathBuf], bytes: u64) {
        self.fetch_ahead(paths, bytes);
    }

    fn left_out(&self, folder: &Path) -> Vec<SourceError> {
        match self.inside(folder) {
            Ok(Some(inside)) if inside.name.is_empty() => {
                self.directory(&inside).ok().and_then(|directory| directory.left_out()).into_iter().collect()
            }
            Ok(Some(_)) | Err(_) => Vec::new(),
            Ok(None) => self.inner.left_out(folder),
        }
    }

    fn refresh(&self) {
        self.inner.refresh();
    }

    fn full_name(&self, path: &Path) -> PathBuf {
        match self.inside(path) {
            Ok(Some(inside)) if !inside.name.is_empty() => {
                self.inner.full_name(&inside.archive).join(inside.name)
            }
            _ => self.inner.full_name(path),
        }
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        match self.inside(path) {
            Ok(Some(_)) => None,
            _ => self.inner.local_path(path),
        }
    }

    fn holds_file(&self, path: &Path) -> Result<bool, SourceError> {
        match self.inside(path)? {
            Some(_) => Ok(matches!(self.entry(path)?, Some(entry) if !entry.folder)),
            None => self.inner.holds_file(path),
        }
    }
}
