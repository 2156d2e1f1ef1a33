//! Optimizing a store while others write, read and crash: the same rows before and after.

use deltalake_core::DeltaTable;

use super::objects::{Fault, Watched};
use super::*;
use crate::store::check::{Depth, Trouble};
use crate::store::files::files_of;
use crate::store::location::CHILDREN;
use crate::store::optimize::{Optimization, Optimized};
use crate::store::publish::commit_children;
use crate::store::race::Race;

const LONG_AGO: Timestamp = Timestamp(1_000_000_000_000_000);
/// The year 2100: everything was committed before it.
pub(super) const LATER: Timestamp = Timestamp(4_102_444_800_000_000);

pub(super) async fn optimize(store: &Store) -> Optimized {
    store.optimize(&Optimization::new(LONG_AGO), &|_| {}).await.unwrap()
}

pub(super) async fn reopened(memory: &InMemory) -> Store {
    Store::open_with(Arc::new(memory.clone()), &memory_url(), Access::ReadWrite).await.unwrap()
}

/// A store of so many runs, each published by itself; every third one twice.
pub(super) async fn store_of(runs: usize) -> (Store, InMemory) {
    let (store, memory) = memory_store().await;
    for number in 0..runs {
        let generations = if number % 3 == 2 { 2 } else { 1 };
        for generation in 1..=generations {
            let ingest_id = format!("ingest-{}{number:03}", 9 - generation);
            let run = ingest(&format!("run-{number:03}"), generation, &ingest_id, 2 + number % 3);
            publish(&store, &[run]).await.unwrap();
        }
    }
    (store, memory)
}

/// Every visible row, in an order of its own.
pub(super) async fn rows(store: &Store) -> [Vec<String>; 4] {
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    rows_of(&snapshot).await
}

pub(super) async fn rows_of(snapshot: &StoreSnapshot) -> [Vec<String>; 4] {
    let mut all = [
        snapshot.runs.iter().map(|row| format!("{row:?}")).collect(),
        visible::<ResultRow>(snapshot).await.iter().map(|row| format!("{row:?}")).collect(),
        visible::<ScoreRow>(snapshot).await.iter().map(|row| format!("{row:?}")).collect(),
        visible::<StepRow>(snapshot).await.iter().map(|row| format!("{row:?}")).collect::<Vec<_>>(),
    ];
    all.iter_mut().for_each(|rows| rows.sort());
    all
}

pub(super) async fn versions(store: &Store) -> Vec<u64> {
    let mut versions = Vec::new();
    for name in ["runs", "results", "scores", "steps", "metrics"] {
        versions.push(store.location.load(name).await.unwrap().version().unwrap());
    }
    versions
}

async fn file_names(store: &Store, table: &'static str) -> Vec<String> {
    let table = store.location.load(table).await.unwrap();
    files_of(&table).unwrap().into_iter().map(|file| file.path).collect()
}

async fn assert_sound(store: &Store) {
    let checked = store.check(Depth::Whole).await.unwrap();
    assert!(checked.is_whole(), "{checked:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_small_files_become_one_sorted_file_and_a_second_time_does_nothing() {
    let (store, memory) = store_of(6).await;
    let before = rows(&store).await;
    let done = optimize(&store).await;
    assert_eq!(rows(&store).await, before);
    for name in ["results", "scores", "steps", "runs"] {
        let of = done.tables.iter().find(|table| table.table == name).unwrap();
        assert_eq!((of.files_before, of.files_after, of.merged), (6, 1, 6), "{of:?}");
        assert!(of.checkpoint.is_some() && of.unpublished == 0 && of.overtaken == 0, "{of:?}");
    }
    let scores = store.location.load("scores").await.unwrap();
    let stored = store.location.rows::<ScoreRow>(&scores, None).await.unwrap();
    let keys: Vec<_> = stored.iter().map(|row| (&row.run_id, &row.metric, &row.case_id)).collect();
    assert!(keys.is_sorted(), "{keys:?}");
    assert_sound(&store).await;

    let there = versions(&store).await;
    let again = optimize(&reopened(&memory).await).await;
    assert_eq!(versions(&store).await, there, "no further commit");
    assert!(again.tables.iter().all(|table| table.merged == 0 && table.checkpoint.is_none()), "{again:?}");
    assert!(store.snapshot().await.unwrap().is_newest().await, "also behind a checkpoint");
}

/// A text that does not become much smaller.
fn noise(seed: usize) -> String {
    let next = |last: &u64| {
        Some(last.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407))
    };
    let numbers = std::iter::successors(Some(seed as u64 + 1), next).skip(3).take(32);
    numbers.map(|number| format!("{number:016x}")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn files_become_as_large_as_wanted_and_those_that_are_stay_as_they_are() {
    let (store, _) = memory_store().await;
    for number in 0..20 {
        let mut run = ingest(&format!("run-{number:03}"), 1, &format!("ingest-{number:03}"), 100);
        for (place, row) in run.results.iter_mut().enumerate() {
            row.output = Some(noise(number * 1000 + place));
        }
        publish(&store, &[run]).await.unwrap();
    }
    let before = rows(&store).await;
    let wish = Optimization { file_bytes: 200_000, ..Optimization::new(LONG_AGO) };
    let done = store.optimize(&wish, &|_| {}).await.unwrap();
    assert_eq!(rows(&store).await, before);
    let results = done.tables.iter().find(|table| table.table == "results").unwrap();
    assert!((2..15).contains(&results.files_after) && results.merged == 20, "{results:?}");
    let there = file_names(&store, "results").await;
    let again = store.optimize(&wish, &|_| {}).await.unwrap();
    assert!(again.tables.iter().all(|table| table.merged == 0), "{again:?}");
    assert_eq!(file_names(&store, "results").await, there);
    publish(&store, &[ingest("new", 1, "ingest-new", 3)]).await.unwrap();
    store.optimize(&wish, &|_| {}).await.unwrap();
    let kept = file_names(&store, "results").await;
    assert!(there.iter().filter(|file| kept.contains(file)).count() + 1 >= there.len(), "{kept:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rows_of_an_ingest_at_work_are_not_merged() {
    let (store, _) = store_of(4).await;
    let fresh = ingest("fresh", 1, "ingest-fresh", 3);
    let mut publication = store.publish().await.unwrap();
    publication.write("results", ResultRow::batch(&fresh.results).unwrap()).await.unwrap();
    publication.write("scores", ScoreRow::batch(&fresh.scores).unwrap()).await.unwrap();
    publication.write("steps", StepRow::batch(&fresh.steps).unwrap()).await.unwrap();
    let mut race = Race::enter(&store.location, vec![fresh.run.clone()]).await.unwrap();
    commit_children(&store.location, &mut publication.writers, &mut race).await.unwrap();

    let done = optimize(&store).await;
    let results = done.tables.iter().find(|table| table.table == "results").unwrap();
    assert_eq!((results.unpublished, results.files_after), (1, 2), "{results:?}");
    race.finish().await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs.len(), 5);
    assert_whole(&snapshot).await;
    // As an ingest that lost the answer of its last commit and publishes once more.
    publish(&store, &[fresh]).await.unwrap();
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn litter_goes_when_it_is_old_enough() {
    let (store, _) = store_of(3).await;
    let mut publication = store.publish().await.unwrap();
    let crashed = ingest("crashed", 1, "ingest-crash", 3);
    publication.write("results", ResultRow::batch(&crashed.results).unwrap()).await.unwrap();
    let mut race = Race::enter(&store.location, vec![crashed.run.clone()]).await.unwrap();
    commit_children(&store.location, &mut publication.writers, &mut race).await.unwrap();
    drop(race);
    let found = store.check(Depth::Footers).await.unwrap();
    assert_eq!((found.litter.len(), found.litter[0].rows), (1, 3));
    optimize(&store).await;
    assert_eq!(store.check(Depth::Footers).await.unwrap().litter.len(), 1, "it may be at work");
    let done = store.optimize(&Optimization::new(LATER), &|_| {}).await.unwrap();
    assert_eq!(done.cleaned.ingests.into_iter().collect::<Vec<_>>(), ["ingest-crash"]);
    assert_eq!(store.check(Depth::Footers).await.unwrap().litter, []);
    assert_sound(&store).await;
}

/// Optimizes while something else happens, just before a data file of a table is read.
async fn optimize_while(
    memory: &InMemory,
    table: &'static str,
    happens: impl Future<Output = ()> + Send + 'static,
) -> Optimized {
    let file = file_names(&reopened(memory).await, table).await.remove(0);
    let watched = Watched::new(Arc::new(memory.clone()), Fault::Never);
    let store = Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadWrite).await.unwrap();
    watched.before_reading(String::leak(format!("store/{table}/{file}")), Box::pin(happens));
    let done = optimize(&store).await;
    assert!(watched.has_happened());
    done
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_is_replaced_meanwhile_is_left_for_the_next_time() {
    let (store, memory) = store_of(4).await;
    let other = store.clone();
    let done = optimize_while(&memory, "scores", async move {
        publish(&other, &[ingest("run-000", 2, "ingest-again", 7)]).await.unwrap();
    })
    .await;
    let scores = done.tables.iter().find(|table| table.table == "scores").unwrap();
    assert_eq!((scores.overtaken, scores.merged), (4, 0), "{scores:?}");
    assert_sound(&store).await;
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(
        stored(&snapshot, "scores").await as i64,
        snapshot.runs.iter().map(|run| run.score_count).sum::<i64>()
    );
    optimize(&store).await;
    assert_sound(&store).await;
    assert_eq!(file_names(&store, "scores").await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_run_meanwhile_lands_and_so_does_the_merge() {
    let (store, memory) = store_of(4).await;
    let other = store.clone();
    let done = optimize_while(&memory, "scores", async move {
        publish(&other, &[ingest("run-new", 1, "ingest-new", 2)]).await.unwrap();
    })
    .await;
    let scores = done.tables.iter().find(|table| table.table == "scores").unwrap();
    assert_eq!((scores.overtaken, scores.merged, scores.files_after), (0, 4, 2), "{scores:?}");
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_that_optimize_at_once_no_row_is_doubled() {
    let (store, memory) = store_of(5).await;
    let before = rows(&store).await;
    let other = store.clone();
    optimize_while(&memory, "results", async move {
        optimize(&other).await;
    })
    .await;
    assert_eq!(rows(&store).await, before);
    assert_sound(&store).await;
}

/// What Delta's own tools do, on one table.
async fn compacted_by_delta(table: DeltaTable) -> Result<(), deltalake_core::DeltaTableError> {
    table.optimize().await.map(|_| ())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_compaction_by_deltas_own_tools_at_the_same_time_doubles_nothing() {
    let (store, memory) = store_of(5).await;
    let before = rows(&store).await;
    // Theirs in the middle of ours.
    let theirs = store.location.load("results").await.unwrap();
    let done =
        optimize_while(&memory, "results", async move { compacted_by_delta(theirs).await.unwrap() }).await;
    let results = done.tables.iter().find(|table| table.table == "results").unwrap();
    assert_eq!(results.overtaken, 5, "{results:?}");
    assert_eq!(rows(&store).await, before);
    // Ours in the middle of theirs.
    publish(&store, &[ingest("run-z", 1, "ingest-zzz", 2)]).await.unwrap();
    let before = rows(&store).await;
    let file = file_names(&store, "steps").await.remove(0);
    let watched = Watched::new(Arc::new(memory.clone()), Fault::Never);
    let other = Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadWrite).await.unwrap();
    let theirs = other.location.load("steps").await.unwrap();
    let ours = store.clone();
    let happens = async move {
        optimize(&ours).await;
    };
    watched.before_reading(String::leak(format!("store/steps/{file}")), Box::pin(happens));
    let outcome = compacted_by_delta(theirs).await;
    assert!(watched.has_happened());
    assert_eq!(rows(&store).await, before, "{outcome:?}");
    assert_sound(&store).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn runs_are_replaced_and_left_over_rows_found_in_merged_files() {
    let (store, memory) = store_of(6).await;
    let crashed = ingest("crashed", 1, "ingest-33crash", 3);
    let mut publication = store.publish().await.unwrap();
    publication.write("results", ResultRow::batch(&crashed.results).unwrap()).await.unwrap();
    let mut race = Race::enter(&store.location, vec![crashed.run.clone()]).await.unwrap();
    commit_children(&store.location, &mut publication.writers, &mut race).await.unwrap();
    drop(race);
    // Delta's own compaction merges what no run names with the rest.
    for name in CHILDREN {
        compacted_by_delta(store.location.load(name).await.unwrap()).await.unwrap();
    }
    assert_eq!(file_names(&store, "results").await.len(), 1);
    let store = reopened(&memory).await;
    let published = publish(&store, std::slice::from_ref(&crashed)).await.unwrap();
    assert_eq!((published.runs.len(), &published.litter), (1, &None));
    let published = publish(&store, &[ingest("run-001", 2, "ingest-next1", 9)]).await.unwrap();
    assert_eq!((published.runs.len(), &published.litter), (1, &None));
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    let expected: i64 = snapshot.runs.iter().map(|run| run.result_count).sum();
    assert_eq!(stored(&snapshot, "results").await as i64, expected);
    assert_eq!(store.check(Depth::Whole).await.unwrap().litter, []);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_failure_or_a_crash_at_any_operation_changes_no_answer() {
    let (store, memory) = store_of(2).await;
    let before = rows(&store).await;
    for kind in [Fault::After, Fault::Crash] {
        let mut operation = 1;
        loop {
            let disk = memory.fork();
            let watched = Watched::new(Arc::new(disk.clone()), kind(operation));
            if let Ok(store) =
                Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadWrite).await
            {
                let _ = store.optimize(&Optimization::new(LONG_AGO), &|_| {}).await;
            }
            let after = reopened(&disk).await;
            assert_eq!(rows(&after).await, before, "{:?}", kind(operation));
            if operation % 4 == 0 {
                optimize(&after).await;
                assert_eq!(rows(&after).await, before, "{:?}", kind(operation));
                assert_eq!(file_names(&after, "results").await.len(), 1, "{:?}", kind(operation));
            }
            if !watched.has_failed() {
                break;
            }
            operation += 1;
        }
        assert!(operation > 8, "only {operation} writes were seen");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_check_names_the_runs_that_are_not_whole() {
    let (store, memory) = store_of(3).await;
    let file = file_names(&store, "scores").await.remove(0);
    let key = object_store::path::Path::from(format!("store/scores/{file}"));
    object_store::ObjectStoreExt::delete(&memory, &key).await.unwrap();
    let checked = store.check(Depth::Footers).await.unwrap();
    let runs: Vec<_> = checked
        .troubles
        .iter()
        .filter_map(|trouble| match trouble {
            Trouble::Run { run, table, expected, found } => {
                Some((*table, run.score_count, *expected, *found))
            }
            _ => None,
        })
        .collect();
    assert_eq!(runs.len(), 1, "{checked:?}");
    assert_eq!((runs[0].0, runs[0].1, runs[0].3), ("scores", runs[0].2, 0));
    assert!(
        checked
            .troubles
            .iter()
            .any(|trouble| matches!(trouble, Trouble::File { what, .. } if what == "it is not there"))
    );
    // A file of the same size whose end is not Parquet.
    let file = file_names(&store, "steps").await.remove(0);
    let key = object_store::path::Path::from(format!("store/steps/{file}"));
    let size = object_store::ObjectStoreExt::head(&memory, &key).await.unwrap().size as usize;
    object_store::ObjectStoreExt::put(&memory, &key, vec![7_u8; size].into()).await.unwrap();
    let checked = store.check(Depth::Footers).await.unwrap();
    assert!(
        checked
            .troubles
            .iter()
            .any(|trouble| matches!(trouble, Trouble::Run { table: "steps", found: 0, .. })),
        "{checked:?}"
    );
}

/// What the Python package does to every table of a store; prints how many rows each has.
const DELTAS_OWN_TOOLS: &str = r#"
import sys
from deltalake import DeltaTable
for name in ["runs", "results", "scores", "steps", "metrics"]:
    table = DeltaTable(f"{sys.argv[1]}/{name}")
    table.optimize.compact()
    table.create_checkpoint()
    table.vacuum(retention_hours=0, enforce_retention_duration=False, dry_run=False)
    print(name, DeltaTable(f"{sys.argv[1]}/{name}").to_pyarrow_table().num_rows)
"#;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_python_package_and_runq_take_turns() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::create(folder.path()).await.unwrap();
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 5), ingest("b", 1, "ingest-bbbb1", 4)]).await.unwrap();
    publish(&store, &[ingest("c", 1, "ingest-cccc1", 2)]).await.unwrap();
    let Some(counts) = other_reader::said_by_python(DELTAS_OWN_TOOLS, folder.path()) else {
        eprintln!("skipped: no python3 with the packages deltalake and pyarrow");
        return;
    };
    assert_eq!(counts, "runs 3\nresults 11\nscores 22\nsteps 33\nmetrics 0\n");
    // A handle that was open all the time, and one that is new.
    publish(&store, &[ingest("a", 2, "ingest-aaaa2", 3)]).await.unwrap();
    let store = Store::open(folder.path(), Access::ReadWrite).await.unwrap();
    publish(&store, &[ingest("d", 1, "ingest-dddd1", 1)]).await.unwrap();
    assert_sound(&store).await;
    optimize(&store).await;
    assert_sound(&store).await;
    let counts = other_reader::said_by_python(DELTAS_OWN_TOOLS, folder.path()).unwrap();
    assert_eq!(counts, "runs 4\nresults 10\nscores 20\nsteps 30\nmetrics 0\n");
    assert_sound(&store).await;
    publish(&store, &[ingest("b", 2, "ingest-bbbb2", 6)]).await.unwrap();
    assert_sound(&Store::open(folder.path(), Access::ReadWrite).await.unwrap()).await;
}
