//! Bytes of small files that are read several times: to tell what they are, to look through them, to take their rows.

use std::collections::{HashMap, VecDeque};
use std::path::{Path, PathBuf};

use bytes::Bytes;

/// How much is kept, in bytes.
const MOST: usize = 64 << 20;

/// The beginning of a file, or all of it.
#[derive(Debug, Clone)]
pub(super) struct Beginning {
    pub bytes: Bytes,
    /// Whether nothing follows.
    pub whole: bool,
}

impl Beginning {
    /// The bytes of a range, where they are in it.
    pub fn part(&self, start: u64, end: u64) -> Option<Bytes> {
        let length = self.bytes.len() as u64;
        if !self.whole && end > length {
            return None;
        }
        let (start, end) = (start.min(length), end.min(length).max(start.min(length)));
        Some(self.bytes.slice(start as usize..end as usize))
    }
}

/// What was read last, up to a size; the oldest goes first.
#[derive(Debug, Default)]
pub(super) struct Kept {
    files: HashMap<PathBuf, Beginning>,
    order: VecDeque<PathBuf>,
    size: usize,
}

impl Kept {
    pub fn get(&self, path: &Path) -> Option<&Beginning> {
        self.files.get(path)
    }

    pub fn insert(&mut self, path: &Path, beginning: Beginning) {
        self.size += beginning.bytes.len();
        match self.files.insert(path.to_owned(), beginning) {
            Some(before) => self.size -= before.bytes.len(),
            None => self.order.push_back(path.to_owned()),
        }
        while self.size > MOST && self.order.len() > 1 {
            let Some(oldest) = self.order.pop_front() else { return };
            self.size -= self.files.remove(&oldest).map_or(0, |gone| gone.bytes.len());
        }
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(size: usize) -> Beginning {
        Beginning { bytes: Bytes::from(vec![1; size]), whole: true }
    }

    #[test]
    fn the_oldest_goes_when_there_is_too_much() {
        let mut kept = Kept::default();
        for name in ["a", "b", "c"] {
            kept.insert(Path::new(name), of(MOST / 2));
        }
        let there: Vec<bool> = ["a", "b", "c"].map(|name| kept.get(Path::new(name)).is_some()).to_vec();
        assert_eq!(there, [false, true, true]);
        kept.insert(Path::new("huge"), of(MOST + 1));
        assert!(kept.get(Path::new("huge")).is_some() && kept.get(Path::new("c")).is_none());
    }

    #[test]
    fn a_beginning_knows_what_it_does_not_hold() {
        let bytes = Bytes::from_static(b"0123");
        let head = Beginning { bytes: bytes.clone(), whole: false };
        let whole = Beginning { bytes, whole: true };
        assert_eq!(head.part(1, 3).unwrap(), "12");
        assert_eq!(head.part(1, 5), None);
        assert_eq!(whole.part(1, 5).unwrap(), "123");
        assert_eq!(whole.part(7, 9).unwrap(), "");
    }
}
