//! Where a run of AgentV lies: which folder is the run's, and what the names on the way to it say.
//!
//! Layouts (AgentV `result-layout.ts`, `run-artifacts.ts`): `runs/<ts>/index.jsonl`, `runs/<experiment>/<ts>/index.jsonl`,
//! `<run_id>/.internal/index.jsonl`, and flat files of rows (`eval_<ts>.jsonl`, `results.jsonl`, `*.baseline.jsonl`).

use std::path::{Path, PathBuf};

use crate::model::Timestamp;

/// Name of the file that lists a run's rows.
pub(super) const INDEX: &str = "index.jsonl";
/// Folder inside a run that holds the index since AgentV 5.
pub(super) const INTERNAL: &str = ".internal";
/// Folder of AgentV's rebuildable caches, which repeat runs and are none.
pub(super) const CACHES: &str = ".indexes";
/// The experiment that AgentV does not write into run ids.
const DEFAULT_EXPERIMENT: &str = "default";

/// File names that say nothing about the run.
const PLAIN_STEMS: [&str; 8] =
    ["results", "result", "index", "output", "outputs", "suite", "dataset", "eval"];
/// Folder names that say nothing about the run.
const PLAIN_FOLDERS: [&str; 10] =
    ["evals", "eval", "results", "fixtures", "__fixtures__", "src", "data", "outputs", "tests", ".agentv"];

/// How the files of a run are laid out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Shape {
    /// `index.jsonl` directly in the run's folder.
    Folder,
    /// `.internal/index.jsonl` in the run's folder.
    Internal,
    /// One file of rows and nothing else.
    Flat,
}

/// Where a run lies.
#[derive(Debug, Clone)]
pub(super) struct Layout {
    /// How its files are laid out.
    pub(super) shape: Shape,
    /// The file that holds the rows.
    pub(super) row_file: PathBuf,
    /// The run's folder, which all paths inside rows are relative to; for a flat file the folder it lies in.
    pub(super) folder: PathBuf,
    /// The folder's name, or the flat file's without `.jsonl`.
    name: String,
    /// Whether the folder lies in a `runs` tree, so that its name is the one AgentV gave.
    in_runs_tree: bool,
    /// The experiment that the folders name.
    pub(super) experiment: Option<String>,
}

/// What a run's rows and summary say of its id.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Told<'a> {
    /// Run id in `summary.json`, else the one that all rows agree on.
    pub(super) run_id: Option<&'a str>,
    /// Experiment of the run.
    pub(super) experiment: Option<&'a str>,
}

impl Layout {
    /// Reads the layout off a row file's path.
    pub(super) fn of(path: &Path) -> Self {
        let parent = path.parent().unwrap_or(Path::new(""));
        if name_of(path) != INDEX {
            let name = name_of(path);
            let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem).to_owned();
            return Self {
                shape: Shape::Flat,
                row_file: path.to_owned(),
                folder: parent.to_owned(),
                name: stem,
                in_runs_tree: false,
                experiment: None,
            };
        }
        let internal = name_of(parent) == INTERNAL;
        let folder = if internal { parent.parent().unwrap_or(parent) } else { parent };
        let above = folder.parent().unwrap_or(Path::new(""));
        let nested = above.parent().is_some_and(|root| name_of(root) == "runs");
        Self {
            shape: if internal { Shape::Internal } else { Shape::Folder },
            row_file: path.to_owned(),
            folder: folder.to_owned(),
            name: name_of(folder).to_owned(),
            in_runs_tree: nested || name_of(above) == "runs",
            experiment: (nested && name_of(above) != "runs").then(|| name_of(above).to_owned()),
        }
    }

    /// The run's id as AgentV's own Studio writes it: `<experiment>::<folder>`, or the folder alone for the
    /// experiment `default` and for layouts that have none.
    ///
    /// A folder outside a `runs` tree may be a copy under another name; then what the rows say comes first.
    pub(super) fn run_id(&self, told: Told<'_>) -> String {
        match self.shape {
            Shape::Flat => self.flat_id(),
            Shape::Internal => self.in_tree_id().unwrap_or_else(|| match told.run_id {
                Some(run_id) if folder_time(&self.name).is_none() => run_id.to_owned(),
                _ => self.name.clone(),
            }),
            Shape::Folder => self.in_tree_id().unwrap_or_else(|| {
                if folder_time(&self.name).is_some() {
                    return with_experiment(told.experiment, &self.name);
                }
                told.run_id
                    .map_or_else(|| self.name.clone(), |run_id| with_experiment(told.experiment, run_id))
            }),
        }
    }

    fn in_tree_id(&self) -> Option<String> {
        self.in_runs_tree.then(|| with_experiment(self.experiment.as_deref(), &self.name))
    }

    /// The stem; one that says nothing (`results`, `suite.baseline`) gets the nearest folder with a telling name.
    fn flat_id(&self) -> String {
        let core = self.name.split('.').next().unwrap_or("");
        if !PLAIN_STEMS.contains(&core) {
            return self.name.clone();
        }
        let telling = self
            .folder
            .ancestors()
            .map(name_of)
            .find(|name| !name.is_empty() && !PLAIN_FOLDERS.contains(name));
        telling.map_or_else(|| self.name.clone(), |folder| format!("{folder}-{}", self.name))
    }

    /// When the run was started, as its folder's or file's name says.
    pub(super) fn started_at(&self) -> Option<Timestamp> {
        folder_time(&self.name)
    }

    /// What `runs.source_path` shows: the run's folder, or the flat file.
    pub(super) fn source_path(&self) -> &Path {
        if self.shape == Shape::Flat { &self.row_file } else { &self.folder }
    }

    /// Whether `benchmark.json` and its like in the folder belong to this run. A folder of flat files may hold
    /// several runs; only beside a lone `results.jsonl` did old versions write them.
    pub(super) fn owns_documents(&self) -> bool {
        self.shape != Shape::Flat || self.name == "results"
    }
}

fn with_experiment(experiment: Option<&str>, name: &str) -> String {
    match experiment {
        Some(experiment) if experiment != DEFAULT_EXPERIMENT => format!("{experiment}::{name}"),
        _ => name.to_owned(),
    }
}

/// The last part of a path, empty when it is not UTF-8.
pub(super) fn name_of(path: &Path) -> &str {
    path.file_name().and_then(|name| name.to_str()).unwrap_or("")
}

/// The time in a folder's name: ISO 8601 in UTC with `:` and `.` written as `-`, once with `eval_` before it.
fn folder_time(name: &str) -> Option<Timestamp> {
    let name = name.strip_prefix("eval_").unwrap_or(name);
    let (date, clock) = name.strip_suffix('Z')?.split_once('T')?;
    let parts: Vec<&str> = clock.split('-').collect();
    let [hour, minute, second, milli] = parts.as_slice() else { return None };
    Timestamp::parse(&format!("{date}T{hour}:{minute}:{second}.{milli}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TIME: &str = "2026-05-06T05-36-19-075Z";

    fn id(path: &str, told: Told<'_>) -> String {
        Layout::of(Path::new(path)).run_id(told)
    }

    #[test]
    fn run_ids_follow_the_folders() {
        let none = Told::default();
        assert_eq!(id(&format!("/p/.agentv/results/runs/{TIME}/index.jsonl"), none), TIME);
        assert_eq!(id(&format!("/p/results/runs/dev/{TIME}/index.jsonl"), none), format!("dev::{TIME}"));
        assert_eq!(id(&format!("/p/results/runs/default/{TIME}/index.jsonl"), none), TIME);
        assert_eq!(id(&format!("/p/.agentv/results/{TIME}/.internal/index.jsonl"), none), TIME);
        assert_eq!(id("/p/.agentv/results/my-run/.internal/index.jsonl", none), "my-run");
        assert_eq!(id("runs/dev/my-run/index.jsonl", none), "dev::my-run");
    }

    #[test]
    fn a_copy_elsewhere_is_known_by_what_its_rows_say() {
        let told = Told { run_id: Some(TIME), experiment: Some("dev") };
        assert_eq!(id("/tmp/export/index.jsonl", told), format!("dev::{TIME}"));
        assert_eq!(id(&format!("/tmp/dev/{TIME}/index.jsonl"), told), format!("dev::{TIME}"));
        assert_eq!(id("/tmp/export/.internal/index.jsonl", told), TIME);
        assert_eq!(
            id("/tmp/export/index.jsonl", Told { run_id: None, experiment: Some("dev") }),
            "export",
            "nothing names the run, so the folder does"
        );
    }

    #[test]
    fn flat_files_are_called_by_their_stem_unless_it_says_nothing() {
        let none = Told::default();
        assert_eq!(id("/p/evals/baseline-results.jsonl", none), "baseline-results");
        assert_eq!(id("/p/assert/evals/suite.baseline.jsonl", none), "assert-suite.baseline");
        assert_eq!(id("/p/optimizer/src/__fixtures__/results.jsonl", none), "optimizer-results");
        let legacy = Layout::of(Path::new("/p/eval_2026-02-20T21-40-25-928Z.jsonl"));
        assert_eq!(legacy.started_at(), Timestamp::parse("2026-02-20T21:40:25.928Z"));
    }

    #[test]
    fn only_agentv_times_are_read_from_names() {
        assert!(folder_time(TIME).is_some());
        assert!(folder_time("2026-05-06").is_none());
        assert!(folder_time("nightZ").is_none());
        assert!(folder_time("2026-05-06T05:36:19.075Z").is_none());
    }
}
