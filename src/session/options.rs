//! What a question is asked with, beyond its scope: DESIGN's session options, each with its default.

use super::SessionError;
use crate::model::{Aggregate, is_by_run};

/// How errors count where a value is wanted (`--errors-as`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ErrorsAs {
    /// They have no value; answers show beside them the bounds they allow.
    #[default]
    Missing,
    /// 0 in score, passed and the tool's scores of direction higher, as AgentV counts.
    Zero,
}

impl ErrorsAs {
    /// The word in SQL and on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::Zero => "zero",
        }
    }
}

/// Options of a session.
#[derive(Debug, Clone)]
pub struct Options {
    /// Metric that is asked about first; the tool's headline score when `None`.
    pub primary: Option<String>,
    /// Smallest change of `score` and of the tool's scores that counts as one; 0 for any difference.
    pub threshold: f64,
    /// The same for one metric each.
    pub thresholds: Vec<(String, f64)>,
    /// How errors count.
    pub errors_as: ErrorsAs,
    /// Score from which a result without a verdict passed.
    pub pass_threshold: f64,
    /// Column whose values are the units of the statistics instead of the case.
    pub cluster: Option<String>,
    /// Column or JSON path that pairs cases instead of the case id.
    pub case_key: Option<String>,
    /// Probability of a false alarm that verdicts allow.
    pub alpha: f64,
    /// Aggregates that replace the registered ones.
    pub aggregates: Vec<(String, Aggregate)>,
    /// Metrics that get a verdict although they judge nothing (durations, cost, tokens).
    pub tests: Vec<String>,
    /// How many bins a distribution has, from 1.
    pub bins: u32,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            primary: None,
            threshold: 0.0,
            thresholds: Vec::new(),
            errors_as: ErrorsAs::Missing,
            pass_threshold: 0.8,
            cluster: None,
            case_key: None,
            alpha: 0.05,
            aggregates: Vec::new(),
            tests: Vec::new(),
            bins: 5,
        }
    }
}

impl Options {
    /// Refuses what would have no effect: options about the values of cases for a metric of which a case has none.
    pub(super) fn of_cases_only(&self) -> Result<(), SessionError> {
        let primary = self.primary.iter().map(|metric| ("--primary", metric));
        let aggregates = self.aggregates.iter().map(|(metric, _)| ("--aggregate", metric));
        let thresholds = self.thresholds.iter().map(|(metric, _)| ("--threshold", metric));
        let tests = self.tests.iter().map(|metric| ("--test", metric));
        let mut all = primary.chain(aggregates).chain(thresholds).chain(tests);
        match all.find(|(_, metric)| is_by_run(metric)) {
            Some((flag, metric)) => Err(SessionError::MetricByRun { flag, metric: metric.clone() }),
            None => Ok(()),
        }
    }
}

/// Which runs a question is about.
#[derive(Debug, Clone, Default)]
pub struct Scope {
    /// Runs named by hand, in that order; empty for all.
    pub runs: Vec<String>,
    /// Only the newest so many runs.
    pub last: Option<usize>,
    /// Only this task.
    pub task: Option<String>,
    /// SQL predicate over `runs`.
    pub predicate: Option<String>,
    /// Only these kinds of runs, or of these commands; empty for all.
    pub kinds: Vec<String>,
    /// Only runs that worked on this asset, and only its cases.
    pub asset: Option<Asset>,
    /// Without runs that asked a question and worked on no case (AMX's ask), unless there are no others.
    pub cases_only: bool,
    /// Only the case with this id, else cases whose id fits this glob.
    pub case: Option<String>,
    /// Only runs that are no version of another one in scope.
    pub originals: bool,
}

impl Scope {
    /// What narrows it beyond names, for the first line of an answer: `kind rerun`, `schema=sales`, `case order-*`.
    pub fn in_words(&self) -> Vec<String> {
        let mut words = Vec::new();
        if !self.kinds.is_empty() {
            words.push(format!("kind {}", self.kinds.join(" or ")));
        }
        words.extend(self.asset.as_ref().map(Asset::in_words));
        words.extend(self.case.as_ref().map(|case| format!("case {case}")));
        words
    }
}

/// A part of a database: cases named `schema.table[.column]`. A part that is not given fits all; case is ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Asset {
    /// Its schema.
    pub schema: Option<String>,
    /// Its table.
    pub table: Option<String>,
    /// Its column.
    pub column: Option<String>,
}

/// Which dimension makes the arms.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum By {
    /// `run` when several runs were named, else the first that varies of model, prompt, experiment, provider,
    /// variant, run.
    #[default]
    Auto,
    /// A column of `runs` or `results`, `tags.KEY` or `params.KEY`.
    Dimension(String),
}
