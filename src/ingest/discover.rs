//! From the paths a person names to the files that hold runs, each with the importer that reads it.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Problem;
use crate::import::{Candidate, Fit, HEAD_BYTES, IMPORTERS, Importer};
use crate::source::{Entry, Files, Noticing, Source, SourceError, expand, find_files, is_pattern, near_path};

/// How many files are looked into at once, where the way to them is long.
const HEADS_AT_ONCE: usize = 64;

/// A file that holds one or several runs.
#[derive(Clone)]
pub struct Found {
    /// The file.
    pub path: PathBuf,
    /// Who reads it.
    pub importer: &'static dyn Importer,
    /// Its size in bytes.
    pub size: u64,
    /// Which of the named paths it was found under, from 0.
    pub argument: usize,
    /// How it is read while it is being watched; `None` otherwise.
    pub(crate) watched: Option<Watched>,
}

/// How a file is read that is being watched.
#[derive(Clone)]
pub(crate) struct Watched {
    /// Where it is read from, in place of the source of the ingest.
    pub source: Arc<dyn Source>,
    /// Ingests that took their rows from the beginning of this very file, which still stands there as it was: what is
    /// read now holds these rows again.
    pub grown_from: Vec<String>,
}

impl Found {
    /// Stands for a file whose reader was lost.
    pub(crate) fn nothing() -> Self {
        Self { path: PathBuf::new(), importer: IMPORTERS[0], size: 0, argument: 0, watched: None }
    }
}

/// What was found under some paths.
#[derive(Default)]
pub struct Discovery {
    /// Files with runs, in the order of the arguments, then by path.
    pub found: Vec<Found>,
    /// Paths that hold none, and files that cannot be told.
    pub problems: Vec<Problem>,
}

/// Looks for runs under each path: a file, a folder that is searched, or a glob.
///
/// `from` names an importer to use instead of asking them all.
pub fn discover(source: &dyn Source, paths: &[String], from: Option<&'static dyn Importer>) -> Discovery {
    discover_by(source, paths, &mut |file, named| importer_of(source, file, named, from))
}

/// Says who reads a file, which a person named or a search found.
pub(crate) type Chooser<'a> = dyn FnMut(&Entry, bool) -> Result<Option<&'static dyn Importer>, Problem> + 'a;

/// As [`discover`], asking `choose` who reads a file.
pub(crate) fn discover_by(source: &dyn Source, paths: &[String], choose: &mut Chooser<'_>) -> Discovery {
    let mut discovery = Discovery::default();
    for (argument, path) in paths.iter().enumerate() {
        for root in expanded(source, path, &mut discovery.problems) {
            // What a run is called and what is stored of its place must not hang on the current folder.
            let root = match source.entry(&root) {
                Ok(Some(_)) => source.full_name(&root),
                Ok(None) => root,
                Err(error) => {
                    discovery.problems.push(Problem::of_source(error));
                    continue;
                }
            };
            search(source, (&root, argument), choose, &mut discovery);
        }
    }
    discovery
}

/// A path as it is, or the paths that a glob stands for.
fn expanded(source: &dyn Source, path: &str, problems: &mut Vec<Problem>) -> Vec<PathBuf> {
    if !is_pattern(path) {
        return vec![PathBuf::from(path)];
    }
    let problem = match expand(source, path) {
        Ok(found) if !found.paths.is_empty() || !found.problems.is_empty() => {
            problems.extend(found.problems.into_iter().map(Problem::of_source));
            return found.paths;
        }
        Ok(_) => SourceError {
            problem: "no file or folder matches this glob".to_owned(),
            ..SourceError::missing(Path::new(path))
        },
        Err(error) => error,
    };
    problems.push(Problem::of_source(problem));
    Vec::new()
}

fn search(
    source: &dyn Source,
    (root, argument): (&Path, usize),
    choose: &mut Chooser<'_>,
    discovery: &mut Discovery,
) {
    let Files { files, problems } = match find_files(source, root) {
        Ok(found) => found,
        Err(error) => {
            let hint = error.missing.then(|| near_path(source, root)).flatten();
            let hint = hint.map(|near| format!("did you mean {}?", near.display()));
            let hint = hint.or_else(|| error.hint.clone());
            discovery.problems.push(Problem { hint, ..Problem::of_source(error) });
            return;
        }
    };
    let named = files.len() == 1 && files[0].path == root;
    let before = (discovery.found.len(), discovery.problems.len());
    discovery.problems.extend(problems.into_iter().map(Problem::of_source));
    for (at, file) in files.iter().enumerate() {
        if at % HEADS_AT_ONCE == 0 {
            fetch_heads(source, &files[at..files.len().min(at + HEADS_AT_ONCE)]);
        }
        match choose(file, named) {
            Ok(Some(importer)) => {
                let (path, size) = (file.path.clone(), file.size);
                discovery.found.push(Found { path, importer, size, argument, watched: None });
            }
            Ok(None) => {}
            Err(problem) => discovery.problems.push(problem),
        }
    }
    if (discovery.found.len(), discovery.problems.len()) == before {
        discovery.problems.push(no_runs(root, files.len()));
    }
}

/// Says ahead which files are looked into.
fn fetch_heads(source: &dyn Source, files: &[Entry]) {
    let is_considered = |file: &&Entry| {
        let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or("");
        IMPORTERS.iter().any(|importer| importer.considers(name))
    };
    let paths: Vec<PathBuf> = files.iter().filter(is_considered).map(|file| file.path.clone()).collect();
    source.soon(&paths, HEAD_BYTES);
}

/// Who reads a file: nobody, the one that fits best, or a problem when that cannot be told.
pub(crate) fn importer_of(
    source: &dyn Source,
    file: &Entry,
    named: bool,
    from: Option<&'static dyn Importer>,
) -> Result<Option<&'static dyn Importer>, Problem> {
    let name = file.path.file_name().and_then(|name| name.to_str()).unwrap_or("");
    if let (true, Some(importer)) = (named, from) {
        return Ok(Some(importer));
    }
    let asked: Vec<&'static dyn Importer> = IMPORTERS
        .iter()
        .copied()
        .filter(|importer| from.is_none_or(|from| from.name() == importer.name()))
        .filter(|importer| named || importer.considers(name))
        .collect();
    if asked.is_empty() {
        return Ok(None);
    }
    let source = Noticing::new(source);
    let head = source.read_range(&file.path, 0..HEAD_BYTES).map_err(Problem::of_source)?;
    let candidate = Candidate { source: &source, path: &file.path, head: &head, named };
    let fits: Vec<(Fit, &'static dyn Importer)> =
        asked.into_iter().map(|importer| (importer.sniff(&candidate), importer)).collect();
    let fits = source.checked(fits).map_err(Problem::of_source)?;
    if !named && fits.iter().any(|(fit, _)| *fit == Fit::Elsewhere) {
        return Ok(None);
    }
    let best = fits.iter().map(|(fit, _)| *fit).max().unwrap_or(Fit::No);
    let candidates: Vec<&'static dyn Importer> = fits
        .into_iter()
        .filter(|(fit, _)| *fit == best && *fit != Fit::No)
        .map(|(_, importer)| importer)
        .collect();
    match candidates.as_slice() {
        [] if named => Err(not_recognised(&file.path)),
        [] => Ok(None),
        [importer] => Ok(Some(*importer)),
        several => Err(ambiguous(&file.path, several)),
    }
}

fn no_runs(root: &Path, files: usize) -> Problem {
    Problem {
        path: root.to_owned(),
        message: match files {
            0 => "no runs found: the folder holds no files".to_owned(),
            1 => "no runs found in the one file of this folder".to_owned(),
            files => format!("no runs found among the {files} files of this folder"),
        },
        hint: Some(format!("runq reads {}; --from NAME says which one a file is", known_formats())),
        missing: true,
        unreachable: false,
    }
}

fn not_recognised(path: &Path) -> Problem {
    Problem {
        path: path.to_owned(),
        message: "no importer recognises this file".to_owned(),
        hint: Some(format!("runq reads {}; --from NAME says which one it is", known_formats())),
        missing: false,
        unreachable: false,
    }
}

fn ambiguous(path: &Path, candidates: &[&'static dyn Importer]) -> Problem {
    let names: Vec<&str> = candidates.iter().map(|importer| importer.name()).collect();
    Problem {
        path: path.to_owned(),
        message: format!("several importers fit: {}", names.join(", ")),
        hint: Some(format!("say which one with --from {}", names.join(" or --from "))),
        missing: false,
        unreachable: false,
    }
}

fn known_formats() -> String {
    let formats: Vec<String> =
        IMPORTERS.iter().map(|importer| format!("{} ({})", importer.name(), importer.about())).collect();
    formats.join(", ")
}
