//! Many ingests, each followed by an optimization, of runs whose ids do not grow with time.

use super::maintenance::{LATER, rows};
use super::*;
use crate::store::files::files_of;
use crate::store::optimize::Optimization;

const ROUNDS: usize = 17;
const RUNS: usize = 2;

/// Runs of one round: their ids are spread over all there are.
async fn publish_round(store: &Store, round: usize) {
    let ingests: Vec<Ingest> = (0..RUNS)
        .map(|run| {
            let id = (round * RUNS + run) * 7919 % 10_000;
            ingest(&format!("run-{id:05}"), 1, &format!("ingest-{round:03}-{run}"), 2)
        })
        .collect();
    publish(store, &ingests).await.unwrap();
}

/// How many files of `scores` may hold a run, of the run that most may hold.
async fn most_files(store: &Store) -> usize {
    let files = files_of(&store.location.load("scores").await.unwrap()).unwrap();
    let runs = store.snapshot().await.unwrap().runs;
    let holding = |run: &str| files.iter().filter(|file| file.runs.may_hold(&[run].into())).count();
    runs.iter().map(|run| holding(&run.run_id)).max().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn few_files_may_hold_a_run_after_many_optimizations() {
    let (store, _) = memory_store().await;
    // So small that a round's file is a large one, which is not merged as a small one is.
    let wish = Optimization { litter_before: Timestamp(0), file_bytes: 4096 };
    let mut most = Vec::new();
    for round in 0..ROUNDS {
        publish_round(&store, round).await;
        store.optimize(&wish, &|_| {}).await.unwrap();
        most.push(most_files(&store).await);
    }
    // At most three strands of one round and three of four rounds.
    assert!(most.iter().all(|files| *files <= 6) && most[2] == 3 && most[3] < 3, "{most:?}");
    let again = store.optimize(&wish, &|_| {}).await.unwrap();
    assert!(again.tables.iter().all(|table| table.merged == 0 && table.checkpoint.is_none()), "{again:?}");
    store.vacuum(LATER).await.unwrap();
    let [runs, results, scores, steps] = rows(&store).await;
    let all = ROUNDS * RUNS;
    assert_eq!([runs.len(), results.len(), scores.len(), steps.len()], [all, all * 2, all * 4, all * 6]);
}
