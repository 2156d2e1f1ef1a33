//! A local disk on which a finished write survives a power cut.
//!
//! `object_store` never calls fsync: after a power cut a file that was reported as written may be empty. This
//! store syncs the file before it gets its name, and the folder before the write is reported. Everything that
//! does not write is left to [`LocalFileSystem`].
//!
//! Names that end in `#` and digits are staging files, as with [`LocalFileSystem`]; they are never listed.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::ops::Range;
use std::path::{Path as FilePath, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;
use bytes::Bytes;
use futures::stream::BoxStream;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{
    CopyOptions, Error, GetOptions, GetResult, ListResult, MultipartUpload, ObjectMeta, ObjectStore, PutMode,
    PutMultipartOptions, PutOptions, PutPayload, PutResult, RenameOptions, Result, UploadPart,
};

/// The two calls that make bytes survive a power cut; a trait so that tests can watch their order.
pub trait Disk: fmt::Debug + Send + Sync + 'static {
    /// Returns when the content of the open file is on the disk.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_file(&self, file: &File, path: &FilePath) -> io::Result<()>;

    /// Returns when the names inside the folder are on the disk.
    ///
    /// # Errors
    /// What the operating system says.
    fn sync_folder(&self, path: &FilePath) -> io::Result<()>;
}

/// The operating system's fsync.
#[derive(Debug, Clone, Copy)]
pub struct SystemDisk;

impl Disk for SystemDisk {
    fn sync_file(&self, file: &File, _path: &FilePath) -> io::Result<()> {
        file.sync_all()
    }

    fn sync_folder(&self, path: &FilePath) -> io::Result<()> {
        // Only Unix can open a folder; elsewhere the file system keeps names itself.
        if cfg!(unix) { File::open(path)?.sync_all() } else { Ok(()) }
    }
}

/// [`LocalFileSystem`] whose writes are synced before they are reported.
#[derive(Debug, Clone)]
pub struct SyncedDisk {
    files: LocalFileSystem,
    disk: Arc<dyn Disk>,
}

impl SyncedDisk {
    /// The whole file system; paths are absolute.
    pub fn new(disk: Arc<dyn Disk>) -> Self {
        Self { files: LocalFileSystem::new(), disk }
    }

    async fn blocking<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Disk) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let disk = Arc::clone(&self.disk);
        tokio::task::spawn_blocking(move || work(disk.as_ref())).await?
    }

    /// Makes the folder for `location`; its path on disk.
    async fn prepare(&self, location: &Path) -> Result<PathBuf> {
        let path = self.files.path_to_filesystem(location)?;
        let prepared = path.clone();
        self.blocking(move |disk| make_folder_of(disk, &prepared)).await?;
        Ok(path)
    }
}

impl fmt::Display for SyncedDisk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SyncedDisk({})", self.files)
    }
}

/// A failed step of a write, with the file it was about.
#[derive(Debug, thiserror::Error)]
#[error("{step} {}: {source}", path.display())]
struct DiskError {
    step: &'static str,
    path: PathBuf,
    source: io::Error,
}

fn failed(step: &'static str, path: &FilePath, source: io::Error) -> Error {
    let kind = source.kind();
    let named = path.display().to_string();
    let source = Box::new(DiskError { step, path: path.to_owned(), source });
    match kind {
        ErrorKind::AlreadyExists => Error::AlreadyExists { path: named, source },
        ErrorKind::NotFound => Error::NotFound { path: named, source },
        ErrorKind::PermissionDenied => Error::PermissionDenied { path: named, source },
        _ => Error::Generic { store: "SyncedDisk", source },
    }
}

/// Creates the folder of `path` and syncs the name of every folder that was missing.
fn make_folder_of(disk: &dyn Disk, path: &FilePath) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    let missing: Vec<&FilePath> = folder.ancestors().take_while(|ancestor| !ancestor.exists()).collect();
    if missing.is_empty() {
        return Ok(());
    }
    fs::create_dir_all(folder).map_err(|source| failed("cannot create folder", folder, source))?;
    // Outermost first: a folder is only safe when its own name is.
    for created in missing.into_iter().rev() {
        sync_folder_of(disk, created)?;
    }
    Ok(())
}

fn sync_folder_of(disk: &dyn Disk, path: &FilePath) -> Result<()> {
    let Some(folder) = path.parent() else { return Ok(()) };
    disk.sync_folder(folder).map_err(|source| failed("cannot sync folder", folder, source))
}

/// Opens a new staging file beside `path`.
fn stage(path: &FilePath) -> Result<(File, PathBuf)> {
    let mut number = 1_u64;
    loop {
        let mut name = path.as_os_str().to_owned();
        name.push(format!("#{number}"));
        let staged = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&staged) {
            Ok(file) => return Ok((file, staged)),
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            Err(source) => return Err(failed("cannot create", &staged, source)),
        }
    }
}

/// Gives the staged file its name: exclusively (the name must be free) or in place of what has it.
fn publish(staged: &FilePath, path: &FilePath, exclusive: bool) -> Result<()> {
    if exclusive {
        fs::hard_link(staged, path).map_err(|source| failed("cannot link", path, source))
    } else {
        fs::rename(staged, path).map_err(|source| failed("cannot rename to", path, source))
    }
}

fn write_synced(disk: &dyn Disk, path: &FilePath, payload: &PutPayload, exclusive: bool) -> Result<()> {
    make_folder_of(disk, path)?;
    let (mut file, staged) = stage(path)?;
    let written = payload
        .iter()
        .try_for_each(|chunk| file.write_all(chunk))
        .map_err(|source| failed("cannot write", path, source))
        .and_then(|()| disk.sync_file(&file, path).map_err(|source| failed("cannot sync", path, source)));
    drop(file);
    let outcome = written.and_then(|()| publish(&staged, path, exclusive));
    if exclusive || outcome.is_err() {
        // A staging file that stays is never listed; it costs space, not correctness.
        let _ = fs::remove_file(&staged);
    }
    outcome?;
    sync_folder_of(disk, path)
}

/// Puts a file in the place of what has its name: whole or not at all, and on the disk when this returns.
///
/// # Errors
/// What the disk says; the earlier file stays then.
pub fn replace_file(disk: &dyn Disk, path: &FilePath, content: Vec<u8>) -> Result<()> {
    write_synced(disk, path, &PutPayload::from(content), false)
}

/// Syncs a file that already has its name, and then the name.
fn sync_named(disk: &dyn Disk, path: &FilePath) -> Result<()> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .open(path)
        .map_err(|source| failed("cannot open", path, source))?;
    disk.sync_file(&file, path).map_err(|source| failed("cannot sync", path, source))?;
    sync_folder_of(disk, path)
}

#[async_trait]
impl ObjectStore for SyncedDisk {
    async fn put_opts(&self, location: &Path, payload: PutPayload, opts: PutOptions) -> Result<PutResult> {
        let exclusive = match opts.mode {
            PutMode::Create => true,
            PutMode::Overwrite => false,
            PutMode::Update(_) => return self.files.put_opts(location, payload, opts).await,
        };
        if !opts.attributes.is_empty() {
            return self.files.put_opts(location, payload, opts).await;
        }
        let path = self.files.path_to_filesystem(location)?;
        self.blocking(move |disk| write_synced(disk, &path, &payload, exclusive)).await?;
        Ok(PutResult { e_tag: None, version: None })
    }

    async fn put_multipart_opts(
        &self,
        location: &Path,
        opts: PutMultipartOptions,
    ) -> Result<Box<dyn MultipartUpload>> {
        let path = self.prepare(location).await?;
        let inner = self.files.put_multipart_opts(location, opts).await?;
        Ok(Box::new(SyncedUpload { inner, path, disk: self.clone() }))
    }

    async fn get_opts(&self, location: &Path, options: GetOptions) -> Result<GetResult> {
        self.files.get_opts(location, options).await
    }

    async fn get_ranges(&self, location: &Path, ranges: &[Range<u64>]) -> Result<Vec<Bytes>> {
        self.files.get_ranges(location, ranges).await
    }

    fn delete_stream(&self, locations: BoxStream<'static, Result<Path>>) -> BoxStream<'static, Result<Path>> {
        self.files.delete_stream(locations)
    }

    fn list(&self, prefix: Option<&Path>) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list(prefix)
    }

    fn list_with_offset(
        &self,
        prefix: Option<&Path>,
        offset: &Path,
    ) -> BoxStream<'static, Result<ObjectMeta>> {
        self.files.list_with_offset(prefix, offset)
    }

    async fn list_with_delimiter(&self, prefix: Option<&Path>) -> Result<ListResult> {
        self.files.list_with_delimiter(prefix).await
    }

    async fn copy_opts(&self, from: &Path, to: &Path, options: CopyOptions) -> Result<()> {
        let path = self.prepare(to).await?;
        self.files.copy_opts(from, to, options).await?;
        self.blocking(move |disk| sync_named(disk, &path)).await
    }

    async fn rename_opts(&self, from: &Path, to: &Path, options: RenameOptions) -> Result<()> {
        let path = self.prepare(to).await?;
        let old = self.files.path_to_filesystem(from)?;
        self.files.rename_opts(from, to, options).await?;
        self.blocking(move |disk| {
            sync_named(disk, &path)?;
            sync_folder_of(disk, &old)
        })
        .await
    }
}

/// A multipart upload that is synced before it is reported as complete.
#[derive(Debug)]
struct SyncedUpload {
    inner: Box<dyn MultipartUpload>,
    path: PathBuf,
    disk: SyncedDisk,
}

#[async_trait]
impl MultipartUpload for SyncedUpload {
    fn put_part(&mut self, data: PutPayload) -> UploadPart {
        self.inner.put_part(data)
    }

    async fn complete(&mut self) -> Result<PutResult> {
        // The name comes before the sync here; no commit knows the name until this returns.
        let result = self.inner.complete().await?;
        let path = self.path.clone();
        self.disk.blocking(move |disk| sync_named(disk, &path)).await?;
        Ok(result)
    }

    async fn abort(&mut self) -> Result<()> {
        self.inner.abort().await
    }
}
