//! Archives of the zip crate's writer, and bytes that were broken by hand. Archives of other programs: tests/it.

use std::io::{Cursor, Read as _, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use bytes::Bytes;
use zip::CompressionMethod;
use zip::write::{SimpleFileOptions, ZipWriter};

use super::{Archives, archive_above};
use crate::source::{Entry, LocalDisk, Source, SourceError, find_files};

fn zipped(members: &[(&str, &[u8])], method: CompressionMethod) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(method);
    for (name, bytes) in members {
        writer.start_file(*name, options).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A disk that is far: it notes what is read of it.
#[derive(Default)]
struct Far(Mutex<Vec<Range<u64>>>);

impl Source for Far {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        LocalDisk.list(folder)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        LocalDisk.entry(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn std::io::BufRead + Send>, SourceError> {
        LocalDisk.open(path)
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.0.lock().unwrap().push(range.clone());
        LocalDisk.read_range(path, range)
    }
}

#[test]
fn an_archive_is_a_folder_whatever_it_is_packed_with() {
    let folder = tempfile::tempdir().unwrap();
    for method in [CompressionMethod::Stored, CompressionMethod::Deflated, CompressionMethod::Zstd] {
        let zip = folder.path().join("runs.ZIP");
        let large = b"0123456789".repeat(1_000_000);
        let members: [(&str, &[u8]); 3] =
            [("ü x/a.jsonl", b"{\"a\":1}\n"), ("ü x/b/c", b""), ("large", &large)];
        std::fs::write(&zip, zipped(&members, method)).unwrap();
        let source = Archives::new(Arc::new(LocalDisk));
        let found = find_files(&source, folder.path()).unwrap();
        let files: Vec<(PathBuf, u64)> =
            found.files.into_iter().map(|entry| (entry.path, entry.size)).collect();
        assert_eq!(
            files,
            [(zip.join("large"), 10_000_000), (zip.join("ü x/a.jsonl"), 8), (zip.join("ü x/b/c"), 0)]
        );
        assert_eq!(source.read(&zip.join("ü x/a.jsonl")).unwrap(), "{\"a\":1}\n");
        assert_eq!(source.read_range(&zip.join("large"), 9_999_995..u64::MAX).unwrap(), "56789");
        let mut read = Vec::new();
        source.open(&zip.join("large")).unwrap().read_to_end(&mut read).unwrap();
        assert!(read == large);
        assert!(source.read(&zip.join("ü x")).unwrap_err().problem.contains("a folder"));
        assert!(source.read(&zip.join("nothing")).unwrap_err().missing);
        assert_eq!(source.local_path(&zip.join("large")), None);
    }
}

#[test]
fn the_directory_and_each_member_are_one_request() {
    let folder = tempfile::tempdir().unwrap();
    let zip = folder.path().join("runs.zip");
    let noise: Vec<u8> = (0..3_000_000_u64).map(|at| (at.wrapping_mul(at) >> 7) as u8).collect();
    let members: [(&str, &[u8]); 4] =
        [("1", &noise[..1_000_000]), ("2", b"two"), ("3", &noise[1_000_000..]), ("4", b"four")];
    std::fs::write(&zip, zipped(&members, CompressionMethod::Stored)).unwrap();
    let far = Arc::new(Far::default());
    let source = Archives::new(Arc::clone(&far) as Arc<dyn Source>);
    let asked = || far.0.lock().unwrap().len();
    assert_eq!(source.list(&zip).unwrap().len(), 4);
    assert_eq!(asked(), 1);
    for _ in 0..2 {
        assert!(source.read(&zip.join("3")).unwrap() == noise[1_000_000..]);
        assert_eq!(source.read(&zip.join("2")).unwrap(), "two");
    }
    assert_eq!(asked(), 3);
    // Members beside each other come together.
    let source = Archives::new(Arc::clone(&far) as Arc<dyn Source>);
    source.list(&zip).unwrap();
    let before = asked();
    source.soon(&["1", "2", "4"].map(|name| zip.join(name)), u64::MAX);
    assert_eq!(source.read(&zip.join("4")).unwrap(), "four");
    assert!(source.read(&zip.join("1")).unwrap() == noise[..1_000_000]);
    assert_eq!(asked() - before, 2);
}

/// A disk that is far, on which a read ends when two are under way.
#[derive(Default)]
struct Meeting(Mutex<usize>, Condvar);

impl Source for Meeting {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        LocalDisk.list(folder)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        LocalDisk.entry(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn std::io::BufRead + Send>, SourceError> {
        LocalDisk.open(path)
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        let mut readers = self.0.lock().unwrap();
        *readers += 1;
        self.1.notify_all();
        let met = self.1.wait_timeout_while(readers, Duration::from_secs(60), |readers| *readers < 2);
        assert!(!met.unwrap().1.timed_out(), "nobody else reads");
        LocalDisk.read_range(path, range)
    }
}

#[test]
fn archives_are_opened_side_by_side() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.zip", "b.zip"] {
        let members: [(&str, &[u8]); 1] = [("x.jsonl", b"{}")];
        std::fs::write(folder.path().join(name), zipped(&members, CompressionMethod::Stored)).unwrap();
    }
    let source = Archives::new(Arc::new(Meeting::default()));
    let found = find_files(&source, folder.path()).unwrap();
    assert_eq!((found.files.len(), found.problems), (2, Vec::new()));
}

#[test]
fn a_changed_archive_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let (zip, next) = (folder.path().join("runs.zip"), folder.path().join("next"));
    std::fs::write(&zip, zipped(&[("a", b"one")], CompressionMethod::Stored)).unwrap();
    let source = Archives::new(Arc::new(LocalDisk));
    assert_eq!(source.read(&zip.join("a")).unwrap(), "one");
    let before = source.stamp(&zip.join("a")).unwrap();
    std::fs::write(&next, zipped(&[("a", b"two")], CompressionMethod::Stored)).unwrap();
    std::fs::rename(&next, &zip).unwrap();
    assert_ne!(source.stamp(&zip.join("a")).unwrap(), before);
    assert_eq!(source.read(&zip.join("a")).unwrap(), "two");
}

#[test]
fn what_is_broken_or_leads_out_is_refused_and_the_rest_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let good = zipped(&[("a.jsonl", b"{}")], CompressionMethod::Deflated);
    let mut broken = good.clone();
    // A byte of the member itself: its sum does not hold any more.
    broken[40] ^= 0xff;
    let mut encrypted = good.clone();
    for mark in [&b"PK\x03\x04"[..], b"PK\x01\x02"] {
        let at = encrypted.windows(4).position(|bytes| bytes == mark).unwrap();
        encrypted[at + if mark[2] == 3 { 6 } else { 8 }] |= 1;
    }
    std::fs::write(folder.path().join("encrypted.zip"), encrypted).unwrap();
    let cases: [(&str, Vec<u8>, &str); 4] = [
        ("cut.zip", good[..good.len() - 10].to_vec(), "damaged"),
        ("empty.zip", Vec::new(), "damaged"),
        ("text.zip", b"this is no archive at all".to_vec(), "damaged"),
        (
            "outside.zip",
            zipped(&[("../../x", b""), ("b.jsonl", b"{}")], CompressionMethod::Stored),
            "\"../../x\" would lie outside",
        ),
    ];
    std::fs::write(folder.path().join("good.zip"), good).unwrap();
    for (name, bytes, _) in &cases {
        std::fs::write(folder.path().join(name), bytes).unwrap();
    }
    let source = Archives::new(Arc::new(LocalDisk));
    let found = find_files(&source, folder.path()).unwrap();
    let files: Vec<PathBuf> = found.files.into_iter().map(|entry| entry.path).collect();
    let inside = ["encrypted.zip/a.jsonl", "good.zip/a.jsonl", "outside.zip/b.jsonl"];
    assert_eq!(files, inside.map(|name| folder.path().join(name)));
    let error = source.read(&folder.path().join(inside[0])).unwrap_err();
    assert!(error.problem.contains("encrypted") && !error.missing, "{error}");
    for (name, _, said) in &cases {
        let problem = found.problems.iter().find(|problem| problem.path == folder.path().join(name));
        assert!(problem.is_some_and(|problem| problem.problem.contains(said)), "{name}: {problem:?}");
    }
    let zip = folder.path().join("broken.zip");
    std::fs::write(&zip, broken).unwrap();
    let error = source.read(&zip.join("a.jsonl")).unwrap_err();
    assert!(error.problem.contains("damaged") && error.path == zip.join("a.jsonl"), "{error}");
}

#[test]
fn a_folder_that_is_called_like_an_archive_is_one() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("x.zip")).unwrap();
    std::fs::write(folder.path().join("x.zip/a"), "1").unwrap();
    let source = Archives::new(Arc::new(LocalDisk));
    assert_eq!(source.read(&folder.path().join("x.zip/a")).unwrap(), "1");
    assert_eq!(archive_above(Path::new("/r/x.zip/y.zip/a")), Some(Path::new("/r/x.zip")));
    assert_eq!(archive_above(Path::new("/r/x.zip")), None);
}
