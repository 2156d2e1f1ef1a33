//! Histories of every state and age: what the sink gets, what is said, and that nothing of the source changes.

use std::fs::{self, Permissions};
use std::io::BufRead;
use std::ops::Range;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rusqlite::Connection;
use serde_json::{Value, json};

use super::*;
use crate::import::{ImportOptions, Record, SinkError};
use crate::model::{MetricRow, ResultRow, Timestamp};
use crate::source::{Entry, LocalDisk, Source, SourceError};

/// Keeps whatever it is given.
#[derive(Default)]
struct Recorder {
    headers: Vec<RunRow>,
    results: Vec<(usize, ResultRow)>,
    faults: Vec<String>,
    unwanted: Vec<String>,
}

impl RunSink for Recorder {
    fn begin(&mut self, run: &RunRow, _repeats: Repeats) -> Result<RunHandle, SinkError> {
        self.headers.push(run.clone());
        Ok(RunHandle(self.headers.len() - 1))
    }

    fn wants(&self, run: RunHandle) -> bool {
        !self.unwanted.contains(&self.headers[run.0].run_id)
    }

    fn record(&mut self, run: RunHandle, record: Record) -> Result<(), SinkError> {
        self.results.push((run.0, record.result));
        Ok(())
    }

    fn end(&mut self, run: RunHandle, header: RunRow) -> Result<(), SinkError> {
        self.headers[run.0] = header;
        Ok(())
    }

    fn fault(&mut self, fault: Fault) {
        self.faults.push(fault.message);
    }

    fn note(&mut self, _note: String) {}

    fn metric(&mut self, _metric: MetricRow) {}

    fn progress(&mut self, _bytes: u64) {}
}

impl Recorder {
    fn cases(&self) -> Vec<&str> {
        self.results.iter().map(|(_, result)| result.case_id.as_str()).collect()
    }

    fn fingerprints(&self) -> Vec<&str> {
        self.headers.iter().map(|header| header.fingerprint.as_str()).collect()
    }
}

fn read_from(source: &dyn Source, path: &Path) -> Result<Recorder, ImportError> {
    let mut sink = Recorder::default();
    Amx.read(&Input { source, path, options: &ImportOptions::default() }, &mut sink)?;
    Ok(sink)
}

fn read(path: &Path) -> Recorder {
    read_from(&LocalDisk, path).unwrap_or_else(|error| panic!("{error}"))
}

/// What is wrong with a file, and what to do.
fn refused(path: &Path) -> (String, String) {
    let Err(error) = read_from(&LocalDisk, path) else { panic!("{} was read", path.display()) };
    let message = error.to_string();
    let about = message.strip_prefix(&format!("{}: ", path.display())).expect("the file is named");
    (about.to_owned(), error.hint().expect("a hint").to_owned())
}

fn fixture() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/amx/history.db")
}

/// A folder with a copy of the fixture.
fn copied_fixture() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    fs::copy(fixture(), &path).unwrap();
    (folder, path)
}

/// The columns of AMX 0.4, before most of today's were added.
const OLD: &str = "
    CREATE TABLE analysis_runs (id INTEGER PRIMARY KEY, started_at REAL NOT NULL, ended_at REAL, duration_sec REAL,
        status TEXT NOT NULL, command TEXT NOT NULL, llm_provider TEXT, llm_model TEXT, db_profile TEXT, scope_json TEXT);
    CREATE TABLE run_results (id INTEGER PRIMARY KEY, run_id INTEGER NOT NULL, saved_at REAL NOT NULL,
        schema_name TEXT NOT NULL, table_name TEXT NOT NULL, column_name TEXT, confidence TEXT,
        logprob_score REAL, alternatives_json TEXT NOT NULL);";

fn old_history(statements: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("history.db");
    let connection = Connection::open(&path).unwrap();
    connection.execute_batch(&format!("{OLD}{statements}")).unwrap();
    (folder, path)
}

#[test]
fn an_older_history_is_read_by_the_columns_it_has() {
    let (_folder, path) = old_history(
        "INSERT INTO analysis_runs VALUES (7, 10.5, NULL, 0, 'success', 'analyze.run', 'openai', 'gpt-x', 'wh', '{\"s\": []}');
         INSERT INTO run_results VALUES (3, 7, 11, 's', 't', 'c', 'LOW', 0.5, '[\"first\", \"second\"]');
         INSERT INTO run_results VALUES (4, 7, 11, '', 't', '', 'high', NULL, '[]');",
    );
    let read = read(&path);
    let run = &read.headers[0];
    assert_eq!((run.run_id.as_str(), run.task.as_str(), run.status.as_str()), ("7", "wh", "complete"));
    assert_eq!(run.scope.as_deref(), Some(r#"["s"]"#));
    assert_eq!(
        (run.started_at, run.duration_ms),
        (Some(Timestamp(10_500_000)), None),
        "a duration of 0 is missing"
    );
    assert_eq!((run.planned_count, run.processed_count), (None, None));
    assert_eq!(read.cases(), ["s.t.c", "t"], "a database without schemas");
    let result = &read.results[0].1;
    assert_eq!((result.output.as_deref(), result.confidence.as_deref()), (Some("first"), Some("LOW")));
    assert_eq!((result.model.as_deref(), result.provider.as_deref()), (Some("gpt-x"), Some("openai")));
    assert_eq!((result.logprob, result.native_id.as_deref()), (Some(0.5), Some("3")));
    assert_eq!(read.results[1].1.output, None);
    assert_eq!(read.faults, [""; 0]);
}

#[test]
fn a_bad_value_is_named_and_hides_neither_its_row_nor_others() {
    let (_folder, path) = old_history(
        "INSERT INTO analysis_runs VALUES (1, 10, NULL, 'soon', 'success', 'analyze.run', NULL, 'm', NULL, '[1]');
         INSERT INTO run_results VALUES (1, 1, 11, 's', 'a', NULL, 'low', 0.5, '[\"fine\"]');
         INSERT INTO run_results VALUES (2, 1, 11, 's', 'b', NULL, x'00ff', 'often', '[{\"text\":');
         INSERT INTO run_results VALUES (3, 1, 11, 's', 'c', NULL, 'low', 0.5, '[7, {\"text\": \"kept\"}]');
         INSERT INTO run_results VALUES (4, 1, 11, 's', '', NULL, 'low', 0.5, '[]');
         INSERT INTO run_results VALUES (5, 9, 11, 's', 'd', NULL, 'low', 0.5, '[]');
         INSERT INTO run_results VALUES (6, 'x', 11, 's', 'd', NULL, 'low', 0.5, '[]');",
    );
    let read = read(&path);
    assert_eq!(read.cases(), ["s.a", "s.b", "s.c"]);
    let broken = &read.results[1].1;
    assert_eq!((broken.logprob, &broken.confidence, &broken.alternatives), (None, &None, &None));
    let extra: Value = serde_json::from_str(broken.extra.as_ref().unwrap()).unwrap();
    assert_eq!(
        extra,
        json!({"logprob_score": "often", "alternatives_json": "[{\"text\":"}),
        "nothing is lost"
    );
    assert_eq!(read.results[2].1.output.as_deref(), Some("kept"));
    let expected = [
        "analysis_runs row 1: duration_sec: expected a number, found \"soon\" (read without it)",
        "analysis_runs row 1: scope_json: expected {schema: [tables]}, found [1] (read without it)",
        "run_results row 2: confidence: expected a text or a number, found a blob of 2 bytes (read without it)",
        "run_results row 2: alternatives_json: expected JSON, found [{\"text\": (EOF while parsing a value at line 1 \
         column 9) (read without it)",
        "run_results row 2: logprob_score: expected a number, found \"often\" (read without it)",
        "run_results row 3: alternatives_json[0]: expected a text or an object with a text, found 7 (read without it)",
        "run_results row 4: nothing names the asset in this row of run 1 (row skipped)",
        "run_results: 1 row of no run, their run_id is no number (skipped)",
        "run_results: 1 row of run 9, which analysis_runs does not hold (skipped)",
    ];
    let mut faults: Vec<&str> = read.faults.iter().map(String::as_str).collect();
    faults[..2].sort_unstable();
    assert_eq!(faults, expected);
    assert_eq!(read.headers[0].skipped_count, 7);
}

#[test]
fn commands_and_states_have_our_words() {
    let counted = |processed, planned| RunRow {
        processed_count: Some(processed),
        planned_count: Some(planned),
        ..RunRow::default()
    };
    let state = |status: &str, processed, planned| run::state(status, &counted(processed, planned)).as_str();
    for success in ["success", "applied_partial", "ready_for_review", "completed"] {
        assert_eq!(state(success, 4, 4), "complete");
        assert_eq!(state(success, 3, 4), "incomplete", "{success}");
        assert_eq!(state(success, 0, 4), "complete", "a command that does not count");
    }
    let words = ["partial", "running", "queued", "failed", "cancelled", "new word"];
    let ours = ["incomplete", "running", "running", "failed", "cancelled", "unknown"];
    assert_eq!(words.map(|word| state(word, 0, 4)), ours);

    let commands =
        ["analyze.run", "analyze.apply", "rerun", "generate.table", "search.ask", "ask.run", "schedule"];
    let kinds = ["analyze", "analyze", "rerun", "generate", "ask", "ask", "schedule"];
    assert_eq!(commands.map(run::kind), kinds);
    assert_eq!(["search.index", "", "rerunning"].map(run::kind), ["other"; 3]);
}

#[test]
fn a_row_that_names_what_it_varies_makes_a_variation_without_settings() {
    let (_folder, path) = copied_fixture();
    let connection = Connection::open(&path).unwrap();
    connection.execute("UPDATE analysis_runs SET settings_json = NULL WHERE id IN (8, 12)", []).unwrap();
    drop(connection);
    let read = read(&path);
    let lineage = |id: &str| {
        let run = read.headers.iter().find(|header| header.run_id == id).unwrap();
        (run.parent_run_id.clone(), run.relation.clone(), run.task.clone())
    };
    assert_eq!(lineage("12"), (Some("11".into()), Some("variations".into()), "wh".into()));
    assert_eq!(lineage("8"), (None, None, "wh".into()), "nothing says whose re-run it is");
    assert_eq!(lineage("9"), (Some("8".into()), Some("rerun".into()), "shop".into()));
}

#[test]
fn the_fingerprint_of_a_run_is_that_of_its_own_rows() {
    let (_folder, path) = copied_fixture();
    let before = read(&path);
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "UPDATE run_results SET evaluation = 'skipped' WHERE id = 13;
             INSERT INTO analysis_runs (id, started_at, status, command) VALUES (17, 1779005000, 'success', 'rerun');
             VACUUM;",
        )
        .unwrap();
    drop(connection);
    let after = read(&path);
    let same: Vec<bool> =
        before.fingerprints().iter().zip(after.fingerprints()).map(|(old, new)| *old == new).collect();
    let expected: Vec<bool> = (1..=16).map(|id| id != 4).collect();
    assert_eq!(same, expected, "row 13 is of run 4");
    assert_eq!(after.headers[16].run_id, "17");
}

#[test]
fn rows_of_runs_that_nobody_wants_are_passed_over() {
    let mut sink = Recorder { unwanted: vec!["1".into(), "3".into()], ..Recorder::default() };
    let path = fixture();
    Amx.read(&Input { source: &LocalDisk, path: &path, options: &ImportOptions::default() }, &mut sink)
        .unwrap();
    assert_eq!(sink.headers.len(), 16);
    assert_eq!(sink.results.len(), 22 - 5 - 3);
}

/// Every file of a folder with its bytes and times.
fn state(folder: &Path) -> Vec<(PathBuf, Vec<u8>, std::time::SystemTime)> {
    let mut files: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| {
            (path.clone(), fs::read(&path).unwrap(), fs::metadata(&path).unwrap().modified().unwrap())
        })
        .collect();
    files.sort();
    files
}

#[test]
fn nothing_of_the_source_changes_and_a_read_only_folder_will_do() {
    let (folder, path) = copied_fixture();
    let odd = folder.path().join("50 % ?#ü&mode=rw");
    fs::create_dir(&odd).unwrap();
    let moved = odd.join("history.db");
    fs::rename(&path, &moved).unwrap();
    let folder_time = |folder: &Path| fs::metadata(folder).unwrap().modified().unwrap();
    let before = (state(&odd), folder_time(&odd));
    fs::set_permissions(&moved, Permissions::from_mode(0o444)).unwrap();
    fs::set_permissions(&odd, Permissions::from_mode(0o555)).unwrap();
    let read = read(&moved);
    fs::set_permissions(&odd, Permissions::from_mode(0o755)).unwrap();
    assert_eq!(read.results.len(), 22);
    assert_eq!(read.headers[15].status, "running", "AMX itself would have made it failed");
    assert_eq!((state(&odd), folder_time(&odd)), before);
}

#[test]
fn rows_that_stand_in_a_write_ahead_log_are_read() {
    let (folder, path) = copied_fixture();
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "journal_mode", "wal").unwrap();
    connection.pragma_update(None, "wal_autocheckpoint", 0).unwrap();
    connection.execute("UPDATE analysis_runs SET status = 'success' WHERE id = 16", []).unwrap();
    connection
        .execute("INSERT INTO run_results SELECT 23, 16, 1779004300, 'sales', 'new', NULL, 'table', source, confidence, \
            logprob_score, raw_logprob, token_count, model_version, reasoning, alternatives_json, NULL, NULL, NULL, NULL, \
            '', NULL, '', '', NULL, '', NULL, NULL, NULL, NULL, model, provider, NULL, NULL, NULL, NULL, NULL, 0, NULL, \
            NULL FROM run_results WHERE id = 22", [])
        .unwrap();
    assert!(fs::metadata(folder.path().join("history.db-wal")).unwrap().len() > 0);
    // The writer still holds the database: what it has committed is read, and nothing of it changes.
    let before = state(folder.path());
    let read = read(&path);
    assert_eq!(state(folder.path()), before);
    assert_eq!((read.headers[15].status.as_str(), read.results.len()), ("incomplete", 23));
    assert!(read.cases().contains(&"sales.new"));
    // After the last connection the log is gone and the file says that it once had one.
    drop(connection);
    assert!(!folder.path().join("history.db-wal").exists());
    assert_eq!(super::tests::read(&path).results.len(), 23);
}

#[test]
fn what_a_writer_has_not_committed_is_not_read() {
    let (folder, path) = copied_fixture();
    let connection = Connection::open(&path).unwrap();
    connection.pragma_update(None, "cache_size", 1).unwrap();
    connection
        .execute_batch("BEGIN EXCLUSIVE; UPDATE run_results SET reasoning = hex(randomblob(9000));")
        .unwrap();
    assert!(fs::metadata(folder.path().join("history.db-journal")).unwrap().len() > 0);
    let before = state(folder.path());
    let during = read(&path);
    assert_eq!(state(folder.path()), before);
    assert_eq!(during.fingerprints(), read(&fixture()).fingerprints());
    connection.execute_batch("ROLLBACK").unwrap();
}

/// A source that is not this machine's disk, as an object store is.
struct Elsewhere;

impl Source for Elsewhere {
    fn list(&self, folder: &Path) -> Result<Vec<Entry>, SourceError> {
        LocalDisk.list(folder)
    }

    fn entry(&self, path: &Path) -> Result<Option<Entry>, SourceError> {
        LocalDisk.entry(path)
    }

    fn open(&self, path: &Path) -> Result<Box<dyn BufRead + Send>, SourceError> {
        LocalDisk.open(path)
    }

    fn read_range(&self, path: &Path, range: Range<u64>) -> Result<Bytes, SourceError> {
        LocalDisk.read_range(path, range)
    }
}

#[test]
fn a_file_that_is_not_on_this_disk_is_copied_first() {
    let there = read_from(&Elsewhere, &fixture()).unwrap_or_else(|error| panic!("{error}"));
    let here = read(&fixture());
    assert_eq!(there.headers, here.headers);
    assert_eq!(there.results, here.results);
}

/// What a file is taken for, found in a folder and named by hand.
fn fits(path: &Path) -> [Fit; 2] {
    let head = LocalDisk.read_range(path, 0..crate::import::HEAD_BYTES).unwrap();
    [false, true].map(|named| Amx.sniff(&Candidate { source: &LocalDisk, path, head: &head, named }))
}

#[test]
fn a_history_is_told_by_its_tables_whatever_it_is_called() {
    let (folder, path) = copied_fixture();
    assert_eq!(fits(&path), [Fit::Own; 2]);
    let backup = folder.path().join("backup of May.bak");
    fs::copy(&path, &backup).unwrap();
    assert_eq!(fits(&backup), [Fit::Own; 2]);
    assert!(Amx.considers("old.SQLITE3") && !Amx.considers("history.jsonl") && !Amx.considers("db"));

    let other = folder.path().join("other.db");
    Connection::open(&other).unwrap().execute_batch("CREATE TABLE evals (id)").unwrap();
    assert_eq!(fits(&other), [Fit::No; 2]);
    let named_so = folder.path().join("history.db");
    fs::copy(&other, &named_so).unwrap();
    assert_eq!(
        fits(&named_so),
        [Fit::No, Fit::Own],
        "a browser's history.db is passed over unless it is named"
    );
    let (message, hint) = refused(&named_so);
    assert_eq!(message, "expected the table run_results, found evals");
    assert!(hint.contains("~/.amx/history.db"), "{hint}");
}

#[test]
fn what_cannot_be_read_says_what_it_is_and_what_to_do() {
    let (folder, path) = copied_fixture();
    let whole = fs::read(&path).unwrap();
    let file = |bytes: &[u8]| {
        fs::write(&path, bytes).unwrap();
        refused(&path)
    };
    assert_eq!(file(b"").0, "the file is empty");
    let pointer = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 909312\n";
    let (message, hint) = file(pointer);
    assert_eq!(message, "this is a Git LFS pointer, not the file itself");
    assert_eq!(hint, "fetch the file with git lfs pull");
    assert_eq!(fits(&path), [Fit::Own; 2], "a pointer is reported and not passed over");
    assert_eq!(file(b"{}").0, "expected a SQLite database, found something else");
    let (message, _) = file(&whole[..500_000]);
    assert_eq!(message, "expected 909312 bytes, found 500000: the database is cut off");
    // Every page but the first is garbage.
    let mut damaged = whole.clone();
    damaged[4096..].fill(0xAB);
    let (message, hint) = file(&damaged);
    assert!(message.starts_with("not readable as SQLite: "), "{message}");
    assert!(hint.contains("damaged"), "{hint}");
    assert_eq!(fits(&path)[1], Fit::Own, "what is wrong is said by whoever reads it");

    fs::remove_file(&path).unwrap();
    let connection = Connection::open(&path).unwrap();
    connection
        .execute_batch(
            "CREATE TABLE analysis_runs (id, started_at, command); CREATE TABLE run_results (id, run_id);",
        )
        .unwrap();
    drop(connection);
    let (message, _) = refused(&path);
    let missing = "expected the column saved_at in run_results, found id, run_id";
    assert_eq!(message, missing);
    drop(folder);
}
