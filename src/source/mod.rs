//! Where the bytes of runs come from: list, open, ranged read. [`everywhere`] reads what a person can name: files of this
//! machine, of S3, and members of archives in both.
//!
//! Importers read through [`Source`] only, so that they work wherever runs live. Nothing here knows a tool.

mod archive;
mod error;
mod expand;
mod kept;
mod local;
mod near;
mod noticing;
mod places;
mod s3;
mod walk;

use std::io::BufRead;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

pub use archive::{Archives, archive_above};
pub use error::SourceError;
pub use expand::{Expanded, expand, is_pattern};
pub use local::LocalDisk;
pub use near::near_path;
pub use noticing::Noticing;
pub use places::{Places, is_remote};
pub use s3::S3Source;
pub use walk::{Files, find_files};

/// Every place that a person can name. What is remembered of listings is this value's own.
pub fn everywhere() -> Archives {
    Archives::new(Arc::new(Places::default()))
}

/// A file or folder in a listing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Full path.
    pub path: PathBuf,
    /// Whether it is a folder.
    pub folder: bool,
    /// Size in bytes; 0 for folders.
    pub size: u64,
}

/// What tells a file from another state of it without reading it: its size, its times, and which file it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stamp {
    /// Size in bytes.
    pub size: u64,
    /// When its bytes were last written, and when its name or rights last changed, in nanoseconds; 0 where a source does
    /// not tell.
    pub times: [i128; 2],
    /// Number that another file under the same name does not have; 0 where a source has none.
    pub file: u64,
}

/// A place that holds files. Implementations are cheap to share between threads.
pub trait Source: Send + Sync {
    /// Files and folders directly inside a folder, sorted by name.
    ///
    /// # Errors
    /// When the folder is missing or may not be read.
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError>;

    /// What stands at a path, or `None` when nothing does.
    ///
    /// # Errors
    /// When it cannot be told, such as a folder on the way that may not be read.
    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError>;

    /// What tells the present state of a file from another one; `None` when nothing stands there.
    ///
    /// # Errors
    /// When it cannot be told.
    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        Ok(self.entry(path)?.map(|entry| Stamp { size: entry.size, ..Stamp::default() }))
    }

    /// Opens a file for reading from its beginning.
    ///
    /// # Errors
    /// When the file is missing or may not be read.
    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError>;

    /// Reads some bytes of a file; fewer when the file ends before.
    ///
    /// # Errors
    /// When the file is missing or may not be read.
    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError>;

    /// Reads a whole file. For small files only: rows are streamed through [`Source::open`].
    ///
    /// # Errors
    /// When the file is missing or may not be read.
    fn read(&self, path: &Path) -> Result<Bytes, SourceError> {
        self.read_range(path, 0..u64::MAX)
    }

    /// Reads several parts of a file, in the order in which they are named.
    ///
    /// # Errors
    /// When the file is missing or may not be read.
    fn read_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SourceError> {
        ranges.iter().map(|range| self.read_range(path, range.clone())).collect()
    }

    /// Says that these files are read next, at least their first `bytes`, so that a place with a long way to it can fetch
    /// them at once. What cannot be had is said when it is read.
    fn soon(&self, _paths: &[PathBuf], _bytes: u64) {}

    /// What is there below a folder and has no path that it could be read by; told of a folder that was listed.
    fn left_out(&self, _folder: &Path) -> Vec<SourceError> {
        Vec::new()
    }

    /// Forgets what was remembered of the files: from now on it is looked anew.
    fn refresh(&self) {}

    /// The one name of a file, however it was reached, so that one file is told from another of the same relative name.
    /// The path itself where a source has no other.
    fn full_name(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    /// Where the file stands on this machine's disk, for readers that need a file of their own; `None` where it does
    /// not, and such a reader has to copy it first.
    fn local_path(&self, _path: &Path) -> Option<PathBuf> {
        None
    }

    /// Whether a file stands at the path.
    ///
    /// # Errors
    /// When it cannot be told.
    fn holds_file(&self, path: &Path) -> Result<bool, SourceError> {
        Ok(matches!(self.entry(path)?, Some(entry) if !entry.folder))
    }

    /// Whether a file stands at the path; what cannot be told counts as no.
    fn has_file(&self, path: &Path) -> bool {
        matches!(self.holds_file(path), Ok(true))
    }
}
