//! `ingest --watch` round by round: files that grow, come, go and break while they are watched.

use std::fs::{self, OpenOptions};
use std::io::{BufRead, Write as _};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::Mutex;

use bytes::Bytes;
use runq::source::{Entry, LocalDisk, Source, SourceError, Stamp};
use serde_json::{Value, json};

use crate::support::watching::{Contents, Lab};

fn append(path: &Path, bytes: &[u8]) {
    let mut file = OpenOptions::new().append(true).open(path).expect("the file is there");
    file.write_all(bytes).expect("it can be written");
}

fn agentv(case: &str, second: usize, status: &str) -> String {
    let time = format!("2026-05-06T05:36:{second:02}.000Z");
    let score = if status == "ok" { 1.0 } else { 0.0 };
    json!({"timestamp": time, "test_id": case, "suite": "s", "target": "azure", "score": score,
           "execution_status": status, "scores": [], "duration_ms": 5})
    .to_string()
        + "\n"
}

const INDEX: &str = "watched/runs/nightly/2026-05-06T05-36-19-075Z/index.jsonl";

/// One column of all results, as text.
fn column<'a>(contents: &'a Contents, name: &str) -> Vec<&'a str> {
    contents.results.iter().map(|row| row[name].as_str().unwrap_or("-")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_grows_byte_by_byte_becomes_what_it_is_at_the_end() {
    let texts = [
        (
            "rows.jsonl",
            "{\"id\":\"a\",\"score\":1,\"output\":\"}\"}\n{\"id\":\"b\",\"score\":0.5}\n\n{\"id\":\"c\",\"score\":0}",
        ),
        ("rows.csv", "id,score,output\r\na,0.55,\"two\nlines\"\r\nb,0.125,x\r\nc,1,\"say \"\"no\"\"\"\n"),
    ];
    for (name, text) in texts {
        let mut lab = Lab::new().await;
        let path = lab.write(&format!("watched/{name}"), "");
        for (at, byte) in text.bytes().enumerate() {
            append(&path, &[byte]);
            let round = lab.round().await;
            assert!(
                round.summary.reading.faults.is_empty(),
                "{name} {at}: {:?}",
                round.summary.reading.faults
            );
        }
        let end = lab.finish().await;
        assert!(end.summary.problems.is_empty(), "{:?}", end.summary.problems);
        let contents = lab.contents().await;
        assert_eq!(column(&contents, "case_id"), ["a", "b", "c"], "{name}");
        assert!(contents.results.iter().all(|row| row["attempt"] == 1 && row["in_source"] == true), "{name}");
        assert_eq!(contents, lab.once().await, "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn half_a_line_waits_and_is_a_skipped_line_at_the_end() {
    let mut lab = Lab::new().await;
    let path = lab.write(INDEX, agentv("a", 1, "ok") + r#"{"timestamp":"2026-05-06T05"#);
    let first = lab.round().await;
    assert_eq!((first.summary.new.len(), first.summary.reading.faults.len()), (1, 0));
    assert!(lab.round().await.is_quiet());
    let end = lab.finish().await;
    let faults = &end.summary.reading.faults;
    assert_eq!((faults.len(), faults[0].line, faults[0].path.as_path()), (1, Some(2), path.as_path()));
    assert!(lab.watch.has_skipped());
    let contents = lab.contents().await;
    assert_eq!((contents.results.len(), &contents.runs[0]["skipped_count"]), (1, &json!(1)));
    assert_eq!(contents, lab.once().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_column_that_becomes_a_label_later_leaves_no_cases_of_an_earlier_reading() {
    let mut lab = Lab::new().await;
    let path = lab.write("watched/rows.jsonl", "");
    let tasks = ["math", "history", "math", "history", "math"];
    for (at, task) in tasks.iter().enumerate() {
        // One row: a label. Two different ones: texts. From the fourth on they come back: labels again.
        append(&path, format!("{{\"id\":\"case-{at}\",\"task\":\"{task}\",\"score\":1}}\n").as_bytes());
        lab.round().await;
    }
    let contents = lab.contents().await;
    assert_eq!(column(&contents, "task"), ["history", "history", "math", "math", "math"]);
    assert_eq!(contents, lab.once().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_that_is_rewritten_keeps_what_it_held() {
    let mut lab = Lab::new().await;
    let row = |id: &str, score: f64| json!({"id": id, "attempt_time": 1, "score": score}).to_string() + "\n";
    lab.write("watched/rows.jsonl", row("a", 0.0) + &row("b", 1.0));
    lab.round().await;
    lab.write("watched/rows.jsonl", row("b", 1.0));
    let round = lab.round().await;
    assert_eq!((round.summary.replaced.len(), round.summary.replaced[0].1), (1, 0));
    lab.write("watched/rows.jsonl", row("b", 1.0) + &row("c", 1.0));
    lab.round().await;
    let contents = lab.contents().await;
    assert_eq!(column(&contents, "case_id"), ["a", "b", "c"]);
    let in_source: Vec<&Value> = contents.results.iter().map(|row| &row["in_source"]).collect();
    assert_eq!(in_source, [false, true, true], "what was lost before the file grew is kept too");
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_come_side_by_side_and_go_without_their_rows() {
    let mut lab = Lab::new().await;
    let waiting = lab.round().await;
    assert_eq!(waiting.summary.problems.len(), 1, "the folder is not there yet");
    assert!(waiting.summary.problems[0].missing);
    assert!(lab.round().await.summary.problems.is_empty(), "that was said");
    assert!(!lab.watch.is_complete());

    let nightly = lab.write(INDEX, agentv("a", 1, "ok"));
    assert_eq!(lab.round().await.summary.new.len(), 1);
    let other = INDEX.replace("nightly", "other");
    let other = lab.write(&other, agentv("a", 2, "execution_error"));
    append(&nightly, agentv("b", 3, "ok").as_bytes());
    let both = lab.round().await;
    assert_eq!((both.summary.new.len(), both.summary.replaced.len()), (1, 1));
    assert_eq!(both.summary.replaced[0].1, 1, "one row more");
    assert!(lab.round().await.is_quiet());

    fs::remove_file(&nightly).unwrap();
    append(&other, agentv("a", 4, "ok").as_bytes());
    let gone = lab.round().await;
    assert_eq!((gone.gone, gone.summary.replaced.len()), (vec![nightly.clone()], 1));
    assert_eq!(lab.watch.runs().count(), 1, "a run without a file is not followed");
    fs::write(&nightly, agentv("b", 9, "ok")).unwrap();
    lab.round().await;
    let contents = lab.contents().await;
    let rows: Vec<(&str, &Value, &Value)> = contents
        .results
        .iter()
        .map(|row| (row["case_id"].as_str().unwrap(), &row["attempt"], &row["in_source"]))
        .collect();
    let (no, yes) = (json!(false), json!(true));
    let (one, two) = (json!(1), json!(2));
    assert_eq!(
        rows,
        [("a", &one, &no), ("b", &one, &no), ("b", &two, &yes), ("a", &one, &yes), ("a", &two, &yes)]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_whose_label_comes_at_the_end_keeps_its_name() {
    let mut lab = Lab::new().await;
    let path = lab.write("watched/out1/index.jsonl", agentv("a", 1, "ok"));
    assert_eq!(lab.round().await.summary.new[0].run_id, "out1");
    // The rows of the end name run and experiment; those in flight name neither (AgentV 4.42 with --output).
    let labelled = agentv("a", 1, "ok")
        .replace("{\"timestamp\"", "{\"run_id\":\"out1\",\"experiment\":\"dev\",\"timestamp\"");
    fs::write(&path, labelled).unwrap();
    let end = lab.round().await;
    assert_eq!(end.summary.replaced.len(), 1);
    assert_eq!(end.summary.replaced[0].0.run_id, "out1");
    assert_eq!(end.summary.replaced[0].0.experiment.as_deref(), Some("dev"));
    assert_eq!(lab.contents().await.runs.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_broken_for_a_moment_is_tried_again_and_others_go_on() {
    let mut lab = Lab::new().await;
    let path = lab.write(&INDEX.replace("nightly", "broken"), "no row\nno row either\n");
    lab.write(INDEX, agentv("a", 1, "ok"));
    let first = lab.round().await;
    assert_eq!(
        (first.summary.new.len(), first.summary.problems.len()),
        (1, 0),
        "it may be whole in a moment"
    );
    let second = lab.round().await;
    let said: Vec<&PathBuf> = second.summary.problems.iter().map(|problem| &problem.path).collect();
    assert_eq!(said, [&path]);
    assert!(lab.round().await.summary.problems.is_empty());
    assert_eq!(lab.finish().await.summary.problems.len(), 1, "at the end it is told again");
    fs::write(&path, agentv("a", 2, "ok")).unwrap();
    assert_eq!(lab.round().await.summary.new.len(), 1);
    assert!(lab.finish().await.summary.problems.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_is_what_the_tool_says_and_ends_the_watch() {
    let mut lab = Lab::new().await;
    let rows = agentv("a", 1, "ok") + &agentv("b", 2, "execution_error");
    let path = lab.write(INDEX, &rows[..rows.len() / 2 + 1]);
    let plan = json!({"metadata": {"planned_test_count": 2, "targets": [], "tests_run": []}});
    let status = |lab: &Lab| lab.watch.runs().map(|run| run.status.clone()).collect::<Vec<_>>();
    lab.round().await;
    assert_eq!(status(&lab), ["unknown"]);
    lab.write(&INDEX.replace("index.jsonl", "benchmark.json"), plan.to_string());
    lab.round().await;
    assert_eq!(status(&lab), ["incomplete"], "the plan came in a file beside the rows");
    assert!(!lab.watch.is_complete());
    fs::write(&path, rows).unwrap();
    assert!(!lab.round().await.is_quiet());
    assert_eq!(status(&lab), ["complete"]);
    assert!(lab.watch.is_complete() && lab.round().await.is_quiet());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_nothing_came_from_yet_is_waited_for() {
    let mut lab = Lab::over(&["watched/runs", "later"], Arc::new(LocalDisk)).await;
    let plan = json!({"metadata": {"planned_test_count": 1, "targets": [], "tests_run": []}}).to_string();
    for (case, index) in
        [("a", INDEX.to_owned()), ("b", INDEX.replace("watched", "later").replace("nightly", "other"))]
    {
        assert!(!lab.watch.is_complete());
        lab.write(&index.replace("index.jsonl", "benchmark.json"), &plan);
        lab.write(&index, agentv(case, 1, "ok"));
        lab.round().await;
    }
    assert!(lab.watch.is_complete());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_is_taken_in_at_most_a_tenth_of_the_time() {
    let mut lab = Lab::new().await;
    let path = lab.write(INDEX, agentv("a", 1, "ok"));
    lab.clock.set_cost_of_a_run(1_000_000);
    assert_eq!(lab.round().await.summary.new.len(), 1);
    append(&path, agentv("b", 2, "ok").as_bytes());
    lab.clock.pass(9_999_999);
    let early = lab.round().await;
    assert!(early.waiting && early.summary.replaced.is_empty());
    lab.clock.pass(1);
    assert_eq!(lab.round().await.summary.replaced.len(), 1);
    append(&path, agentv("c", 3, "ok").as_bytes());
    assert_eq!(lab.finish().await.summary.replaced.len(), 1, "the end waits for nothing");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_run_becomes_a_run_when_the_run_goes_on() {
    let mut lab = Lab::new().await;
    let path = lab.write(INDEX, agentv("a", 1, "ok"));
    lab.round().await;
    lab.write("watched/zz-copy/index.jsonl", agentv("a", 1, "ok"));
    assert_eq!(lab.round().await.summary.copies.len(), 1);
    append(&path, agentv("b", 2, "ok").as_bytes());
    lab.round().await;
    lab.round().await;
    assert_eq!(lab.contents().await, lab.once().await);
    assert_eq!(lab.contents().await.runs.len(), 2);
}

/// A disk that counts what is opened.
#[derive(Default)]
struct Counting(Mutex<Vec<PathBuf>>);

impl Counting {
    fn note(&self, path: &Path) {
        self.0.lock().unwrap().push(path.to_owned());
    }
}

impl Source for Counting {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        LocalDisk.list(folder)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        LocalDisk.entry(path)
    }

    fn stamp(&self, path: &Path) -> Result<Option<Stamp>, SourceError> {
        LocalDisk.stamp(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        self.note(path);
        LocalDisk.open(path)
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        self.note(path);
        LocalDisk.read_range(path, range)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_not_changed_is_not_opened() {
    let disk = Arc::new(Counting::default());
    let mut lab = Lab::over(&["watched"], Arc::clone(&disk) as Arc<dyn Source>).await;
    let still = lab.write("watched/still.jsonl", "{\"id\":\"a\",\"score\":1}\n");
    lab.write("watched/notes.json", "{\"about\":\"nothing\"}");
    lab.write(INDEX, agentv("a", 1, "ok"));
    lab.round().await;
    disk.0.lock().unwrap().clear();
    lab.round().await;
    assert_eq!(*disk.0.lock().unwrap(), Vec::<PathBuf>::new());
    append(&lab.path(INDEX), agentv("b", 2, "ok").as_bytes());
    lab.round().await;
    let opened = disk.0.lock().unwrap().clone();
    assert!(opened.contains(&lab.path(INDEX)) && !opened.contains(&still), "{opened:?}");
}
