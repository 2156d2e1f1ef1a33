//! A command that fails, hangs, is killed, cannot start, or meets another one: said, recorded, and nothing lost.

use std::fs;
use std::process::Command;

use serde_json::json;

use super::stage::{RUN, Stage, wait_until};
use crate::support::sandbox::Row;

const ONE: [Row; 1] = [("b", "gpt-x", 0.9, "ok")];

fn send(signal: &str, pid: u32) {
    assert!(Command::new("kill").args([signal, &pid.to_string()]).status().unwrap().success());
}

#[test]
fn a_tool_that_fails_is_accounted_for_and_its_code_is_said() {
    let stage = Stage::new();
    let rows = stage.rows("one.jsonl", &ONE);
    stage.tool("mytool", &format!("cat '{}' >> '{}'; exit 3", rows.display(), stage.index()));
    let mut spec = stage.spec(&["mytool", "first"]);
    spec["argv"] = json!([["mytool", "first"], ["mytool", "second"]]);
    let ran = stage.exec(&spec).exits(75);
    let account = ran.json();
    assert_eq!((account["exit_code"].as_i64(), account["ran"].as_i64()), (Some(3), Some(1)));
    assert_eq!(account["not_started"], json!(["mytool second"]));
    assert!(ran.stderr.contains("error: mytool ended with exit code 3"), "{}", ran.stderr);
    let jobs = stage.jobs();
    assert_eq!((jobs["total"].as_i64(), jobs["jobs"][0]["status"].as_str()), (Some(1), Some("failed")));
    assert_eq!(stage.attempts().len(), 4);
}

#[test]
fn a_tool_that_is_killed_is_told_from_one_that_fails() {
    let stage = Stage::new();
    stage.tool("mytool", "kill -9 $$");
    let ran = stage.exec(&stage.spec(&["mytool"])).exits(75);
    assert!(ran.stderr.contains("mytool ended with signal 9"), "{}", ran.stderr);
    let job = &stage.jobs()["jobs"][0];
    assert_eq!((job["signal"].as_i64(), job["exit_code"].is_null()), (Some(9), true));
    assert_eq!(stage.attempts().len(), 3);
}

#[test]
fn ctrl_c_is_passed_on_and_what_was_done_is_kept() {
    let stage = Stage::new();
    let rows = stage.rows("one.jsonl", &ONE);
    let wait = stage.fifo("wait");
    stage.tool(
        "mytool",
        &format!(
            "trap 'echo stopped by hand; exit 0' INT TERM\ncat '{}' >> '{}'\necho up > '{}'\n\
             while :; do read line < '{}'; done",
            rows.display(),
            stage.index(),
            stage.sandbox.path("up").display(),
            wait.display()
        ),
    );
    for signal in ["-INT", "-TERM"] {
        let _ = fs::remove_file(stage.sandbox.path("up"));
        let child = stage.started(&stage.spec(&["mytool"]));
        wait_until("the tool works", || stage.sandbox.path("up").exists());
        send(signal, child.id());
        let ran = stage.ended(child).exits(130);
        assert!(ran.stderr.contains("was passed on to mytool"), "{}", ran.stderr);
        assert!(ran.stderr.contains("stopped by hand"), "{}", ran.stderr);
        assert_eq!(ran.json()["status"], "cancelled");
        let job = &stage.jobs()["jobs"][0];
        assert_eq!((job["status"].as_str(), job["exit_code"].as_i64()), (Some("cancelled"), Some(0)));
        let log = stage.sandbox.run(&["jobs", "show", "last"]).fine().stdout;
        assert!(log.contains("stopped by hand"), "{log}");
    }
    assert_eq!(stage.attempts(), ["a 1 ok", "b 1 quality_failure", "b 2 ok", "c 1 execution_error"]);
}

#[test]
fn a_second_ctrl_c_kills_what_does_not_listen() {
    let stage = Stage::new();
    let wait = stage.fifo("wait");
    let up = stage.sandbox.path("up");
    stage.tool(
        "mytool",
        &format!("trap '' INT\necho up > '{}'\nread line < '{}'", up.display(), wait.display()),
    );
    let child = stage.started(&stage.spec(&["mytool"]));
    wait_until("the tool works", || up.exists());
    send("-INT", child.id());
    send("-INT", child.id());
    // Two signals of a kind that come before the first is taken count as one.
    wait_until("it has ended", || {
        let running = stage.jobs()["jobs"][0]["status"] == "running";
        if running {
            let _ = Command::new("kill").args(["-INT", &child.id().to_string()]).output();
        }
        !running
    });
    let ran = stage.ended(child).exits(130);
    assert!(ran.stderr.contains("mytool is killed"), "{}", ran.stderr);
    assert_eq!(stage.jobs()["jobs"][0]["signal"], 9);
}

#[test]
fn a_second_command_is_refused_while_the_first_one_lives() {
    let stage = Stage::new();
    let wait = stage.fifo("wait");
    let up = stage.sandbox.path("up");
    stage.tool("mytool", &format!("echo up > '{}'; read line < '{}'", up.display(), wait.display()));
    stage.tool("other", "touch other-ran");
    let first = stage.started(&stage.spec(&["mytool"]));
    wait_until("the tool works", || up.exists());
    let job = &stage.jobs()["jobs"][0];
    assert_eq!(job["status"], "running");
    let second = stage.exec(&stage.spec(&["other"])).exits(75);
    let said = format!("error: a command on {RUN} is still at work: job {}", job["job_id"].as_str().unwrap());
    assert!(second.stderr.starts_with(&said), "{}", second.stderr);
    assert!(second.stderr.contains(&format!("runq pid {}", first.id())), "{}", second.stderr);
    assert_eq!((stage.jobs()["total"].as_i64(), stage.sandbox.path("other-ran").exists()), (Some(1), false));
    fs::write(&wait, "go\n").unwrap();
    stage.ended(first).fine();
    stage.exec(&stage.spec(&["other"])).fine();
    assert!(stage.sandbox.path("other-ran").exists());
}

#[test]
fn a_killed_runq_leaves_an_interrupted_job_and_its_tool_still_counts() {
    let stage = Stage::new();
    let wait = stage.fifo("wait");
    let up = stage.sandbox.path("up");
    stage.tool("mytool", &format!("echo up > '{}'; read line < '{}'", up.display(), wait.display()));
    stage.tool("other", "true");
    let mut first = stage.started(&stage.spec(&["mytool"]));
    wait_until("the tool works", || up.exists() && stage.jobs()["jobs"][0]["tool_pid"].is_u64());
    send("-KILL", first.id());
    assert!(!first.wait().unwrap().success());
    let job = stage.jobs()["jobs"][0].clone();
    assert_eq!((job["status"].as_str(), job["tool_lives"].as_bool()), (Some("interrupted"), Some(true)));
    let shown = stage.sandbox.run(&["jobs", "show"]).fine().stdout;
    assert!(shown.contains("its runq is gone, mytool still works"), "{shown}");
    let refused = stage.exec(&stage.spec(&["other"])).exits(75);
    assert!(refused.stderr.contains(&format!("mytool pid {}", job["tool_pid"])), "{}", refused.stderr);
    fs::write(&wait, "go\n").unwrap();
    wait_until("the tool has ended", || stage.jobs()["jobs"][0]["tool_lives"] == false);
    stage.exec(&stage.spec(&["other"])).exits(0);
    let statuses: Vec<_> =
        stage.jobs()["jobs"].as_array().unwrap().iter().map(|job| job["status"].clone()).collect();
    assert_eq!(statuses, ["finished", "interrupted"]);
}

#[test]
fn what_cannot_be_started_is_said_and_leaves_nothing() {
    let stage = Stage::new();
    let ran = stage.exec(&stage.spec(&["no-such-tool", "run"])).exits(66);
    assert!(
        ran.stderr
            .starts_with("error: no-such-tool is not on the PATH; nothing was started\n  hint: install"),
        "{}",
        ran.stderr
    );
    stage.sandbox.write("bin/plain", "#!/bin/sh\n");
    let ran = stage.exec(&stage.spec(&["plain"])).exits(66);
    assert!(ran.stderr.contains("bin/plain is not executable; nothing was started"), "{}", ran.stderr);
    let mut spec = stage.spec(&["true"]);
    spec["folder"] = json!(stage.sandbox.path("gone"));
    let ran = stage.exec(&spec).exits(66);
    assert!(ran.stderr.contains("the folder [sandbox]/gone"), "{}", ran.stderr);
    assert!(!stage.sandbox.path(".runq/jobs").exists(), "no job, no lock");
}

#[test]
fn a_store_that_may_only_be_read_starts_nothing() {
    let stage = Stage::new();
    stage.tool("mytool", "touch ran");
    let before = stage.sandbox.files("");
    let mut spec = stage.spec(&["mytool"]);
    spec["read_only"] = json!(true);
    let ran = stage.exec(&spec).exits(77);
    assert!(ran.stderr.contains("is open for reading only"), "{}", ran.stderr);
    assert_eq!(stage.sandbox.files(""), before);
}

#[test]
fn a_job_that_cannot_be_recorded_is_not_started() {
    let stage = Stage::new();
    stage.tool("mytool", "touch ran");
    stage.sandbox.write(".runq/jobs", "not a folder");
    let ran = stage.exec(&stage.spec(&["mytool"])).exits(69);
    assert!(ran.stderr.starts_with("error: cannot make the folder [sandbox]/.runq/jobs"), "{}", ran.stderr);
    assert!(!stage.sandbox.path("ran").exists());
}
