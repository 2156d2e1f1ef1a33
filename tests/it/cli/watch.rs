//! `runq ingest --watch` as a person or a script runs it, on a file that really grows.

use std::fs::OpenOptions;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Stdio};

use serde_json::json;

use crate::support::sandbox::Sandbox;

const INDEX: &str = "results/runs/nightly/2026-05-01T08-00-00-000Z/index.jsonl";
const RUN: &str = "nightly::2026-05-01T08-00-00-000Z";

fn row(case: &str, minute: u32, status: &str) -> String {
    let score = if status == "ok" { 1 } else { 0 };
    json!({"timestamp": format!("2026-05-01T08:{minute:02}:00.000Z"), "test_id": case, "suite": "s",
           "target": "gpt-x", "score": score, "scores": [], "execution_status": status})
    .to_string()
        + "\n"
}

fn append(path: &Path, text: &str) {
    let mut file = OpenOptions::new().append(true).open(path).expect("the file is there");
    file.write_all(text.as_bytes()).expect("it can be written");
}

/// A watch that runs, and what it says.
struct Watching {
    child: Child,
    said: BufReader<ChildStderr>,
}

impl Watching {
    fn start(sandbox: &Sandbox, arguments: &[&str]) -> Self {
        let mut command = sandbox.command(&["ingest", "--watch", "--interval", "0.1"]);
        command.args(arguments).env("TZ", "UTC");
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let said = BufReader::new(child.stderr.take().expect("a pipe"));
        Self { child, said }
    }

    /// The next line; the test hangs until its runner's patience ends when there is none.
    fn line(&mut self) -> String {
        let mut line = String::new();
        self.said.read_line(&mut line).expect("text");
        line.trim_end().to_owned()
    }

    /// The next line without the time that it begins with.
    fn timed(&mut self) -> String {
        let line = self.line();
        let (time, rest) = line.split_at_checked(9).unwrap_or((&line, ""));
        assert_eq!(time.matches(':').count(), 2, "{line}");
        rest.to_owned()
    }

    fn interrupt(&self) {
        let sent = Command::new("kill").args(["-INT", &self.child.id().to_string()]).status();
        assert!(sent.expect("kill runs").success());
    }

    /// Waits for the end; the code and the last lines.
    fn end(mut self) -> (Option<i32>, Vec<String>) {
        let rest = self.said.lines().map(|line| line.expect("text")).collect();
        (self.child.wait().expect("it ends").code(), rest)
    }
}

#[cfg(unix)]
#[test]
fn a_run_is_followed_from_before_its_folder_is_there_until_ctrl_c() {
    let sandbox = Sandbox::new();
    let mut watch = Watching::start(&sandbox, &["results"]);
    assert_eq!(watch.line(), "watching results every 0.1 s; Ctrl-C ends");
    assert_eq!(watch.line(), "results: there is no such file or folder; waiting");
    let index = sandbox.write(INDEX, row("a", 1, "ok"));
    assert_eq!(watch.timed(), format!("{RUN}  1 case, 1 pass"));
    append(&index, &(row("b", 2, "execution_error") + "{\"timest"));
    assert_eq!(watch.timed(), format!("{RUN}  2 cases, 1 pass, 1 error"));
    let shown = sandbox.run(&["show", "last", "--json"]).fine().json();
    assert_eq!(shown["overview"]["cases"], 2, "others see it meanwhile");
    watch.interrupt();
    let (code, rest) = watch.end();
    assert_eq!(code, Some(130), "{rest:?}");
    let rest = rest.join("\n");
    assert!(rest.contains("index.jsonl:3: "), "half a line is a skipped line now: {rest}");
    assert!(rest.contains("1 run followed · 2 results · .runq"), "{rest}");
    assert!(sandbox.run(&["ingest", "results"]).fine().stderr.starts_with("1 run: 1 unchanged"));
}

#[test]
fn a_watch_until_complete_ends_by_itself() {
    let sandbox = Sandbox::new();
    let plan = json!({"metadata": {"planned_test_count": 2, "targets": [], "tests_run": []}});
    sandbox.write(&INDEX.replace("index.jsonl", "benchmark.json"), plan.to_string());
    let index = sandbox.write(INDEX, row("a", 1, "ok"));
    let mut watch = Watching::start(&sandbox, &["results", "--until-complete"]);
    assert!(watch.line().starts_with("1 run: 1 new · 1 result"));
    assert_eq!(watch.timed(), format!("{RUN}  1 of 2 cases, 1 pass"));
    assert_eq!(watch.line(), "watching results every 0.1 s; Ctrl-C ends");
    append(&index, &row("b", 2, "quality_failure"));
    assert_eq!(watch.timed(), format!("{RUN}  2 of 2 cases, 1 pass, 1 fail · complete"));
    let (code, rest) = watch.end();
    assert_eq!(code, Some(0), "{rest:?}");
    assert_eq!(rest, ["1 run followed: 1 complete · 2 results · .runq", &format!("try: runq show {RUN}")]);
}

#[test]
fn what_makes_no_sense_is_refused_before_anything_is_done() {
    let sandbox = Sandbox::new();
    sandbox.write(INDEX, row("a", 1, "ok"));
    let refused = sandbox.run(&["ingest", "--watch", "results", "--read-only"]).exits(77);
    assert!(refused.stderr.contains("read-only"), "{}", refused.stderr);
    for (arguments, named) in [
        (&["--watch", "--forget"][..], "--forget"),
        (&["--interval", "1"][..], "--watch"),
        (&["--until-complete"][..], "--watch"),
        (&["--watch", "--interval", "0"][..], "expected seconds from 0.1 to 3600"),
    ] {
        let ran = sandbox.run(&[&["ingest", "results"][..], arguments].concat()).exits(2);
        assert!(ran.stderr.contains(named), "{}", ran.stderr);
    }
    assert!(!sandbox.path(".runq").exists());
}
