//! An object of S3 that an export is written into: put in one request, or in parts that become an object at the end.
//! Until then nothing is seen of it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures::StreamExt as _;
use futures::stream::FuturesUnordered;
use object_store::path::Path as Key;
use object_store::{Error, MultipartUpload, ObjectStore, ObjectStoreExt as _, PutPayload, Result};

use crate::cli::exit::{self, CliError};
use crate::objects::Network;
use crate::objects::s3::{Address, S3Error};
use crate::source::{SourceError, s3_problem};

/// Up to this size an object is put in one request; a larger one in parts of at least it.
const PART: u64 = 16 << 20;

/// How many parts an object of S3 may have.
const MOST_PARTS: u64 = 10_000;

/// How many parts are on their way at once. Each is in memory.
const AT_ONCE: usize = 4;

/// Where an object is to be.
pub(super) struct Place {
    path: PathBuf,
    store: Arc<dyn ObjectStore>,
    key: Key,
    network: Arc<Network>,
}

impl Place {
    /// The place that an address names, when it may be one; `named` is how messages call it.
    pub fn of(path: &Path, named: &str) -> std::result::Result<Self, CliError> {
        let unusable = |error: S3Error| {
            let code = if matches!(error, S3Error::Address { .. }) { exit::USAGE } else { exit::UNAVAILABLE };
            CliError { code, ..CliError::usage(format!("{named}: {error}"), Some(error.hint())) }
        };
        let address = Address::of(path).map_err(unusable)?;
        let Some(address) = address.filter(|address| !address.key().as_ref().is_empty()) else {
            return Err(is_folder(path, named));
        };
        let network = Network::of_process();
        let store = network.bucket(address.bucket()).map_err(unusable)?;
        let place = Self { path: path.to_owned(), store, key: address.key().clone(), network };
        let ends_as_folder = path.to_string_lossy().ends_with('/');
        if ends_as_folder || place.has_keys_below().map_err(|error| place.unwritable(named, &error))? {
            return Err(is_folder(path, named));
        }
        Ok(place)
    }

    /// Whether the name is that of a folder already. Whoever may write and not list is believed.
    fn has_keys_below(&self) -> std::result::Result<bool, SourceError> {
        let (store, key, path) = (Arc::clone(&self.store), self.key.clone(), self.path.clone());
        let listing = self.network.wait(async move { store.list(Some(&key)).next().await });
        match listing.map_err(|error| SourceError::unreadable(&path, error.to_string()))? {
            Some(Ok(_)) => Ok(true),
            Some(Err(error)) if !is_denied(&error) => Err(s3_problem(&self.path, &error)),
            Some(Err(_)) | None => Ok(false),
        }
    }

    /// Puts the bytes of a file there. An earlier object of the name is replaced by a whole one, or stays.
    pub fn put(&self, file: File, size: u64) -> impl Future<Output = Result<()>> + Send + 'static {
        let (store, key) = (Arc::clone(&self.store), self.key.clone());
        async move {
            let mut file = file;
            if size <= PART {
                let bytes = part(&mut file, PART)?;
                return store.put(&key, bytes.into()).await.map(drop);
            }
            let mut upload = store.put_multipart(&key).await?;
            match send(upload.as_mut(), &mut file, size).await {
                Ok(()) => upload.complete().await.map(drop),
                Err(error) => {
                    // What was wrong first is told.
                    let _ = upload.abort().await;
                    Err(error)
                }
            }
        }
    }

    pub fn network(&self) -> &Network {
        &self.network
    }

    pub fn failed(&self, named: &str, error: &Error) -> CliError {
        self.unwritable(named, &s3_problem(&self.path, error))
    }

    /// A bucket that is missing is like a folder that is.
    fn unwritable(&self, named: &str, error: &SourceError) -> CliError {
        let said = format!("{named}: it cannot be written: {}", error.problem);
        let code = if error.missing { exit::NOT_FOUND } else { exit::UNAVAILABLE };
        CliError { code, ..CliError::usage(said, None) }
    }
}

/// Sends all parts.
async fn send(upload: &mut dyn MultipartUpload, file: &mut File, size: u64) -> Result<()> {
    let length = PART.max(size.div_ceil(MOST_PARTS));
    let mut under_way = FuturesUnordered::new();
    loop {
        let bytes = part(file, length)?;
        if bytes.is_empty() {
            break;
        }
        if under_way.len() >= AT_ONCE {
            under_way.next().await.transpose()?;
        }
        under_way.push(upload.put_part(PutPayload::from(bytes)));
    }
    while let Some(sent) = under_way.next().await {
        sent?;
    }
    Ok(())
}

/// The next bytes of a file.
fn part(file: &mut File, length: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let read = file.take(length).read_to_end(&mut bytes);
    read.map_err(|error| Error::Generic { store: "the temporary file", source: Box::new(error) })?;
    Ok(bytes)
}

fn is_denied(error: &Error) -> bool {
    let said = error.to_string();
    matches!(error, Error::PermissionDenied { .. }) || said.contains("AccessDenied")
}

fn is_folder(path: &Path, named: &str) -> CliError {
    let folder = path.display().to_string();
    let hint = format!("{}/NAME.csv names a file in it", folder.trim_end_matches('/'));
    CliError::usage(format!("{named}: this is a folder"), Some(&hint))
}
