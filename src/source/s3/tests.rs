//! Against a store in memory whose requests are counted.

use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use object_store::memory::InMemory;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt as _, PutPayload};

use super::S3Source;
use crate::objects::{Counted, Network, Traffic};
use crate::source::{Source as _, expand};

/// A bucket, a source over it, and what is asked of it.
struct Bucket {
    objects: Arc<InMemory>,
    traffic: Arc<Traffic>,
    source: S3Source,
}

impl Bucket {
    fn holding(objects: &[(&str, Vec<u8>)]) -> Self {
        let store = Arc::new(InMemory::new());
        let traffic = Arc::new(Traffic::default());
        let counted: Arc<dyn ObjectStore> =
            Arc::new(Counted::new(Arc::clone(&store) as Arc<dyn ObjectStore>, Arc::clone(&traffic)));
        let network = Arc::new(Network::over([("bucket".to_owned(), counted)]));
        let bucket = Self { objects: store, traffic, source: S3Source::new(network) };
        objects.iter().for_each(|(key, bytes)| bucket.put(key, bytes.clone()));
        bucket
    }

    fn put(&self, key: &str, bytes: Vec<u8>) {
        let key = Key::parse(key).unwrap();
        futures::executor::block_on(self.objects.put(&key, PutPayload::from(bytes))).unwrap();
    }

    /// Requests so far: whole objects, parts, heads, listings.
    fn asked(&self) -> [u64; 4] {
        let io = self.traffic.so_far();
        [io.get, io.ranges, io.head, io.list].map(|kind| kind.requests)
    }
}

fn path(key: &str) -> PathBuf {
    PathBuf::from(format!("s3://bucket/{key}"))
}

/// Bytes of which no two pieces are alike: they repeat after a length that is no part of a piece's.
fn bytes(length: usize) -> Vec<u8> {
    let some: Vec<u8> = (0..65_521_usize).map(|at| (at.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    let mut bytes = some.repeat(length.div_ceil(some.len()));
    bytes.truncate(length);
    bytes
}

#[test]
fn one_listing_tells_what_is_below_and_what_is_not() {
    let bucket = Bucket::holding(&[("r/a/index.jsonl", b"{}".to_vec()), ("r/a b/x.json", b"1".to_vec())]);
    let source = &bucket.source;
    assert!(source.entry(&path("r")).unwrap().unwrap().folder);
    let names: Vec<PathBuf> = source.list(&path("r")).unwrap().into_iter().map(|entry| entry.path).collect();
    assert_eq!(names, [path("r/a"), path("r/a b")]);
    assert!(source.has_file(&path("r/a/index.jsonl")));
    assert!(!source.has_file(&path("r/a/timing.json")));
    assert_eq!(source.stamp(&path("r/a/index.jsonl")).unwrap().unwrap().size, 2);
    assert!(source.read(&path("r/a/timing.json")).unwrap_err().missing);
    assert_eq!(bucket.asked(), [0, 0, 0, 1]);
}

#[test]
fn a_small_file_is_fetched_once_however_often_it_is_read() {
    let bucket = Bucket::holding(&[("r/rows.jsonl", bytes(100_000)), ("r/other", b"x".to_vec())]);
    let (source, rows) = (&bucket.source, path("r/rows.jsonl"));
    source.entry(&path("r")).unwrap();
    source.soon(&[rows.clone(), path("r/other"), path("r/missing")], 64);
    assert_eq!(source.read_range(&rows, 10..64).unwrap(), bytes(100_000)[10..64]);
    assert_eq!(source.read(&rows).unwrap(), bytes(100_000));
    let mut read = Vec::new();
    source.open(&rows).unwrap().read_to_end(&mut read).unwrap();
    assert_eq!(read, bytes(100_000));
    assert_eq!(source.read(&path("r/other")).unwrap(), "x");
    assert_eq!(bucket.asked(), [2, 0, 0, 1]);
}

#[test]
fn a_large_file_comes_in_pieces_that_fit_together() {
    let length = 20 << 20;
    let bucket = Bucket::holding(&[("r/rows.jsonl", bytes(length))]);
    let (source, rows) = (&bucket.source, path("r/rows.jsonl"));
    source.entry(&path("r")).unwrap();
    let mut read = Vec::new();
    source.open(&rows).unwrap().read_to_end(&mut read).unwrap();
    assert!(read == bytes(length), "the pieces are not the file");
    // 8 + 8 + 4 MiB.
    assert_eq!(bucket.asked(), [0, 3, 0, 1]);
    let parts = source.read_ranges(&rows, &[5..9, 100..108, (15 << 20)..(15 << 20) + 3]).unwrap();
    let whole = bytes(length);
    assert_eq!(parts, [&whole[5..9], &whole[100..108], &whole[15 << 20..(15 << 20) + 3]]);
    // Neighbours share a request.
    assert_eq!(bucket.asked(), [0, 5, 0, 1]);
}

#[test]
fn a_file_that_was_replaced_meanwhile_is_no_mixture() {
    let bucket = Bucket::holding(&[("r/rows", bytes(30 << 20)), ("r/small", b"one".to_vec())]);
    let source = &bucket.source;
    source.entry(&path("r")).unwrap();
    let mut reader = source.open(&path("r/rows")).unwrap();
    // The first piece, with the second on its way; the third and the fourth are not asked for yet.
    reader.read_exact(&mut [0]).unwrap();
    bucket.put("r/rows", vec![7; 30 << 20]);
    bucket.put("r/small", b"two".to_vec());
    let error = reader.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("replaced while it was read"), "{error}");
    let error = source.read(&path("r/small")).unwrap_err();
    assert!(error.problem.contains("replaced") && !error.missing && !error.unreachable, "{error}");
    source.refresh();
    assert_eq!(source.read(&path("r/small")).unwrap(), "two");
}

#[test]
fn a_pattern_stands_for_keys_and_a_key_that_is_called_so_comes_before() {
    let bucket = Bucket::holding(&[
        ("runs/a/index.jsonl", b"{}".to_vec()),
        ("runs/b/index.jsonl", b"{}".to_vec()),
        ("runs/b/c/index.jsonl", b"{}".to_vec()),
        ("runs/[x]", b"{}".to_vec()),
        ("runs/x", b"{}".to_vec()),
    ]);
    let found = |pattern: &str| expand(&bucket.source, path(pattern).to_str().unwrap()).unwrap().paths;
    assert_eq!(found("runs/*/index.jsonl"), [path("runs/a/index.jsonl"), path("runs/b/index.jsonl")]);
    assert_eq!(found("runs/[x]"), [path("runs/[x]")]);
    assert_eq!(found("runs/[!a-w[]"), [path("runs/x")]);
    assert_eq!(
        found("runs/**/index.jsonl"),
        [path("runs/a/index.jsonl"), path("runs/b/c/index.jsonl"), path("runs/b/index.jsonl")]
    );
    assert_eq!(found("none/*"), Vec::<PathBuf>::new());
    // Once for what is there and once for what is not.
    assert_eq!(bucket.asked()[3], 2);
}

#[test]
fn a_path_of_this_machine_is_none_of_ours() {
    let bucket = Bucket::holding(&[]);
    assert!(bucket.source.read(Path::new("/etc/hosts")).unwrap_err().missing);
    assert!(!bucket.source.entry(Path::new("s3://bucket/a//b")).unwrap_err().missing);
    assert_eq!(bucket.asked(), [0, 0, 0, 0]);
}
