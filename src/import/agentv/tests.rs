//! The importer against the files that AgentV wrote, and against what its makers and our own recordings say of them.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::*;
use crate::import::{HEAD_BYTES, IMPORTERS, ImportOptions, Record, SinkError};
use crate::model::{MetricRow, RunRow, Timestamp};
use crate::source::{LocalDisk, Source, find_files};

const SHARED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data");
const VERSIONS: [&str; 3] = ["agentv-a-4.25.6", "agentv-n-4.42.4", "agentv-b-5.3.1"];

/// Keeps what it is given.
#[derive(Default)]
struct Recorder {
    begun: Vec<RunRow>,
    ended: Vec<RunRow>,
    records: Vec<Record>,
    faults: Vec<Fault>,
    bytes: u64,
}

impl RunSink for Recorder {
    fn begin(&mut self, run: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError> {
        assert_eq!(repeats, Repeats::Attempts);
        self.begun.push(run.clone());
        Ok(RunHandle(self.begun.len() - 1))
    }
    fn record(&mut self, _: RunHandle, record: Record) -> Result<(), SinkError> {
        self.records.push(record);
        Ok(())
    }
    fn end(&mut self, _: RunHandle, header: RunRow) -> Result<(), SinkError> {
        self.ended.push(header);
        Ok(())
    }
    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault);
    }
    fn note(&mut self, _: String) {}
    fn metric(&mut self, _: MetricRow) {}
    fn progress(&mut self, bytes: u64) {
        self.bytes += bytes;
    }
}

impl Recorder {
    fn run(&self) -> &RunRow {
        &self.ended[0]
    }
    fn result(&self, case: &str) -> &Record {
        self.records.iter().find(|record| record.result.case_id == case).unwrap()
    }
    /// Status of the last row of each (test, target), counted.
    fn last_statuses(&self) -> BTreeMap<String, u64> {
        let last: BTreeMap<_, _> = self
            .records
            .iter()
            .map(|record| ((&record.result.case_id, &record.result.model), &record.result.status))
            .collect();
        counted(last.into_values())
    }
}

fn counted<'a>(words: impl Iterator<Item = &'a String>) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for word in words {
        *counts.entry(word.clone()).or_default() += 1;
    }
    counts
}

fn try_read(path: &Path) -> Result<Recorder, ImportError> {
    let mut sink = Recorder::default();
    let options = ImportOptions::default();
    AgentV.read(&Input { source: &LocalDisk, path, options: &options }, &mut sink)?;
    Ok(sink)
}

fn read(path: &Path) -> Recorder {
    try_read(path).unwrap()
}

fn fit(path: &Path, named: bool) -> Fit {
    let head = LocalDisk.read_range(path, 0..HEAD_BYTES).unwrap();
    AgentV.sniff(&Candidate { source: &LocalDisk, path, head: &head, named })
}

/// The row files that a search of a folder gives to this importer.
fn found(root: &Path) -> Vec<PathBuf> {
    let files = find_files(&LocalDisk, root).unwrap().files;
    files.into_iter().map(|entry| entry.path).filter(|path| fit(path, false) == Fit::Own).collect()
}

fn shared(path: &str) -> Option<PathBuf> {
    let path = Path::new(SHARED).join(path);
    if path.exists() {
        return Some(path);
    }
    eprintln!("skipped: {} is not there", path.display());
    None
}

fn json_file(path: &Path) -> Value {
    serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
}

fn lines_of(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect()
}

/// Every recorded step of a version that left a state: the state's folder and what was recorded.
fn states(version: &str) -> Vec<(PathBuf, Value)> {
    let Some(root) = shared("peers").map(|peers| peers.join(version)) else { return Vec::new() };
    let mut states = Vec::new();
    for step in LocalDisk.list(&root.join("steps")).unwrap() {
        let record = step.path.join("step.json");
        if !LocalDisk.has_file(&record) {
            continue;
        }
        let record = json_file(&record);
        if let Some(state) = record["state_after"].as_str() {
            let folder = root.join("states").join(state);
            if folder.exists() {
                states.push((folder, record));
            }
        }
    }
    states
}

#[test]
fn every_recorded_state_has_its_rows_and_statuses() {
    let mut checked = 0;
    for version in VERSIONS {
        for (folder, step) in states(version) {
            let files = found(&folder.join(".agentv"));
            let [file] = files.as_slice() else { panic!("{}: {files:?}", folder.display()) };
            let sink = read(file);
            let place = folder.display();
            assert_eq!(sink.faults, vec![], "{place}");
            let rows = step["rows_after"].as_u64().unwrap();
            assert_eq!(sink.records.len() as u64, rows, "{place}");
            assert_eq!(json!(sink.last_statuses()), step["after"]["effective_status"], "{place}");
            let all = counted(sink.records.iter().map(|record| &record.result.status));
            assert_eq!(json!(all), step["after"]["raw_status"], "{place}");
            let places: Vec<_> = sink.records.iter().map(|record| record.result.source_row).collect();
            assert_eq!(places, (1..).map(Some).take(places.len()).collect::<Vec<_>>());
            assert_eq!(sink.bytes, fs::metadata(file).unwrap().len(), "{place}");
            checked += 1;
        }
    }
    assert!(checked > 60 || !Path::new(SHARED).exists(), "only {checked} states");
}

#[test]
fn the_run_and_its_experiment_come_from_the_folder() {
    for version in VERSIONS {
        for (folder, step) in states(version) {
            let sink = read(&found(&folder.join(".agentv"))[0]);
            let parts: Vec<&str> = step["run_dir"].as_str().unwrap().rsplit('/').take(2).collect();
            let (time, above) = (parts[0], parts[1]);
            let run = sink.run();
            assert_eq!(run.source_path, folder.join(step["run_dir"].as_str().unwrap()).to_string_lossy());
            assert_eq!(sink.begun[0].run_id, run.run_id);
            if above == "results" {
                assert_eq!(run.run_id, time);
                assert_eq!(run.tool_version.as_deref(), Some("era-b"));
                continue;
            }
            assert_eq!(run.run_id, format!("{above}::{time}"));
            assert_eq!(run.experiment.as_deref(), Some(above));
            let experiments: BTreeSet<_> =
                sink.records.iter().map(|record| record.result.experiment.as_deref()).collect();
            assert_eq!(experiments, BTreeSet::from([Some(above)]), "{}", folder.display());
        }
    }
}

#[test]
fn one_label_of_a_version_five_run_survives_its_resumes() {
    let Some(tree) = shared("peers/agentv-b-5.3.1/tree/.agentv") else { return };
    let runs: BTreeMap<_, _> = found(&tree)
        .iter()
        .map(|file| {
            let sink = read(file);
            let each: BTreeSet<_> =
                sink.records.iter().map(|record| record.result.experiment.clone().unwrap()).collect();
            (sink.run().experiment.clone().unwrap(), each.into_iter().collect::<Vec<_>>())
        })
        .collect();
    // The rows of resumes without `--tag` say `support-bot` instead.
    let labels = ["baseline", "candidate", "matrix", "trend"];
    assert_eq!(runs, labels.iter().map(|label| (label.to_string(), vec![label.to_string()])).collect());
}

#[test]
fn a_results_tree_gives_every_run_once() {
    for version in VERSIONS {
        let Some(tree) = shared("peers").map(|peers| peers.join(version).join("tree/.agentv")) else {
            return;
        };
        let folders: BTreeSet<PathBuf> = find_files(&LocalDisk, &tree)
            .unwrap()
            .files
            .into_iter()
            .filter(|entry| entry.path.file_name().is_some_and(|name| name == "index.jsonl"))
            .map(|entry| Layout::of(&entry.path).folder)
            .collect();
        let ids: BTreeSet<String> = found(&tree).iter().map(|file| read(file).run().run_id.clone()).collect();
        assert_eq!(ids.len(), folders.len(), "{version}");
        assert!(ids.len() >= 4, "{version}: {ids:?}");
        assert_eq!(found(&tree).len(), folders.len(), "{version}");
    }
}

#[test]
fn plans_are_complete_except_where_a_run_was_killed() {
    let mut incomplete = BTreeSet::new();
    for version in VERSIONS {
        for (folder, step) in states(version) {
            let sink = read(&found(&folder.join(".agentv"))[0]);
            let run = sink.run();
            let place = format!("{version}/{}", step["state_after"].as_str().unwrap());
            let keys = run.planned_keys.as_deref().map(|keys| serde_json::from_str::<Value>(keys).unwrap());
            match run.status.as_str() {
                "complete" => {
                    let cases = step["after"]["cases"].as_i64();
                    assert_eq!(run.planned_count, cases, "{place}");
                    if let Some(keys) = keys {
                        assert_eq!(keys.as_array().unwrap().len() as i64, cases.unwrap(), "{place}");
                        assert_eq!(keys[0]["task"], "support-bot", "{place}");
                    }
                }
                "incomplete" => {
                    assert_eq!((run.planned_count, keys), (Some(12), None), "{place}");
                    incomplete.insert(place);
                }
                word => assert_eq!((word, run.planned_count), ("unknown", None), "{place}"),
            }
        }
    }
    // Killed runs: 4.25 leaves no benchmark.json (unknown), the later two plan 12 from the start.
    let killed = ["agentv-n-4.42.4/crash/s0", "agentv-n-4.42.4/crash/s1", "agentv-b-5.3.1/crash/s0"];
    if Path::new(SHARED).exists() {
        assert_eq!(incomplete, killed.iter().map(|place| (*place).to_owned()).collect());
    }
}

#[test]
fn every_catalogued_file_has_its_rows() {
    let Some(root) = shared("evals/agentv_examples") else { return };
    let catalog = fs::read_to_string(root.join("CATALOG.tsv")).unwrap();
    let mut checked = 0;
    let mut ids = BTreeMap::new();
    for entry in catalog.lines().skip(1) {
        let columns: Vec<&str> = entry.split('\t').collect();
        let path = root.join(columns[0]);
        if !path.exists() {
            continue;
        }
        assert_eq!(fit(&path, false), Fit::Own, "{}", columns[0]);
        let sink = read(&path);
        let repeats = |line: &Value| line["attempts"].as_array().map_or(1, |list| list.len().max(1));
        let rows: usize = lines_of(&path).iter().map(repeats).sum();
        assert_eq!(sink.records.len(), rows, "{}", columns[0]);
        let lines: BTreeSet<_> = sink.records.iter().map(|record| record.result.source_row).collect();
        assert_eq!(lines.len().to_string(), columns[1], "{}: result_rows", columns[0]);
        assert_eq!(sink.faults.len().to_string(), columns[3], "{}: bad_lines", columns[0]);
        let tests: BTreeSet<_> = sink.records.iter().map(|record| &record.result.case_id).collect();
        assert_eq!(tests.len().to_string(), columns[6], "{}: distinct_tests", columns[0]);
        let targets: BTreeSet<_> = sink.records.iter().map(|record| &record.result.model).collect();
        assert_eq!(targets.len().to_string(), columns[7], "{}: distinct_targets", columns[0]);
        // The catalogue holds several snapshots of one project: ids tell apart the files of each.
        let snapshot = columns[0].split('/').next().unwrap();
        ids.entry((snapshot, sink.run().run_id.clone())).or_insert_with(Vec::new).push(path);
        checked += 1;
    }
    assert_eq!(checked, 94);
    for (id, files) in ids {
        assert_eq!(files.len(), 1, "{id:?}: {files:?}");
    }
}

#[test]
fn inputs_and_transcripts_are_not_taken_for_results() {
    let Some(root) = shared("evals/agentv_examples") else { return };
    let catalog = fs::read_to_string(root.join("CATALOG.tsv")).unwrap();
    let listed: BTreeSet<PathBuf> = catalog
        .lines()
        .skip(1)
        .filter_map(|line| line.split('\t').next())
        .map(|path| root.join(path))
        .collect();
    let taken: Vec<_> = found(&root).into_iter().filter(|path| !listed.contains(path)).collect();
    assert_eq!(taken, Vec::<PathBuf>::new());
}

/// The rows of a state with what was read for them.
fn state(path: &str) -> Option<(PathBuf, Recorder, Vec<Value>)> {
    let root = shared("peers")?.join(path);
    let file = found(&root.join(".agentv")).remove(0);
    let folder = Layout::of(&file).folder;
    let (sink, lines) = (read(&file), lines_of(&file));
    Some((folder, sink, lines))
}

#[test]
fn targets_that_share_a_folder_do_not_share_its_values() {
    for version in ["agentv-a-4.25.6", "agentv-n-4.42.4"] {
        let Some((folder, sink, lines)) = state(&format!("{version}/states/matrix/s0")) else { return };
        let mut filled = 0;
        for (place, line) in lines.iter().enumerate() {
            let path = line["grading_path"].as_str().unwrap();
            let last = lines.iter().rposition(|other| other["grading_path"] == line["grading_path"]).unwrap();
            let result = &sink.records[place].result;
            let answer = fs::read_to_string(folder.join(line["output_path"].as_str().unwrap_or("none")));
            if place != last {
                assert_eq!(result.output, None, "{version}: {} on {:?}", result.case_id, result.model);
                assert_eq!(result.duration_ms, line["duration_ms"].as_f64(), "{version}: {path}");
                continue;
            }
            if let Ok(answer) = answer {
                assert!(answer.ends_with(result.output.as_deref().unwrap()), "{version}: {path}");
                filled += 1;
            }
        }
        // Files of a trimmed state may be missing; those of 4.25 are whole.
        assert!(filled >= 11 || version != "agentv-a-4.25.6", "{version}: {filled}");
    }
}

#[test]
fn a_rerun_takes_the_files_from_the_row_before_it() {
    let Some((_, first, _)) = state("agentv-a-4.25.6/states/baseline/s0") else { return };
    let Some((_, second, lines)) = state("agentv-a-4.25.6/states/baseline/s1") else { return };
    assert_eq!(first.result("order-status").result.duration_ms, Some(700.0));
    let rerun: BTreeSet<&str> = lines[12..].iter().filter_map(|line| line["test_id"].as_str()).collect();
    assert_eq!(rerun.len(), 6);
    for record in &second.records[..12] {
        let result = &record.result;
        let before = &first.result(&result.case_id).result;
        let (row, full) = (result.source_row, rerun.contains(result.case_id.as_str()));
        if full {
            assert_eq!((result.duration_ms, &result.output), (None, &None), "row {row:?}");
        } else {
            assert_eq!(result.duration_ms, before.duration_ms, "row {row:?}");
            assert_eq!(result.total_tokens, before.total_tokens, "row {row:?}");
        }
        assert_eq!(result.score, before.score);
        assert_eq!(scores_of_record(record), scores_of_record(first.result(&result.case_id)));
    }
    let full = &second.records[12].result;
    assert_eq!(full.case_id, "order-status");
    assert_eq!((full.duration_ms, full.cost_usd, full.total_tokens), (Some(730.0), Some(0.0036), Some(254)));
    assert_eq!(full.output.as_deref(), Some("Order 1042 has shipped."));
    assert_eq!(full.input.as_deref(), Some("Where is order 1042?"));
}

fn scores_of_record(record: &Record) -> Vec<(String, Option<f64>, Option<bool>)> {
    record.scores.iter().map(|score| (score.metric.clone(), score.value, score.passed)).collect()
}

#[test]
fn copies_of_the_newest_row_all_have_its_files() {
    let Some((_, sink, _)) = state("agentv-n-4.42.4/states/baseline/s1") else { return };
    let copies: Vec<_> =
        sink.records.iter().filter(|record| record.result.case_id == "order-status").collect();
    assert_eq!(copies.len(), 2);
    assert_eq!(copies[0].result.recorded_at, copies[1].result.recorded_at);
    assert_eq!(copies[0].content, copies[1].content);
    assert_eq!(copies[0].result.duration_ms, Some(730.0));
    assert_eq!(copies[0].result.native_id, copies[1].result.native_id);
}

#[test]
fn what_is_read_from_files_never_contradicts_the_row() {
    for version in VERSIONS {
        for (folder, _) in states(version) {
            let file = found(&folder.join(".agentv")).remove(0);
            let (sink, lines) = (read(&file), lines_of(&file));
            for (record, line) in sink.records.iter().zip(&lines) {
                let told: Vec<(Value, Value)> = line["scores"]
                    .as_array()
                    .into_iter()
                    .flatten()
                    .map(|score| (score["name"].clone(), json!(score["score"].as_f64())))
                    .collect();
                let read: Vec<(Value, Value)> =
                    record.scores.iter().map(|score| (json!(score.metric), json!(score.value))).collect();
                assert_eq!(read, told, "{}", folder.display());
                assert_eq!(
                    record.result.verdict,
                    match line["execution_status"].as_str() {
                        Some("ok") => Some(true),
                        Some("quality_failure") => Some(false),
                        _ => None,
                    }
                );
                if record.result.status == "execution_error" {
                    assert_ne!(
                        record.result.duration_ms.filter(|_| line["duration_ms"].is_null()),
                        Some(0.0)
                    );
                    assert!(record.result.error_message.is_some(), "{}", folder.display());
                    assert!(record.result.error_kind.is_some(), "{}", folder.display());
                }
            }
        }
    }
}

#[test]
fn full_and_compact_rows_of_one_execution_have_one_key() {
    let Some((_, crashed, _)) = state("agentv-b-5.3.1/states/crash/s0") else { return };
    let Some((_, baseline, _)) = state("agentv-b-5.3.1/states/baseline/s0") else { return };
    for record in &crashed.records {
        let compact = &baseline.result(&record.result.case_id).result;
        assert_eq!(crate::model::Key::of(&record.result), crate::model::Key::of(compact));
        assert_eq!(record.result.provider.as_deref(), Some("cli"));
    }
    let extra: Value = serde_json::from_str(crashed.records[0].result.extra.as_deref().unwrap()).unwrap();
    assert_eq!(extra["prompt"]["kind"], "string");
    assert_eq!(extra["trace"]["llm_call_count"], 1);
    assert!(extra["trace"].get("messages").is_none(), "they repeat input and output");
}

/// A run folder made for a test.
struct Made {
    root: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        Self { root: tempfile::tempdir().unwrap() }
    }
    fn file(&self, path: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        path
    }
}

const RUN: &str = "results/runs/dev/2026-05-06T05-36-19-075Z";

#[test]
fn compact_and_full_rows_stand_in_one_file() {
    let made = Made::new();
    let index = made.file(
        &format!("{RUN}/index.jsonl"),
        concat!(
            r#"{"timestamp":"2026-05-06T05:36:20.000Z","test_id":"a","suite":"s","score":1,"target":"m","execution_status":"ok","grading_path":"s/a/grading.json","timing_path":"s/a/timing.json","foo":{"bar":1}}"#,
            "\r\n\r\n",
            r#"{"timestamp":"2026-05-06T05:37:20.000Z","test_id":"b","suite":"s","score":0.5,"target":"m","execution_status":"quality_failure","token_usage":{"input":7,"output":3,"cached":2},"cost_usd":0.25,"trace":{"tool_calls":{"rg":2},"tool_durations":{"rg":[5]}}}"#,
            "\n",
        ),
    );
    made.file(
        &format!("{RUN}/s/a/grading.json"),
        r#"{"graders":[{"name":"g","type":"contains","score":1,"verdict":"pass"}]}"#,
    );
    made.file(
        &format!("{RUN}/s/a/timing.json"),
        r#"{"duration_ms":12,"total_tokens":9,"token_usage":{"input":4,"output":5,"reasoning":0}}"#,
    );
    made.file(
        &format!("{RUN}/tags.json"),
        r#"{"tags":["nightly","v2"],"updated_at":"2026-05-06T06:00:00Z"}"#,
    );
    let sink = read(&index);
    let (a, b) = (&sink.records[0], &sink.records[1]);
    assert_eq!((a.result.duration_ms, a.result.total_tokens, a.result.cost_usd), (Some(12.0), Some(9), None));
    assert_eq!(scores_of_record(a), vec![("g".into(), Some(1.0), Some(true))], "graders of the file");
    assert_eq!(
        (b.result.duration_ms, b.result.total_tokens, b.result.cached_tokens),
        (None, Some(10), Some(2))
    );
    assert_eq!(b.steps.len(), 2);
    let extra: Value = serde_json::from_str(a.result.extra.as_deref().unwrap()).unwrap();
    assert_eq!(extra["foo"], json!({"bar": 1}), "unknown fields are kept");
    assert_eq!(sink.run().tags.as_deref(), Some(r#"{"nightly":"true","v2":"true"}"#));
    assert_eq!(sink.run().run_id, "dev::2026-05-06T05-36-19-075Z");
    assert_eq!(sink.run().started_at, Timestamp::parse("2026-05-06T05:36:19.075Z"));
    assert_eq!(sink.run().ended_at, Timestamp::parse("2026-05-06T05:37:20Z"));
    assert_eq!((b.result.source_row, sink.run().status.as_str()), (Some(3), "unknown"));
}

#[test]
fn missing_is_null_and_never_what_agentv_fills_in() {
    let made = Made::new();
    let index = made.file(
        &format!("{RUN}/index.jsonl"),
        "\u{feff}{\"score\":1}\n{\"test_id\":\"b\",\"execution_status\":\"strange\"}\n",
    );
    let sink = read(&index);
    let first = &sink.records[0].result;
    assert_eq!((first.case_id.as_str(), first.task.as_str()), ("unknown", "unknown"));
    assert_eq!((&first.model, first.recorded_at, first.verdict), (&None, None, None));
    assert_eq!(first.status, "ok");
    let second = &sink.records[1].result;
    assert_eq!((second.score, second.status.as_str(), second.verdict), (None, "ok", None));
    assert_eq!(second.extra.as_deref(), Some(r#"{"execution_status":"strange"}"#));
}

#[test]
fn bad_lines_are_reported_and_passed_over() {
    let made = Made::new();
    let index = made.file(
        &format!("{RUN}/index.jsonl"),
        "{\"test_id\":\"a\",\"score\":1}\nnot json\n[1,2]\n{\"test_id\":\"b\",\"score\":1}\n{\"test_id\":\"c\",\"sc",
    );
    let sink = read(&index);
    assert_eq!(sink.records.len(), 2);
    let lines: Vec<_> = sink.faults.iter().map(|fault| fault.line).collect();
    assert_eq!(lines, vec![Some(2), Some(3), Some(5)]);
    assert_eq!(sink.faults[0].message, "expected a JSON object, found `not json` (line skipped)");
    assert!(sink.faults[2].message.contains("ends in the middle"), "{}", sink.faults[2]);
    assert!(sink.faults.iter().all(|fault| fault.path == index));
}

#[test]
fn a_file_without_any_row_is_refused_with_a_reason_and_an_empty_one_is_a_run() {
    let made = Made::new();
    let binary = made.file(&format!("{RUN}/index.jsonl"), b"\x00\x01PAR1\x00\n\x00\x02");
    assert_eq!(fit(&binary, false), Fit::Own);
    let error = try_read(&binary).err().unwrap();
    assert!(error.to_string().contains("found binary data"), "{error}");
    assert!(error.hint().is_some());
    let words = made.file("words/index.jsonl", "hello\nworld\n");
    let error = try_read(&words).err().unwrap();
    assert!(error.to_string().contains("index.jsonl:1: no line of the file is a row"), "{error}");
    let empty = made.file("empty/2026-05-06T05-36-19-075Z/.internal/index.jsonl", "");
    made.file(
        "empty/2026-05-06T05-36-19-075Z/summary.json",
        r#"{"metadata":{"planned_test_count":12,"targets":[],"tests_run":[]}}"#,
    );
    assert_eq!(fit(&empty, false), Fit::Own);
    let sink = read(&empty);
    assert_eq!((sink.records.len(), sink.run().planned_count), (0, Some(12)));
    assert_eq!(sink.run().status, "incomplete");
}

#[test]
fn a_run_with_both_indexes_is_found_once() {
    let made = Made::new();
    let row = "{\"test_id\":\"a\",\"score\":1,\"target\":\"m\"}\n";
    let old = made.file("results/my-run/index.jsonl", row);
    let new = made.file("results/my-run/.internal/index.jsonl", row);
    made.file("results/.indexes/runs.jsonl", row);
    made.file("results/other/index.jsonl", "{\"id\":7,\"text\":\"an index of something else\"}\n");
    assert_eq!(found(made.root.path()), vec![new]);
    assert_eq!(fit(&old, true), Fit::Own, "a person may name it");
    assert_eq!(fit(&made.root.path().join("results/.indexes/runs.jsonl"), true), Fit::No);
}

#[test]
fn every_repeat_is_a_result_and_the_row_stays_beside_it() {
    let made = Made::new();
    let index = made.file(
        &format!("{RUN}/index.jsonl"),
        r#"{"timestamp":"2026-05-06T05:36:20.000Z","test_id":"a","suite":"s","score":0.9,"target":"m","execution_status":"ok","cost_usd":0.5,"result_dir":"a--1","summary_path":"a--1/summary.json","scores":[{"name":"g","score":0.9}],"trials":[{"attempt":0,"run_path":"run-1","score":0.9,"verdict":"pass","scores":[{"name":"g","score":0.9}],"execution_status":"ok"},{"attempt":1,"run_path":"run-2","score":0.2,"verdict":"fail","scores":[{"name":"g","score":0.2}]},{"attempt":2,"run_path":"run-3","score":0,"error":"gone","execution_status":"execution_error","failure_stage":"agent"}],"aggregation":{"strategy":"pass_at_k"}}
{"test_id":"b","score":1,"target":"m","execution_status":"ok","samples":[{"sample":1,"sample_index":0,"score":1,"execution_status":"ok","sample_path":"sample-1"}]}
"#,
    );
    made.file(&format!("{RUN}/a--1/run-2/timing.json"), r#"{"duration_ms":33}"#);
    made.file(&format!("{RUN}/a--1/run-2/outputs/answer.md"), "second answer\n");
    let sink = read(&index);
    let told: Vec<_> = sink
        .records
        .iter()
        .map(|record| {
            let result = &record.result;
            (result.case_id.as_str(), result.epoch, result.status.as_str(), result.score, result.verdict)
        })
        .collect();
    assert_eq!(
        told,
        vec![
            ("a", 1, "ok", Some(0.9), Some(true)),
            ("a", 2, "quality_failure", Some(0.2), Some(false)),
            ("a", 3, "execution_error", Some(0.0), None),
            ("b", 1, "ok", Some(1.0), Some(true)),
        ]
    );
    let second = &sink.records[1];
    assert_eq!((second.result.duration_ms, second.result.cost_usd), (Some(33.0), None));
    assert_eq!(second.result.output.as_deref(), Some("second answer"));
    assert_eq!(second.scores[0].value, Some(0.2));
    assert_eq!(sink.records[0].result.duration_ms, None);
    let extra: Value = serde_json::from_str(second.result.extra.as_deref().unwrap()).unwrap();
    assert_eq!((&extra["row"]["score"], &extra["row"]["execution_status"]), (&json!(0.9), &json!("ok")));
    assert_eq!((&extra["row"]["cost_usd"], &extra["row"]["scores"][0]["score"]), (&json!(0.5), &json!(0.9)));
    assert!(extra.get("trials").is_none(), "the other repeats are results of their own");
    assert_eq!(extra["aggregation"]["strategy"], "pass_at_k");
    assert_ne!(sink.records[0].content, second.content);
    assert_eq!(sink.records[2].result.error_stage.as_deref(), Some("agent"));
}

#[test]
fn files_that_are_broken_or_outside_or_of_another_execution_are_not_used() {
    let made = Made::new();
    let row = |id: &str, rest: &str| {
        format!(r#"{{"test_id":"{id}","score":1,"execution_status":"ok","target":"m",{rest}}}"#)
    };
    let index = made.file(
        &format!("{RUN}/index.jsonl"),
        [
            row("broken", r#""grading_path":"b/grading.json","timing_path":"b/timing.json""#),
            row("outside", r#""grading_path":"o/grading.json","output_path":"../../../../secret.md""#),
            row("other", r#""scores":[{"name":"g","score":1}],"grading_path":"x/grading.json","timing_path":"x/timing.json""#),
        ]
        .join("\n"),
    );
    made.file(&format!("{RUN}/b/grading.json"), "{\"graders\": [");
    made.file(&format!("{RUN}/b/timing.json"), r#"{"duration_ms":5}"#);
    made.file("secret.md", "secret");
    made.file(&format!("{RUN}/x/grading.json"), r#"{"graders":[{"name":"g","score":0}]}"#);
    made.file(&format!("{RUN}/x/timing.json"), r#"{"duration_ms":5}"#);
    let sink = read(&index);
    assert_eq!(sink.records.len(), 3);
    assert_eq!(sink.faults.len(), 1);
    assert!(sink.faults[0].path.ends_with("b/grading.json"), "{}", sink.faults[0]);
    assert_eq!(sink.result("broken").result.duration_ms, Some(5.0));
    assert_eq!(sink.result("outside").result.output, None);
    assert_eq!(sink.result("other").result.duration_ms, None);
    assert_eq!(sink.result("other").scores[0].value, Some(1.0));
}

#[test]
fn any_change_of_the_run_changes_its_fingerprint() {
    let made = Made::new();
    let row = "{\"test_id\":\"a\",\"score\":1,\"target\":\"m\"}\n";
    let index = made.file(&format!("{RUN}/index.jsonl"), row);
    let first = read(&index).run().fingerprint.clone();
    assert_eq!(first.len(), 32);
    assert_eq!(read(&index).run().fingerprint, first);
    made.file(&format!("{RUN}/tags.json"), r#"{"tags":["x"]}"#);
    let tagged = read(&index).run().fingerprint.clone();
    assert_ne!(tagged, first);
    made.file(&format!("{RUN}/index.jsonl"), format!("{row}\n"));
    assert_ne!(read(&index).run().fingerprint, tagged, "an empty line is a change too");
}

#[test]
fn a_plan_is_what_the_summary_counts_and_not_every_pair_it_could_mean() {
    let made = Made::new();
    let row = |test: &str, target: &str| {
        format!("{{\"test_id\":\"{test}\",\"target\":\"{target}\",\"score\":1}}\n")
    };
    let rows = [row("a", "x"), row("a", "y"), row("b", "x")].concat();
    let index = made.file(&format!("{RUN}/index.jsonl"), rows);
    let plan = |planned: &str| {
        let summary = format!(r#"{{"metadata":{{"tests_run":["a","b"],"targets":["x","y"]{planned}}}}}"#);
        made.file(&format!("{RUN}/benchmark.json"), summary);
        let run = read(&index).run().clone();
        (run.planned_count, run.planned_keys.is_some(), run.status)
    };
    assert_eq!(plan(""), (Some(4), true, "incomplete".into()), "nothing counts, so every pair");
    assert_eq!(plan(r#","planned_test_count":4"#), (Some(4), true, "incomplete".into()));
    assert_eq!(plan(r#","planned_test_count":3"#), (Some(3), false, "complete".into()), "b is for x only");
    assert_eq!(
        plan(r#","planned_test_count":9"#),
        (Some(9), false, "incomplete".into()),
        "which ones is unknown"
    );
}

#[test]
fn the_start_of_a_replayed_transcript_is_not_the_start_of_the_run() {
    let made = Made::new();
    let file = made.file(
        "flat/night.jsonl",
        r#"{"test_id":"a","target":"m","score":1,"timestamp":"2026-07-04T10:00:05Z","start_time":"2026-06-01T10:00:00Z"}
{"test_id":"b","target":"m","score":1,"timestamp":"2026-07-04T10:00:09Z","start_time":"2026-07-04T10:00:06Z"}
"#,
    );
    let run = read(&file).run().clone();
    assert_eq!(run.started_at, Timestamp::parse("2026-07-04T10:00:05Z"));
    assert_eq!(run.ended_at, Timestamp::parse("2026-07-04T10:00:09Z"));
    assert_eq!((run.run_id.as_str(), run.experiment), ("night", None));
}

#[test]
fn the_oldest_and_the_camel_rows_are_read() {
    let Some(root) = shared("evals/agentv_examples") else { return };
    let camel = read(&root.join("repo-58f316ca2/apps/cli/test/fixtures/results/camel-replay/index.jsonl"));
    let result = &camel.records[0].result;
    assert_eq!((result.case_id.as_str(), result.status.as_str()), ("wtg-replay-fail", "quality_failure"));
    assert_eq!(
        (result.duration_ms, result.cost_usd, result.total_tokens),
        (Some(1234.0), Some(0.012), Some(15))
    );
    assert_eq!(camel.records[0].steps[0].name, "rg");
    let oldest = read(
        &root
            .join("repo-301ff37eb/plugins/agentv-dev/skills/agentv-optimizer/src/__fixtures__/results.jsonl"),
    );
    let result = &oldest.result("2").result;
    assert!(result.output.as_deref().unwrap().starts_with("Error occurred"));
    assert_eq!(
        (result.error_stage.as_deref(), result.error_kind.as_deref()),
        (Some("agent"), Some("provider_error"))
    );
    let extra: Value = serde_json::from_str(result.extra.as_deref().unwrap()).unwrap();
    assert_eq!(extra["misses"].as_array().unwrap().len(), 1);
    assert_eq!(oldest.run().planned_count, Some(2), "its benchmark.json lies beside it");
    assert_eq!(oldest.run().tool_version.as_deref(), Some("flat"));
}

#[test]
fn the_importer_is_listed() {
    assert!(IMPORTERS.iter().any(|importer| importer.name() == "agentv"));
}
