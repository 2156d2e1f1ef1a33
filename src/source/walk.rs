//! Finds the files under a path that may hold runs.

use std::path::Path;

use super::{Entry, Source, SourceError};

/// Folders that begin with a dot and are searched all the same: the one AgentV writes to, and the one inside its runs.
const SEARCHED_DOT_FOLDERS: [&str; 2] = [".agentv", ".internal"];

/// Folders that never hold runs and may be huge.
const SKIPPED_FOLDERS: [&str; 2] = ["node_modules", "target"];

/// How deep folders are followed, so that a link to a parent ends.
const MAX_DEPTH: usize = 32;

/// All files under `root` (or `root` itself when it is a file), sorted by path. Other dot folders are left out.
///
/// # Errors
/// When `root` is missing or a folder may not be read.
pub fn find_files(source: &dyn Source, root: &Path) -> Result<Vec<Entry>, SourceError> {
    let Some(entry) = source.entry(root)? else {
        return Err(SourceError {
            path: root.to_owned(),
            problem: "there is no such file or folder".to_owned(),
            missing: true,
        });
    };
    if !entry.folder {
        return Ok(vec![entry]);
    }
    let mut files = Vec::new();
    descend(source, root, 0, &mut files)?;
    files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(files)
}

fn descend(
    source: &dyn Source,
    folder: &Path,
    depth: usize,
    files: &mut Vec<Entry>,
) -> Result<(), SourceError> {
    if depth > MAX_DEPTH {
        return Ok(());
    }
    for entry in source.list(folder)? {
        if !entry.folder {
            files.push(entry);
        } else if is_searched(&entry.path) {
            descend(source, &entry.path, depth + 1, files)?;
        }
    }
    Ok(())
}

fn is_searched(folder: &Path) -> bool {
    let Some(name) = folder.file_name().and_then(|name| name.to_str()) else {
        return false;
    };
    if name.starts_with('.') {
        SEARCHED_DOT_FOLDERS.contains(&name)
    } else {
        !SKIPPED_FOLDERS.contains(&name)
    }
}
