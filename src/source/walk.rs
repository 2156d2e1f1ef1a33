//! Finds the files under a path that may hold runs.

use std::path::Path;

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
    let entries = source.list(folder)?;
    if entries
        .iter()
        .any(|entry| entry.folder && entry.path.file_name().is_some_and(|name| name == DELTA_LOG))
    {
        return Ok(());
    }
    for entry in entries {
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
        let names: Vec<_> =
            found.iter().map(|entry| entry.path.strip_prefix(root.path()).unwrap().to_owned()).collect();
        assert_eq!(names, [Path::new(".agentv/b.jsonl"), Path::new("runs/a.jsonl")]);
    }
}
