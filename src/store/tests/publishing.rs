//! What was published is what is read: new runs, replaced runs, renamed runs, metrics.

use datafusion::physical_plan::{ExecutionPlan, collect};

use super::*;

fn sorted<R: std::fmt::Debug>(mut rows: Vec<R>) -> Vec<String> {
    rows.drain(..)
        .map(|row| format!("{row:?}"))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect()
}

#[tokio::test]
async fn every_column_of_every_table_comes_back_as_it_was() {
    let (store, _) = memory_store().await;
    let (first, second) = (ingest("a", 1, "ingest-aaaa1", 12), ingest("b'b", 1, "ingest-bbbb1", 3));
    let published = publish(&store, &[first.clone(), second.clone()]).await.unwrap();
    assert_eq!(published.runs, ["a", "b'b"]);
    assert_eq!((published.lost, published.litter), (vec![], None));

    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs, [first.run, second.run]);
    assert_eq!(
        sorted(visible::<ResultRow>(&snapshot).await),
        sorted([first.results, second.results].concat())
    );
    assert_eq!(sorted(visible::<ScoreRow>(&snapshot).await), sorted([first.scores, second.scores].concat()));
    assert_eq!(sorted(visible::<StepRow>(&snapshot).await), sorted([first.steps, second.steps].concat()));
}

#[tokio::test]
async fn replacing_a_run_swaps_its_rows_and_removes_the_old_ones() {
    let (store, _) = memory_store().await;
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 5), ingest("b", 1, "ingest-bbbb1", 4)]).await.unwrap();
    let before = store.snapshot().await.unwrap();
    let published = publish(&store, &[ingest("a", 2, "ingest-aaaa2", 2)]).await.unwrap();
    assert_eq!(published, Published { runs: vec!["a".into()], ..Published::default() });

    let after = store.snapshot().await.unwrap();
    assert_whole(&after).await;
    assert_eq!(after.runs.iter().map(|run| run.result_count).sum::<i64>(), 6);
    assert_eq!(stored(&after, "results").await, 6);
    assert_eq!(stored(&after, "scores").await, 12);
    assert_eq!(stored(&after, "steps").await, 18);
    assert!(after.version() > before.version());
    // A reader that began before goes on with what it saw.
    assert_whole(&before).await;
    assert_eq!(stored(&before, "results").await, 9);
}

#[tokio::test]
async fn a_changed_header_keeps_the_rows() {
    let (store, _) = memory_store().await;
    let first = ingest("a", 1, "ingest-aaaa1", 5);
    publish(&store, std::slice::from_ref(&first)).await.unwrap();
    let renamed = RunRow { generation: 2, name: Some("best".into()), ..first.run.clone() };
    let mut publication = store.publish().await.unwrap();
    publication.run(renamed.clone());
    let published = publication.commit().await.unwrap();
    assert_eq!(published.litter, None);

    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs, [renamed]);
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "results").await, 5);
}

#[tokio::test]
async fn publishing_the_same_again_after_it_landed_says_so_and_adds_nothing() {
    let (store, _) = memory_store().await;
    let first = ingest("a", 1, "ingest-aaaa1", 5);
    publish(&store, std::slice::from_ref(&first)).await.unwrap();
    let again = publish(&store, std::slice::from_ref(&first)).await.unwrap();
    assert_eq!(again.runs, ["a"]);
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(stored(&snapshot, "steps").await, 15);
}

#[tokio::test]
async fn a_metric_is_described_once_per_name() {
    let (store, _) = memory_store().await;
    for rows in [vec![metric("b", "higher"), metric("a", "higher")], vec![metric("b", "lower")]] {
        let mut publication = store.publish().await.unwrap();
        rows.into_iter().for_each(|row| publication.metric(row));
        let published = publication.commit().await.unwrap();
        assert_eq!(published, Published::default());
    }
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.metrics, [metric("a", "higher"), metric("b", "lower")]);
}

#[tokio::test]
async fn what_the_store_does_not_do_is_refused() {
    let (store, memory) = memory_store().await;
    let mut publication = store.publish().await.unwrap();
    let rows = RunRow::batch(&[RunRow::default()]).unwrap();
    let error = publication.write("runs", rows.clone()).await.unwrap_err();
    assert!(error.to_string().contains("table runs"), "{error}");
    let error = publication.write("results", rows).await.unwrap_err();
    assert!(matches!(error, StoreError::Refused { .. }), "{error}");
    let error = publication.commit().await.unwrap_err();
    assert!(error.to_string().contains("after a failed write"), "{error}");

    let twice = [ingest("a", 1, "ingest-aaaa1", 1), ingest("b", 1, "ingest-aaaa1", 1)];
    let error = publish(&store, &twice).await.unwrap_err();
    assert!(error.to_string().contains("ingest-aaaa1 twice"), "{error}");

    let reader = Store::open_with(Arc::new(memory), &memory_url(), Access::ReadOnly).await.unwrap();
    assert!(matches!(reader.publish().await.unwrap_err(), StoreError::ReadOnly { .. }));
    assert!(matches!(reader.clean(Timestamp(0)).await.unwrap_err(), StoreError::ReadOnly { .. }));
    assert!(store.snapshot().await.unwrap().runs.is_empty());
}

#[tokio::test]
async fn a_question_about_one_ingest_of_fifty_opens_only_its_file() {
    let (store, _) = memory_store().await;
    for number in 0..50 {
        let ingest_id = format!("ingest-{number:05}");
        publish(&store, &[ingest(&format!("run-{number}"), 1, &ingest_id, 1)]).await.unwrap();
    }
    let snapshot = store.snapshot().await.unwrap();
    let provider = snapshot.provider("results").unwrap();
    let session = SessionContext::new();
    let wanted = vec![lit("ingest-00017"), lit("ingest-00031")];
    let frame =
        session.read_table(provider).unwrap().filter(col("ingest_id").in_list(wanted, false)).unwrap();
    let plan = frame.create_physical_plan().await.unwrap();
    let batches = collect(Arc::clone(&plan), session.task_ctx()).await.unwrap();
    assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 2);
    let display = datafusion::physical_plan::displayable(plan.as_ref()).indent(true).to_string();
    assert_eq!(display.matches(".parquet").count(), 2, "{display}");
}

/// How many rows the Parquet reader itself has left out.
fn rows_left_out(plan: &Arc<dyn ExecutionPlan>) -> usize {
    let own = plan.metrics().and_then(|metrics| metrics.sum_by_name("pushdown_rows_pruned"));
    own.map_or(0, |value| value.as_usize()) + plan.children().into_iter().map(rows_left_out).sum::<usize>()
}

#[tokio::test]
async fn the_session_decides_whether_the_parquet_reader_filters() {
    let (store, _) = memory_store().await;
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 5)]).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    for wanted in [true, false] {
        let mut config = datafusion::prelude::SessionConfig::new();
        config.options_mut().execution.parquet.pushdown_filters = wanted;
        let session = SessionContext::new_with_config(config);
        let provider = snapshot.provider_for("results", &session.state()).await.unwrap();
        let frame = session.read_table(provider).unwrap();
        let frame = frame.filter(col("case_id").eq(lit("case-00003"))).unwrap();
        let plan = frame.create_physical_plan().await.unwrap();
        let batches = collect(Arc::clone(&plan), session.task_ctx()).await.unwrap();
        assert_eq!(batches.iter().map(|batch| batch.num_rows()).sum::<usize>(), 1);
        assert_eq!(rows_left_out(&plan), if wanted { 4 } else { 0 });
    }
}

#[tokio::test]
async fn the_log_has_statistics_of_the_columns_that_prune_and_no_texts() {
    let (store, _) = memory_store().await;
    publish(&store, &[ingest("a", 1, "ingest-aaaa1", 5)]).await.unwrap();
    let table = store.location.load("results").await.unwrap();
    let view = table.snapshot().unwrap().log_data().iter().next().unwrap();
    let stats: serde_json::Value = serde_json::from_str(&view.stats().unwrap()).unwrap();
    let low = stats["minValues"].as_object().unwrap();
    let mut names: Vec<&str> = low.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["case_id", "ingest_id", "model", "run_id", "task"]);
    assert_eq!(
        (&low["ingest_id"], &stats["maxValues"]["case_id"]),
        (&"ingest-aaaa1".into(), &"case-00004".into())
    );
}

#[tokio::test]
async fn a_run_with_a_very_long_id_is_replaced_like_any_other() {
    let (store, _) = memory_store().await;
    let id = |last: char| format!("{}::2026-01-01T00-00-00{last}", "experiment-".repeat(20));
    publish(&store, &[ingest(&id('a'), 1, "ingest-aaaa1", 5), ingest(&id('b'), 1, "ingest-bbbb1", 1)])
        .await
        .unwrap();
    let published = publish(&store, &[ingest(&id('a'), 2, "ingest-aaaa2", 2)]).await.unwrap();
    assert_eq!(published.litter, None);
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!((snapshot.runs.len(), stored(&snapshot, "results").await), (2, 3));
}

/// So many runs with one result each, in files of many runs.
async fn publish_many(store: &Store, runs: usize, generation: i64) -> Published {
    let rows: Vec<Ingest> = (0..runs)
        .map(|number| {
            ingest(&format!("run-{number:05}"), generation, &format!("i{generation}-{number:05}"), 1)
        })
        .collect();
    let mut publication = store.publish().await.unwrap();
    let results: Vec<ResultRow> = rows.iter().flat_map(|row| row.results.clone()).collect();
    let scores: Vec<ScoreRow> = rows.iter().flat_map(|row| row.scores.clone()).collect();
    let steps: Vec<StepRow> = rows.iter().flat_map(|row| row.steps.clone()).collect();
    publication.write(ResultRow::TABLE, ResultRow::batch(&results).unwrap()).await.unwrap();
    publication.write(ScoreRow::TABLE, ScoreRow::batch(&scores).unwrap()).await.unwrap();
    publication.write(StepRow::TABLE, StepRow::batch(&steps).unwrap()).await.unwrap();
    rows.into_iter().for_each(|row| publication.run(row.run));
    publication.commit().await.unwrap()
}

/// Publishes so many runs, all at once, and then all of them again, on the small stack of a test's thread.
async fn published_and_replaced(runs: usize) {
    let (store, _) = memory_store().await;
    for generation in 1..=2 {
        let published = publish_many(&store, runs, generation).await;
        assert_eq!((published.runs.len(), published.lost.len(), published.litter), (runs, 0, None));
    }
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(snapshot.runs.iter().filter(|run| run.generation == 2).count(), runs);
    assert_eq!(stored(&snapshot, "results").await, runs, "what was replaced is gone");
}

#[tokio::test]
async fn thousands_of_runs_are_published_and_replaced_in_one_commit() {
    published_and_replaced(2_500).await;
}

#[tokio::test]
#[ignore = "twenty seconds"]
async fn tens_of_thousands_of_runs_are_published_and_replaced_in_one_commit() {
    published_and_replaced(40_000).await;
}
