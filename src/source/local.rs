//! The local disk as a source of runs.

use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Entry, Source, SourceError, Stamp};

/// How much is read ahead of a row reader: large enough that a disk is read in long runs.
const READ_AHEAD: usize = 256 * 1024;

/// Files of this machine.
#[derive(Debug, Clone, Copy, Default)]
pub struct LocalDisk;

impl Source for LocalDisk {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        let mut entries = Vec::new();
        for item in fs::read_dir(folder).map_err(|error| problem(folder, &error))? {
            let item = item.map_err(|error| problem(folder, &error))?;
            // A link that points nowhere is no file to read; a listing is not the place to fail on it.
            if let Ok(Some(entry)) = self.entry(&item.path()) {
                entries.push(entry);
            }
        }
        entries.sort_by(|left, right| left.path.cmp(&right.path));
        Ok(entries)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(Entry {
                path: path.to_owned(),
                folder: metadata.is_dir(),
                size: if metadata.is_dir() { 0 } else { metadata.len() },
            })),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(problem(path, &error)),
        }
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        match fs::metadata(path) {
            Ok(metadata) => Ok(Some(stamp_of(&metadata))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(problem(path, &error)),
        }
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        let file = File::open(path).map_err(|error| problem(path, &error))?;
        Ok(Box::new(BufReader::with_capacity(READ_AHEAD, file)))
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        let mut file = File::open(path).map_err(|error| problem(path, &error))?;
        file.seek(SeekFrom::Start(range.start)).map_err(|error| problem(path, &error))?;
        let mut bytes = Vec::new();
        file.take(range.end.saturating_sub(range.start))
            .read_to_end(&mut bytes)
            .map_err(|error| problem(path, &error))?;
        Ok(bytes.into())
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        Some(path.to_owned())
    }

    /// Absolute, without links and `..`.
    fn full_name(&self, path: &Path) -> PathBuf {
        fs::canonicalize(path).or_else(|_| std::path::absolute(path)).unwrap_or_else(|_| path.to_owned())
    }
}

#[cfg(unix)]
fn stamp_of(metadata: &fs::Metadata) -> Stamp {
    use std::os::unix::fs::MetadataExt as _;
    let nanos = |seconds: i64, nanos: i64| i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    Stamp {
        size: metadata.len(),
        times: [
            nanos(metadata.mtime(), metadata.mtime_nsec()),
            nanos(metadata.ctime(), metadata.ctime_nsec()),
        ],
        file: metadata.ino(),
    }
}

#[cfg(not(unix))]
fn stamp_of(metadata: &fs::Metadata) -> Stamp {
    let since_1970 = |time: std::time::SystemTime| time.duration_since(std::time::UNIX_EPOCH).ok();
    let written = metadata.modified().ok().and_then(since_1970);
    let nanos = written.and_then(|time| i128::try_from(time.as_nanos()).ok()).unwrap_or(0);
    Stamp { size: metadata.len(), times: [nanos, 0], file: 0 }
}

fn problem(path: &Path, error: &io::Error) -> SourceError {
    match error.kind() {
        io::ErrorKind::NotFound => SourceError::missing(path),
        io::ErrorKind::PermissionDenied => SourceError::unreadable(path, "no permission to read it"),
        io::ErrorKind::IsADirectory => SourceError::unreadable(path, "this is a folder, not a file"),
        _ => SourceError::unreadable(path, error.to_string()),
    }
}
