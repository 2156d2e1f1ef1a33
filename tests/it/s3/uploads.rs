//! Uploads in parts leave nothing behind when their writer fails or is stopped.

use std::sync::Arc;
use std::time::Duration;

use object_store::path::Path;
use object_store::{MultipartUpload as _, ObjectStore, ObjectStoreExt as _, PutPayload};
use runq::objects::Traffic;
use runq::objects::s3::{Settings, abort_unfinished, bucket};

use crate::support::s3::{Asked, BUCKET, Fault, KEY_ID, Rule, S3Server, SECRET};

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
