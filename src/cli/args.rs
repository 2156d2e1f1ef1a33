//! Flags that several commands share: the session's, the store's, and how files are read.

use std::path::PathBuf;
use std::sync::Arc;

use clap::{Args, ValueEnum};

use super::context::{ProcessSurroundings, Reached};
use super::exit::CliError;
use super::moment::Past;
use super::output::ColorChoice;
use crate::import::table::Mapping;
use crate::import::{Duplicates, IMPORTERS, ImportOptions, Importer};
use crate::ingest::{Labels, Surroundings as _};
use crate::model::{Aggregate, nearest};
use crate::render::{Renderer, renderer};
use crate::session::{Asset, By, ErrorsAs, Options, Request, Scope};

/// Flags that every command takes, before or after its name.
#[derive(Debug, Clone, Args)]
pub struct GlobalArgs {
    /// The store: a folder or s3://BUCKET/PREFIX [default: .runq here or in a folder above].
    #[arg(
        long,
        global = true,
        value_name = "DIR|S3",
        env = "RUNQ_STORE",
        hide_env_values = true,
        help_heading = "Store"
    )]
    pub store: Option<PathBuf>,

    /// Refuse every write to the store and every launch.
    #[arg(
        long,
        global = true,
        env = "RUNQ_READ_ONLY",
        value_parser = clap::builder::FalseyValueParser::new(),
        help_heading = "Store"
    )]
    pub read_only: bool,

    /// Write to a store in S3 also where the service does not honour conditional puts (If-None-Match), which keep writers
    /// apart. Nobody else may write to the store meanwhile: of two writers one undoes what the other one published.
    #[arg(
        long,
        global = true,
        env = "RUNQ_SINGLE_WRITER",
        value_parser = clap::builder::FalseyValueParser::new(),
        help_heading = "Store"
    )]
    pub single_writer: bool,

    /// Say on stderr what was asked of the store and of files in S3: requests, bytes and time by kind. Times of requests
    /// that ran side by side add up.
    #[arg(long, global = true, help_heading = "Output")]
    pub io: bool,

    /// Form of the answer: table, box, line, json, jsonl, csv, tsv, markdown, html, ids, parquet, arrow or sh (the commands of
    /// resume) [default: table; csv for sql in a pipe].
    #[arg(long, global = true, value_name = "FORMAT", value_parser = crate::render::renderer, help_heading = "Output")]
    pub format: Option<&'static dyn Renderer>,

    /// The same as --format json.
    #[arg(long, global = true, conflicts_with = "format", help_heading = "Output")]
    pub json: bool,

    /// Colours: auto, always or never [default: auto, which obeys NO_COLOR].
    #[arg(
        long,
        global = true,
        value_name = "WHEN",
        default_value = "auto",
        hide_default_value = true,
        hide_possible_values = true,
        help_heading = "Output"
    )]
    pub color: ColorChoice,

    #[command(flatten)]
    pub session: SessionArgs,

    /// What everything that these flags are handed to reaches together.
    #[arg(skip)]
    pub reached: Arc<Reached>,
}

/// Flags of the session: which runs, which dimension, which baseline, and how numbers are made.
#[derive(Debug, Clone, PartialEq, Args)]
#[command(next_help_heading = "Session")]
pub struct SessionArgs {
    /// Ask the store as it was: a version of runq store versions (12), a time in UTC (2026-05-06, 2026-05-06T08:00) or a
    /// span ago (3d). Nothing can be written then.
    #[arg(long, global = true, value_name = "TIME|VERSION", value_parser = super::moment::past)]
    pub as_of: Option<Past>,

    /// Only this run: an id, the beginning of one, a name, last, last~2 or a glob. May be repeated.
    #[arg(long = "run", global = true, value_name = "RUN")]
    pub runs: Vec<String>,

    /// Only the newest N runs, of those that the other flags leave.
    #[arg(long, global = true, value_name = "N")]
    pub last: Option<usize>,

    /// Only this task. For files that name no task: the task they are of.
    #[arg(long, global = true, value_name = "TASK")]
    pub task: Option<String>,

    /// Only runs of this kind (eval, analyze, rerun, ...) or command; 'analyze.*' fits commands. May be repeated.
    #[arg(long = "kind", global = true, value_name = "KIND")]
    pub kinds: Vec<String>,

    /// Only runs that worked on this part of a database, and only its cases: schema=NAME, table=NAME and column=NAME
    /// with commas between them, any of them; upper and lower case are the same.
    #[arg(long, global = true, value_name = "PART=NAME,...", value_parser = Asset::parse)]
    pub asset: Option<Asset>,

    /// Only the case with this id, else the cases whose id fits this glob.
    #[arg(long, global = true, value_name = "GLOB")]
    pub case: Option<String>,

    /// Only runs for which this SQL predicate over runs holds, such as "experiment = 'dev'".
    #[arg(long, global = true, value_name = "PREDICATE")]
    pub scope: Option<String>,

    /// What is compared: run, model, prompt, experiment, provider, variant, any column of runs or results,
    /// tags.KEY or params.KEY (AMX: params.llm_profile). Each of its values is one arm (one side) of the comparison: runs
    /// that share it are taken together [default: run when several runs are named, else auto: the first of model,
    /// prompt, experiment, provider and variant with several values].
    #[arg(long, global = true, value_name = "DIMENSION")]
    pub by: Option<String>,

    /// The arm that the others are compared against [default: the first run named, else the earliest].
    #[arg(long, global = true, value_name = "ARM")]
    pub baseline: Option<String>,

    /// Show this metric. May be repeated; the first one is the metric of the cases.
    #[arg(long = "metric", global = true, value_name = "METRIC")]
    pub metrics: Vec<String>,

    /// The metric that is asked about first [default: the tool's headline score].
    #[arg(long, global = true, value_name = "METRIC")]
    pub primary: Option<String>,

    /// Smallest change that counts, for all scores (X) or for one metric (METRIC=X) [default: any difference].
    #[arg(long = "threshold", global = true, value_name = "[METRIC=]X", allow_hyphen_values = true)]
    pub thresholds: Vec<String>,

    /// How errors count: missing (no value, bounds are given) or zero (0 in scores, as AgentV counts)
    /// [default: missing].
    #[arg(
        long,
        global = true,
        value_name = "HOW",
        default_value = "missing",
        hide_default_value = true,
        hide_possible_values = true
    )]
    pub errors_as: ErrorsAsArg,

    /// Score from which a result passed when its tool gave no verdict [default: 0.8].
    #[arg(long, global = true, value_name = "X", default_value_t = 0.8, hide_default_value = true)]
    pub pass_threshold: f64,

    /// Unit of the statistics instead of the case: a column of results, or a path such as extra.metadata.topic.
    #[arg(long, global = true, value_name = "COLUMN")]
    pub cluster: Option<String>,

    /// Pair cases on this column or path instead of the case id (across tools).
    #[arg(long, global = true, value_name = "COLUMN")]
    pub case_key: Option<String>,

    /// Probability of a false alarm that a verdict allows [default: 0.05].
    #[arg(long, global = true, value_name = "X", default_value_t = 0.05, hide_default_value = true)]
    pub alpha: f64,

    /// How a metric's cases become one number: mean, sum, min, max, median, p90, p95, p99 or count.
    #[arg(long = "aggregate", global = true, value_name = "METRIC=FN")]
    pub aggregates: Vec<String>,

    /// How many bins a distribution has, 1 to 1000 [default: 5].
    #[arg(
        long,
        global = true,
        value_name = "N",
        default_value_t = 5,
        hide_default_value = true,
        value_parser = clap::value_parser!(u32).range(1..=1000)
    )]
    pub bins: u32,

    /// Give this metric a verdict too (durations, cost and tokens have none). May be repeated.
    #[arg(long = "test", global = true, value_name = "METRIC")]
    pub tests: Vec<String>,
}

/// How errors count, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ErrorsAsArg {
    /// No value.
    Missing,
    /// 0 in scores.
    Zero,
}

impl GlobalArgs {
    /// The flags that say which store, runs and cases are meant, as they are given again in another command. One case
    /// alone is not among them.
    pub fn selecting_words(&self) -> Vec<String> {
        let session = &self.session;
        let one = |flag: &str, value: Option<String>| value.map(|value| [flag.to_owned(), value]);
        let many = |flag: &str, values: &[String]| -> Vec<[String; 2]> {
            values.iter().map(|value| [flag.to_owned(), value.clone()]).collect()
        };
        let store = self.store.as_ref().map(|path| path.display().to_string());
        let asset = session.asset.as_ref().map(Asset::in_words);
        one("--store", store)
            .into_iter()
            .chain(one("--as-of", session.as_of.map(Past::in_words)))
            .chain(many("--run", &session.runs))
            .chain(one("--last", session.last.map(|count| count.to_string())))
            .chain(one("--task", session.task.clone()))
            .chain(many("--kind", &session.kinds))
            .chain(one("--asset", asset))
            .chain(one("--scope", session.scope.clone()))
            .chain(one("--case-key", session.case_key.clone()))
            .flatten()
            .collect()
    }
}

impl GlobalArgs {
    /// The form of answers that `--json` or `--format` asks for.
    pub fn chosen_format(&self) -> Option<&'static dyn Renderer> {
        if self.json { renderer("json").ok() } else { self.format }
    }

    /// These flags, with those of `outer` where nothing was said here: `is_said` tells of a flag's id.
    #[must_use]
    pub fn within(self, outer: &Self, is_said: impl Fn(&str) -> bool) -> Self {
        let mut both = outer.clone();
        macro_rules! take {
            ($said:ident => $($place:ident).+) => {
                if is_said(stringify!($said)) {
                    both.$($place).+ = self.$($place).+;
                }
            };
        }
        take!(store => store);
        take!(format => format);
        take!(json => json);
        take!(as_of => session.as_of);
        take!(runs => session.runs);
        take!(last => session.last);
        take!(task => session.task);
        take!(kinds => session.kinds);
        take!(asset => session.asset);
        take!(case => session.case);
        take!(scope => session.scope);
        take!(by => session.by);
        take!(baseline => session.baseline);
        take!(metrics => session.metrics);
        take!(primary => session.primary);
        take!(thresholds => session.thresholds);
        take!(errors_as => session.errors_as);
        take!(pass_threshold => session.pass_threshold);
        take!(cluster => session.cluster);
        take!(case_key => session.case_key);
        take!(alpha => session.alpha);
        take!(aggregates => session.aggregates);
        take!(bins => session.bins);
        take!(tests => session.tests);
        both.read_only |= self.read_only;
        both.single_writer |= self.single_writer;
        both.io |= self.io;
        both
    }
}

impl SessionArgs {
    /// The smallest change of a score that counts, where one was given for all scores or for `score`.
    ///
    /// # Errors
    /// When the flag's value is not of its form.
    pub fn score_threshold(&self) -> Result<Option<f64>, CliError> {
        let of_score = |text: &String| match text.split_once('=') {
            Some(("score", value)) => Some(threshold(text, value)),
            Some(_) => None,
            None => Some(threshold(text, text)),
        };
        self.thresholds.iter().rev().find_map(of_score).transpose()
    }

    /// What a session is opened with.
    ///
    /// # Errors
    /// When a flag's value is not of its form.
    pub fn request(&self) -> Result<Request, CliError> {
        let mut options = Options {
            primary: self.primary.clone(),
            errors_as: match self.errors_as {
                ErrorsAsArg::Missing => ErrorsAs::Missing,
                ErrorsAsArg::Zero => ErrorsAs::Zero,
            },
            pass_threshold: self.pass_threshold,
            cluster: self.cluster.clone(),
            case_key: self.case_key.clone(),
            alpha: within("--alpha", self.alpha)?,
            aggregates: self.aggregates.iter().map(|text| aggregate(text)).collect::<Result<_, _>>()?,
            tests: self.tests.clone(),
            bins: self.bins,
            ..Options::default()
        };
        for text in &self.thresholds {
            match text.split_once('=') {
                Some((metric, value)) => {
                    options.thresholds.push((metric.to_owned(), threshold(text, value)?))
                }
                None => options.threshold = threshold(text, text)?,
            }
        }
        Ok(Request {
            scope: Scope {
                runs: self.runs.clone(),
                last: self.last,
                task: self.task.clone(),
                predicate: self.scope.clone(),
                kinds: self.kinds.clone(),
                asset: self.asset.clone(),
                case: self.case.clone(),
                originals: false,
                cases_only: false,
            },
            by: match self.by.as_deref() {
                None | Some("auto") => By::Auto,
                Some(name) => By::Dimension(name.to_owned()),
            },
            baseline: self.baseline.clone(),
            options,
            now: Some(ProcessSurroundings::quiet().now()),
            planned: Vec::new(),
        })
    }
}

fn within(flag: &str, value: f64) -> Result<f64, CliError> {
    if value > 0.0 && value < 1.0 {
        Ok(value)
    } else {
        Err(CliError::usage(format!("{flag} {value}: expected a number between 0 and 1"), None))
    }
}

fn threshold(text: &str, value: &str) -> Result<f64, CliError> {
    match value.trim().parse::<f64>() {
        Ok(number) if number >= 0.0 && number.is_finite() => Ok(number),
        _ => Err(CliError::usage(
            format!("--threshold {text}: expected a number of 0 or more, found {value}"),
            Some("--threshold 0.1 for all scores, --threshold duration_ms=50 for one metric"),
        )),
    }
}

fn aggregate(text: &str) -> Result<(String, Aggregate), CliError> {
    let names = Aggregate::ALL.map(Aggregate::as_str);
    let (metric, function) = text.split_once('=').ok_or_else(|| {
        let hint = format!("FN is one of {}", names.join(", "));
        CliError::usage(format!("--aggregate {text}: expected METRIC=FN"), Some(&hint))
    })?;
    let function = Aggregate::parse(function).ok_or_else(|| {
        let hint = nearest(function, names.into_iter()).map_or_else(
            || format!("there are {}", names.join(", ")),
            |near| format!("did you mean {near}?"),
        );
        CliError::usage(format!("--aggregate {text}: there is no aggregate {function}"), Some(&hint))
    })?;
    Ok((metric.to_owned(), function))
}

/// How files are read; for `ingest` and for every command that is asked about a path.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Reading files")]
pub struct ImportArgs {
    /// Which importer reads the files, instead of the one that fits their names and first bytes.
    #[arg(long, value_name = "TOOL", value_parser = importer, help = from_help())]
    pub from: Option<&'static dyn Importer>,

    /// For plain tables: which column is what, such as case_id=id,score=metrics.accuracy,model=llm. May be repeated.
    #[arg(long = "map", value_name = "COLUMN=PATH,...")]
    pub maps: Vec<String>,

    /// The same in a TOML file, with [columns] and [metrics].
    #[arg(long, value_name = "FILE")]
    pub mapping: Option<PathBuf>,

    /// For plain tables: the column whose values are the runs [default: a file is a run].
    #[arg(long, value_name = "COLUMN")]
    pub run_column: Option<String>,

    /// For plain tables: what rows of one case are: epoch (planned repeats), attempt (a retry) or error.
    #[arg(long, value_name = "WHAT", hide_possible_values = true)]
    pub duplicates: Option<DuplicatesArg>,

    /// Name for the runs.
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

/// What rows of one case are, on the command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum DuplicatesArg {
    /// Planned repeats.
    Epoch,
    /// Retries.
    Attempt,
    /// Not allowed.
    Error,
}

/// The help of `--from`, with every importer.
fn from_help() -> String {
    let names: Vec<&str> = IMPORTERS.iter().map(|importer| importer.name()).collect();
    let (last, others) = names.split_last().unwrap_or((&"", &[]));
    format!(
        "Which tool wrote the files: {} or {last} [default: told from names and first bytes]",
        others.join(", ")
    )
}

fn importer(name: &str) -> Result<&'static dyn Importer, String> {
    IMPORTERS.iter().copied().find(|importer| importer.name() == name).ok_or_else(|| {
        let names: Vec<&str> = IMPORTERS.iter().map(|importer| importer.name()).collect();
        let near = nearest(name, names.iter().copied()).map(|near| format!("; did you mean {near}?"));
        format!("runq reads {}{}", names.join(", "), near.unwrap_or_default())
    })
}

impl ImportArgs {
    /// Whether files are read as they are.
    pub fn is_default(&self) -> bool {
        self.from.is_none()
            && self.maps.is_empty()
            && self.mapping.is_none()
            && self.run_column.is_none()
            && self.duplicates.is_none()
            && self.name.is_none()
    }

    /// The options of the importers.
    ///
    /// # Errors
    /// When a mapping does not read.
    pub fn options(&self, task: Option<&String>) -> Result<ImportOptions, CliError> {
        let mut mapping = match &self.mapping {
            Some(path) => {
                let text = std::fs::read_to_string(path).map_err(|error| {
                    CliError::not_found(format!("--mapping {}: {error}", path.display()), None)
                })?;
                Mapping::from_toml(&text).map_err(|error| {
                    CliError::usage(format!("--mapping {}: {error}", path.display()), None)
                })?
            }
            None => Mapping::default(),
        };
        let flags = Mapping::parse_flags(&self.maps).map_err(|error| {
            CliError::usage(error.to_string(), Some("--map case_id=id,score=metrics.accuracy"))
        })?;
        mapping.merge(flags);
        if let Some(column) = &self.run_column {
            mapping.set_run_column(column);
        }
        Ok(ImportOptions {
            name: self.name.clone(),
            task: task.cloned(),
            mapping,
            duplicates: self.duplicates.map(|duplicates| match duplicates {
                DuplicatesArg::Epoch => Duplicates::Epoch,
                DuplicatesArg::Attempt => Duplicates::Attempt,
                DuplicatesArg::Error => Duplicates::Error,
            }),
        })
    }

    /// The name as a label.
    pub fn labels(&self) -> Labels {
        Labels { name: self.name.clone(), ..Labels::default() }
    }
}

/// A `key=value` pair.
///
/// # Errors
/// When there is no `=` or no key.
pub fn pair(text: &str) -> Result<(String, String), String> {
    match text.split_once('=') {
        Some((key, value)) if !key.trim().is_empty() => Ok((key.trim().to_owned(), value.to_owned())),
        _ => Err("expected KEY=VALUE".to_owned()),
    }
}
