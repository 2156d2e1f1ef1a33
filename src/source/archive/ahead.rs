//! What is read of archives next, where the way to them is long: several at once, and neighbours together.

use std::collections::HashMap;
use std::ops::Range;
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use super::directory::{Directory, Member};
use super::{Archives, EAGER, IN_MEMORY, Inside};

/// Members with less between them are fetched in one request.
const GAP: u64 = 64 << 10;

/// How much of an archive is fetched in one request, and how much ahead of its reader.
const GROUP: u64 = 8 << 20;
const AHEAD: u64 = 32 << 20;

/// How many requests fetch ahead at once.
const SIDE_BY_SIDE: usize = 8;

impl Archives {
    /// Fetches what is read next: the directories of archives, and members as far as they are small.
    pub(super) fn fetch_ahead(&self, paths: &[PathBuf], bytes: u64) {
        let mut others = Vec::new();
        let mut wanted: HashMap<PathBuf, Vec<(PathBuf, Inside, Member)>> = HashMap::new();
        let mut archives = Vec::new();
        let mut room = AHEAD;
        for path in paths {
            let Ok(Some(inside)) = self.inside(path) else {
                others.push(path.clone());
                continue;
            };
            // On a disk there is no way to save.
            if self.inner.local_path(&inside.archive).is_some() || self.kept(path).is_some() {
                continue;
            }
            if inside.name.is_empty() {
                archives.push(inside);
                continue;
            }
            let Ok((_, member)) = self.member(path, &inside) else { continue };
            let whole = member.size <= EAGER || member.size <= IN_MEMORY && bytes >= member.size;
            if whole && member.size <= room {
                room -= member.size;
                wanted.entry(inside.archive.clone()).or_default().push((path.clone(), inside, member));
            }
        }
        side_by_side(archives, |archive| {
            let _ = self.directory(&archive);
        });
        for (_, members) in wanted {
            let Some((_, first, _)) = members.first() else { continue };
            if let Ok(directory) = self.directory(first) {
                self.fetch(&directory, members);
            }
        }
        self.inner.soon(&others, bytes);
    }

    /// Fetches members of one archive that stand near to each other together, and unpacks them.
    fn fetch(&self, directory: &Directory, wanted: Vec<(PathBuf, Inside, Member)>) {
        side_by_side(grouped(wanted), |(range, members)| {
            let Some((_, first, _)) = members.first() else { return };
            // What cannot be fetched now is asked for again by its reader, who is told why.
            let Ok(bytes) = self.inner.read_range(&first.archive, range.clone()) else { return };
            directory.put_ahead(range.start, bytes);
            for (path, inside, member) in &members {
                let _ = self.unpacked(path, inside, member.size + 1);
            }
        });
        directory.forget_ahead();
    }
}

/// Does something with each, several at once.
fn side_by_side<T: Send>(wanted: Vec<T>, work: impl Fn(T) + Sync) {
    let workers = wanted.len().min(SIDE_BY_SIDE);
    let next = Mutex::new(wanted.into_iter());
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some(one) = take() {
                    work(one);
                }
            });
        }
    });
}

/// Members with their ranges in the archive; those near to each other in one.
type Group = (Range<u64>, Vec<(PathBuf, Inside, Member)>);

fn grouped(mut wanted: Vec<(PathBuf, Inside, Member)>) -> Vec<Group> {
    wanted.sort_by_key(|(.., member)| member.start);
    let mut groups: Vec<Group> = Vec::new();
    for one in wanted {
        let (start, end) = (one.2.start, one.2.end);
        match groups.last_mut() {
            Some((range, members)) if start <= range.end + GAP && end - range.start <= GROUP => {
                range.end = range.end.max(end);
                members.push(one);
            }
            _ => groups.push((start..end, vec![one])),
        }
    }
    groups
}
