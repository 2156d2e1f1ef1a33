//! Removing files that nobody needs: no version since the cut-off loses one.

use object_store::{ObjectStoreExt as _, PutPayload};

use super::maintenance::{LATER, optimize, reopened, rows, rows_of, store_of, versions};
use super::objects::{Fault, Watched};
use super::*;
use crate::store::check::Depth;
use crate::store::log;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_files_that_no_version_since_the_cutoff_needs_go() {
    let (store, memory) = store_of(6).await;
    let reader = store.snapshot().await.unwrap();
    let before = rows_of(&reader).await;
    // Everything until now is a moment ago.
    let moment = log::commits(&store.location, "runs").await.unwrap().last().unwrap().at;
    optimize(&store).await;
    let there = versions(&store).await;
    let found = store.vacuum(moment).await.unwrap();
    assert!(found.files() > 0 && found.removed() == found.files(), "replaced long ago: {found:?}");
    assert_eq!(versions(&store).await, there, "a vacuum commits nothing");
    // A reader that began before the optimization goes on: at the cut-off its version was the newest.
    assert_eq!(rows_of(&reader).await, before);
    assert_eq!(rows(&store).await, before);

    let listed = store.unneeded(LATER).await.unwrap();
    assert_eq!(store.unneeded(LATER).await.unwrap(), listed, "to look changes nothing");
    let found = store.vacuum(LATER).await.unwrap();
    assert_eq!((found.files(), found.removed()), (listed.files(), listed.files()));
    assert!(found.files() >= 24, "six files of four tables at least: {found:?}");
    assert_eq!(rows(&reopened(&memory).await).await, before);
    let checked = store.check(Depth::Whole).await.unwrap();
    assert!(checked.is_whole() && checked.tables.iter().all(|table| table.others.is_empty()), "{checked:?}");
    assert_eq!(store.vacuum(LATER).await.unwrap().files(), 0);
}

#[tokio::test]
async fn a_file_that_was_never_committed_goes_when_it_is_old_and_nothing_else_does() {
    let (store, memory) = store_of(1).await;
    for name in ["part-0.parquet", "_hidden.parquet", "notes.txt", "_delta_log/half.parquet"] {
        let key = object_store::path::Path::from(format!("store/results/{name}"));
        memory.put(&key, PutPayload::from_static(b"half a file")).await.unwrap();
    }
    let checked = store.check(Depth::Footers).await.unwrap();
    let results = checked.tables.iter().find(|table| table.table == "results").unwrap();
    assert_eq!(results.others, [("part-0.parquet".to_owned(), 11)]);
    assert!(checked.is_whole());
    assert_eq!(store.unneeded(Timestamp(0)).await.unwrap().files(), 0, "it is young");
    let found = store.vacuum(LATER).await.unwrap();
    let names: Vec<_> = found.tables.iter().flat_map(|table| &table.files).map(|file| &file.path).collect();
    assert_eq!(names, ["part-0.parquet"]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_or_a_crash_at_any_operation_loses_nothing() {
    let (store, memory) = store_of(2).await;
    optimize(&store).await;
    let before = rows(&store).await;
    // Every operation is a read but the removals: one of them fails, and then one more.
    for operation in (1..).step_by(7) {
        {
            let kind = Fault::Before;
            let disk = memory.fork();
            let watched = Watched::new(Arc::new(disk.clone()), kind(operation));
            if let Ok(store) =
                Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadWrite).await
            {
                let _ = store.vacuum(LATER).await;
            }
            let after = reopened(&disk).await;
            assert_eq!(rows(&after).await, before, "{:?}", kind(operation));
            after.vacuum(LATER).await.unwrap();
            assert_eq!(rows(&after).await, before, "{:?}", kind(operation));
            if !watched.has_failed() {
                break;
            }
        }
    }
}

#[tokio::test]
async fn the_time_is_that_of_the_place_and_nothing_is_left_of_asking() {
    let (store, memory) = store_of(1).await;
    let last = log::commits(&store.location, "runs").await.unwrap().last().unwrap().at;
    assert!(store.clock("x").await.unwrap() >= last);
    let listed: Vec<_> = futures::StreamExt::collect(object_store::ObjectStore::list(&memory, None)).await;
    assert!(listed.iter().all(|meta| !meta.as_ref().unwrap().location.as_ref().contains("_clock")));
    let reader = Store::open_with(Arc::new(memory), &memory_url(), Access::ReadOnly).await.unwrap();
    assert!(matches!(reader.vacuum(LATER).await, Err(StoreError::ReadOnly { .. })));
    assert!(matches!(reader.clock("x").await, Err(StoreError::ReadOnly { .. })));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_keeps_a_view_notices_that_only_files_were_merged() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    for run in ["a", "b", "c"] {
        publish(&store, &[ingest(run, 1, &format!("ingest-{run}"), 2)]).await.unwrap();
    }
    // One file of `runs` is left, so that the next step has nothing to do there.
    store.location.load("runs").await.unwrap().optimize().await.unwrap();
    let shell = Store::open(folder.path(), Access::ReadOnly).await.unwrap();
    let kept = shell.snapshot().await.unwrap();
    assert!(kept.is_newest().await);
    let before = versions(&store).await;
    optimize(&store).await;
    let after = versions(&store).await;
    assert_eq!(before[0], after[0], "nothing was committed to `runs`");
    assert!(!kept.is_newest().await, "{before:?} {after:?}");

    assert!(store.vacuum(LATER).await.unwrap().removed() > 0);
    let read = SessionContext::new().read_table(kept.provider("results").unwrap()).unwrap().collect().await;
    assert!(read.is_err(), "the files of the kept view are gone");
    let [runs, results, ..] = rows(&shell).await;
    assert_eq!((runs.len(), results.len()), (3, 6));
}
