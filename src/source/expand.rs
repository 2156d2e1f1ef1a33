//! What a pattern with `*`, `?`, `[` and `**` stands for, on a disk, in S3 and inside of archives.

use std::path::{Path, PathBuf};

use glob::Pattern;

use super::archive::open_soon;
use super::{Entry, Source, SourceError, is_remote};
use crate::objects::s3::Address;

/// Whether a word has characters that stand for others.
pub fn is_pattern(word: &str) -> bool {
    word.contains(['*', '?', '['])
}

/// What a pattern stands for.
#[derive(Debug, Default)]
pub struct Expanded {
    /// Files and folders, sorted.
    pub paths: Vec<PathBuf>,
    /// Folders and archives on the way that could not be looked into.
    pub problems: Vec<SourceError>,
}

/// The files and folders that a pattern stands for; what is called so letter for letter comes before.
///
/// # Errors
/// When it is no pattern, or the folder before its first magic character cannot be looked into.
pub fn expand(source: &dyn Source, pattern: &str) -> Result<Expanded, SourceError> {
    let literal = Path::new(pattern);
    Address::of(literal).map_err(|error| SourceError::of_connection(literal, &error))?;
    let walked = is_remote(literal) || pattern.to_ascii_lowercase().contains(".zip/");
    let base = base(pattern);
    let folder = Path::new(if base.is_empty() { "." } else { base });
    let mut found = Expanded::default();
    // What S3 holds below is listed once, and answers the rest.
    if walked && !matches!(source.entry(folder)?, Some(entry) if entry.folder) {
        return Ok(found);
    }
    if matches!(source.entry(literal), Ok(Some(_))) {
        found.paths.push(literal.to_owned());
        return Ok(found);
    }
    if !walked {
        let paths = glob::glob(pattern).map_err(|error| no_pattern(pattern, &error))?;
        found.paths = paths.filter_map(Result::ok).collect();
        return Ok(found);
    }
    let parts = pattern[base.len()..].split('/').filter(|part| !part.is_empty());
    let parts = parts.map(Pattern::new).collect::<Result<Vec<_>, _>>();
    let parts = parts.map_err(|error| no_pattern(pattern, &error))?;
    matching(source, (source.list(folder)?, &parts), &mut found);
    let literal_part = &pattern[..magic(pattern)];
    let could_match = |problem: &SourceError| problem.path.to_string_lossy().starts_with(literal_part);
    found.problems.extend(source.left_out(folder).into_iter().filter(could_match));
    if base.is_empty() {
        // As they were named: without the `.` of here.
        let shorter = |path: &PathBuf| path.strip_prefix(".").unwrap_or(path).to_owned();
        found.paths = found.paths.iter().map(shorter).collect();
        found.problems.iter_mut().for_each(|problem| problem.path = shorter(&problem.path));
    }
    found.paths.sort();
    found.paths.dedup();
    Ok(found)
}

/// The folder before the first magic character.
fn base(pattern: &str) -> &str {
    let end = pattern[..magic(pattern)].rfind('/').unwrap_or(0);
    &pattern[..end]
}

/// Where the first magic character stands.
fn magic(pattern: &str) -> usize {
    pattern.find(['*', '?', '[']).unwrap_or(pattern.len())
}

fn matching(source: &dyn Source, (entries, parts): (Vec<Entry>, &[Pattern]), found: &mut Expanded) {
    let Some((first, rest)) = parts.split_first() else { return };
    let any_depth = first.as_str() == "**";
    if any_depth && !rest.is_empty() {
        matching(source, (entries.clone(), rest), found);
    }
    let mut into = Vec::new();
    for entry in entries {
        let name = entry.path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let (fits, left) = if any_depth { (entry.folder, parts) } else { (first.matches(&name), rest) };
        if fits && rest.is_empty() {
            found.paths.push(entry.path.clone());
        }
        if fits && entry.folder && !left.is_empty() {
            into.push((entry, left));
        }
    }
    open_soon(source, into.iter().map(|(entry, _)| entry));
    for (entry, left) in into {
        match source.list(&entry.path) {
            Ok(entries) => matching(source, (entries, left), found),
            Err(problem) => found.problems.push(problem),
        }
    }
}

fn no_pattern(pattern: &str, error: &glob::PatternError) -> SourceError {
    let problem = format!("this is no glob: {}", error.msg);
    SourceError { missing: true, ..SourceError::unreadable(Path::new(pattern), problem) }
}
