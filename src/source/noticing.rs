//! Notices when a place could not be reached while a file was read: what an importer does without when a file is not
//! there, it must not do without because the network failed.

use std::io::{self, BufRead, Read};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Entry, Source, SourceError, Stamp};

/// The first time that a place could not be reached.
type Lost = Arc<Mutex<Option<SourceError>>>;

/// A source that is watched while something is read.
pub struct Noticing<'a> {
    inner: &'a dyn Source,
    lost: Lost,
}

impl<'a> Noticing<'a> {
    /// Watches a source from now on.
    pub fn new(inner: &'a dyn Source) -> Self {
        Self { inner, lost: Lost::default() }
    }

    /// The reading, unless something could not be reached meanwhile.
    ///
    /// # Errors
    /// When a place could not be reached, whatever was made of it.
    pub fn checked<T>(&self, read: T) -> Result<T, SourceError> {
        match self.lost.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(error) => Err(error),
            None => Ok(read),
        }
    }

    fn noticed<T>(&self, result: Result<T, SourceError>) -> Result<T, SourceError> {
        if let Err(error) = &result {
            notice(&self.lost, error);
        }
        result
    }
}

fn notice(lost: &Lost, error: &SourceError) {
    if error.unreachable {
        lost.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_with(|| error.clone());
    }
}

impl Source for Noticing<'_> {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        self.noticed(self.inner.list(folder))
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        self.noticed(self.inner.entry(path))
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        self.noticed(self.inner.stamp(path))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        let reader = self.noticed(self.inner.open(path))?;
        if self.inner.local_path(path).is_some() {
            return Ok(reader);
        }
        Ok(Box::new(Noticed { reader, path: path.to_owned(), lost: Arc::clone(&self.lost) }))
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.noticed(self.inner.read_range(path, range))
    }

    fn read_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SourceError> {
        self.noticed(self.inner.read_ranges(path, ranges))
    }

    fn soon(&self, paths: &[PathBuf], bytes: u64) {
        self.inner.soon(paths, bytes);
    }

    fn left_out(&self, folder: &Path) -> Vec<SourceError> {
        self.inner.left_out(folder)
    }

    fn refresh(&self) {
        self.inner.refresh();
    }

    fn full_name(&self, path: &Path) -> PathBuf {
        self.inner.full_name(path)
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        self.inner.local_path(path)
    }

    fn holds_file(&self, path: &Path) -> Result<bool, SourceError> {
        self.noticed(self.inner.holds_file(path))
    }
}

struct Noticed {
    reader: Box<dyn BufRead + Send>,
    path: PathBuf,
    lost: Lost,
}

impl Noticed {
    fn met(&self, error: io::Error) -> io::Error {
        notice(&self.lost, &SourceError::of_reader(&self.path, &error));
        error
    }
}

impl Read for Noticed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.reader.read(buffer);
        read.map_err(|error| self.met(error))
    }
}

impl BufRead for Noticed {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        // The borrow of the bytes would outlive the look at the error.
        if let Err(error) = self.reader.fill_buf() {
            return Err(self.met(error));
        }
        self.reader.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        self.reader.consume(amount);
    }
}
