//! What a reading looked at, so that nothing has to be read again until one of these files is another.

use std::collections::BTreeMap;
use std::io::{BufRead, Read as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::source::{Entry, Source, SourceError, Stamp};

/// How many files of a reading are remembered. Those that tell of the whole run come first; a run may have files for
/// each of its cases behind them, and its row file changes with those.
const MOST: usize = 256;

/// What stood at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Look {
    /// Nothing, a file, or a folder.
    There(Option<Stamp>),
    /// It could not be told.
    Unknown(String),
}

impl Look {
    fn at(source: &dyn Source, path: &Path) -> Self {
        match source.stamp(path) {
            Ok(stamp) => Self::There(stamp),
            Err(error) => Self::Unknown(error.problem),
        }
    }
}

/// The files that a reading looked at, each as it stood before it was opened.
#[derive(Debug, Clone, Default)]
pub(super) struct Footprint(BTreeMap<PathBuf, Look>);

impl Footprint {
    /// Whether all of it stands as it stood.
    pub fn is_current(&self, source: &dyn Source) -> bool {
        self.0.iter().all(|(path, look)| Look::at(source, path) == *look)
    }

    /// Whether nothing but this file was looked at.
    pub fn is_only(&self, path: &Path) -> bool {
        self.0.len() == 1 && self.0.contains_key(path)
    }

    /// How large a file was.
    pub fn size(&self, path: &Path) -> u64 {
        match self.0.get(path) {
            Some(Look::There(Some(stamp))) => stamp.size,
            _ => 0,
        }
    }
}

/// A source that remembers what is looked at, and ends one file where its whole rows end.
pub(super) struct Looking {
    inner: Arc<dyn Source>,
    end: Option<(PathBuf, u64)>,
    looked: Mutex<Footprint>,
}

impl Looking {
    pub fn new(inner: Arc<dyn Source>) -> Self {
        Self { inner, end: None, looked: Mutex::default() }
    }

    /// The file ends here for whoever reads it.
    pub fn ending(mut self, path: &Path, end: u64) -> Self {
        self.end = Some((path.to_owned(), end));
        self
    }

    /// Remembers how a path stands now, unless it was looked at before.
    pub fn look(&self, path: &Path) {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        if looked.0.len() < MOST && !looked.0.contains_key(path) {
            looked.0.insert(path.to_owned(), Look::at(self.inner.as_ref(), path));
        }
    }

    /// What was looked at until now.
    pub fn footprint(&self) -> Footprint {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn end_of(&self, path: &Path) -> u64 {
        self.end.as_ref().filter(|(ending, _)| ending == path).map_or(u64::MAX, |(_, end)| *end)
    }
}

impl Source for Looking {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        self.look(folder);
        self.inner.list(folder)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        self.look(path);
        let entry = self.inner.entry(path)?;
        Ok(entry.map(|entry| Entry { size: entry.size.min(self.end_of(path)), ..entry }))
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        self.look(path);
        self.inner.stamp(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        self.look(path);
        let reader = self.inner.open(path)?;
        Ok(match self.end_of(path) {
            u64::MAX => reader,
            end => Box::new(reader.take(end)),
        })
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.look(path);
        let end = self.end_of(path);
        self.inner.read_range(path, range.start.min(end)..range.end.min(end))
    }

    fn read_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SourceError> {
        self.look(path);
        match self.end_of(path) {
            u64::MAX => self.inner.read_ranges(path, ranges),
            _ => ranges.iter().map(|range| self.read_range(path, range.clone())).collect(),
        }
    }

    fn soon(&self, paths: &[PathBuf], bytes: u64) {
        self.inner.soon(paths, bytes);
    }

    fn refresh(&self) {
        self.inner.refresh();
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        self.look(path);
        self.inner.local_path(path)
    }

    fn full_name(&self, path: &Path) -> PathBuf {
        self.inner.full_name(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalDisk;

    #[test]
    fn a_reading_is_current_until_one_of_its_files_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (rows, plan) = (folder.path().join("rows"), folder.path().join("plan"));
        std::fs::write(&rows, "one\ntw").unwrap();
        let looking = Looking::new(Arc::new(LocalDisk)).ending(&rows, 4);
        assert_eq!(looking.read(&rows).unwrap(), "one\n");
        assert_eq!(looking.entry(&rows).unwrap().unwrap().size, 4);
        let mut text = String::new();
        looking.open(&rows).unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "one\n");
        let alone = looking.footprint();
        assert!(alone.is_only(&rows) && alone.is_current(&LocalDisk));
        assert_eq!(alone.size(&rows), 6);
        assert!(!looking.has_file(&plan));
        let both = looking.footprint();
        assert!(!both.is_only(&rows) && both.is_current(&LocalDisk));
        std::fs::write(&plan, "12").unwrap();
        assert!(!both.is_current(&LocalDisk), "a file that was missing came");
        assert!(alone.is_current(&LocalDisk));
        std::fs::write(&rows, "one\ntwo\n").unwrap();
        assert!(!alone.is_current(&LocalDisk));
    }

    #[test]
    fn a_file_that_was_replaced_by_one_of_the_same_size_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let (rows, next) = (folder.path().join("rows"), folder.path().join("next"));
        std::fs::write(&rows, "one").unwrap();
        std::fs::write(&next, "two").unwrap();
        let looking = Looking::new(Arc::new(LocalDisk));
        looking.look(&rows);
        std::fs::rename(&next, &rows).unwrap();
        assert!(!looking.footprint().is_current(&LocalDisk));
    }
}
