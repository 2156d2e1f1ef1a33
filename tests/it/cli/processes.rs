//! What happens between processes: two writers, a reader that leaves, Ctrl-C, a disk that is full.

use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, Stdio};

use crate::support::sandbox::{Row, Sandbox};
use crate::support::synthetic::{Plan, write_jsonl};

const ROWS: [Row; 2] = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.5, "quality_failure")];

fn started(mut command: Command) -> Child {
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts")
}

/// Waits for a process; its code and what it said.
fn ended(child: Child) -> (Option<i32>, String) {
    let output = child.wait_with_output().expect("it ends");
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn two_writers_of_one_run_are_both_told_and_the_run_is_there_once() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &ROWS);
    sandbox.agentv("other", 2, &ROWS);
    sandbox.run(&["ingest", "results/runs/other"]).fine();
    let writers = [0, 1, 2].map(|_| started(sandbox.command(&["ingest", "results/runs/nightly"])));
    let mut took = 0;
    for (code, said) in writers.map(ended) {
        assert_eq!(code, Some(0), "{said}");
        let told = ["1 new", "1 unchanged", "1 published by another writer"].map(|word| said.contains(word));
        assert_eq!(told.iter().filter(|told| **told).count(), 1, "{said}");
        took += usize::from(told[0]);
    }
    assert_eq!(took, 1, "one writer takes it in");
    let rows = sandbox.run(&["sql", "SELECT count(*) AS n FROM results", "--run", "nightly"]).fine();
    assert_eq!(rows.stdout, "n\n2\n");
    assert!(sandbox.run(&["ingest", "results"]).fine().stderr.starts_with("2 runs: 2 unchanged"));
}

#[test]
fn writers_of_different_runs_all_land_even_where_the_store_is_made() {
    let sandbox = Sandbox::new();
    let folders = [1, 2, 3].map(|day| sandbox.agentv(&format!("run{day}"), day, &ROWS));
    let writers: Vec<Child> = folders
        .iter()
        .map(|folder| started(sandbox.command(&["ingest", folder, "--store", "new"])))
        .collect();
    for (code, said) in writers.into_iter().map(ended) {
        assert_eq!(code, Some(0), "{said}");
        assert!(said.starts_with("1 run: 1 new"), "{said}");
    }
    let ids = sandbox.run(&["runs", "--store", "new", "--format", "ids"]).fine();
    assert_eq!(ids.lines().len(), 3);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let sandbox = Sandbox::new();
    let plan = Plan { runs: 1, cases: 4000, text_bytes: 400, ..Plan::default() };
    write_jsonl(&plan, &sandbox.path("rows.jsonl")).unwrap();
    for format in ["csv", "jsonl", "json", "table", "markdown"] {
        let statement = "SELECT case_id, output FROM results";
        let mut child =
            started(sandbox.command(&["sql", "--path", "rows.jsonl", statement, "--format", format]));
        let mut first = String::new();
        BufReader::new(child.stdout.take().expect("a pipe")).read_line(&mut first).expect("a line");
        assert!(!first.is_empty(), "{format}");
        let (code, said) = ended(child);
        assert_eq!(code, Some(0), "{format}: {said}");
        assert!(!said.contains("panicked") && !said.contains("error:"), "{format}: {said}");
    }
}

/// The synthetic table that takes a while to read.
fn large(sandbox: &Sandbox) {
    let plan = Plan { runs: 1, cases: 60_000, text_bytes: 300, ..Plan::default() };
    write_jsonl(&plan, &sandbox.path("large.jsonl")).unwrap();
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_leaves_no_half_run() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &ROWS);
    sandbox.run(&["ingest", "results"]).fine();
    large(&sandbox);
    let child = started(sandbox.command(&["ingest", "large.jsonl"]));
    wait_until_it_reads(child.id(), "large.jsonl");
    let sent = Command::new("kill").args(["-INT", &child.id().to_string()]).status().expect("kill runs");
    assert!(sent.success());
    let (code, said) = ended(child);
    assert_eq!(code, Some(130), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    let ids = sandbox.run(&["runs", "--format", "ids"]).fine();
    assert_eq!(ids.stdout, "nightly::2026-05-01T08-00-00-000Z\n");
    assert_eq!(sandbox.run(&["sql", "SELECT count(*) AS n FROM results"]).fine().stdout, "n\n2\n");
    sandbox.agentv("after", 2, &ROWS);
    assert!(sandbox.run(&["ingest", "results"]).fine().stderr.starts_with("2 runs: 1 new, 1 unchanged"));
}

/// Returns once a process has a file open.
#[cfg(target_os = "linux")]
fn wait_until_it_reads(process: u32, file: &str) {
    let began = std::time::Instant::now();
    while began.elapsed() < std::time::Duration::from_secs(60) {
        let open = std::fs::read_dir(format!("/proc/{process}/fd")).expect("the process is there");
        let mut targets = open.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
        if targets.any(|target| target.ends_with(file)) {
            return;
        }
        std::thread::yield_now();
    }
    panic!("{file} was not opened");
}

/// A small file system of its own; gone when dropped.
#[cfg(target_os = "linux")]
struct SmallDisk(std::path::PathBuf);

#[cfg(target_os = "linux")]
impl SmallDisk {
    fn mount(path: std::path::PathBuf) -> Option<Self> {
        std::fs::create_dir_all(&path).ok()?;
        let mut mount = Command::new("mount");
        mount.args(["-t", "tmpfs", "-o", "size=256k", "runq-test"]).arg(&path).stderr(Stdio::null());
        mount.status().is_ok_and(|status| status.success()).then_some(Self(path))
    }
}

#[cfg(target_os = "linux")]
impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_full_disk_is_said_and_the_store_opens_afterwards() {
    let sandbox = Sandbox::new();
    let Some(disk) = SmallDisk::mount(sandbox.path("disk")) else {
        eprintln!("skipped: no file system can be mounted here");
        return;
    };
    sandbox.agentv("nightly", 1, &ROWS);
    sandbox.run(&["ingest", "results", "--store", "disk/store"]).fine();
    let plan = Plan { runs: 1, cases: 3000, text_bytes: 400, ..Plan::default() };
    write_jsonl(&plan, &sandbox.path("rows.jsonl")).unwrap();
    let full = sandbox.run(&["ingest", "rows.jsonl", "--store", "disk/store"]).exits(69);
    assert!(full.stderr.starts_with("error: "), "{}", full.stderr);
    assert!(full.stderr.to_lowercase().contains("no space left"), "{}", full.stderr);
    let ids = sandbox.run(&["runs", "--store", "disk/store", "--format", "ids"]).fine();
    assert_eq!(ids.stdout, "nightly::2026-05-01T08-00-00-000Z\n");
    drop(disk);
}

#[test]
fn a_pipe_that_is_closed_before_the_answer_is_no_failure() {
    let sandbox = Sandbox::new();
    let mut child = started(sandbox.command(&["--help"]));
    drop(child.stdout.take());
    let mut said = String::new();
    child.stderr.take().expect("a pipe").read_to_string(&mut said).expect("text");
    assert_eq!((child.wait().expect("it ends").code(), said.as_str()), (Some(0), ""));
}
