//! What is asked of an object store: requests and bytes, by kind.

use std::fmt;
use std::ops::{Range, Sub};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result,
};

/// The kinds of requests, in the order in which they are told.
const KINDS: [&str; 5] = ["get", "ranges", "head", "list", "write"];

pub(super) const GET: usize = 0;
pub(super) const RANGES: usize = 1;
pub(super) const HEAD: usize = 2;
pub(super) const LIST: usize = 3;
pub(super) const WRITE: usize = 4;

/// Counts requests. May be shared between threads and stores.
#[derive(Debug, Default)]
pub struct Traffic {
    kinds: [Kind; KINDS.len()],
    whole: Option<Arc<Traffic>>,
}

#[derive(Debug, Default)]
struct Kind {
    requests: AtomicU64,
    bytes: AtomicU64,
    micros: AtomicU64,
}

impl Traffic {
    /// A count of its own that is part of another one.
    pub fn within(whole: &Arc<Self>) -> Self {
        Self { whole: Some(Arc::clone(whole)), ..Self::default() }
    }

    pub(super) fn count(&self, kind: usize, (requests, bytes): (u64, u64), time: Duration) {
        if let Some(whole) = &self.whole {
            whole.count(kind, (requests, bytes), time);
        }
        let Some(kind) = self.kinds.get(kind) else { return };
        kind.requests.fetch_add(requests, Ordering::Relaxed);
        kind.bytes.fetch_add(bytes, Ordering::Relaxed);
        kind.micros.fetch_add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX), Ordering::Relaxed);
    }

    /// Counts a request with what came of it, and how long it took.
    async fn timed<T>(
        &self,
        kind: usize,
        sent: (u64, u64),
        request: impl Future<Output = Result<T>>,
    ) -> Result<T> {
        let begun = Instant::now();
        let answer = request.await;
        self.count(kind, sent, begun.elapsed());
        answer
    }

    /// What was asked for so far.
    pub fn so_far(&self) -> Io {
        let read = |kind: &Kind| Requests {
            requests: kind.requests.load(Ordering::Relaxed),
            bytes: kind.bytes.load(Ordering::Relaxed),
            time: Duration::from_micros(kind.micros.load(Ordering::Relaxed)),
        };
        let [get, ranges, head, list, write] = self.kinds.each_ref().map(read);
        Io { get, ranges, head, list, write }
    }
}

/// Requests of one kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Requests {
    /// How many.
    pub requests: u64,
    /// The bytes asked for, or given to be written; 0 for kinds that carry none.
    pub bytes: u64,
    /// How long they took until they were answered, each for itself: those at the same time add up.
    pub time: Duration,
}

/// What a time's work asked of the object store. `write` is everything that changes it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Io {
    /// Whole objects.
    pub get: Requests,
    /// Parts of objects; each part counts as a request.
    pub ranges: Requests,
    /// Sizes and times of objects.
    pub head: Requests,
    /// Listings.
    pub list: Requests,
    /// Puts, deletions, copies and renames.
    pub write: Requests,
}

impl Io {
    /// Every kind with its name.
    pub fn kinds(&self) -> [(&'static str, Requests); KINDS.len()] {
        let counts = [self.get, self.ranges, self.head, self.list, self.write];
        std::array::from_fn(|at| (KINDS[at], counts[at]))
    }

    /// Requests and bytes of all kinds.
    pub fn total(&self) -> Requests {
        self.kinds().iter().fold(Requests::default(), |sum, (_, kind)| Requests {
            requests: sum.requests + kind.requests,
            bytes: sum.bytes + kind.bytes,
            time: sum.time + kind.time,
        })
    }
}

impl Sub for Io {
    type Output = Self;

    /// What came after `earlier`.
    fn sub(self, earlier: Self) -> Self {
        let less = |now: Requests, then: Requests| Requests {
            requests: now.requests.saturating_sub(then.requests),
            bytes: now.bytes.saturating_sub(then.bytes),
            time: now.time.saturating_sub(then.time),
        };
        Self {
            get: less(self.get, earlier.get),
            ranges: less(self.ranges, earlier.ranges),
            head: less(self.head, earlier.head),
            list: less(self.list, earlier.list),
            write: less(self.write, earlier.write),
        }
    }
}

impl fmt::Display for Io {
    /// `7 requests, 12.4 kB in 61 ms · get 3 (4.0 kB, 20 ms) · ranges 4 (8.4 kB, 41 ms)`; kinds without a request are left
    /// out. Requests at the same time add up.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total();
        let noun = if total.requests == 1 { "request" } else { "requests" };
        write!(f, "{} {noun}, {} in {}", total.requests, size(total.bytes), length(total.time))?;
        for (name, kind) in self.kinds().into_iter().filter(|(_, kind)| kind.requests > 0) {
            write!(f, " · {name} {} (", kind.requests)?;
            if kind.bytes > 0 {
                write!(f, "{}, ", size(kind.bytes))?;
            }
            write!(f, "{})", length(kind.time))?;
        }
        Ok(())
    }
}

/// A time in the unit that fits.
fn length(time: Duration) -> String {
    match time.as_millis() {
        0..1000 => format!("{} ms", time.as_millis()),
        _ => format!("{:.1} s", time.as_secs_f64()),
    }
}

/// Bytes in the unit that fits, by thousands.
fn size(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if bytes < 1000 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// An object store whose requests are counted.
#[derive(Debug, Clone)]
pub struct Counted {
    inner: Arc<dyn ObjectStore>,
    traffic: Arc<Traffic>,
}

impl Counted {
    /// Counts what is asked of a store.
    pub fn new(inner: Arc<dyn ObjectStore>, traffic: Arc<Traffic>) -> Self {
        Self { inner, traffic }
    }
}

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

#[async_trait]
impl ObjectStore for Counted {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let sent = (1, payload.content_length() as u64);
        self.traffic.timed(WRITE, sent, self.inner.put_opts(location, payload, opts)).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.traffic.timed(WRITE, (1, 0), self.inner.put_multipart_opts(location, opts)).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let kind = match (&options.head, &options.range) {
            (true, _) => HEAD,
            (false, Some(_)) => RANGES,
            (false, None) => GET,
        };
        let got = self.traffic.timed(kind, (1, 0), self.inner.get_opts(location, options)).await?;
        if kind != HEAD {
            let bytes = got.range.end.saturating_sub(got.range.start);
            self.traffic.count(kind, (0, bytes), Duration::ZERO);
        }
        Ok(got)
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        let bytes = ranges.iter().map(|range| range.end.saturating_sub(range.start)).sum();
        let sent = (ranges.len() as u64, bytes);
        self.traffic.timed(RANGES, sent, self.inner.get_ranges(location, ranges)).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.traffic.count(WRITE, (1, 0), Duration::ZERO);
        self.inner.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.traffic.count(LIST, (1, 0), Duration::ZERO);
        self.inner.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.traffic.count(LIST, (1, 0), Duration::ZERO);
        self.inner.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.traffic.timed(LIST, (1, 0), self.inner.list_with_delimiter(prefix)).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.traffic.timed(WRITE, (1, 0), self.inner.copy_opts(from, to, options)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        self.traffic.timed(WRITE, (1, 0), self.inner.rename_opts(from, to, options)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use object_store::ObjectStoreExt as _;
    use object_store::memory::InMemory;

    #[tokio::test]
    async fn requests_are_counted_by_kind_with_their_bytes() {
        let traffic = Arc::new(Traffic::default());
        let store = Counted::new(Arc::new(InMemory::new()), Arc::clone(&traffic));
        let path = Path::from("a/b");
        store.put(&path, PutPayload::from(vec![7; 1500])).await.unwrap();
        let before = traffic.so_far();
        store.get(&path).await.unwrap();
        store.head(&path).await.unwrap();
        store.get_range(&path, 0..200).await.unwrap();
        store.get_ranges(&path, &[0..10, 20..35]).await.unwrap();
        store.list_with_delimiter(None).await.unwrap();
        assert!(store.get(&Path::from("nowhere")).await.is_err());
        let mut io = traffic.so_far() - before;
        for kind in [&mut io.get, &mut io.ranges, &mut io.head, &mut io.list] {
            kind.time = Duration::ZERO;
        }
        let of = |requests, bytes| Requests { requests, bytes, time: Duration::ZERO };
        let expected =
            Io { get: of(2, 1500), ranges: of(3, 225), head: of(1, 0), list: of(1, 0), write: of(0, 0) };
        assert_eq!(io, expected);
        assert_eq!(
            io.to_string(),
            "7 requests, 1.7 kB in 0 ms · get 2 (1.5 kB, 0 ms) · ranges 3 (225 B, 0 ms) · head 1 (0 ms) · list 1 (0 ms)"
        );
        assert_eq!((before.write.requests, before.write.bytes), (1, 1500));
    }

    #[test]
    fn a_part_counts_in_the_whole_too() {
        let whole = Arc::new(Traffic::default());
        let parts = [Traffic::within(&whole), Traffic::within(&whole)];
        parts[0].count(GET, (1, 10), Duration::from_millis(1500));
        parts[1].count(GET, (2, 20), Duration::from_millis(40));
        assert_eq!(parts[0].so_far().to_string(), "1 request, 10 B in 1.5 s · get 1 (10 B, 1.5 s)");
        assert_eq!((whole.so_far().get.requests, whole.so_far().get.bytes), (3, 30));
    }

    #[test]
    fn sizes_have_the_unit_that_fits() {
        assert_eq!(
            [0, 999, 1000, 999_950, 12_345_678].map(size),
            ["0 B", "999 B", "1.0 kB", "1.0 MB", "12.3 MB"]
        );
    }
}
