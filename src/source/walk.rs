//! Finds the files under a path that may hold runs.

use std::path::Path;

use super::archive::open_soon;
use super::{Entry, Source, SourceError};

/// Folders that begin with a dot and are searched all the same: those AgentV and AMX write to, and the one inside
/// AgentV's runs.
const SEARCHED_DOT_FOLDERS: [&str; 3] = [".agentv", ".amx", ".internal"];

/// Folders that never hold runs and may be huge.
const SKIPPED_FOLDERS: [&str; 2] = ["node_modules", "target"];

/// The folder that makes its parent a Delta table: a store, not what a tool left.
const DELTA_LOG: &str = "_delta_log";

/// How deep folders are followed, so that a link to a parent ends.
const MAX_DEPTH: usize = 32;

/// What a search found.
#[derive(Debug, Default)]
pub struct Files {
    /// The files, sorted by path.
    pub files: Vec<Entry>,
    /// Folders and archives below that could not be looked into.
    pub problems: Vec<SourceError>,
}

/// All files under `root` (or `root` itself when it is a file). Other dot folders are left out.
///
/// # Errors
/// When `root` is missing or cannot be looked into.
pub fn find_files(source: &dyn Source, root: &Path) -> Result<Files, SourceError> {
    let mut found = Files::default();
    match source.entry(root)? {
        None => return Err(SourceError::missing(root)),
        Some(entry) if !entry.folder => found.files.push(entry),
        Some(_) => {
            let entries = source.list(root)?;
            found.problems.extend(source.left_out(root));
            descend(source, (entries, 0), &mut found);
        }
    }
    found.files.sort_by(|left, right| left.path.cmp(&right.path));
    Ok(found)
}

fn descend(source: &dyn Source, (entries, depth): (Vec<Entry>, usize), found: &mut Files) {
    let is_log = |entry: &Entry| entry.folder && entry.path.file_name().is_some_and(|name| name == DELTA_LOG);
    if depth > MAX_DEPTH || entries.iter().any(is_log) {
        return;
    }
    open_soon(source, &entries);
    for entry in entries {
        if !entry.folder {
            found.files.push(entry);
        } else if is_searched(&entry.path) {
            match source.list(&entry.path) {
                Ok(entries) => {
                    found.problems.extend(source.left_out(&entry.path));
                    descend(source, (entries, depth + 1), found);
                }
                Err(problem) => found.problems.push(problem),
            }
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::LocalDisk;

    #[test]
    fn stores_and_hidden_folders_are_not_searched() {
        let root = tempfile::tempdir().unwrap();
        for path in [
            "runs/a.jsonl",
            ".agentv/b.jsonl",
            ".git/c.jsonl",
            "store/results/d.parquet",
            "store/results/_delta_log/0.json",
        ] {
            let file = root.path().join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, "{}").unwrap();
        }
        let found = find_files(&LocalDisk, root.path()).unwrap();
        let names: Vec<_> = found
            .files
            .iter()
            .map(|entry| entry.path.strip_prefix(root.path()).unwrap().to_owned())
            .collect();
        assert_eq!(names, [Path::new(".agentv/b.jsonl"), Path::new("runs/a.jsonl")]);
    }
}
