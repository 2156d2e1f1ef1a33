//! Which file a command's first word starts, found before anything is written or started.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use super::JobError;

/// The program of a command that is to run in a folder: a word with a slash is a path from there, any other is looked
/// up on `path` (the PATH of this process).
///
/// # Errors
/// When the folder or the program is not there, or cannot be executed.
pub fn resolve(word: &str, folder: &Path, path: Option<&OsStr>) -> Result<PathBuf, JobError> {
    if !folder.is_dir() {
        return Err(JobError::NoFolder { folder: folder.display().to_string() });
    }
    if word.contains('/') || Path::new(word).is_absolute() {
        let program = folder.join(word);
        return match (program.is_file(), is_executable(&program)) {
            (false, _) => Err(JobError::NoSuchFile { program: program.display().to_string() }),
            (true, false) => Err(JobError::NotExecutable { program: program.display().to_string() }),
            (true, true) => Ok(program),
        };
    }
    let mut useless = None;
    for place in path.map(std::env::split_paths).into_iter().flatten() {
        // An empty entry is the current folder, which for the command is the folder that it runs in.
        for name in names(word) {
            let program = folder.join(&place).join(name);
            if is_executable(&program) {
                return Ok(program);
            }
            if program.is_file() {
                useless.get_or_insert(program);
            }
        }
    }
    Err(match useless {
        Some(program) => JobError::NotExecutable { program: program.display().to_string() },
        None => JobError::NoProgram { program: word.to_owned() },
    })
}

/// What a program of this name may be called on the disk.
fn names(word: &str) -> Vec<String> {
    if cfg!(windows) && Path::new(word).extension().is_none() {
        ["exe", "cmd", "bat"].map(|extension| format!("{word}.{extension}")).to_vec()
    } else {
        vec![word.to_owned()]
    }
}

#[cfg(unix)]
fn is_executable(program: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    program.metadata().is_ok_and(|there| there.is_file() && there.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(program: &Path) -> bool {
    program.is_file()
}
