//! The files beside a run's index: grading, timing or metrics, answer, input.
//!
//! They are read only for the row they belong to (see [`Survey::owns`]), and not even then when what they say
//! contradicts the row: the row is the truth. A file that is not there is normal, since exports are often trimmed;
//! one that is broken is a fault and the row stays. Paths that leave the run's folder are not followed.

use std::collections::HashSet;
use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::super::{Fault, json};
use super::grading::{graders_of, rest_of};
use super::layout::Layout;
use super::row::Row;
use super::survey::{Survey, repeat_folder};
use super::{messages, result, scores};
use crate::model::Status;
use crate::source::Source;

/// What the files of one execution say. Everything is `None` or empty where there is no file for it.
#[derive(Debug, Clone, Default)]
pub(super) struct Files {
    /// Graders of `grading.json`, in the shape of a row's `scores`.
    pub(super) graders: Vec<Map<String, Value>>,
    /// What else `grading.json` says, without what the row repeats.
    pub(super) grading_rest: Option<Map<String, Value>>,
    pub(super) duration_ms: Option<f64>,
    pub(super) cost_usd: Option<f64>,
    pub(super) input_tokens: Option<i64>,
    pub(super) output_tokens: Option<i64>,
    pub(super) total_tokens: Option<i64>,
    pub(super) reasoning_tokens: Option<i64>,
    /// How often each tool was called.
    pub(super) tool_calls: Option<Map<String, Value>>,
    /// Errors that `grading.json` counts (up to AgentV 4).
    errors: Option<i64>,
    pub(super) provider: Option<String>,
    pub(super) input: Option<String>,
    pub(super) output: Option<String>,
}

/// Reads the files of a run's rows.
pub(super) struct Sidecars<'a> {
    source: &'a dyn Source,
    folder: &'a Path,
    survey: &'a Survey,
    faults: Vec<Fault>,
    reported: HashSet<PathBuf>,
}

/// Paths of the files of one execution, relative to the run's folder.
#[derive(Default)]
struct Paths {
    grading: Option<String>,
    timing: Option<String>,
    metrics: Option<String>,
    transcript: Option<String>,
    target_execution: Option<String>,
    answers: Vec<String>,
}

impl Paths {
    /// Those that a row names.
    fn of_row(row: &Row) -> Self {
        let text = |name| row.text(&[name]);
        Self {
            grading: text("grading_path"),
            timing: text("timing_path"),
            metrics: text("metrics_path"),
            transcript: text("transcript_path"),
            target_execution: text("target_execution_path"),
            answers: ["output_path", "answer_path", "response_path"].into_iter().filter_map(text).collect(),
        }
    }

    /// Those in the folder of a repeat.
    fn of_repeat(folder: &str) -> Self {
        let file = |name: &str| Some(format!("{folder}/{name}"));
        Self {
            grading: file("grading.json"),
            timing: file("timing.json"),
            metrics: file("metrics.json"),
            transcript: file("transcript.json"),
            target_execution: file("target-execution.json"),
            answers: ["outputs/answer.md", "outputs/response.md"].into_iter().filter_map(file).collect(),
        }
    }

    /// The transcript, where it is what tells the input.
    fn asked_in(&self, row: &Row) -> Option<&str> {
        let transcript = self.transcript.as_deref().filter(|path| path.ends_with(".json"));
        transcript.filter(|_| row.value("input").is_none())
    }

    /// What is read of them, as far as it can be told before.
    fn wanted(self, row: &Row) -> Vec<String> {
        let transcript = self.asked_in(row).map(str::to_owned);
        let answer = self.answers.into_iter().next();
        let files = [self.grading, self.timing, self.metrics, self.target_execution, transcript, answer];
        files.into_iter().flatten().collect()
    }
}

impl<'a> Sidecars<'a> {
    /// Files of the rows of one run.
    pub(super) fn new(source: &'a dyn Source, layout: &'a Layout, survey: &'a Survey) -> Self {
        Self { source, folder: &layout.folder, survey, faults: Vec::new(), reported: HashSet::new() }
    }

    /// What was broken since the last call.
    pub(super) fn take_faults(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.faults)
    }

    /// The files that a row will most likely ask for; `line` is its text.
    pub(super) fn files_of(&self, row: &Row, line: &[u8]) -> Vec<PathBuf> {
        let repeats = row.repeats();
        let mut names: Vec<String> = row.text(&["input_path"]).into_iter().collect();
        if repeats.len() < 2 {
            let folder = row.attempt_folder().filter(|folder| self.survey.owns(row, folder, line));
            names.extend(folder.into_iter().flat_map(|_| Paths::of_row(row).wanted(row)));
        } else {
            for entry in &repeats {
                let folder = repeat_folder(row, entry).filter(|folder| self.survey.owns(row, folder, line));
                names.extend(folder.into_iter().flat_map(|folder| Paths::of_repeat(&folder).wanted(entry)));
            }
        }
        names.iter().filter_map(|name| inside(self.folder, name)).collect()
    }

    /// Says that these files are read next.
    pub(super) fn soon(&self, paths: &[PathBuf]) {
        self.source.soon(paths, u64::MAX);
    }

    /// The files of a row; `line` is its text.
    pub(super) fn of_row(&mut self, row: &Row, line: &[u8]) -> Files {
        let Some(folder) = row.attempt_folder() else { return Files::default() };
        let owned = self.survey.owns(row, &folder, line);
        let files = if owned { self.checked(row, &Paths::of_row(row)) } else { Files::default() };
        self.with_input(row, files)
    }

    /// The files of one repeat of a row, which stand in a folder of its own.
    pub(super) fn of_repeat(&mut self, row: &Row, entry: &Row, line: &[u8]) -> Files {
        let folder = repeat_folder(row, entry).filter(|folder| self.survey.owns(row, folder, line));
        let Some(folder) = folder else { return self.with_input(row, Files::default()) };
        let files = self.checked(entry, &Paths::of_repeat(&folder));
        self.with_input(row, files)
    }

    /// The input belongs to the test, not to the execution, so that every row of the test may have it.
    fn with_input(&mut self, row: &Row, mut files: Files) -> Files {
        if let Some(path) = row.text(&["input_path"])
            && let Some(text) = self.text(&path)
        {
            files.input = messages::stored_markdown(&text);
        }
        files
    }

    /// The files, or none of them when one contradicts the row.
    fn checked(&mut self, row: &Row, paths: &Paths) -> Files {
        let mut files = Files::default();
        if let Some(grading) = self.object(paths.grading.as_deref()) {
            files.graders = graders_of(&grading);
            files.grading_rest = rest_of(&grading, row);
            if let Some(metrics) = grading.get("execution_metrics").and_then(Value::as_object) {
                files.tool_calls = metrics.get("tool_calls").and_then(Value::as_object).cloned();
                files.errors = json::integer(metrics, &["errors_encountered"]);
            }
        }
        self.measure(&mut files, paths);
        if contradicts(row, &files) {
            return Files::default();
        }
        if result::status_of(row).0 == Status::ExecutionError {
            files.drop_zeros();
        }
        files.output = paths.answers.iter().find_map(|path| messages::stored_markdown(&self.text(path)?));
        if let Some(execution) = self.object(paths.target_execution.as_deref()) {
            files.provider = json::text(&execution, &["provider_kind"]);
        }
        if let Some(transcript) = self.object(paths.asked_in(row)) {
            files.input = messages::asked_in_transcript(&transcript);
        }
        files
    }

    fn measure(&mut self, files: &mut Files, paths: &Paths) {
        if let Some(timing) = self.object(paths.timing.as_deref()) {
            files.take_timing(&timing);
        }
        if let Some(metrics) = self.object(paths.metrics.as_deref()) {
            files.take_metrics(&metrics);
        }
    }

    /// A JSON object, `None` when there is no such file; a broken one is a fault.
    fn object(&mut self, path: Option<&str>) -> Option<Map<String, Value>> {
        let path = path?;
        let text = self.text(path)?;
        match serde_json::from_str(&text) {
            Ok(Value::Object(object)) => Some(object),
            Ok(_) => self.broken(path, "expected a JSON object, found another value".to_owned()),
            Err(error) => self.broken(path, format!("expected a JSON object: {error}")),
        }
    }

    fn text(&mut self, path: &str) -> Option<String> {
        let full = inside(self.folder, path)?;
        match self.source.read(&full) {
            Ok(bytes) => Some(String::from_utf8_lossy(&bytes).into_owned()),
            Err(error) if error.missing => None,
            Err(error) => self.broken(path, error.problem),
        }
    }

    fn broken<T>(&mut self, path: &str, problem: String) -> Option<T> {
        let full = self.folder.join(path);
        if self.reported.insert(full.clone()) {
            let message = format!("{problem} (the row stays, without what this file says)");
            self.faults.push(Fault { path: full, line: None, message });
        }
        None
    }
}

impl Files {
    /// `timing.json` (up to AgentV 4, and at first in 5).
    fn take_timing(&mut self, timing: &Map<String, Value>) {
        let none = Map::new();
        let sources = timing.get("usage_sources").and_then(Value::as_object).unwrap_or(&none);
        let told = |what| json::text(sources, &[what]).is_none_or(|source| source != UNAVAILABLE);
        if told("duration") {
            self.duration_ms = self.duration_ms.or_else(|| json::number(timing, &["duration_ms"]));
        }
        if told("cost") {
            self.cost_usd = self.cost_usd.or_else(|| json::number(timing, &["cost_usd"]));
        }
        if told("token_usage") {
            let tokens = timing.get("token_usage").and_then(Value::as_object).unwrap_or(&none);
            self.take_tokens(tokens, json::integer(timing, &["total_tokens"]));
        }
    }

    /// `metrics.json` (AgentV 5); its first form held a timing, and the counts one level deeper.
    fn take_metrics(&mut self, metrics: &Map<String, Value>) {
        let section = |name: &str| {
            let section = metrics.get(name).and_then(Value::as_object);
            section
                .filter(|section| json::text(section, &["source"]).is_none_or(|source| source != UNAVAILABLE))
        };
        if let Some(duration) = section("duration") {
            self.duration_ms = json::number(duration, &["total_ms"]).or(self.duration_ms);
        }
        if let Some(tokens) = section("tokens") {
            self.take_tokens(tokens, json::integer(tokens, &["total"]));
        }
        if let Some(cost) = section("cost") {
            self.cost_usd = json::number(cost, &["usd"]).or(self.cost_usd);
        }
        if let Some(timing) = section("timing") {
            self.take_timing(timing);
        }
        let inner = section("metrics").unwrap_or(metrics);
        if let Some(calls) = inner.get("tool_calls").and_then(Value::as_object) {
            self.tool_calls = Some(calls.clone());
        }
    }

    fn take_tokens(&mut self, tokens: &Map<String, Value>, total: Option<i64>) {
        self.input_tokens = self.input_tokens.or_else(|| json::integer(tokens, &["input"]));
        self.output_tokens = self.output_tokens.or_else(|| json::integer(tokens, &["output"]));
        self.reasoning_tokens = self.reasoning_tokens.or_else(|| json::integer(tokens, &["reasoning"]));
        self.total_tokens = self.total_tokens.or(total);
    }

    /// An execution that failed has zeros where nothing was measured.
    fn drop_zeros(&mut self) {
        self.duration_ms = self.duration_ms.filter(|value| *value != 0.0);
        self.cost_usd = self.cost_usd.filter(|value| *value != 0.0);
        for count in [
            &mut self.input_tokens,
            &mut self.output_tokens,
            &mut self.total_tokens,
            &mut self.reasoning_tokens,
        ] {
            *count = count.filter(|value| *value != 0);
        }
    }
}

/// AgentV's word for a number that it filled in without knowing it.
const UNAVAILABLE: &str = "unavailable";

/// Whether the files tell of another execution than the row: other graders or values, another duration, other
/// token counts.
fn contradicts(row: &Row, files: &Files) -> bool {
    let own = scores::entries_of(row);
    let failed = result::status_of(row).0 == Status::ExecutionError;
    let graded_otherwise = if files.graders.is_empty() {
        !failed && !own.is_empty() && files.errors.is_some_and(|errors| errors > 0)
    } else {
        (failed || !own.is_empty()) && !same_graders(&own, &files.graders)
    };
    if graded_otherwise {
        return true;
    }
    let differs = |told: Option<f64>, filed: Option<f64>| {
        matches!((told, filed), (Some(told), Some(filed))
            if (told - filed).abs() > 1.0 && !(failed && filed == 0.0))
    };
    let none = Map::new();
    let usage = row.object("token_usage").unwrap_or(&none);
    differs(row.number(&["duration_ms"]), files.duration_ms)
        || differs(json::number(usage, &["input"]), files.input_tokens.map(|count| count as f64))
        || differs(json::number(usage, &["output"]), files.output_tokens.map(|count| count as f64))
}

fn same_graders(left: &[Map<String, Value>], right: &[Map<String, Value>]) -> bool {
    let pairs = |graders: &[Map<String, Value>]| {
        let mut pairs: Vec<(String, Option<u64>)> = graders
            .iter()
            .map(|grader| {
                let name = json::text(grader, &["name", "type"]).unwrap_or_default();
                (name, scores::value_of(grader).map(f64::to_bits))
            })
            .collect();
        pairs.sort_unstable();
        pairs
    };
    pairs(left) == pairs(right)
}

/// A path inside the run's folder; `None` for one that leads out of it.
fn inside(folder: &Path, path: &str) -> Option<PathBuf> {
    let path = Path::new(path);
    let stays = path.components().all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
    stays.then(|| folder.join(path))
}
