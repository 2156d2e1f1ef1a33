//! The places that paths can be of: S3 for those that begin like an address there, else this machine's disk.

use std::io::BufRead;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;

use super::{Entry, LocalDisk, S3Source, Source, SourceError, Stamp};
use crate::objects::Network;
use crate::objects::s3::Address;

/// Whether a path is an address of S3, or looks like one of it or of another service: no path of this machine.
pub fn is_remote(path: &Path) -> bool {
    !matches!(Address::of(path), Ok(None))
}

/// This machine and S3. Credentials are looked for only when a path in S3 is asked for.
pub struct Places {
    s3: S3Source,
}

impl Default for Places {
    fn default() -> Self {
        Self::over(Network::of_process())
    }
}

impl Places {
    /// S3 is reached through these connections.
    pub fn over(network: Arc<Network>) -> Self {
        Self { s3: S3Source::new(network) }
    }

    fn of(&self, path: &Path) -> &dyn Source {
        if is_remote(path) { &self.s3 } else { &LocalDisk }
    }
}

impl Source for Places {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        self.of(folder).list(folder)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        self.of(path).entry(path)
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        self.of(path).stamp(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        self.of(path).open(path)
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.of(path).read_range(path, range)
    }

    fn read_ranges(&self, path: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>, SourceError> {
        self.of(path).read_ranges(path, ranges)
    }

    fn soon(&self, paths: &[PathBuf], bytes: u64) {
        let remote: Vec<PathBuf> = paths.iter().filter(|path| is_remote(path)).cloned().collect();
        if !remote.is_empty() {
            self.s3.soon(&remote, bytes);
        }
    }

    fn left_out(&self, folder: &Path) -> Vec<SourceError> {
        self.of(folder).left_out(folder)
    }

    fn refresh(&self) {
        self.s3.refresh();
    }

    fn full_name(&self, path: &Path) -> PathBuf {
        self.of(path).full_name(path)
    }

    fn local_path(&self, path: &Path) -> Option<PathBuf> {
        self.of(path).local_path(path)
    }

    fn holds_file(&self, path: &Path) -> Result<bool, SourceError> {
        self.of(path).holds_file(path)
    }
}
