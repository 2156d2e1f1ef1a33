//! Where a run's folder, its suite and the project they belong to are now. Looks through the source only, so that
//! nothing is claimed to be somewhere that is not there; guesses no name.

use std::path::{Component, Path, PathBuf};

use super::{RerunError, RerunOrder};
use crate::source::{Source, archive_above};

/// Folder of AgentV at the root of a project, which holds its runs.
const AGENTV: &str = ".agentv";

/// The places of a run, all absolute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// The run's folder.
    pub run_dir: PathBuf,
    /// The file that defines the task.
    pub suite: PathBuf,
    /// Folder in which the tool is started, which paths in a command are relative to.
    pub project: PathBuf,
    /// What a person should know of where they come from.
    pub notes: Vec<String>,
}

impl Places {
    /// Finds the places of a run.
    ///
    /// # Errors
    /// When the run's folder or its suite is not there, not known, or not on this machine.
    pub fn of(order: &RerunOrder<'_>) -> Result<Self, RerunError> {
        let run_dir = run_dir(order)?;
        let suite = suite(order, Some(&run_dir))?;
        let project = project(order, &run_dir, &suite);
        let notes = order.given.suite_of.iter().filter(|_| order.given.suite.is_some());
        let notes = notes.map(|run| {
            format!("the suite is that of run {run}, since this run names none; --suite FILE names another")
        });
        Ok(Self { notes: notes.collect(), run_dir, suite, project })
    }

    /// A path as it stands in a command: relative to the project where it lies below it (as AgentV's Studio prints it),
    /// else absolute.
    pub fn word(&self, path: &Path) -> String {
        match path.strip_prefix(&self.project) {
            // A program must not take it for a flag.
            Ok(below) if below.to_string_lossy().starts_with('-') => {
                Path::new(".").join(below).to_string_lossy().into_owned()
            }
            Ok(below) if !below.as_os_str().is_empty() => below.to_string_lossy().into_owned(),
            _ => path.to_string_lossy().into_owned(),
        }
    }
}

/// The folder of a run: the one that the person gave, else the one that it was read from. Of a run that is one file, the
/// folder that the file lies in.
///
/// # Errors
/// When it is not there, or not on this machine.
pub fn run_dir(order: &RerunOrder<'_>) -> Result<PathBuf, RerunError> {
    let path = match &order.given.run_dir {
        Some(given) => absolute(order.here, given),
        None if order.run.source_path.contains("://") => {
            return Err(RerunError::Remote { url: order.run.source_path.clone() });
        }
        None => {
            let path = absolute(order.here, Path::new(&order.run.source_path));
            check_not_archived(order.source, &path)?;
            path
        }
    };
    match order.source.entry(&path) {
        Ok(Some(entry)) if entry.folder => Ok(path),
        Ok(Some(_)) => Ok(path.parent().unwrap_or(&path).to_owned()),
        _ => Err(RerunError::NoRunDir { path: path.to_string_lossy().into_owned() }),
    }
}

/// Refuses a place inside of an archive: no tool writes there.
///
/// # Errors
/// [`RerunError::Archived`].
pub fn check_not_archived(source: &dyn Source, path: &Path) -> Result<(), RerunError> {
    match archive_above(path).filter(|archive| source.has_file(archive)) {
        Some(archive) => Err(RerunError::Archived { archive: archive.to_string_lossy().into_owned() }),
        None => Ok(()),
    }
}

/// The file that defines the task: the one that the person gave; else the one that the run names, as it is, below the
/// project, or, since projects are moved between machines, the longest tail of its path that is there.
///
/// # Errors
/// When nothing names it, or it is not there.
pub fn suite(order: &RerunOrder<'_>, run_dir: Option<&Path>) -> Result<PathBuf, RerunError> {
    let named = match (&order.given.suite, &order.given.suite_of) {
        (Some(given), None) => {
            let path = absolute(order.here, given);
            let there = matches!(order.source.entry(&path), Ok(Some(_)));
            return if there { Ok(path) } else { Err(no_suite(given)) };
        }
        (Some(other), Some(_)) => other.clone(),
        (None, _) => PathBuf::from(order.run.eval_file.as_deref().ok_or(RerunError::UnknownSuite)?),
    };
    if named.is_absolute() && order.source.has_file(&named) {
        return Ok(tidy(&named));
    }
    let folders = project_above(run_dir).into_iter().chain(run_dir.into_iter().flat_map(Path::ancestors));
    let folders: Vec<&Path> = folders.chain([order.here]).collect();
    let tails = tails(&named);
    let found = tails.iter().find_map(|tail| {
        let paths = folders.iter().map(|folder| tidy(&folder.join(tail)));
        paths.into_iter().find(|path| order.source.has_file(path))
    });
    found.ok_or_else(|| no_suite(&named))
}

/// A path as it is when relative, and what is left of an absolute one without its first folders, longest first.
fn tails(path: &Path) -> Vec<PathBuf> {
    if path.is_relative() {
        return vec![path.to_owned()];
    }
    let parts: Vec<Component<'_>> =
        path.components().filter(|part| matches!(part, Component::Normal(_))).collect();
    (0..parts.len()).map(|from| parts.iter().skip(from).collect()).collect()
}

fn no_suite(path: &Path) -> RerunError {
    RerunError::NoSuite { path: path.to_string_lossy().into_owned() }
}

/// The folder that AgentV was started in: that of its `.agentv` above the run, else above the suite; else the nearest
/// folder above the run from which the suite has the name that the run gives it; else the person's.
fn project(order: &RerunOrder<'_>, run_dir: &Path, suite: &Path) -> PathBuf {
    let named = order.run.eval_file.as_deref().map(Path::new).filter(|file| file.is_relative());
    let from = |named: &Path| run_dir.ancestors().find(|folder| tidy(&folder.join(named)) == suite);
    project_above(Some(run_dir))
        .or_else(|| named.and_then(from))
        .or_else(|| suite.ancestors().skip(1).find(|folder| has_folder(order.source, &folder.join(AGENTV))))
        .map_or_else(|| tidy(order.here), Path::to_owned)
}

fn project_above(run_dir: Option<&Path>) -> Option<&Path> {
    let agentv = run_dir?.ancestors().find(|folder| folder.file_name().is_some_and(|name| name == AGENTV))?;
    agentv.parent()
}

fn has_folder(source: &dyn Source, path: &Path) -> bool {
    matches!(source.entry(path), Ok(Some(entry)) if entry.folder)
}

/// A path from a folder, absolute where that is.
pub fn absolute(folder: &Path, path: &Path) -> PathBuf {
    tidy(&folder.join(path))
}

/// The path without `.` and `..`, links left as they are: a person finds back what was typed.
fn tidy(path: &Path) -> PathBuf {
    let mut tidied = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if tidied.file_name().is_some() => {
                tidied.pop();
            }
            part => tidied.push(part),
        }
    }
    tidied
}

#[cfg(test)]
mod tests;
