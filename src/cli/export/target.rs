//! The file that an export is written into.
//!
//! A regular file gets its content whole or not at all: it is written beside its place under another name and renamed
//! when it is complete and on the disk. What is no regular file (a pipe, a device) is written as it is. An object of S3 is
//! put when it is complete in a temporary file.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use tempfile::{Builder, NamedTempFile};

use super::in_s3;
use crate::cli::context::{here, shown_path};
use crate::cli::exit::{self, CliError};
use crate::source::is_remote;

/// The files that are being written, for [`discard_unfinished`].
static UNFINISHED: Mutex<Vec<PathBuf>> = Mutex::new(Vec::new());

/// Removes the files that are being written: the program is about to end without unwinding.
pub fn discard_unfinished() {
    for path in UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
        // Nothing is left to do when it cannot be removed.
        let _ = fs::remove_file(path);
    }
}

/// Where an export goes.
pub(crate) struct Target {
    /// As the person named it, behind the word that it was named with (`-o out.csv`).
    named: String,
    place: Place,
    written: Arc<Written>,
    file: Option<File>,
}

enum Place {
    /// A file that is renamed to `path` in the end.
    Beside { draft: NamedTempFile, path: PathBuf },
    /// What cannot be replaced.
    Itself,
    /// An object of S3.
    InS3 { draft: NamedTempFile, place: in_s3::Place },
}

/// What became of the bytes so far.
#[derive(Default)]
struct Written {
    bytes: AtomicU64,
    failure: Mutex<Option<String>>,
}

impl Target {
    /// Gets ready to write a file; `named` is how messages call it.
    ///
    /// # Errors
    /// When it is a folder, its folder is not there, or nothing can be written there.
    pub(crate) fn new(file: &Path, named: &str) -> Result<Self, CliError> {
        if is_remote(file) {
            return Self::in_s3(file, named);
        }
        let named = named.to_owned();
        let failed = |error: &io::Error| unwritable(&named, &error.to_string());
        let there = fs::metadata(file).ok();
        let (place, handle) = match &there {
            Some(there) if there.is_dir() => {
                let hint = format!("{} names a file in it", file.join("NAME.csv").display());
                return Err(CliError::usage(format!("{named}: this is a folder"), Some(&hint)));
            }
            Some(there) if !there.is_file() => {
                (Place::Itself, OpenOptions::new().write(true).open(file).map_err(|error| failed(&error))?)
            }
            _ => {
                // Through a link, so that what it points to is replaced and the link stays.
                let path = fs::canonicalize(file).unwrap_or_else(|_| file.to_owned());
                let draft = draft(&path, there.as_ref(), &named)?;
                let handle = draft.as_file().try_clone().map_err(|error| failed(&error))?;
                (Place::Beside { draft, path }, handle)
            }
        };
        Ok(Self { named, place, written: Arc::default(), file: Some(handle) })
    }

    fn in_s3(path: &Path, named: &str) -> Result<Self, CliError> {
        let place = in_s3::Place::of(path, named)?;
        let failed = |error: io::Error| unwritable(named, &format!("no temporary file: {error}"));
        let draft = Builder::new().prefix("runq-export-").tempfile().map_err(failed)?;
        let handle = draft.as_file().try_clone().map_err(failed)?;
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(draft.path().to_owned());
        let place = Place::InS3 { draft, place };
        Ok(Self { named: named.to_owned(), place, written: Arc::default(), file: Some(handle) })
    }

    /// What the export is written to; the same file only once.
    pub(crate) fn writer(&mut self) -> Box<dyn Write + Send> {
        match self.file.take() {
            Some(file) => Box::new(BufWriter::new(Counting { file, written: Arc::clone(&self.written) })),
            None => Box::new(io::sink()),
        }
    }

    /// The error with the file that could not be written, where that was the reason.
    pub(crate) fn explained(&self, error: CliError) -> CliError {
        let failure = self.written.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.as_ref() {
            Some(failure) => unwritable(&self.named, failure),
            None => error,
        }
    }

    /// Gives the file its name, and how many bytes it has. Nothing comes of an object when this is no longer waited for.
    ///
    /// # Errors
    /// When the disk or S3 does not take it; an earlier file of the name is untouched.
    pub(crate) async fn publish(self) -> Result<u64, CliError> {
        let bytes = self.written.bytes.load(Ordering::Relaxed);
        let at = match self.place {
            Place::Itself => return Ok(bytes),
            Place::Beside { draft, path } => {
                draft.as_file().sync_all().map_err(|error| unwritable(&self.named, &error.to_string()))?;
                let at = draft.path().to_owned();
                draft.persist(path).map_err(|error| unwritable(&self.named, &error.error.to_string()))?;
                at
            }
            Place::InS3 { draft, place } => {
                let file = draft.reopen().map_err(|error| unwritable(&self.named, &error.to_string()))?;
                let put = place.network().run(place.put(file, bytes)).await;
                let put = put.map_err(|error| unwritable(&self.named, &error.to_string()))?;
                put.map_err(|error| place.failed(&self.named, &error))?;
                draft.path().to_owned()
            }
        };
        UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).retain(|path| *path != at);
        Ok(bytes)
    }
}

/// The file of an export as it is shown: a path relative to here, or an address.
pub(crate) fn named_place(file: &Path) -> String {
    if is_remote(file) { file.display().to_string() } else { shown_path(&here().join(file)) }
}

/// An empty file beside the one that is to be, readable for whoever might read that one.
fn draft(path: &Path, there: Option<&Metadata>, named: &str) -> Result<NamedTempFile, CliError> {
    let folder = match path.parent() {
        Some(folder) if folder.as_os_str().is_empty() => Path::new("."),
        Some(folder) => folder,
        None => Path::new("."),
    };
    if there.is_some_and(|there| there.permissions().readonly()) {
        return Err(unwritable(named, "it is read-only"));
    }
    let mut builder = Builder::new();
    builder.prefix(".runq-export-").suffix(".tmp");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o666));
    let draft = builder.tempfile_in(folder).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => {
            CliError::not_found(format!("{named}: there is no folder {}", folder.display()), None)
        }
        _ => unwritable(named, &error.to_string()),
    })?;
    if let Some(there) = there {
        // A file that only its owner may read stays so.
        fs::set_permissions(draft.path(), there.permissions())
            .map_err(|error| unwritable(named, &error.to_string()))?;
    }
    UNFINISHED.lock().unwrap_or_else(PoisonError::into_inner).push(draft.path().to_owned());
    Ok(draft)
}

fn unwritable(named: &str, problem: &str) -> CliError {
    let mut error = CliError::usage(format!("{named}: it cannot be written: {problem}"), None);
    error.code = exit::UNAVAILABLE;
    error
}

/// Counts what is written and keeps what went wrong.
struct Counting {
    file: File,
    written: Arc<Written>,
}

impl Counting {
    fn kept<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && !matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::BrokenPipe)
        {
            *self.written.failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        }
        result
    }
}

impl Write for Counting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.file.write(bytes);
        let taken = self.kept(taken)?;
        self.written.bytes.fetch_add(taken as u64, Ordering::Relaxed);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        let flushed = self.file.flush();
        self.kept(flushed)
    }
}
