//! The store as it was: every version gives the rows of then, or says that it no longer can.

use super::maintenance::{LATER, optimize, reopened, rows_of};
use super::*;
use crate::store::history::AsOf;
use crate::store::log;

/// Publishes, replaces, optimizes; after each step the version and what was seen.
async fn eventful() -> (Store, InMemory, Vec<(u64, [Vec<String>; 4])>) {
    let (store, memory) = memory_store().await;
    let mut seen = Vec::new();
    for (step, (run, generation)) in
        [("a", 1), ("b", 1), ("a", 2), ("c", 1), ("b", 2), ("a", 3)].iter().enumerate()
    {
        let ingest_id = format!("ingest-{}{step}", 9 - step);
        publish(&store, &[ingest(run, *generation, &ingest_id, step + 1)]).await.unwrap();
        let snapshot = store.snapshot().await.unwrap();
        seen.push((snapshot.version(), rows_of(&snapshot).await));
        if step == 3 {
            optimize(&store).await;
            let snapshot = store.snapshot().await.unwrap();
            seen.push((snapshot.version(), rows_of(&snapshot).await));
        }
    }
    (store, memory, seen)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_version_shows_what_was_seen_then() {
    let (store, memory, seen) = eventful().await;
    for (version, expected) in &seen {
        let then = store.snapshot_as_of(AsOf::Version(*version)).await.unwrap();
        assert_whole(&then).await;
        assert_eq!((then.version(), &rows_of(&then).await), (*version, expected));
        assert!(then.is_newest().await && then.as_of().is_some(), "it does not change");
    }
    let store = reopened(&memory).await;
    let empty = store.snapshot_as_of(AsOf::Version(0)).await.unwrap();
    assert!(empty.runs.is_empty());
    // The commit that publishes, not the one that removes what was replaced after it.
    let commits = log::commits(&store.location, "runs").await.unwrap();
    for commit in &commits {
        let then = store.snapshot_as_of(AsOf::Version(commit.version)).await.unwrap();
        assert_whole(&then).await;
    }
    let last = store.snapshot_as_of(AsOf::Time(LATER)).await.unwrap();
    assert_eq!(rows_of(&last).await, seen.last().unwrap().1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_whose_log_says_nothing_is_told_by_times_and_counts() {
    let (store, memory, seen) = eventful().await;
    forget_children(&store, &memory).await;
    let store = reopened(&memory).await;
    for (version, expected) in &seen {
        let then = store.snapshot_as_of(AsOf::Version(*version)).await.unwrap();
        assert_eq!(&rows_of(&then).await, expected, "version {version}");
    }
}

/// Makes the log of `runs` as an older runq would have written it.
async fn forget_children(store: &Store, memory: &InMemory) {
    for commit in log::commits(&store.location, "runs").await.unwrap() {
        let key =
            object_store::path::Path::from(format!("store/runs/_delta_log/{:020}.json", commit.version));
        let text = object_store::ObjectStoreExt::get(memory, &key).await.unwrap().bytes().await.unwrap();
        let text = String::from_utf8(text.to_vec()).unwrap();
        let without: Vec<String> = text
            .lines()
            .map(|line| {
                let mut action: serde_json::Value = serde_json::from_str(line).unwrap();
                if let Some(info) = action.get_mut("commitInfo").and_then(|info| info.as_object_mut()) {
                    info.remove("runq.children");
                }
                action.to_string()
            })
            .collect();
        let bytes = without.join("\n").into_bytes();
        object_store::ObjectStoreExt::put(memory, &key, bytes.into()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_vacuum_took_or_never_was_is_said() {
    let (store, _, seen) = eventful().await;
    store.vacuum(LATER).await.unwrap();
    let newest = store.snapshot().await.unwrap().version();
    let gone = store.snapshot_as_of(AsOf::Version(seen[1].0)).await.unwrap_err();
    assert!(matches!(gone, StoreError::HistoryGone { .. }), "{gone}");
    assert!(gone.to_string().contains("vacuum"), "{gone}");
    let last = store.snapshot_as_of(AsOf::Version(newest)).await.unwrap();
    assert_eq!(rows_of(&last).await, seen.last().unwrap().1);
    for never in [AsOf::Version(newest + 1), AsOf::Time(Timestamp(0))] {
        let error = store.snapshot_as_of(never).await.unwrap_err();
        assert!(matches!(error, StoreError::NoSuchVersion { .. }), "{error}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn versions_tell_what_happened() {
    let (store, _, _) = eventful().await;
    let (versions, all) = store.versions(1000).await.unwrap();
    assert_eq!(versions.len(), all);
    let told: Vec<_> = versions
        .iter()
        .rev()
        .filter(|version| !version.added.is_empty() || !version.replaced.is_empty())
        .map(|version| (version.added.join(","), version.replaced.join(",")))
        .collect();
    let of = |added: &str, replaced: &str| (added.to_owned(), replaced.to_owned());
    assert_eq!(told, [of("a", ""), of("b", ""), of("", "a"), of("c", ""), of("", "b"), of("", "a")]);
    assert!(versions.iter().any(|version| version.operation.as_deref() == Some("OPTIMIZE")));
    assert_eq!(store.versions(2).await.unwrap().0, versions[..2]);
}
