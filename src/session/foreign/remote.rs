//! Files in S3 that a statement names. The engine reaches objects by URLs, which decode and encode what stands in them;
//! so it is given names in which every letter of a key stands as its number.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use datafusion::prelude::SessionContext;
use futures::stream::BoxStream;
use futures::{StreamExt as _, stream};
use object_store::path::Path as Key;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, Result,
};
use url::Url;

use crate::objects::Network;
use crate::objects::s3::Address;
use crate::session::SessionError;
use crate::source::{Source as _, everywhere, expand, is_pattern, near_path};

/// What the engine knows these objects by.
const SCHEME: &str = "runq-s3";

/// The files that a name in S3 means, or a pattern of names.
pub(super) fn found(name: &str) -> std::result::Result<Vec<PathBuf>, SessionError> {
    let problem =
        |problem: String, hint: Option<String>| SessionError::File { name: name.to_owned(), problem, hint };
    let source = everywhere();
    let path = Path::new(name);
    if is_pattern(name) {
        let found = expand(&source, name)?;
        let files: Vec<PathBuf> = found.paths.into_iter().filter(|path| source.has_file(path)).collect();
        if !files.is_empty() {
            return Ok(files);
        }
    } else if let Some(entry) = source.entry(path)? {
        if !entry.folder {
            return Ok(vec![source.full_name(path)]);
        }
        let hint = format!("'{}/*.csv' means the files in it", name.trim_end_matches('/'));
        return Err(problem("this is a folder".to_owned(), Some(hint)));
    }
    let near = near_path(&source, path).map(|near| format!("did you mean '{}'?", near.display()));
    Err(SessionError::NoFile { name: name.to_owned(), near })
}

/// The first bytes of a file in S3; nothing where they cannot be had, which its reader will say.
pub(super) fn head(file: &Path, bytes: u64) -> Vec<u8> {
    everywhere().read_range(file, 0..bytes).map(|bytes| bytes.to_vec()).unwrap_or_default()
}

/// Makes a file of S3 known to the engine, and says by which URL.
pub(super) fn url(ctx: &SessionContext, file: &Path) -> std::result::Result<Url, SessionError> {
    let failed = |problem: String, hint: &str| SessionError::File {
        name: file.display().to_string(),
        problem,
        hint: Some(hint.to_owned()),
    };
    let unusable = |error: crate::objects::s3::S3Error| failed(error.to_string(), error.hint());
    let address = Address::of(file).map_err(unusable)?;
    let address = address.ok_or_else(|| failed("this is no address in S3".to_owned(), "s3://BUCKET/KEY"))?;
    let inner = Network::of_process().bucket(address.bucket()).map_err(unusable)?;
    let place = |path: &str| {
        Url::parse(&format!("{SCHEME}://{}/{path}", address.bucket()))
            .map_err(|error| failed(error.to_string(), "s3://BUCKET/KEY"))
    };
    ctx.runtime_env().register_object_store(&place("")?, Arc::new(Numbered { inner }));
    place(numbered(address.key()).as_ref())
}

/// A key with every byte as two hexadecimal digits.
fn numbered(key: &Key) -> Key {
    let digits: String = key.as_ref().bytes().map(|byte| format!("{byte:02x}")).collect();
    Key::from(digits)
}

/// The key that was numbered.
fn key_of(numbered: &Key) -> Result<Key> {
    let digits = numbered.as_ref().as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    let bytes: Option<Vec<u8>> = digits.chunks(2).map(byte).collect();
    let key = bytes.and_then(|bytes| String::from_utf8(bytes).ok()).and_then(|key| Key::parse(key).ok());
    key.ok_or_else(|| Error::NotFound { path: numbered.to_string(), source: "not a name given here".into() })
}

/// A bucket whose keys are numbered. It can only be read.
#[derive(Debug)]
struct Numbered {
    inner: Arc<dyn ObjectStore>,
}

impl fmt::Display for Numbered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.inner.fmt(f)
    }
}

fn only_read<T>() -> Result<T> {
    Err(Error::NotSupported { source: "files that a statement names are only read".into() })
}

#[async_trait]
impl ObjectStore for Numbered {
    async fn get_opts(&self, location: &Key, options: GetOptions) -> Result<GetResult> {
        let mut got = self.inner.get_opts(&key_of(location)?, options).await?;
        got.meta.location = location.clone();
        Ok(got)
    }

    async fn put_opts(&self, _: &Key, _: PutPayload, _: PutOptions) -> Result<PutResult> {
        only_read()
    }

    async fn put_multipart_opts(&self, _: &Key, _: PutMultipartOptions) -> Result<Box<dyn MultipartUpload>> {
        only_read()
    }

    fn delete_stream(&self, _: BoxStream<'static, Result<Key>>) -> BoxStream<'static, Result<Key>> {
        stream::once(async { only_read() }).boxed()
    }

    fn list(&self, _: Option<&Key>) -> BoxStream<'static, Result<ObjectMeta>> {
        stream::once(async { only_read() }).boxed()
    }

    async fn list_with_delimiter(&self, _: Option<&Key>) -> Result<ListResult> {
        only_read()
    }

    async fn copy_opts(&self, _: &Key, _: &Key, _: CopyOptions) -> Result<()> {
        only_read()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_comes_back_letter_for_letter() {
        for key in ["a b/50%2F#1 ü+b.csv", "x", "a?b=c&d/..e"] {
            let key = Key::parse(key).unwrap();
            let url = Url::parse(&format!("{SCHEME}://bucket/{}", numbered(&key))).unwrap();
            assert_eq!(key_of(&Key::from_url_path(url.path()).unwrap()).unwrap(), key);
        }
        assert!(key_of(&Key::from("zz")).is_err());
    }
}
