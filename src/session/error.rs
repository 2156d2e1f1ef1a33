//! Why a session cannot answer, with what to do about it.

use datafusion::error::DataFusionError;

use super::Place;
use super::wording::in_words;
use crate::model::{few, nearest};
use crate::source::SourceError;

/// What can be wrong with a question.
#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    /// There are no runs, or the scope leaves none.
    #[error("no runs in scope")]
    NoRuns,
    /// A name stands for no run.
    #[error("there is no run {name}")]
    UnknownRun {
        /// As it was given.
        name: String,
        /// The run that is nearest to it.
        near: Option<String>,
    },
    /// A prefix stands for several runs.
    #[error("{name} is the beginning of {} runs: {}", matches.len(), shortened(matches))]
    AmbiguousRun {
        /// As it was given.
        name: String,
        /// The runs it may be.
        matches: Vec<String>,
    },
    /// One run is asked about and the names stand for several.
    #[error("one run is shown at a time; these are {}: {}", runs.len(), shortened(runs))]
    SeveralRuns {
        /// The runs.
        runs: Vec<String>,
    },
    /// No run has that task.
    #[error("there is no task {task}")]
    UnknownTask {
        /// As it was given.
        task: String,
        /// The task that is nearest to it.
        near: Option<String>,
    },
    /// No run is of that kind or command.
    #[error("there is no kind of run {name}")]
    UnknownKind {
        /// As it was given.
        name: String,
        /// The kinds and commands there are.
        kinds: Vec<String>,
        /// The one that is nearest to it.
        near: Option<String>,
    },
    /// No run worked on that asset, or no case is in it.
    #[error("nothing here is of {asset}")]
    UnknownAsset {
        /// As it was given.
        asset: String,
        /// The part of an asset that is nearest to one of its parts.
        near: Option<String>,
    },
    /// No case has that id, nor does one fit it as a glob.
    #[error("there is no case {name}")]
    UnknownCase {
        /// As it was given.
        name: String,
        /// The case that is nearest to it.
        near: Option<String>,
    },
    /// No arm has that name.
    #[error("there is no {by} {name}")]
    UnknownArm {
        /// As it was given.
        name: String,
        /// The dimension.
        by: String,
        /// The arms there are.
        arms: Vec<String>,
        /// The arm that is nearest to it.
        near: Option<String>,
    },
    /// No metric has that name.
    #[error("there is no metric {name}")]
    UnknownMetric {
        /// As it was given.
        name: String,
        /// The metrics there are.
        metrics: Vec<String>,
        /// The metric that is nearest to it.
        near: Option<String>,
    },
    /// An option about the values of cases, for a metric that is measured by run.
    #[error("{flag} {metric}: a run has one value of it and a case none")]
    MetricByRun {
        /// The option.
        flag: &'static str,
        /// The metric.
        metric: String,
    },
    /// No result took such a step.
    #[error("there is no {what} {name}")]
    UnknownStep {
        /// `step`, or `step of type`.
        what: &'static str,
        /// As it was given.
        name: String,
        /// What there is.
        there: Vec<String>,
        /// What is nearest to it.
        near: Option<String>,
    },
    /// There is nothing of that name to make arms of.
    #[error("cannot compare by {name}: neither runs nor results have such a column")]
    UnknownDimension {
        /// As it was given.
        name: String,
        /// The column that is nearest to it.
        near: Option<String>,
    },
    /// A relation has no such column.
    #[error("there is no column {name} in {relation}")]
    UnknownColumn {
        /// As it was given.
        name: String,
        /// The relation.
        relation: String,
        /// The column that is nearest to it.
        near: Option<String>,
    },
    /// A predicate that was given by a flag does not plan.
    #[error("{flag}: {problem}\n{}", pointed(predicate, *place))]
    Predicate {
        /// The flag.
        flag: &'static str,
        /// As it was given.
        predicate: String,
        /// What is wrong with it.
        problem: String,
        /// Where in it, when that can be told.
        place: Option<Place>,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A view does not plan.
    #[error("view {name}: {problem}")]
    View {
        /// Its name.
        name: String,
        /// Whose it is, as [`super::View::kind`].
        kind: String,
        /// What is wrong with it.
        problem: String,
    },
    /// There is no store to ask.
    #[error("there is no store here: no .runq in this folder or above it")]
    NoStore,
    /// A stored relation has the name that something else is to have.
    #[error("{name} is a stored relation, and its name is taken")]
    Taken {
        /// The name.
        name: String,
    },
    /// A file that a statement names is not there.
    #[error("there is no file {name}")]
    NoFile {
        /// As it was given.
        name: String,
        /// The file that is nearest to it, as a hint.
        near: Option<String>,
    },
    /// A file that a statement names cannot be asked.
    #[error("'{name}': {problem}")]
    File {
        /// As it was given.
        name: String,
        /// What is wrong with it.
        problem: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// The bytes of a file that a statement names cannot be had.
    #[error(transparent)]
    Source(#[from] SourceError),
    /// A statement that would write, or set something.
    #[error("{verb} is refused: SQL only reads here")]
    Writes {
        /// Its first word.
        verb: String,
    },
    /// SQL that does not parse, plan or run.
    #[error("{}", in_words(.0))]
    Sql(#[from] DataFusionError),
    /// Rows could not be brought into columns.
    #[error("rows could not be brought into columns: {0}")]
    Arrow(#[from] arrow::error::ArrowError),
    /// Rows are not what they should be.
    #[error(transparent)]
    Stored(#[from] crate::model::ReadRowError),
    /// A bug of ours.
    #[error("{0}")]
    Internal(String),
}

impl From<super::Nothing> for SessionError {
    fn from(why: super::Nothing) -> Self {
        match why {
            super::Nothing::NoStore => Self::NoStore,
            super::Nothing::NoRuns => Self::NoRuns,
        }
    }
}

impl SessionError {
    /// A metric that is not among those there are.
    pub fn unknown_metric(name: &str, metrics: &[String]) -> Self {
        Self::UnknownMetric {
            name: name.to_owned(),
            near: nearest(name, metrics.iter().map(String::as_str)).map(str::to_owned),
            metrics: metrics.to_vec(),
        }
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        let did_you_mean = |near: &Option<String>| near.as_ref().map(|near| format!("did you mean {near}?"));
        match self {
            Self::NoRuns => Some("runq runs lists what is there; runq ingest PATH takes runs in".to_owned()),
            Self::UnknownRun { near, .. } => {
                did_you_mean(near).or_else(|| Some("runq runs lists the runs; ./NAME is a path".to_owned()))
            }
            Self::UnknownTask { near, .. } => did_you_mean(near)
                .or_else(|| Some("runq sql 'SELECT DISTINCT task FROM results' lists the tasks".to_owned())),
            Self::UnknownKind { kinds, near, .. } => {
                did_you_mean(near).or_else(|| Some(format!("there are {}", shortened(kinds))))
            }
            Self::UnknownAsset { near, .. } => {
                did_you_mean(near).or_else(|| Some("runq runs shows what the runs worked on".to_owned()))
            }
            Self::UnknownCase { near, .. } => {
                did_you_mean(near).or_else(|| Some("runq show RUN lists the cases of a run".to_owned()))
            }
            Self::UnknownDimension { near, .. } => did_you_mean(near).or_else(|| {
                Some(
                    "run, model, prompt, experiment, provider, variant, tags.KEY, params.KEY or a column"
                        .to_owned(),
                )
            }),
            Self::Writes { verb } => Some(super::refusal::instead(verb).to_owned()),
            Self::NoStore => {
                Some("runq ingest PATH makes one; SELECT ... FROM 'FILE' asks a file without one".to_owned())
            }
            Self::Taken { .. } => Some("choose another one".to_owned()),
            Self::NoFile { near, .. } => near.clone(),
            Self::File { hint, .. } => hint.clone(),
            Self::Source(error) => error.hint.clone(),
            Self::UnknownColumn { near, relation, .. } => did_you_mean(near)
                .or_else(|| Some(format!("runq sql 'DESCRIBE {relation}' lists the columns"))),
            Self::SeveralRuns { .. } => Some("name one of them, such as last".to_owned()),
            Self::AmbiguousRun { .. } => Some("give more of the id".to_owned()),
            Self::UnknownArm { arms, near, .. } => {
                did_you_mean(near).or_else(|| Some(format!("there are {}", shortened(arms))))
            }
            Self::UnknownStep { there, near, .. } => {
                did_you_mean(near).or_else(|| Some(format!("there are {}", shortened(there))))
            }
            Self::UnknownMetric { metrics, near, .. } => {
                did_you_mean(near).or_else(|| Some(format!("there are {}", shortened(metrics))))
            }
            Self::MetricByRun { metric, .. } => Some(format!(
                "it is the mean over the runs of an arm, a share the ratio of two sums; --metric {metric} shows it"
            )),
            Self::Predicate { hint, .. } => hint.clone(),
            Self::View { kind, name, .. } if kind == "yours" => Some(format!(
                "mend or remove the file sql/{name}.sql of the store; other views do without it"
            )),
            _ => None,
        }
    }
}

/// A predicate with a marker under its fault; without one where the place of the fault is not known.
fn pointed(predicate: &str, place: Option<Place>) -> String {
    place.map_or_else(|| predicate.trim().to_owned(), |place| place.marked(predicate))
}

/// A list that stays short on screen.
fn shortened(names: &[String]) -> String {
    few(names, 8)
}
