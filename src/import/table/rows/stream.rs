//! The bytes of a text file, counted and hashed as they are read.

use std::io::{self, BufRead, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::import::ImportError;
use crate::source::SourceError;

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// A file that is read once, from its beginning to its end.
pub(super) struct Stream {
    inner: Box<dyn BufRead + Send>,
    path: PathBuf,
    hash: Sha256,
    count: u64,
}

impl Stream {
    pub(super) fn new(inner: Box<dyn BufRead + Send>, path: &Path) -> Self {
        Self { inner, path: path.to_owned(), hash: Sha256::new(), count: 0 }
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many bytes have been taken.
    pub(super) fn count(&self) -> u64 {
        self.count
    }

    /// Takes a byte order mark, if the file begins with one.
    pub(super) fn skip_mark(&mut self) -> Result<(), ImportError> {
        let marked = match self.fill_buf() {
            Ok(buffer) => buffer.starts_with(BYTE_ORDER_MARK),
            Err(error) => return Err(self.problem(&error)),
        };
        if marked {
            self.consume(BYTE_ORDER_MARK.len());
        }
        Ok(())
    }

    /// An error of reading this file.
    pub(super) fn problem(&self, error: &io::Error) -> ImportError {
        SourceError::of_reader(&self.path, error).into()
    }

    /// Reads what is left and gives the hash of everything.
    pub(super) fn into_hash(mut self) -> Result<Sha256, ImportError> {
        loop {
            let length = match self.fill_buf() {
                Ok(buffer) => buffer.len(),
                Err(error) => return Err(self.problem(&error)),
            };
            if length == 0 {
                return Ok(self.hash);
            }
            self.consume(length);
        }
    }
}

impl BufRead for Stream {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        // What was filled is still there: filling again before consuming reads nothing new.
        if let Ok(buffer) = self.inner.fill_buf() {
            self.hash.update(&buffer[..amount.min(buffer.len())]);
        }
        self.inner.consume(amount);
        self.count += amount as u64;
    }
}

impl Read for Stream {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let taken = self.fill_buf()?.read(into)?;
        self.consume(taken);
        Ok(taken)
    }
}
