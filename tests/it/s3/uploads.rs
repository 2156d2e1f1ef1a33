//! Uploads in parts leave nothing behind when their writer fails or is stopped.

use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use object_store::path::Path;
use object_store::{MultipartUpload as _, ObjectStore, ObjectStoreExt as _, PutPayload};
use runq::objects::Traffic;
use runq::objects::s3::{Settings, abort_unfinished, bucket};

use crate::support::s3::{Asked, BUCKET, Fault, KEY_ID, Rule, S3Server, SECRET};
use crate::support::sandbox::Sandbox;

fn reached(server: &S3Server) -> Arc<dyn ObjectStore> {
    let settings = Settings::for_endpoint(&server.endpoint(), "us-east-1", (KEY_ID, SECRET)).unwrap();
    bucket(BUCKET, &settings.bounded(4, Duration::from_secs(20)), Arc::new(Traffic::default())).unwrap()
}

fn part() -> PutPayload {
    PutPayload::from(vec![7_u8; 5 * 1024 * 1024])
}

#[tokio::test]
async fn an_upload_that_is_dropped_or_left_open_is_aborted() {
    let server = S3Server::start();
    let store = reached(&server);
    let mut dropped = store.put_multipart(&Path::from("dropped")).await.unwrap();
    dropped.put_part(part()).await.unwrap();
    let mut open = store.put_multipart(&Path::from("open")).await.unwrap();
    open.put_part(part()).await.unwrap();
    assert_eq!(server.unfinished_parts(), 2);
    drop(dropped);
    abort_unfinished().await;
    assert_eq!((server.unfinished_parts(), server.keys().len()), (0, 0));
    assert_eq!(server.count(&[Asked::AbortUpload]), 2);
}

#[tokio::test]
async fn an_upload_whose_last_step_fails_is_aborted_and_one_whose_answer_was_lost_is_there() {
    let server = S3Server::start();
    let store = reached(&server);
    server.fault(Rule::new(Fault::DENIED).on(&[Asked::CompleteUpload]));
    let mut upload = store.put_multipart(&Path::from("refused")).await.unwrap();
    upload.put_part(part()).await.unwrap();
    upload.complete().await.unwrap_err();
    assert_eq!((server.unfinished_parts(), server.keys().len()), (0, 0));
    server.heal().fault(Rule::new(Fault::LostAnswer).on(&[Asked::CompleteUpload]).times(1));
    let mut upload = store.put_multipart(&Path::from("there")).await.unwrap();
    upload.put_part(part()).await.unwrap();
    upload.complete().await.unwrap();
    assert_eq!(store.head(&Path::from("there")).await.unwrap().size, 5 * 1024 * 1024);
}

/// A run whose texts do not compress: its results are uploaded in parts.
fn large_run(sandbox: &Sandbox) -> String {
    let mut state = 7_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        char::from(
            b"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"[(state >> 58) as usize],
        )
    };
    let row = |case: usize, text: String| {
        serde_json::json!({ "case": format!("c{case}"), "output": text, "score": 1.0 }).to_string() + "\n"
    };
    let rows: String = (0..16).map(|case| row(case, (0..1_000_000).map(|_| letter()).collect())).collect();
    sandbox.write("large.jsonl", rows);
    "large.jsonl".to_owned()
}

#[test]
fn an_ingest_that_is_stopped_or_fails_aborts_what_it_uploads() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let run = large_run(&sandbox);
    let ingest = || {
        let mut command = sandbox.command(&["ingest", &run, "--store", "s3://team-runs/runs"]);
        server.reached_by(&mut command).env("AWS_MAX_ATTEMPTS", "2");
        command
    };
    // The second part is never answered: there it is stopped.
    server.fault(Rule::new(Fault::NoAnswer).on(&[Asked::Part]).after(1));
    let child = ingest().stdin(Stdio::null()).stderr(Stdio::piped()).spawn().unwrap();
    while server.count(&[Asked::Part]) < 2 {
        std::thread::yield_now();
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!((server.count(&[Asked::AbortUpload]), server.unfinished_parts()), (1, 0));

    server.heal().fault(Rule::new(Fault::DENIED).on(&[Asked::Part]).after(1)).take_requests();
    let ran = sandbox.finish(ingest(), "").exits(69);
    assert!(ran.stderr.starts_with("error: no permission to write s3://team-runs/runs/"), "{}", ran.stderr);
    assert!(server.count(&[Asked::AbortUpload]) > 0);
    assert_eq!(server.unfinished_parts(), 0);
    server.heal();
    sandbox.finish(ingest(), "").fine();
}

#[test]
fn an_export_that_is_stopped_aborts_what_it_uploads() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    server.put("big.csv", "before");
    // The second part is never answered: there it is stopped.
    server.fault(Rule::new(Fault::NoAnswer).on(&[Asked::Part]).after(1));
    let text = "SELECT repeat('x', 1000) AS text FROM generate_series(1, 20000)";
    let mut command = sandbox.command(&["-c", &format!("COPY ({text}) TO 's3://team-runs/big.csv'")]);
    let command = server.reached_by(&mut command).stdin(Stdio::null()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    while server.count(&[Asked::Part]) < 2 {
        std::thread::yield_now();
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).unwrap();
    let ended = child.wait_with_output().unwrap();
    assert_eq!(ended.status.code(), Some(130), "{}", String::from_utf8_lossy(&ended.stderr));
    assert_eq!((server.count(&[Asked::AbortUpload]), server.unfinished_parts()), (1, 0));
    assert_eq!(server.object("big.csv"), Some(b"before".to_vec()));
}
