//! Who still works: locks on files, which the operating system lets go of when their holder dies, however it dies.
//!
//! A job's own lock is held by its runq alone. A run's lock is held by runq and, through the same open file, by the tool:
//! it gets the file as its standard input (which is empty) and hands it on to its children. `flock` belongs to the open
//! file, so the lock lives as long as any of them, also when runq is killed.

use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// How a file's lock stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Held {
    /// Somebody has it.
    Yes,
    /// Nobody has it, or there is no such file.
    No,
    /// This file system has no locks, or the file cannot be opened.
    Untold,
}

/// Takes a file's lock, making the file when it is not there.
///
/// # Errors
/// When the file cannot be opened; `Ok(None)` when somebody else holds the lock.
pub(super) fn take(path: &Path) -> io::Result<Option<File>> {
    // Not truncated: it is empty, and another process may have it as its input.
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok(Some(file)),
        Err(TryLockError::WouldBlock) => Ok(None),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// Looks at a file's lock. Looks do not disturb each other.
pub(super) fn held(path: &Path) -> Held {
    match File::open(path) {
        Ok(file) => match file.try_lock_shared() {
            Ok(()) => Held::No,
            Err(TryLockError::WouldBlock) => Held::Yes,
            Err(TryLockError::Error(_)) => Held::Untold,
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Held::No,
        Err(_) => Held::Untold,
    }
}

/// The right to start commands on a run; given up when it is dropped and no tool holds it any more.
#[derive(Debug)]
pub struct RunLock {
    file: File,
}

impl RunLock {
    pub(super) fn of(file: File) -> Self {
        Self { file }
    }

    /// The locked file as the standard input of a tool.
    ///
    /// # Errors
    /// When there are no more file descriptors.
    pub fn as_input(&self) -> io::Result<Stdio> {
        Ok(self.file.try_clone()?.into())
    }
}

/// The file of a run's lock in the folder of locks.
pub(super) fn file_of(locks: &Path, run_id: &str) -> PathBuf {
    locks.join(format!("{}.lock", crate::model::text_id(run_id)))
}
