//! An archive's file for a reader that seeks: fetched in few requests, each of them a member whole where that is small.

use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;

use crate::source::Source;

/// How much of the end is read at first: the directory of some thousand members.
const TAIL: u64 = 256 << 10;

/// How much is read at once at most.
const MOST: u64 = 8 << 20;

/// How much is read at once of the beginning of a member that is larger than that.
const FIRST: u64 = 1 << 20;

/// Where the members begin, sorted, and where the directory does.
pub(super) type Bounds = Arc<OnceLock<Vec<u64>>>;

/// Parts that were fetched ahead, each with its place.
pub(super) type Blocks = Arc<Mutex<Vec<(u64, Bytes)>>>;

/// The file of an archive. A clone reads on its own.
#[derive(Clone)]
pub(super) struct Ranged {
    source: Arc<dyn Source>,
    path: PathBuf,
    size: u64,
    position: u64,
    /// What was read last, and where it stands.
    block: (u64, Bytes),
    pub bounds: Bounds,
    pub ahead: Blocks,
}

impl Ranged {
    pub fn new(source: Arc<dyn Source>, path: PathBuf, size: u64) -> Self {
        let block = (0, Bytes::new());
        Self { source, path, size, position: 0, block, bounds: Bounds::default(), ahead: Blocks::default() }
    }

    /// How far to read from a place.
    fn end_from(&self, start: u64) -> u64 {
        let Some(bounds) = self.bounds.get() else { return self.size.min(start + FIRST) };
        let next = bounds.partition_point(|bound| *bound <= start);
        let end = bounds.get(next).copied().unwrap_or(self.size);
        let begins = next.checked_sub(1).and_then(|at| bounds.get(at)) == Some(&start);
        match end - start {
            ..=MOST => end,
            _ if begins => start + FIRST,
            _ => start + MOST,
        }
    }

    /// What was fetched ahead of a place.
    fn fetched(&self, at: u64) -> Option<(u64, Bytes)> {
        let blocks = self.ahead.lock().unwrap_or_else(PoisonError::into_inner);
        blocks.iter().find(|(start, bytes)| (*start..start + bytes.len() as u64).contains(&at)).cloned()
    }

    fn fill(&mut self) -> io::Result<()> {
        let at = self.position;
        if let Some(block) = self.fetched(at) {
            self.block = block;
            return Ok(());
        }
        let (start, end) = match (self.bounds.get(), self.size.checked_sub(TAIL)) {
            // The directory stands at the end.
            (None, None) => (0, self.size),
            (None, Some(tail)) if at >= tail => (tail, self.size),
            _ => (at, self.end_from(at)),
        };
        let bytes = self.source.read_range(&self.path, start..end)?;
        if bytes.len() as u64 <= at - start {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive is cut off"));
        }
        self.block = (start, bytes);
        Ok(())
    }
}

impl Read for Ranged {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.position >= self.size || buffer.is_empty() {
            return Ok(0);
        }
        let (start, bytes) = &self.block;
        if !(*start..start + bytes.len() as u64).contains(&self.position) {
            self.fill()?;
        }
        let (start, bytes) = &self.block;
        let left = &bytes[(self.position - start) as usize..];
        let taken = left.len().min(buffer.len());
        buffer[..taken].copy_from_slice(&left[..taken]);
        self.position += taken as u64;
        Ok(taken)
    }
}

impl Seek for Ranged {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let wanted = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.size.checked_add_signed(by),
            SeekFrom::Current(by) => self.position.checked_add_signed(by),
        };
        self.position = wanted
            .ok_or_else(|| io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning"))?;
        Ok(self.position)
    }
}
