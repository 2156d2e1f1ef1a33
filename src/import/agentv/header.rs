//! The run itself: id, times, plan, tags, and what AgentV printed as its own aggregates.
//!
//! `benchmark.json` (AgentV 5: `summary.json`), `timing.json` and `tags.json` are read for this only. Their aggregates
//! are kept apart in `reported`; scores come from rows.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};

use super::super::{Fault, Input, json as fields};
use super::layout::{Layout, Shape, Told};
use super::survey::Survey;
use crate::model::{RunRow, RunStatus, UNKNOWN_TASK};

/// Fields of `summary.json` that repeat the rows one by one, or name the run.
const NOT_REPORTED: [&str; 5] = ["metadata", "tests", "cases", "index_path", "run_id"];
/// Fields of the summary's metadata that have a column.
const STORED_METADATA: [&str; 6] =
    ["eval_file", "targets", "tests_run", "planned_test_count", "experiment", "tags"];

/// The files in a run's folder that tell of the whole run.
#[derive(Debug, Default)]
pub(super) struct Documents {
    /// `benchmark.json` or `summary.json`; both merged where a version wrote both.
    summary: Map<String, Value>,
    metadata: Map<String, Value>,
    timing: Map<String, Value>,
    tags: Map<String, Value>,
    /// Those that are broken.
    pub(super) faults: Vec<Fault>,
}

impl Documents {
    /// Reads them; their bytes go into `hash`.
    pub(super) fn read(input: &Input<'_>, layout: &Layout, hash: &mut Sha256) -> Self {
        let mut documents = Self::default();
        if !layout.owns_documents() {
            return documents;
        }
        let benchmark = documents.object(input, layout, "benchmark.json", hash);
        documents.summary = documents.object(input, layout, "summary.json", hash);
        for (name, value) in benchmark {
            documents.summary.entry(name).or_insert(value);
        }
        documents.timing = documents.object(input, layout, "timing.json", hash);
        documents.tags = documents.object(input, layout, "tags.json", hash);
        if let Some(Value::Object(metadata)) = documents.summary.get("metadata") {
            documents.metadata = metadata.clone();
        }
        documents
    }

    fn object(
        &mut self,
        input: &Input<'_>,
        layout: &Layout,
        name: &str,
        hash: &mut Sha256,
    ) -> Map<String, Value> {
        let path = layout.folder.join(name);
        let problem = match input.source.read(&path) {
            Ok(bytes) => {
                hash.update(name);
                hash.update(&bytes);
                let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
                match serde_json::from_slice(bytes) {
                    Ok(Value::Object(object)) => return object,
                    Ok(_) => "expected a JSON object, found another value".to_owned(),
                    Err(error) => format!("expected a JSON object: {error}"),
                }
            }
            Err(error) if error.missing => return Map::new(),
            Err(error) => error.problem,
        };
        let message = format!("{problem} (the run is read without it)");
        self.faults.push(Fault { path, line: None, message });
        Map::new()
    }

    fn texts(&self, name: &str) -> Vec<String> {
        let list = self.metadata.get(name).and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The label of the run where no folder gives it. AgentV 5 keeps the first one in the tags and overwrites the
    /// field at a resume without `--tag`; the rows of the first execution stand first.
    fn experiment(&self, survey: &Survey) -> Option<String> {
        let tags = self.metadata.get("tags").and_then(Value::as_object);
        tags.and_then(|tags| fields::text(tags, &["experiment"]))
            .or_else(|| survey.experiment.clone())
            .or_else(|| fields::text(&self.metadata, &["experiment"]))
    }
}

/// The experiment of a run: its folder's name first, since a resumed row may say another.
pub(super) fn experiment_of(layout: &Layout, documents: &Documents, survey: &Survey) -> Option<String> {
    layout.experiment.clone().or_else(|| documents.experiment(survey))
}

/// The run, all but its fingerprint.
pub(super) fn header_of(
    input: &Input<'_>,
    layout: &Layout,
    documents: &Documents,
    survey: &Survey,
) -> RunRow {
    let experiment = experiment_of(layout, documents, survey);
    let told_id =
        fields::text(&documents.summary, &["run_id"]).or_else(|| survey.run_id().map(str::to_owned));
    let plan = Plan::of(documents, survey);
    let task = survey.task.clone().or_else(|| input.options.task.clone());
    RunRow {
        run_id: layout.run_id(Told { run_id: told_id.as_deref(), experiment: experiment.as_deref() }),
        name: input.options.name.clone(),
        tool: "agentv".to_owned(),
        tool_version: Some(version_of(layout, survey).to_owned()),
        kind: "eval".to_owned(),
        task: task.unwrap_or_else(|| UNKNOWN_TASK.to_owned()),
        experiment,
        status: plan.status(survey).as_str().to_owned(),
        started_at: layout.started_at().or(survey.first_time),
        ended_at: survey.last_time,
        source_path: layout.source_path().to_string_lossy().into_owned(),
        source_file: layout.row_file.to_string_lossy().into_owned(),
        // A merge of several runs names no file and writes an empty text.
        eval_file: fields::text(&documents.metadata, &["eval_file"]).filter(|file| !file.is_empty()),
        planned_count: plan.count,
        planned_keys: plan.keys(survey, input.options.task.as_deref()),
        tags: fields::stored_object(tags_of(documents, survey)),
        params: fields::stored_object(params_of(documents)),
        reported: fields::stored_object(reported_by(documents)),
        extra: fields::stored_object(extra_of(documents)),
        ..RunRow::default()
    }
}

/// What the files tell of the version that wrote them; rows carry no version number.
///
/// `flat`: one file of rows (until 4.12). `era-a`: `index.jsonl` in the run's folder. `era-a-4.42`: the same with
/// `projection_identity`. `interim`: rows of AgentV 5 in a folder of before. `era-b`: `.internal/index.jsonl`.
const fn version_of(layout: &Layout, survey: &Survey) -> &'static str {
    match (layout.shape, survey.result_dirs, survey.projected) {
        (Shape::Flat, ..) => "flat",
        (Shape::Internal, ..) => "era-b",
        (Shape::Folder, true, _) => "interim",
        (Shape::Folder, false, true) => "era-a-4.42",
        (Shape::Folder, false, false) => "era-a",
    }
}

/// What AgentV planned to execute.
#[derive(Debug, Default)]
struct Plan {
    /// Planned pairs of test and target. `planned_test_count` counts these: 36 for 12 tests on 3 targets.
    count: Option<i64>,
    /// The pairs, where the files tell which.
    pairs: Option<Vec<(String, String)>>,
}

impl Plan {
    /// `tests_run` and `targets` list what has rows, so they are the plan of a finished run only: a crashed one has
    /// them empty, or fewer than planned. A retry counts only what it ran again and lists everything.
    fn of(documents: &Documents, survey: &Survey) -> Self {
        let tests: BTreeSet<String> = documents.texts("tests_run").into_iter().collect();
        let targets: BTreeSet<String> = documents.texts("targets").into_iter().collect();
        let planned =
            fields::integer(&documents.metadata, &["planned_test_count"]).filter(|count| *count >= 0);
        let product = i64::try_from(tests.len().saturating_mul(targets.len())).unwrap_or(i64::MAX);
        if product == 0 {
            return Self { count: planned, pairs: None };
        }
        let pair = |test: &String, target: &String| (test.clone(), target.clone());
        let pairs: Vec<_> =
            tests.iter().flat_map(|test| targets.iter().map(move |target| pair(test, target))).collect();
        let covered = || pairs.iter().all(|(test, target)| survey.has_pair(test, target));
        match planned {
            Some(count) if count > product || count < product && !covered() => {
                Self { count: planned, pairs: None }
            }
            _ => Self { count: Some(product), pairs: Some(pairs) },
        }
    }

    fn status(&self, survey: &Survey) -> RunStatus {
        let Some(count) = self.count else { return RunStatus::Unknown };
        let complete = match &self.pairs {
            Some(pairs) => pairs.iter().all(|(test, target)| survey.has_pair(test, target)),
            None => i64::try_from(survey.keys.len()).unwrap_or(i64::MAX) >= count,
        };
        if complete { RunStatus::Complete } else { RunStatus::Incomplete }
    }

    fn keys(&self, survey: &Survey, task: Option<&str>) -> Option<Arc<str>> {
        let fallback = survey.task.as_deref().or(task).unwrap_or(UNKNOWN_TASK);
        let keys = self.pairs.as_ref()?.iter().map(|(test, target)| {
            let task = survey.tasks.get(test).map_or(fallback, String::as_str);
            PlannedKey { task, case_id: test, model: target }
        });
        serde_json::to_string(&keys.collect::<Vec<_>>()).ok().map(Arc::from)
    }
}

/// A planned key as it is stored.
#[derive(Serialize)]
struct PlannedKey<'a> {
    task: &'a str,
    case_id: &'a str,
    model: &'a str,
}

/// `tags.json` is a list of words, tags in rows and in the summary are a map; both become one object of texts.
fn tags_of(documents: &Documents, survey: &Survey) -> Map<String, Value> {
    let mut tags = Map::new();
    let summary = documents.metadata.get("tags").and_then(Value::as_object);
    for (name, value) in summary.into_iter().chain(survey.tags.as_ref()).flatten() {
        if let Some(text) = fields::stored_text(value) {
            tags.entry(name.clone()).or_insert(Value::String(text));
        }
    }
    let words = documents.tags.get("tags").and_then(Value::as_array);
    for word in words.into_iter().flatten().filter_map(Value::as_str) {
        tags.entry(word.to_owned()).or_insert_with(|| Value::String("true".to_owned()));
    }
    tags
}

fn params_of(documents: &Documents) -> Map<String, Value> {
    let mut params = Map::new();
    let targets = documents.texts("targets");
    if let [target] = targets.as_slice() {
        params.insert("target".to_owned(), json!(target));
    } else if !targets.is_empty() {
        params.insert("targets".to_owned(), json!(targets));
    }
    for name in ["threshold", "variants"] {
        if let Some(value) = fields::field(&documents.metadata, &[name]) {
            params.insert(name.to_owned(), value.clone());
        }
    }
    params
}

fn reported_by(documents: &Documents) -> Map<String, Value> {
    let mut reported = documents.summary.clone();
    reported.retain(|name, value| !value.is_null() && !NOT_REPORTED.contains(&name.as_str()));
    if !documents.timing.is_empty() {
        reported.entry("timing").or_insert_with(|| Value::Object(documents.timing.clone()));
    }
    reported
}

fn extra_of(documents: &Documents) -> Map<String, Value> {
    let mut extra = documents.metadata.clone();
    extra.retain(|name, value| {
        let param = name == "threshold" || name == "variants";
        !value.is_null() && !param && !STORED_METADATA.contains(&name.as_str())
    });
    if let Some(time) = documents.tags.get("updated_at") {
        extra.insert("tags_updated_at".to_owned(), time.clone());
    }
    extra
}
