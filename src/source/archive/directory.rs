//! The directory of a zip archive: which members there are, and whether they may be read at all.

use std::collections::BTreeMap;
use std::io::{self, Read as _};
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bytes::Bytes;
use zip::ZipArchive;
use zip::result::ZipError;

use super::ranged::Ranged;
use crate::source::{Entry, Source, SourceError};

/// What an archive may unpack to before its size tells of a trap.
const TRUSTED: u64 = 1 << 30;

/// How many times its own size a larger one may unpack to. Rows of text pack 5 to 50 times.
const MOST_TIMES: u64 = 200;

/// An archive whose directory was read.
pub(super) struct Directory {
    path: PathBuf,
    zip: ZipArchive<Ranged>,
    /// By name, with `/` between folders.
    members: BTreeMap<String, Member>,
    /// Names of members that are no paths inside of it.
    outside: Vec<String>,
}

/// A file in an archive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Member {
    place: usize,
    /// Unpacked.
    pub size: u64,
    /// Where it stands in the archive, and what follows it begins.
    pub start: u64,
    pub end: u64,
    pub encrypted: bool,
}

impl Directory {
    /// Reads the directory.
    pub fn read(source: Arc<dyn Source>, path: &Path, size: u64) -> Result<Self, SourceError> {
        let failed = |error: ZipError| unreadable(path, None, error);
        let ranged = Ranged::new(source, path.to_owned(), size);
        let bounds = Arc::clone(&ranged.bounds);
        let zip = ZipArchive::new(ranged).map_err(failed)?;
        let (mut members, mut outside) = (BTreeMap::new(), Vec::new());
        let mut packed = Vec::new();
        let mut total: u64 = 0;
        for place in 0..zip.len() {
            let entry = zip.by_index_data(place).map_err(failed)?;
            let name = entry.name().map_err(failed)?;
            let start = entry.header_start();
            packed.push((start, entry.compressed_size()));
            if entry.is_dir() {
                continue;
            }
            let Some(name) = inside(&name) else {
                outside.push(name.into_owned());
                continue;
            };
            total = total.saturating_add(entry.size());
            let encrypted = entry.encrypted();
            members.insert(name, Member { place, size: entry.size(), start, end: 0, encrypted });
        }
        check_sizes(path, &mut packed, (total, size))?;
        let mut starts: Vec<u64> = packed.iter().map(|(start, _)| *start).collect();
        starts.push(zip.central_directory_start());
        for member in members.values_mut() {
            let next = starts.partition_point(|start| *start <= member.start);
            member.end = starts.get(next).copied().unwrap_or(size);
        }
        // The directory has been read: whatever is read from now on is a member.
        let _ = bounds.set(starts);
        Ok(Self { path: path.to_owned(), zip, members, outside })
    }

    pub fn member(&self, name: &str) -> Option<Member> {
        self.members.get(name).copied()
    }

    /// Says which members have no path to be read by.
    pub fn left_out(&self) -> Option<SourceError> {
        let (first, others) = self.outside.split_first()?;
        let which = match others.len() {
            0 => format!("its member {first:?} would lie"),
            others => format!("its member {first:?} and {others} more would lie"),
        };
        Some(SourceError::unreadable(&self.path, format!("{which} outside of it: left out")))
    }

    pub fn is_folder(&self, name: &str) -> bool {
        name.is_empty() || self.below(&format!("{name}/")).next().is_some()
    }

    fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Member)> {
        let from = self.members.range::<str, _>((Bound::Included(prefix), Bound::Unbounded));
        from.map(|(name, member)| (name.as_str(), member))
            .take_while(move |(name, _)| name.starts_with(prefix))
    }

    /// Files and folders directly in a folder, under the path that the folder was asked by.
    pub fn children(&self, folder: &str, path: &Path) -> Vec<Entry> {
        let prefix = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut found: BTreeMap<&str, Option<u64>> = BTreeMap::new();
        for (name, member) in self.below(&prefix) {
            let rest = &name[prefix.len()..];
            match rest.split_once('/') {
                Some((child, _)) => found.insert(child, None),
                None => found.insert(rest, Some(member.size)),
            };
        }
        let entry = |(name, size): (&str, Option<u64>)| Entry {
            path: path.join(name),
            folder: size.is_none(),
            size: size.unwrap_or(0),
        };
        found.into_iter().map(entry).collect()
    }

    /// Hands a reader of a member's unpacked bytes on. Its end is where the directory says, and its sum is checked there.
    pub fn reading<T>(
        &self,
        (name, member): (&str, Member),
        read: impl FnOnce(&mut dyn io::Read) -> io::Result<T>,
    ) -> Result<T, SourceError> {
        let mut zip = self.zip.clone();
        let mut file =
            zip.by_index(member.place).map_err(|error| unreadable(&self.path, Some(name), error))?;
        // One byte more than there should be: an archive that lies about it is noticed.
        let mut bounded = Bounded { inner: (&mut file).take(member.size + 1), left: member.size };
        read(&mut bounded).map_err(|error| unreadable(&self.path, Some(name), ZipError::Io(error)))
    }

    /// A part of the archive that is read next.
    pub fn put_ahead(&self, start: u64, bytes: Bytes) {
        self.ahead(|blocks| blocks.push((start, bytes)));
    }

    pub fn forget_ahead(&self) {
        self.ahead(Vec::clear);
    }

    fn ahead(&self, change: impl FnOnce(&mut Vec<(u64, Bytes)>)) {
        let reader = self.zip.clone().into_inner();
        change(&mut reader.ahead.lock().unwrap_or_else(std::sync::PoisonError::into_inner));
    }
}

/// Fails where a member goes on behind its end.
struct Bounded<R> {
    inner: R,
    left: u64,
}

impl<R: io::Read> io::Read for Bounded<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.left = self.left.checked_sub(read as u64).ok_or_else(|| {
            io::Error::new(io::ErrorKind::InvalidData, "it unpacks to more than its directory says")
        })?;
        Ok(read)
    }
}

/// The name of a member as a path inside of the archive; `None` for one that leads out of it.
fn inside(name: &str) -> Option<String> {
    let mut parts = Vec::new();
    for part in name.split('/') {
        match part {
            "." => {}
            "" | ".." => return None,
            part if part.contains('\0') || part.ends_with(':') => return None,
            part => parts.push(part),
        }
    }
    (!parts.is_empty() && !name.contains("..\\")).then(|| parts.join("/"))
}

/// Refuses archives that were made to fill a disk: members that share their bytes, and too much from too little.
fn check_sizes(path: &Path, packed: &mut [(u64, u64)], (total, size): (u64, u64)) -> Result<(), SourceError> {
    packed.sort_unstable();
    let overlap = |pair: &[(u64, u64)]| matches!(pair, [(start, length), (next, _)] if start.saturating_add(*length) > *next);
    if packed.windows(2).any(overlap) {
        return Err(SourceError::unreadable(
            path,
            "its members share their bytes, as those of a zip bomb do",
        ));
    }
    if total > TRUSTED && total / MOST_TIMES > size {
        let said = format!(
            "it would unpack to {:.1} GB from {:.1} MB, as a zip bomb does; unpack it by hand to read it",
            total as f64 / 1e9,
            size as f64 / 1e6
        );
        return Err(SourceError::unreadable(path, said));
    }
    Ok(())
}

/// What is wrong with an archive or a member of it.
fn unreadable(path: &Path, member: Option<&str>, error: ZipError) -> SourceError {
    let path = member.map_or_else(|| path.to_owned(), |member| path.join(member));
    let said = match error {
        ZipError::Io(error) => {
            let met = SourceError::of_reader(&path, &error);
            if met.unreachable || met.path != path {
                return met;
            }
            format!("the archive is damaged: {}", met.problem)
        }
        ZipError::CompressionMethodNotSupported(method) => {
            format!(
                "it is packed in a way that is not read here (method {method}); deflate, zstd and stored are"
            )
        }
        ZipError::UnsupportedArchive(why) => format!("this archive is not read here: {why}"),
        error => format!("the archive is damaged: {error}"),
    };
    SourceError::unreadable(&path, said)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_stay_inside() {
        assert_eq!(inside("a/./b ü.jsonl").as_deref(), Some("a/b ü.jsonl"));
        for name in ["../a", "a/../../b", "/etc/passwd", "a//b", "", ".", "..\\a", "C:/a", "a\0b"] {
            assert_eq!(inside(name), None, "{name:?}");
        }
    }

    #[test]
    fn archives_that_were_made_to_fill_a_disk_are_refused() {
        let check =
            |packed: &[(u64, u64)], sizes| check_sizes(Path::new("x.zip"), &mut packed.to_vec(), sizes);
        assert!(check(&[(0, 10), (50, 10)], (1000, 100)).is_ok());
        assert!(check(&[(50, 10), (0, 51)], (1000, 100)).is_err());
        // 20 GB of rows in 1 GB is a large run; 20 GB in 20 MB is none.
        assert!(check(&[], (20 << 30, 1 << 30)).is_ok());
        let error = check(&[], (20_000_000_000, 20_000_000)).unwrap_err();
        assert!(error.problem.contains("20.0 GB from 20.0 MB"), "{error}");
    }
}
