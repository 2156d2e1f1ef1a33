//! Two runs compared, for Rust programs: [`compare_runs`] gives a typed [`RunComparison`].
//!
//! Reads the views that `runq compare` reads, so the digits are the same. It prints nothing, writes nothing, and knows
//! no tool: a run is a file or folder that an importer reads, or a run of a store.

mod answer;
mod gather;

use std::path::PathBuf;

use crate::import::{ImportOptions, Importer};
use crate::ingest::IngestError;
use crate::model::Direction;
use crate::session::{Options, SessionError};
use crate::store::StoreError;

/// A run to compare.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RunSource {
    /// The one run that a file or folder holds.
    Files(PathBuf),
    /// A run of a store.
    Stored {
        /// Folder of the store.
        store: PathBuf,
        /// Id of the run, the beginning of one, its name, `last` or `last~2`.
        run: String,
    },
}

impl RunSource {
    /// The run that a file or folder holds.
    pub fn files(path: impl Into<PathBuf>) -> Self {
        Self::Files(path.into())
    }

    /// A run of a store.
    pub fn stored(store: impl Into<PathBuf>, run: impl Into<String>) -> Self {
        Self::Stored { store: store.into(), run: run.into() }
    }
}

impl<P: Into<PathBuf>> From<P> for RunSource {
    fn from(path: P) -> Self {
        Self::files(path)
    }
}

/// How two runs are compared.
#[derive(Debug, Clone, Default)]
pub struct CompareOptions {
    /// Thresholds, aggregates, how errors count; see [`Options`].
    pub options: Options,
    /// Only this task; for files that name none, the task they are of.
    pub task: Option<String>,
    /// How files are read.
    pub import: ImportOptions,
    /// Which importer reads them; told from their names and first bytes when `None`.
    pub importer: Option<&'static dyn Importer>,
}

/// Why two runs could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum CompareError {
    /// A path cannot be read.
    #[error("{}: {message}", path.display())]
    Unreadable {
        /// The path, or a file below it.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A path or a name stands for more than one run, or for none.
    #[error("one run is compared with one other: {source_name} stands for {}: {}", runs.len(), runs.join(", "))]
    NotOneRun {
        /// The path, or the name in the store.
        source_name: String,
        /// Ids of the runs.
        runs: Vec<String>,
    },
    /// Both sources are the same run of the same store.
    #[error("run {run_id} is compared with itself")]
    SameRun {
        /// Its id.
        run_id: String,
    },
    /// A run has no result in scope.
    #[error("run {run_id} has no results{}", task.as_ref().map(|task| format!(" of task {task}")).unwrap_or_default())]
    NoResults {
        /// Its id.
        run_id: String,
        /// The only task that was asked about.
        task: Option<String>,
    },
    /// A store refuses or cannot be reached.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Rows could not be read.
    #[error(transparent)]
    Ingest(#[from] IngestError),
    /// The question cannot be answered.
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// A case of a task.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CaseId {
    /// The task; `unknown` where the source names none.
    pub task: String,
    /// The tool's own id of the case, else a content hash of its input.
    pub case_id: String,
}

/// The values of a case in both runs.
#[derive(Debug, Clone, PartialEq)]
pub struct CaseChange {
    /// The case.
    pub case: CaseId,
    /// Its value in the baseline: the mean over its epochs.
    pub baseline: f64,
    /// Its value in the candidate.
    pub candidate: f64,
    /// Candidate minus baseline.
    pub delta: f64,
}

/// What became of one metric. Numbers are raw; nothing is rounded.
#[derive(Debug, Clone, PartialEq)]
pub struct MetricChange {
    /// Name of the metric.
    pub metric: String,
    /// Step that it was measured at; `None` for the whole result.
    pub step: Option<String>,
    /// Task; `None` for the line over all tasks, which stands only where both runs have the same cases.
    pub task: Option<String>,
    /// Which way is better.
    pub direction: Direction,
    /// How case values became one number: the metric's own aggregate.
    pub aggregate: String,
    /// Unit, when it has one.
    pub unit: Option<String>,
    /// The baseline's aggregate over the cases that have a value in both runs. `None` without such a case.
    pub baseline: Option<f64>,
    /// The candidate's.
    pub candidate: Option<f64>,
    /// Difference of the two aggregates: candidate minus baseline.
    pub delta: Option<f64>,
    /// `delta` in percent of the baseline's size. `None` when that is 0.
    pub percent_change: Option<f64>,
    /// How many cases have a value in both runs.
    pub found: usize,
    /// Cases that are better by at least the threshold, in the metric's own direction; by (task, case).
    pub improved: Vec<CaseId>,
    /// Cases that are worse.
    pub regressed: Vec<CaseId>,
    /// Cases that are neither, and all cases of a metric without a direction.
    pub unchanged: Vec<CaseId>,
    /// Cases with a value in both runs, by (task, case).
    pub values: Vec<CaseChange>,
    /// Cases that carry the metric and lack a value on one side although both runs ran them.
    pub unscored: usize,
    /// Mean of the case deltas.
    pub mean_delta: Option<f64>,
    /// t interval of the mean delta, not adjusted for how many tests were made. `None` when it does not exist.
    pub interval: Option<(f64, f64)>,
    /// Two-sided p-value of the paired test.
    pub p_value: Option<f64>,
    /// The same, adjusted by Holm within its family of tests. `None` for a metric without a verdict.
    pub p_adjusted: Option<f64>,
    /// `improved`, `regressed`, `no difference shown` or `too few cases`. `None` for a metric without one.
    pub verdict: Option<String>,
}

/// Two runs, compared case by case.
#[derive(Debug, Clone, PartialEq)]
pub struct RunComparison {
    /// Id of the baseline.
    pub baseline_run_id: String,
    /// Id of the candidate.
    pub candidate_run_id: String,
    /// Cases that both runs ran, by (task, case).
    pub common_cases: Vec<CaseId>,
    /// Cases that only the baseline ran.
    pub baseline_only: Vec<CaseId>,
    /// Cases that only the candidate ran.
    pub candidate_only: Vec<CaseId>,
    /// What became of every metric that one of the runs carries: scores, and what every result has (`score`, `passed`,
    /// `duration_ms`, `cost_usd`, tokens). By task (the line over all tasks first), then by name.
    pub metric_changes: Vec<MetricChange>,
    /// What was said while the runs were read: lines that were skipped, what an importer had to assume.
    pub notes: Vec<String>,
}

impl RunComparison {
    /// Names of the metrics that at least one case improved on, each once; a name can be among the degraded ones too.
    pub fn list_improved_metrics(&self) -> Vec<&str> {
        self.names(|change| !change.improved.is_empty())
    }

    /// Names of the metrics that at least one case regressed on, each once.
    pub fn list_degraded_metrics(&self) -> Vec<&str> {
        self.names(|change| !change.regressed.is_empty())
    }

    fn names(&self, wanted: impl Fn(&MetricChange) -> bool) -> Vec<&str> {
        let mut names: Vec<&str> = Vec::new();
        for change in self.metric_changes.iter().filter(|change| wanted(change)) {
            if !names.contains(&change.metric.as_str()) {
                names.push(&change.metric);
            }
        }
        names
    }

    /// What became of a metric, of the whole result or at a step. With several tasks it is the line over all of them
    /// where there is one, else the first task's; [`Self::metric_changes`] has them all.
    pub fn get_metric_change(&self, name: &str, step: Option<&str>) -> Option<&MetricChange> {
        let mut changes = self.metric_changes.iter();
        changes.find(|change| change.metric == name && change.step.as_deref() == step)
    }
}

/// Compares a candidate with a baseline.
///
/// For those who come from HoneyHive's client (`compare_runs(client, new_run_id, old_run_id, ...)`, which names the
/// **new** run first; here the baseline, the old one, comes first):
///
/// | HoneyHive | here |
/// |---|---|
/// | `common_datapoints` | `common_cases.len()` |
/// | `old_only_datapoints` (its client always says 0) | `baseline_only.len()` |
/// | `new_only_datapoints` (its client always says 0) | `candidate_only.len()` |
/// | `metric_deltas` | `metric_changes` |
/// | `get_metric_delta(name)` | `get_metric_change(name, step)`: one name at two steps is two metrics |
/// | `list_improved_metrics()`, `list_degraded_metrics()` | the same; for a metric where less is better, less is improved |
/// | `old_aggregate`, `new_aggregate` | [`MetricChange::baseline`], [`MetricChange::candidate`] |
/// | `found_count` | [`MetricChange::found`] |
/// | `improved_count`, `degraded_count`, `same_count` | `improved.len()`, `regressed.len()`, `unchanged.len()` |
/// | `improved`, `degraded`, `same` | [`MetricChange::improved`], `regressed`, `unchanged` |
/// | `old_values`, `new_values` | [`MetricChange::values`], which keeps the two of a case together |
/// | `difference`, `percentage_change` | [`MetricChange::delta`], [`MetricChange::percent_change`] |
///
/// # Errors
/// When a source cannot be read or is not exactly one run.
///
/// # Example
/// ```
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let folder = tempfile::tempdir()?;
/// let old = folder.path().join("old.csv");
/// let new = folder.path().join("new.csv");
/// std::fs::write(&old, "id,accuracy\nq1,1\nq2,0\nq3,0\n")?;
/// std::fs::write(&new, "id,accuracy\nq1,1\nq2,1\nq3,0\n")?;
///
/// # tokio::runtime::Runtime::new()?.block_on(async {
/// let options = runq::CompareOptions { task: Some("qa".into()), ..Default::default() };
/// let comparison = runq::compare_runs(old, new, options).await?;
///
/// assert_eq!(comparison.common_cases.len(), 3);
/// assert!(comparison.baseline_only.is_empty() && comparison.candidate_only.is_empty());
/// assert!(comparison.list_improved_metrics().contains(&"accuracy"));
/// assert!(comparison.list_degraded_metrics().is_empty());
///
/// let accuracy = comparison.get_metric_change("accuracy", None).expect("both runs carry it");
/// assert_eq!(accuracy.found, 3);
/// assert_eq!((accuracy.improved.len(), accuracy.regressed.len(), accuracy.unchanged.len()), (1, 0, 2));
/// assert_eq!(accuracy.improved[0].case_id, "q2");
/// assert_eq!(accuracy.verdict.as_deref(), Some("too few cases"));
/// # Ok::<(), runq::CompareError>(())
/// # })?;
/// # Ok(())
/// # }
/// ```
pub async fn compare_runs(
    baseline: impl Into<RunSource>,
    candidate: impl Into<RunSource>,
    options: CompareOptions,
) -> Result<RunComparison, CompareError> {
    let gathered = gather::both(baseline.into(), candidate.into(), &options).await?;
    answer::of(gathered, options).await
}
