//! What a pattern with `*`, `?`, `[` and `**` stands for, on a disk, in S3 and inside of archives.

use std::path::{Path, PathBuf};

use glob::Pattern;

use super::{Source, SourceError, is_remote};

/// Whether a word has characters that stand for others.
pub fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

/// The files and folders that a pattern stands for, sorted; what is called so letter for letter comes before.
///
/// # Errors
/// When it is no pattern, or the folder before its first magic character cannot be looked into.
pub fn expand(source: &dyn Source, pattern: &str) -> Result<Vec<PathBuf>, SourceError> {
    let literal = Path::new(pattern);
    let walked = is_remote(literal) || pattern.to_ascii_lowercase().contains(".zip/");
    let base = base(pattern);
    // What S3 holds below is listed once, and answers the rest.
    if walked && !matches!(source.entry(Path::new(base_or_here(base)))?, Some(entry) if entry.folder) {
        return Ok(Vec::new());
    }
    if matches!(source.entry(literal), Ok(Some(_))) {
        return Ok(vec![literal.to_owned()]);
    }
    if !walked {
        let found = glob::glob(pattern).map_err(|error| no_pattern(pattern, &error))?;
        return Ok(found.filter_map(Result::ok).collect());
    }
    let parts = pattern[base.len()..].split('/').filter(|part| !part.is_empty());
    let parts = parts.map(Pattern::new).collect::<Result<Vec<_>, _>>();
    let parts = parts.map_err(|error| no_pattern(pattern, &error))?;
    let mut found = Vec::new();
    matching(source, (Path::new(base_or_here(base)), &parts), &mut found)?;
    found.sort();
    found.dedup();
    Ok(found)
}

/// The folder before the first magic character.
fn base(pattern: &str) -> &str {
    let magic = pattern.find(['*', '?', '[']).unwrap_or(pattern.len());
    let end = pattern[..magic].rfind('/').unwrap_or(0);
    &pattern[..end]
}

fn base_or_here(base: &str) -> &str {
    if base.is_empty() { "." } else { base }
}

fn matching(
    source: &dyn Source,
    (folder, parts): (&Path, &[Pattern]),
    found: &mut Vec<PathBuf>,
) -> Result<(), SourceError> {
    let Some((first, rest)) = parts.split_first() else { return Ok(()) };
    let any_depth = first.as_str() == "**";
    if any_depth && !rest.is_empty() {
        matching(source, (folder, rest), found)?;
    }
    for entry in source.list(folder)? {
        let name = entry.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (fits, left) = if any_depth { (entry.folder, parts) } else { (first.matches(&name), rest) };
        if fits && (rest.is_empty() && (!any_depth || entry.folder)) {
            found.push(entry.path.clone());
        }
        if fits && entry.folder && !left.is_empty() {
            matching(source, (&entry.path, left), found)?;
        }
    }
    Ok(())
}

fn no_pattern(pattern: &str, error: &glob::PatternError) -> SourceError {
    let problem = format!("this is no glob: {}", error.msg);
    SourceError { missing: true, ..SourceError::unreadable(Path::new(pattern), problem) }
}
