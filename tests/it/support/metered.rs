//! Objects in memory that note every request as it would go over the wire to S3: ranges that lie close together are one
//! request, and a listing takes one for every thousand keys.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use futures::StreamExt as _;
use futures::stream::BoxStream;
use object_store::memory::InMemory;
use object_store::path::Path;
use object_store::{
    CopyOptions, GetOptions, GetResult, ListResult, MultipartUpload, OBJECT_STORE_COALESCE_DEFAULT,
    ObjectMeta, ObjectStore, ObjectStoreExt as _, PutMultipartOptions, PutOptions, PutPayload, PutResult,
    Result, coalesce_ranges,
};

/// How many keys S3 lists at a time.
const PAGE: usize = 1000;

/// Objects in memory, and what was asked of them.
#[derive(Debug, Clone, Default)]
pub struct Metered {
    objects: Arc<InMemory>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    /// `get`, `range`, `head`, `list` or `write`.
    pub what: &'static str,
    /// The key, or the beginning of keys.
    pub key: String,
    /// The bytes that came.
    pub bytes: u64,
}

impl Metered {
    /// What was asked since the last time.
    pub fn taken(&self) -> Vec<Asked> {
        std::mem::take(&mut *self.asked.lock().expect("nobody panicked"))
    }

    fn note(&self, what: &'static str, key: &Path, bytes: u64) {
        let asked = Asked { what, key: key.to_string(), bytes };
        self.asked.lock().expect("nobody panicked").push(asked);
    }

    fn pages(
        &self,
        prefix: Option<&Path>,
        listed: BoxStream<'static, Result<ObjectMeta>>,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        let (noted, prefix) = (self.clone(), prefix.cloned().unwrap_or_default());
        noted.note("list", &prefix, 0);
        let mut listed_so_far = 0;
        listed
            .inspect(move |_| {
                listed_so_far += 1;
                if listed_so_far % PAGE == 1 && listed_so_far > 1 {
                    noted.note("list", &prefix, 0);
                }
            })
            .boxed()
    }
}

impl fmt::Display for Metered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Metered")
    }
}

#[async_trait]
impl ObjectStore for Metered {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        self.note("write", location, payload.content_length() as u64);
        self.objects.put_opts(location, payload, opts).await
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        self.note("write", location, 0);
        self.objects.put_multipart_opts(location, opts).await
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        let what = match (&options.head, &options.range) {
            (true, _) => "head",
            (false, Some(_)) => "range",
            (false, None) => "get",
        };
        let got = self.objects.get_opts(location, options).await;
        let bytes =
            got.as_ref().map_or(0, |got| if what == "head" { 0 } else { got.range.end - got.range.start });
        self.note(what, location, bytes);
        got
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        coalesce_ranges(ranges, |range| self.get_range(location, range), OBJECT_STORE_COALESCE_DEFAULT).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.note("write", &Path::default(), 0);
        self.objects.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, self.objects.list(prefix))
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.pages(prefix, self.objects.list_with_offset(prefix, offset))
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.note("list", &prefix.cloned().unwrap_or_default(), 0);
        self.objects.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        self.note("write", to, 0);
        self.objects.copy_opts(from, to, options).await
    }
}
