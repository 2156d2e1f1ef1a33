//! Several writers and readers at the same time, and what they leave behind.

use super::*;

const LONG_AGO: Timestamp = Timestamp(1_000_000_000_000_000);
/// The year 2100: everything was committed before it.
const LATER: Timestamp = Timestamp(4_102_444_800_000_000);

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_two_writers_of_one_run_one_wins_and_the_other_is_told() {
    let (store, memory) = memory_store().await;
    let other = Store::open_with(Arc::new(memory), &memory_url(), Access::ReadWrite).await.unwrap();
    let (left, right) = (ingest("a", 1, "ingest-left0", 3), ingest("a", 1, "ingest-right", 7));
    let (left_done, right_done) = tokio::join!(
        publish(&store, std::slice::from_ref(&left)),
        publish(&other, std::slice::from_ref(&right))
    );
    let outcomes = [left_done.unwrap(), right_done.unwrap()];
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs.len(), 1);
    assert_whole(&snapshot).await;
    let winner = &snapshot.runs[0];
    let (lost, won): (Vec<_>, Vec<_>) = outcomes.iter().partition(|outcome| outcome.runs.is_empty());
    assert_eq!((lost.len(), won.len()), (1, 1), "{outcomes:?}");
    assert_eq!(lost[0].lost[0].winner, *winner);
    assert_ne!(lost[0].lost[0].ingest_id, winner.ingest_id);
}

#[tokio::test]
async fn a_writer_that_started_before_another_one_finished_loses_and_cleans_up() {
    let (store, _) = memory_store().await;
    let (slow, other) = (ingest("a", 1, "ingest-slow0", 3), ingest("c", 1, "ingest-other", 2));
    let mut publication = store.publish().await.unwrap();
    publication.write("results", ResultRow::batch(&slow.results).unwrap()).await.unwrap();
    publication.write("results", ResultRow::batch(&other.results).unwrap()).await.unwrap();
    publish(&store, &[ingest("a", 1, "ingest-quick", 5)]).await.unwrap();
    publication.run(slow.run);
    publication.run(RunRow { score_count: 0, step_count: 0, ..other.run });
    let published = publication.commit().await.unwrap();
    assert_eq!(published.runs, ["c"], "the other run of the same publication lands");
    assert_eq!(published.lost[0].winner.ingest_id, "ingest-quick");

    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "results").await, 7, "{:?}", published.litter);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn eight_writers_of_different_runs_all_land() {
    let (store, _) = memory_store().await;
    let tasks: Vec<_> = (0..8)
        .map(|number| {
            let store = store.clone();
            tokio::spawn(async move {
                for generation in 1..=2 {
                    let ingest_id = format!("ingest-{number:04}{generation}");
                    let mut ingest = ingest(&format!("run-{number}"), generation, &ingest_id, 2);
                    ingest.run.started_at = Some(Timestamp(number));
                    let published = publish(&store, &[ingest]).await.unwrap();
                    assert_eq!((published.runs.len(), published.lost.len()), (1, 0));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let snapshot = store.snapshot().await.unwrap();
    let ids: Vec<_> = snapshot.runs.iter().map(|run| run.run_id.clone()).collect();
    assert_eq!(ids, (0..8).map(|number| format!("run-{number}")).collect::<Vec<_>>());
    assert!(snapshot.runs.iter().all(|run| run.generation == 2));
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "results").await, 16);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn readers_never_see_half_a_run_while_it_is_replaced_again_and_again() {
    let (store, _) = memory_store().await;
    publish(&store, &[ingest("a", 1, "ingest-00001", 3)]).await.unwrap();
    let writer = {
        let store = store.clone();
        tokio::spawn(async move {
            for generation in 2..=8 {
                let ingest_id = format!("ingest-{generation:05}");
                publish(&store, &[ingest("a", generation, &ingest_id, generation as usize)]).await.unwrap();
            }
        })
    };
    while !writer.is_finished() {
        assert_whole(&store.snapshot().await.unwrap()).await;
    }
    writer.await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs[0].generation, 8);
    assert_eq!(stored(&snapshot, "results").await, 8);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn racing_creators_get_the_same_store() {
    let memory = object_store::memory::InMemory::new();
    let tasks: Vec<_> = (0..4)
        .map(|_| {
            let memory = Arc::new(memory.clone());
            tokio::spawn(async move { Store::create_with(memory, &memory_url()).await.map(|_| ()) })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let store = Store::create_with(Arc::new(memory), &memory_url()).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().version(), 0, "one writer made the table, nobody changed it");
}

/// Leaves the rows of an ingest that crashed before its header.
async fn crash(store: &Store, ingest: &Ingest) {
    let mut race = super::super::race::Race::enter(&store.location, vec![ingest.run.clone()]).await.unwrap();
    let mut publication = store.publish().await.unwrap();
    publication.write("results", ResultRow::batch(&ingest.results).unwrap()).await.unwrap();
    let writers = &mut publication.writers;
    super::super::publish::commit_children(&store.location, writers, &mut race).await.unwrap();
}

#[tokio::test]
async fn the_next_ingest_of_a_run_removes_what_a_crashed_one_left() {
    let (store, _) = memory_store().await;
    crash(&store, &ingest("a", 1, "ingest-crash", 5)).await;
    crash(&store, &ingest("z", 1, "ingest-alive", 4)).await;
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!((snapshot.runs.len(), stored(&snapshot, "results").await), (0, 9));
    let published = publish(&store, &[ingest("a", 1, "ingest-aaaa1", 2)]).await.unwrap();
    assert_eq!(published.litter, None);
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "results").await, 6, "the other run's writer may be alive");
}

#[tokio::test]
async fn the_same_ingest_published_again_after_a_crash_counts_once() {
    let (store, _) = memory_store().await;
    let again = ingest("a", 1, "ingest-aaaa1", 5);
    crash(&store, &again).await;
    publish(&store, &[again]).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "results").await, 5);
}

#[tokio::test]
async fn cleaning_takes_old_litter_and_nothing_that_may_be_in_flight() {
    let (store, _) = memory_store().await;
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 2)]).await.unwrap();
    crash(&store, &ingest("b", 1, "ingest-crash", 5)).await;
    let cleaned = store.clean(LONG_AGO).await.unwrap();
    assert!(cleaned.ingests.is_empty(), "{cleaned:?}");
    assert_eq!(stored(&store.snapshot().await.unwrap(), "results").await, 7);

    let cleaned = store.clean(LATER).await.unwrap();
    assert_eq!(cleaned.ingests, ["ingest-crash".to_owned()].into());
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "results").await, 2);
    assert_eq!(store.clean(LATER).await.unwrap(), super::super::Cleaned::default());
}

#[tokio::test]
async fn a_header_that_starts_from_a_stale_view_loses() {
    let (store, _) = memory_store().await;
    let mut races = Vec::new();
    for ingest_id in ["ingest-first", "ingest-stale"] {
        let run = ingest("a", 1, ingest_id, 0).run;
        races.push(super::super::race::Race::enter(&store.location, vec![run]).await.unwrap());
    }
    for race in &mut races {
        race.finish().await.unwrap();
    }
    assert_eq!((races[0].landed.len(), races[0].lost.len()), (1, 0));
    assert_eq!((races[1].landed.len(), races[1].lost.len()), (0, 1));
    assert_eq!(races[1].lost[0].winner.ingest_id, "ingest-first");
}

#[tokio::test]
async fn a_reader_that_meets_a_clean_up_between_two_tables_looks_again() {
    let (store, memory) = memory_store().await;
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 3)]).await.unwrap();
    let watched = objects::Watched::new(Arc::new(memory), objects::Fault::Never);
    let reader = Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadOnly).await.unwrap();
    let replace = async move {
        publish(&store, &[ingest("a", 2, "ingest-aaaa2", 5)]).await.unwrap();
    };
    // `runs` is read before the other tables.
    watched.before_reading("store/results/_delta_log/_last_checkpoint", Box::pin(replace));
    let snapshot = reader.snapshot().await.unwrap();
    assert!(watched.has_happened());
    assert_eq!(snapshot.runs[0].generation, 2);
    assert_whole(&snapshot).await;
}
