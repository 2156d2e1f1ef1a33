//! Folders, locks, programs, processes and counts.

use std::fs;
use std::io::Write as _;
use std::path::Path;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::*;
use crate::model::Timestamp;

const NOON: Timestamp = Timestamp(1_778_045_779_075_000);

fn store() -> (tempfile::TempDir, Jobs) {
    let folder = tempfile::tempdir().unwrap();
    let jobs = Jobs::of(folder.path());
    (folder, jobs)
}

fn job(run_id: &str) -> Job {
    Job {
        run_id: run_id.to_owned(),
        tool: "mytool".to_owned(),
        argv: vec!["mytool".to_owned(), "--output=/x".to_owned(), "two\nlines".to_owned()],
        host: "box".to_owned(),
        pid: 7,
        planned: 2,
        ..Job::default()
    }
}

fn at(seconds: i64) -> Timestamp {
    Timestamp(NOON.0 + seconds * 1_000_000)
}

/// Waits until a look at a job shows this. A process that another test starts just now may hold a copy of the job's
/// lock for a moment, until it becomes its program.
fn eventually(jobs: &Jobs, id: &str, expected: (JobStatus, bool)) {
    let began = std::time::Instant::now();
    loop {
        let seen = jobs.find(id).unwrap();
        if (seen.status, seen.tool_lives) == expected {
            return;
        }
        assert!(began.elapsed() < std::time::Duration::from_secs(60), "{seen:?}");
        std::thread::yield_now();
    }
}

#[test]
fn a_store_without_jobs_has_none() {
    let (_folder, jobs) = store();
    let found = jobs.list().unwrap();
    assert!(found.jobs.is_empty() && found.broken.is_empty());
    assert!(matches!(jobs.find("last"), Err(JobError::NoJobs)));
    assert!(!_folder.path().join("jobs").exists(), "a look makes nothing");
}

#[test]
fn ids_are_times_and_jobs_come_newest_first() {
    let (_folder, jobs) = store();
    let first = jobs.begin(job("a"), NOON, "3f9a77").unwrap();
    let second = jobs.begin(job("b"), at(61), "0000").unwrap();
    assert_eq!(first.job.job_id, "20260506-053619-3f9a");
    assert_eq!(second.job.job_id, "20260506-053720-0000");
    let listed = jobs.list().unwrap().jobs;
    assert_eq!(listed.iter().map(|seen| seen.job.run_id.as_str()).collect::<Vec<_>>(), ["b", "a"]);
    assert_eq!(listed[1].job, first.job, "what was written is what is read");
    assert_eq!(jobs.find("last").unwrap().job.run_id, "b");
    assert_eq!(jobs.find("20260506-0536").unwrap().job.run_id, "a");
    assert!(matches!(jobs.find("2026"), Err(JobError::Ambiguous { ids, .. }) if ids.len() == 2));
    let near = jobs.find("20260506-053619-3f9b").unwrap_err();
    assert_eq!(near.hint().unwrap(), "did you mean 20260506-053619-3f9a?");
    assert!(
        matches!(jobs.begin(job("c"), NOON, "3f9a"), Err(JobError::Disk { .. })),
        "no job replaces another"
    );
}

#[test]
fn a_job_whose_runq_is_gone_is_seen_as_interrupted() {
    let (_folder, jobs) = store();
    let mut active = jobs.begin(job("a"), NOON, "aaaa").unwrap();
    assert_eq!(jobs.find("last").unwrap().status, JobStatus::Running);
    assert_eq!(jobs.find("last").unwrap().status, JobStatus::Running, "a look lets go of the lock");
    active.job.status = JobStatus::Running;
    drop(active);
    eventually(&jobs, "last", (JobStatus::Interrupted, false));
    assert_eq!(jobs.find("last").unwrap().job.status, JobStatus::Running, "what was written stays");
    let mut ended = jobs.begin(job("a"), at(1), "bbbb").unwrap();
    ended.job.status = JobStatus::Failed;
    ended.save().unwrap();
    drop(ended);
    assert_eq!(jobs.find("last").unwrap().status, JobStatus::Failed);
}

#[test]
fn a_record_with_more_is_read_and_a_broken_one_hides_no_other() {
    let (folder, jobs) = store();
    drop(jobs.begin(job("a"), NOON, "aaaa").unwrap());
    for (id, text) in [
        (
            "20990101-000000-newr",
            r#"{"schema_version":9,"job_id":"x","run_id":"r","status":"paused","moon":{"full":true}}"#,
        ),
        ("20200101-000000-half", r#"{"job_id":"20200101-000"#),
        ("20200101-000001-none", ""),
    ] {
        let place = folder.path().join("jobs").join(id);
        fs::create_dir(&place).unwrap();
        if !text.is_empty() {
            fs::write(place.join("job.json"), text).unwrap();
        }
    }
    let found = jobs.list().unwrap();
    let newer = found.jobs.iter().find(|seen| seen.job.run_id == "r").unwrap();
    assert_eq!((newer.status, newer.job.job_id.as_str()), (JobStatus::Unknown, "20990101-000000-newr"));
    assert_eq!(found.jobs.len(), 2);
    let broken: Vec<&str> = found.broken.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(broken, ["20200101-000000-half", "20200101-000001-none"]);
    assert!(found.broken[0].1.contains("line 1"), "{}", found.broken[0].1);
    assert!(matches!(jobs.find("20200101-000000-half"), Err(JobError::Broken { .. })));
}

#[test]
fn files_of_a_command_stand_beside_its_record_and_cannot_replace_it() {
    let (_folder, jobs) = store();
    let active = jobs.begin(job("a"), NOON, "aaaa").unwrap();
    active.write_file("ids.txt", "one\ntwo\n").unwrap();
    assert_eq!(fs::read_to_string(active.folder().join("ids.txt")).unwrap(), "one\ntwo\n");
    for name in ["job.json", "log.txt", "job.lock", "../x", "a/b", "", ".."] {
        assert!(matches!(active.write_file(name, "x"), Err(JobError::Refused(_))), "{name}");
    }
}

#[test]
fn the_tail_of_a_log_says_how_much_comes_before() {
    let (_folder, jobs) = store();
    let mut active = jobs.begin(job("a"), NOON, "aaaa").unwrap();
    active.log.write_all(b"0123456789").unwrap();
    let id = active.job.job_id.clone();
    assert_eq!(jobs.log(&id, 4).unwrap(), (b"6789".to_vec(), 6));
    assert_eq!(jobs.log(&id, 99).unwrap(), (b"0123456789".to_vec(), 0));
    assert_eq!(jobs.log("no-such-job", 4).unwrap(), (Vec::new(), 0));
}

#[test]
fn a_jobs_folder_that_cannot_be_made_is_an_error_before_anything_else() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("jobs"), "a file").unwrap();
    let jobs = Jobs::of(folder.path());
    assert!(matches!(jobs.lock_run("a"), Err(JobError::Disk { .. })));
    assert!(matches!(jobs.begin(job("a"), NOON, "aaaa"), Err(JobError::Disk { .. })));
}

/// What a tool printed, and how often it was asked to stop.
#[derive(Default)]
struct Heard {
    out: Vec<u8>,
    err: Vec<u8>,
    stops: Vec<(Stop, usize)>,
    /// What is asked of the tool as soon as it has printed something.
    asks: Option<(UnboundedSender<Stop>, i64)>,
}

impl Follower for Heard {
    fn output(&mut self, channel: Channel, bytes: &[u8]) {
        match channel {
            Channel::Out => self.out.extend_from_slice(bytes),
            Channel::Err => self.err.extend_from_slice(bytes),
        }
        if let Some((sender, times)) = self.asks.take() {
            (0..times).for_each(|_| sender.send(Stop::Interrupt).unwrap());
        }
    }

    fn tick(&mut self) {}

    fn stopping(&mut self, stop: Stop, time: usize) {
        self.stops.push((stop, time));
    }
}

#[cfg(unix)]
fn shell(script: &str, jobs: &Jobs, run: &str) -> (Started, RunLock) {
    let lock = jobs.lock_run(run).unwrap();
    let arguments = ["-c".to_owned(), script.to_owned()];
    (start(Path::new("/bin/sh"), &arguments, Path::new("/"), &lock).unwrap(), lock)
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn output_is_kept_as_it_came_and_the_exit_code_is_the_tools_own() {
    let (_folder, jobs) = store();
    let mut active = jobs.begin(job("a"), NOON, "aaaa").unwrap();
    let script = r"cat; printf 'a\r\nb\377\033[31m'; printf 'no end' >&2; pwd; exit 3";
    let (started, _lock) = shell(script, &jobs, "a");
    let (_sender, mut stop) = unbounded_channel();
    let mut heard = Heard::default();
    let outcome = started.follow(&mut active.log, &mut stop, &mut heard).await.unwrap();
    assert_eq!((outcome.exit_code, outcome.signal, outcome.stopped), (Some(3), None, false));
    assert!(!outcome.is_success() && !outcome.left_behind);
    assert_eq!(heard.out, b"a\r\nb\xff\x1b[31m/\n", "the input was empty, and the folder the one asked for");
    assert_eq!(heard.err, b"no end");
    let log = jobs.log(&active.job.job_id, 1000).unwrap().0;
    assert_eq!(log.len(), heard.out.len() + heard.err.len());
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_request_to_stop_reaches_the_whole_group_and_the_second_one_kills_it() {
    let (_folder, jobs) = store();
    for (script, exit_code, signal, stops) in [
        ("trap 'echo bye; exit 9' INT; echo up; while :; do read x < \"$0\"; done", Some(9), None, 1),
        ("trap '' INT; echo up; while :; do read x < \"$0\"; done", None, Some(9), 2),
    ] {
        let mut active = jobs.begin(job("a"), at(stops), "aaaa").unwrap();
        let fifo = active.folder().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        let lock = jobs.lock_run("a").unwrap();
        let arguments = ["-c".to_owned(), script.to_owned(), fifo.display().to_string()];
        let started = start(Path::new("/bin/sh"), &arguments, Path::new("/"), &lock).unwrap();
        let (sender, mut stop) = unbounded_channel();
        let mut heard = Heard { asks: Some((sender, stops)), ..Heard::default() };
        let outcome = started.follow(&mut active.log, &mut stop, &mut heard).await.unwrap();
        assert_eq!(
            (outcome.exit_code, outcome.signal, outcome.stopped),
            (exit_code, signal, true),
            "{script}"
        );
        assert_eq!(heard.stops.len(), usize::try_from(stops).unwrap());
        assert!(!outcome.is_success());
    }
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread")]
async fn a_runs_lock_lives_as_long_as_its_tool() {
    let (folder, jobs) = store();
    let fifo = folder.path().join("fifo");
    assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
    let active = jobs.begin(job("nightly"), NOON, "aaaa").unwrap();
    let lock = jobs.lock_run("nightly").unwrap();
    // The tool hands its input on to a child and ends; the child waits. (A shell gives what it puts into the background
    // an input of its own, unless it is told not to.)
    let script = format!("exec 3<&0; (read x < '{}'; echo done) <&3 3<&- & echo $!", fifo.display());
    let arguments = ["-c".to_owned(), script];
    let started = start(Path::new("/bin/sh"), &arguments, Path::new("/"), &lock).unwrap();
    let id = active.job.job_id.clone();
    drop((lock, active));
    let busy = jobs.lock_run("nightly").unwrap_err();
    let JobError::Busy { holder: Some(holder), .. } = &busy else { panic!("{busy}") };
    assert_eq!(holder.job_id, id);
    assert!(busy.to_string().contains("runq pid 7"), "{busy}");
    assert!(busy.to_string().contains("2026-05-06T05:36:19"), "{busy}");
    eventually(&jobs, &id, (JobStatus::Interrupted, true));
    assert!(jobs.lock_run("another").is_ok());
    let mut log = fs::File::create(folder.path().join("log")).unwrap();
    let (_sender, mut stop) = unbounded_channel();
    let mut heard = Heard::default();
    let (following, writing) = tokio::join!(started.follow(&mut log, &mut stop, &mut heard), async {
        tokio::task::spawn_blocking(move || fs::write(fifo, "go\n")).await.unwrap()
    });
    writing.unwrap();
    assert_eq!(following.unwrap().exit_code, Some(0));
    assert!(heard.out.ends_with(b"done\n"), "{:?}", String::from_utf8_lossy(&heard.out));
    eventually(&jobs, &id, (JobStatus::Interrupted, false));
    assert!(jobs.lock_run("nightly").is_ok(), "everybody has gone");
}

#[cfg(unix)]
#[test]
fn programs_are_found_as_a_shell_finds_them() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (name, mode) in [("bin/tool", 0o755), ("bin/plain", 0o644), ("work/own", 0o755)] {
        let path = root.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, "#!/bin/sh\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let (work, path) = (root.join("work"), root.join("bin").into_os_string());
    let resolve = |word: &str| resolve_program(word, &work, Some(&path));
    assert_eq!(resolve("tool").unwrap(), root.join("bin/tool"));
    assert_eq!(resolve("./own").unwrap(), work.join("./own"));
    assert_eq!(resolve("../bin/tool").unwrap(), work.join("../bin/tool"));
    assert!(matches!(resolve("own"), Err(JobError::NoProgram { .. })), "the folder is not on the path");
    assert!(matches!(resolve(""), Err(JobError::NoProgram { .. })));
    assert!(matches!(resolve("plain"), Err(JobError::NotExecutable { .. })));
    assert!(matches!(resolve("../bin/plain"), Err(JobError::NotExecutable { .. })));
    assert!(matches!(resolve("./gone"), Err(JobError::NoSuchFile { .. })));
    let gone = resolve_program("tool", &root.join("gone"), Some(&path)).unwrap_err();
    assert!(matches!(&gone, JobError::NoFolder { .. }) && gone.to_string().ends_with("nothing was started"));
}

#[test]
fn rows_are_whole_lines_that_came_since_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let index = folder.path().join("index.jsonl");
    fs::write(&index, "{}\n\n{}\n{\"half").unwrap();
    let mut growth = Growth::of(&index, None).unwrap();
    assert_eq!(growth.rows(), 0);
    let mut file = fs::OpenOptions::new().append(true).open(&index).unwrap();
    file.write_all(b"\":1}\n{}\n  \n{}").unwrap();
    assert_eq!(growth.rows(), 2, "the half line is whole now, the last one is not");
    fs::write(&index, "{}\n").unwrap();
    assert_eq!(growth.rows(), 2, "a file that is written anew takes nothing back");
    fs::write(&index, "{}\n{}\n{}\n{}\n{}\n{}\n").unwrap();
    assert_eq!(growth.rows(), 4);
    assert!(Growth::of(&folder.path().join("history.db"), None).is_none());
}

#[test]
fn rows_of_a_new_output_are_counted_where_they_appear() {
    let folder = tempfile::tempdir().unwrap();
    let output = folder.path().join("out");
    let mut growth = Growth::of(Path::new("/run/index.jsonl"), Some(&output)).unwrap();
    assert_eq!(growth.rows(), 0);
    fs::create_dir_all(output.join(".internal")).unwrap();
    fs::write(output.join(".internal/index.jsonl"), "{}\n{}\n").unwrap();
    assert_eq!(growth.rows(), 2);
    let file = folder.path().join("new.jsonl");
    let mut growth = Growth::of(Path::new("/run/history.db"), Some(&file)).unwrap();
    fs::write(&file, "{}\n").unwrap();
    assert_eq!(growth.rows(), 1);
}
