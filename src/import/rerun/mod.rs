//! How the tool that made a run is told to run some of its cases again: what it is asked, the command that does it, and
//! which keys that command will really execute.
//!
//! A tool's command is one function in its importer's folder ([`super::Importer::rerun`]); a tool without one is
//! reached by a template of the user's own ([`template`]).

pub mod places;
pub mod template;

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::model::{RunRow, Timestamp};
use crate::source::Source;

/// What is to be run again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RerunMode {
    /// What never finished (`--resume`).
    Resume,
    /// What failed or is missing (`--rerun-failed`).
    RerunFailed,
    /// Errors, into a new output (`--retry-errors`).
    RetryErrors,
    /// What a predicate over `failed_rows` selects (`--where`).
    Where,
    /// What a predicate over `latest_results` selects, passed rows too (`--select`).
    Select,
}

impl RerunMode {
    /// The word on the command line and in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Resume => "resume",
            Self::RerunFailed => "rerun-failed",
            Self::RetryErrors => "retry-errors",
            Self::Where => "where",
            Self::Select => "select",
        }
    }

    /// Whether planned keys without a row are selected.
    pub const fn takes_missing(self) -> bool {
        matches!(self, Self::Resume | Self::RerunFailed)
    }
}

/// One case to run again; of several epochs of a case one stands for all.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RerunCase {
    /// Its task.
    pub task: String,
    /// The tool's own id of it.
    pub case_id: String,
    /// Model or target that is to answer it.
    pub model: Option<String>,
    /// Prompt, where the tool has several.
    pub prompt: Option<String>,
    /// What the tool's own file holds of it; known for [`RerunMode::Where`], where a tool has to choose how it selects.
    pub history: History,
}

/// What a tool is asked to run again.
#[derive(Clone, Copy)]
pub struct RerunOrder<'a> {
    /// The run, as it is stored.
    pub run: &'a RunRow,
    /// What was asked for.
    pub mode: RerunMode,
    /// The cases, in the order of the plan, each (case, model, prompt) once.
    pub cases: &'a [RerunCase],
    /// Whether the cases are all that the mode selects in the run, so that the tool may choose by itself.
    pub whole: bool,
    /// All models of the run, in the order in which its rows first name them.
    pub models: &'a [String],
    /// What the person said about places.
    pub given: &'a GivenPlaces,
    /// Where files are looked for.
    pub source: &'a dyn Source,
    /// Folder the person is in.
    pub here: &'a std::path::Path,
    /// Words that go to the tool as they are (behind `--`).
    pub words: &'a [String],
    /// The time, for the name of a new output.
    pub now: Timestamp,
}

/// Places that a person gave.
#[derive(Debug, Clone, Default)]
pub struct GivenPlaces {
    /// Where the run's folder is now (`--run-dir`).
    pub run_dir: Option<PathBuf>,
    /// The file that defines the task (`--suite`), else that of another run of the task; see `suite_of`.
    pub suite: Option<PathBuf>,
    /// Run of the same task that the suite is taken from, when no flag gave it.
    pub suite_of: Option<String>,
    /// Where a new output goes (`--output`).
    pub output: Option<PathBuf>,
}

/// A command of a tool, ready to be started.
#[derive(Debug, Clone)]
pub struct RerunCommand {
    /// The program and its arguments, as they are; nothing is quoted.
    pub argv: Vec<String>,
    /// Folder in which it is to be started, absolute.
    pub folder: PathBuf,
    /// Files it reads that are to be written first.
    pub files: Vec<RerunFile>,
    /// Folder or file that will hold the new rows, absolute, when it is not where the run already is.
    pub output: Option<PathBuf>,
    /// Which keys of the run it will execute.
    pub runs: Runs,
    /// What a person should know about it.
    pub notes: Vec<String>,
}

/// A file that a command reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RerunFile {
    /// Name without a folder; stands in `argv` as [`template::FOLDER`] followed by this name.
    pub name: String,
    /// What is in it.
    pub text: String,
}

/// Which keys of a run a command will execute: of those it is told about, the ones that its rule takes.
#[derive(Debug, Clone)]
pub struct Runs {
    /// Ids of the cases it is told about; all when `None`.
    pub cases: Option<BTreeSet<String>>,
    /// Models it is told about; all when `None`.
    pub models: Option<BTreeSet<String>>,
    /// Pairs of case and model, where it is told about those rather than about cases and models; all when `None`.
    pub pairs: Option<BTreeSet<(String, Option<String>)>>,
    /// The tool's own rule for each of those.
    pub rule: fn(&History) -> Decision,
}

impl Runs {
    /// What the command does with a key: `None` when it is not told about it.
    pub fn decide(&self, case_id: &str, model: Option<&str>, history: &History) -> Option<Decision> {
        let case = self.cases.as_ref().is_none_or(|cases| cases.contains(case_id));
        let one_of = |models: &BTreeSet<String>| model.is_some_and(|model| models.contains(model));
        let pair = |pairs: &BTreeSet<(String, Option<String>)>| {
            pairs.contains(&(case_id.to_owned(), model.map(str::to_owned)))
        };
        let told = case && self.models.as_ref().is_none_or(one_of) && self.pairs.as_ref().is_none_or(pair);
        told.then(|| (self.rule)(history))
    }
}

/// What a tool knows of a key when it decides: the rows that are in its file now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct History {
    /// Rows of the key (of all its epochs).
    pub rows: i64,
    /// Whether one of them is ok.
    pub ok: bool,
    /// Whether one of them is an execution error.
    pub error: bool,
    /// Whether one of them is anything but an execution error.
    pub finished: bool,
    /// Whether the last one is ok; of several epochs, whether one of the last ones is.
    pub latest_ok: bool,
    /// Whether the last one is an execution error; of several epochs, whether all of the last ones are.
    pub latest_error: bool,
    /// Whether the case has a row on any model.
    pub case_in_source: bool,
    /// Whether one of those rows is an execution error.
    pub case_error: bool,
}

/// Whether a tool executes a key, and why, as a fragment that can follow the tool's name (`retries a test on all targets`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    /// It does.
    Runs(&'static str),
    /// It does not.
    Skips(&'static str),
}

/// Why there is no command.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RerunError {
    /// The tool has no command that runs cases again, and no template is configured for it.
    #[error("runq knows no command of {tool} that runs cases again")]
    NoCommand {
        /// The tool.
        tool: String,
    },
    /// The folder of the run is not where it was.
    #[error("the run folder {path} is not there")]
    NoRunDir {
        /// Where it was.
        path: String,
    },
    /// The folder of the run holds no rows, so that its tool would start from nothing.
    #[error("the run folder {path} holds no rows")]
    NoRows {
        /// The folder.
        path: String,
    },
    /// There is a run already where a new one was to be written.
    #[error("{path} holds a run already")]
    OutputTaken {
        /// The folder.
        path: String,
    },
    /// The run's files are not on a disk.
    #[error("the run is at {url}, and its tool resumes in a folder of this machine only")]
    Remote {
        /// Where they are.
        url: String,
    },
    /// The run's files are members of an archive.
    #[error("the run is in the archive {archive}, and its tool resumes in a folder only")]
    Archived {
        /// The archive.
        archive: String,
    },
    /// Nothing says which file defines the task.
    #[error("no file says which suite the run is of")]
    UnknownSuite,
    /// The file that defines the task is not where it was.
    #[error("the eval file {path} is not there")]
    NoSuite {
        /// Where it was.
        path: String,
    },
    /// A template is broken, or lacks something for this plan.
    #[error("{0}")]
    Template(String),
    /// The tool cannot be told to do this.
    #[error("{0}")]
    Impossible(String),
}

impl RerunError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        match self {
            Self::NoCommand { tool } => format!(
                "give the store a template: [[resume]] with tool = \"{tool}\" and command = \"mytool --ids {{ids_file}} \
                 --out {{run_dir}}\" in its config.toml"
            ),
            Self::NoRunDir { .. } | Self::NoRows { .. } => "--run-dir DIR says where it is now".to_owned(),
            Self::OutputTaken { .. } => "--output DIR names another folder".to_owned(),
            Self::Remote { url } => {
                format!("aws s3 cp --recursive {url} DIR copies it; then --run-dir DIR")
            }
            Self::Archived { archive } => {
                format!(
                    "unzip {archive} -d DIR unpacks it; then --run-dir DIR with the run's folder below it"
                )
            }
            Self::UnknownSuite | Self::NoSuite { .. } => "--suite FILE names it".to_owned(),
            Self::Template(_) => "docs/RESUME.md describes templates".to_owned(),
            Self::Impossible(_) => "--format ids lists the cases".to_owned(),
        }
    }
}

/// The commands that run cases of a run again: by a template of the user's own where one fits the run, else by the tool
/// itself.
///
/// # Errors
/// When there is no command, or something that it needs is not there.
pub fn commands(
    order: &RerunOrder<'_>,
    templates: &template::Templates,
) -> Result<Vec<RerunCommand>, RerunError> {
    let commands = match templates.of(order.run) {
        Some(template) => template.commands(order)?,
        None => match super::IMPORTERS.iter().find(|importer| importer.name() == order.run.tool) {
            Some(importer) => importer.rerun(order)?,
            None => return Err(RerunError::NoCommand { tool: order.run.tool.clone() }),
        },
    };
    match commands.iter().flat_map(|command| &command.argv).find(|word| word.contains('\0')) {
        Some(word) => {
            Err(RerunError::Impossible(format!("no program can be given {word:?}: it holds a NUL")))
        }
        None => Ok(commands),
    }
}
