//! Stores that an older runq made, which lack columns, and stores of a newer one, which have more.

use std::collections::BTreeSet;

use arrow::array::{RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use deltalake_core::DeltaTable;
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::writer::{DeltaWriter, RecordBatchWriter};
use object_store::ObjectStore;

use super::super::location::Location;
use super::super::synced::{SyncedDisk, SystemDisk};
use super::*;

/// Columns that came after the first stores.
const LATER: [&str; 24] = [
    "command",
    "scope",
    "relation",
    "duration_ms",
    "model_duration_ms",
    "input_tokens",
    "output_tokens",
    "total_tokens",
    "cost_usd",
    "processed_count",
    "applied_count",
    "parent_result_id",
    "rerun_seq",
    "mode",
    "seed_id",
    "seed_text",
    "alternatives",
    "review",
    "step_kind",
    "parent_run_id",
    "confidence",
    "unit",
    "category",
    "logprob",
];

/// Makes a table with other columns than the declared ones, by Delta alone.
async fn table_of<R: Row>(location: &Location, rows: &[R], shape: impl Fn(RecordBatch) -> RecordBatch) {
    let batch = shape(R::batch(rows).unwrap());
    let schema: StructType = batch.schema().as_ref().try_into_kernel().unwrap();
    let log = location.table(R::TABLE).unwrap().log_store();
    let mut table: DeltaTable =
        CreateBuilder::new().with_log_store(log).with_columns(schema.fields().cloned()).await.unwrap();
    if !rows.is_empty() {
        let mut writer = RecordBatchWriter::for_table(&table).unwrap();
        writer.write(batch).await.unwrap();
        writer.flush_and_commit(&mut table).await.unwrap();
    }
}

async fn store_of(
    objects: Arc<dyn ObjectStore>,
    url: &Url,
    ingest: &Ingest,
    shape: impl Fn(RecordBatch) -> RecordBatch,
) {
    let location = Location::new(objects, url, &Arc::default());
    table_of(&location, &ingest.steps, &shape).await;
    table_of(&location, &ingest.scores, &shape).await;
    table_of(&location, &ingest.results, &shape).await;
    table_of(&location, &[metric("tone", "lower")], &shape).await;
    table_of(&location, std::slice::from_ref(&ingest.run), &shape).await;
}

fn without_later_columns(batch: RecordBatch) -> RecordBatch {
    let schema = batch.schema();
    let kept: Vec<usize> = (0..batch.num_columns())
        .filter(|at| {
            let field = schema.field(*at);
            !(field.is_nullable() && LATER.contains(&field.name().as_str())) && field.name() != "step_kind"
        })
        .collect();
    batch.project(&kept).unwrap()
}

/// A store without the later columns that holds run `old`.
pub(super) async fn older_memory() -> (InMemory, Ingest) {
    let memory = InMemory::new();
    let old = ingest("old", 1, "ingest-old01", 3);
    store_of(Arc::new(memory.clone()), &memory_url(), &old, without_later_columns).await;
    (memory, old)
}

async fn opened(memory: &InMemory, access: Access) -> Store {
    Store::open_with(Arc::new(memory.clone()), &memory_url(), access).await.unwrap()
}

/// A run that has a value in every later column of its results and scores.
fn newer() -> Ingest {
    let mut newer = ingest("new", 1, "ingest-new01", 3);
    newer.run.command = Some("analyze.run".into());
    newer.run.duration_ms = Some(12.5);
    for (at, result) in newer.results.iter_mut().enumerate() {
        result.rerun_seq = Some(at as i64 + 1);
        result.review = Some("accepted".into());
    }
    newer.scores.iter_mut().for_each(|score| score.step_kind = Some("model".into()));
    newer
}

async fn columns_of(store: &Store, table: &'static str) -> BTreeSet<String> {
    let table = store.location.load(table).await.unwrap();
    let schema = table.snapshot().unwrap().schema();
    schema.fields().map(|field| field.name().clone()).collect()
}

#[tokio::test]
async fn columns_that_are_not_there_are_null_and_reading_writes_nothing() {
    let (memory, old) = older_memory().await;
    let watched = objects::Watched::new(Arc::new(memory.clone()), objects::Fault::Never);
    let store = Store::open_with(Arc::new(watched.clone()), &memory_url(), Access::ReadOnly).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs, [old.run]);
    assert_eq!(snapshot.metrics, [metric("tone", "lower")]);
    let mut results: Vec<ResultRow> = visible(&snapshot).await;
    results.sort_by(|a, b| a.case_id.cmp(&b.case_id));
    assert_eq!(results, old.results);
    assert_eq!(visible::<ScoreRow>(&snapshot).await.len(), old.scores.len());

    let frame = SessionContext::new().read_table(snapshot.provider("results").unwrap()).unwrap();
    let nulls = frame.filter(col("review").is_null().and(col("case_id").eq(lit("case-00001")))).unwrap();
    assert_eq!(nulls.count().await.unwrap(), 1);
    assert!(!watched.operations().iter().any(|operation| operation.starts_with("put")), "{watched:?}");
}

#[tokio::test]
async fn the_first_publication_brings_the_columns_along() {
    let (memory, old) = older_memory().await;
    let store = opened(&memory, Access::ReadWrite).await;
    assert!(!columns_of(&store, "results").await.contains("review"));
    let newer = newer();
    publish(&store, std::slice::from_ref(&newer)).await.unwrap();

    let store = opened(&memory, Access::ReadOnly).await;
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    let mut runs = snapshot.runs.clone();
    runs.sort_by(|a, b| b.run_id.cmp(&a.run_id));
    assert_eq!(runs, [old.run, newer.run]);
    let mut results: Vec<ResultRow> = visible(&snapshot).await;
    results.sort_by(|a, b| (&b.run_id, &a.case_id).cmp(&(&a.run_id, &b.case_id)));
    assert_eq!(results, [old.results, newer.results].concat());
    let scores: Vec<ScoreRow> = visible(&snapshot).await;
    assert!(scores.iter().all(|score| score.step_kind.is_some() == (score.run_id == "new")));
    let declared: BTreeSet<String> =
        ResultRow::columns().iter().map(|column| column.name.to_owned()).collect();
    assert_eq!(columns_of(&store, "results").await, declared);
    let table = store.location.load("results").await.unwrap();
    let protocol = table.snapshot().unwrap().protocol();
    assert_eq!((protocol.min_reader_version(), protocol.min_writer_version()), (1, 2));
}

#[tokio::test]
async fn a_renamed_run_and_a_described_metric_bring_only_their_own_tables_along() {
    let (memory, old) = older_memory().await;
    let store = opened(&memory, Access::ReadWrite).await;
    let mut publication = store.publish().await.unwrap();
    publication.run(RunRow { generation: 2, name: Some("first".into()), ..old.run.clone() });
    publication.commit().await.unwrap();
    assert!(columns_of(&store, "runs").await.contains("command"));
    assert!(!columns_of(&store, "results").await.contains("review"));
    let mut publication = store.publish().await.unwrap();
    publication.metric(MetricRow { unit: Some("words".into()), ..metric("tone", "lower") });
    publication.commit().await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert_eq!(snapshot.runs[0].name.as_deref(), Some("first"));
    assert_eq!(snapshot.metrics[0].unit.as_deref(), Some("words"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn writers_that_bring_the_same_columns_along_all_land() {
    let (memory, _) = older_memory().await;
    let tasks: Vec<_> = (0..6)
        .map(|number| {
            let memory = memory.clone();
            tokio::spawn(async move {
                let store = opened(&memory, Access::ReadWrite).await;
                let ingest = ingest(&format!("run-{number}"), 1, &format!("ingest-{number:05}"), 2);
                publish(&store, &[ingest]).await.unwrap()
            })
        })
        .collect();
    for task in tasks {
        assert_eq!(task.await.unwrap().runs.len(), 1);
    }
    let store = opened(&memory, Access::ReadOnly).await;
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs.len(), 7);
    assert_whole(&snapshot).await;
}

#[tokio::test]
async fn a_writer_of_before_the_change_still_lands_after_it() {
    let (memory, _) = older_memory().await;
    let slow = opened(&memory, Access::ReadWrite).await;
    let table = slow.location.load("results").await.unwrap();
    publish(&opened(&memory, Access::ReadWrite).await, &[newer()]).await.unwrap();
    // What an older runq does: it commits files without the columns over the version that it has read.
    let rows: Vec<ResultRow> = ingest("late", 1, "ingest-late1", 2).results;
    let mut writer = RecordBatchWriter::for_table(&table).unwrap();
    writer.write(without_later_columns(ResultRow::batch(&rows).unwrap())).await.unwrap();
    let adds = super::super::commit::added(writer.flush().await.unwrap());
    let mut table = slow.location.load("results").await.unwrap();
    let change = super::super::commit::Change::append(adds, "run_id = 'late'".to_owned());
    super::super::commit::commit(&mut table, change).await.unwrap();
    let snapshot = slow.snapshot().await.unwrap();
    assert_eq!(stored(&snapshot, "results").await, 8);
    let frame = SessionContext::new().read_table(snapshot.provider("results").unwrap()).unwrap();
    let reviewed = frame.filter(col("review").is_not_null()).unwrap();
    assert_eq!(reviewed.count().await.unwrap(), 3);
}

fn with_a_column(nullable: bool) -> impl Fn(RecordBatch) -> RecordBatch {
    move |batch| {
        let mut fields: Vec<Field> =
            batch.schema().fields().iter().map(|field| field.as_ref().clone()).collect();
        fields.insert(0, Field::new("invented", DataType::Utf8, nullable));
        let mut columns = batch.columns().to_vec();
        columns.insert(0, Arc::new(StringArray::from(vec!["x"; batch.num_rows()])));
        RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).unwrap()
    }
}

#[tokio::test]
async fn a_column_of_a_newer_runq_is_left_alone() {
    let memory = InMemory::new();
    let old = ingest("old", 1, "ingest-old01", 3);
    store_of(Arc::new(memory.clone()), &memory_url(), &old, with_a_column(true)).await;
    let store = opened(&memory, Access::ReadWrite).await;
    assert_eq!(store.snapshot().await.unwrap().runs, [old.run]);
    publish(&store, &[newer()]).await.unwrap();
    let snapshot = store.snapshot().await.unwrap();
    assert_whole(&snapshot).await;
    assert!(columns_of(&store, "runs").await.contains("invented"));
    let frame = SessionContext::new().read_table(snapshot.provider("results").unwrap()).unwrap();
    assert_eq!(frame.filter(col("invented").is_null()).unwrap().count().await.unwrap(), 3);
}

#[tokio::test]
async fn a_value_that_only_a_newer_runq_knows_is_not_made_up() {
    let memory = InMemory::new();
    let old = ingest("old", 1, "ingest-old01", 3);
    store_of(Arc::new(memory.clone()), &memory_url(), &old, with_a_column(false)).await;
    let store = opened(&memory, Access::ReadWrite).await;
    let error = publish(&store, &[newer()]).await.unwrap_err();
    assert!(matches!(&error, StoreError::Newer { column, .. } if column == "invented"), "{error:?}");
    assert!(error.hint().contains("newer runq"));
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.runs, [old.run], "reading goes on");
    let mut publication = store.publish().await.unwrap();
    publication.metric(metric("accuracy", "higher"));
    let error = publication.commit().await.unwrap_err();
    assert!(error.to_string().contains("invented"), "{error}");
}

const NULLS: &str = r#"
import sys
from deltalake import DeltaTable
table = DeltaTable(f"{sys.argv[1]}/results").to_pyarrow_table().sort_by([("run_id", "descending"), ("case_id", "ascending")])
print(table.column("run_id").to_pylist(), table.column("review").to_pylist(), table.column("rerun_seq").to_pylist())
"#;

#[tokio::test]
async fn another_reader_of_delta_sees_the_columns_too() {
    let folder = tempfile::tempdir().unwrap();
    let url = Url::from_directory_path(folder.path().canonicalize().unwrap()).unwrap();
    let disk = Arc::new(SyncedDisk::new(Arc::new(SystemDisk)));
    store_of(disk, &url, &ingest("old", 1, "ingest-old01", 2), without_later_columns).await;
    let store = Store::open(folder.path(), Access::ReadWrite).await.unwrap();
    let mut newer = newer();
    newer.results.truncate(2);
    newer.run.result_count = 2;
    publish(&store, &[newer]).await.unwrap();
    assert_whole(&store.snapshot().await.unwrap()).await;
    let Some(said) = other_reader::said_by_python(NULLS, folder.path()) else {
        eprintln!("skipped: no python3 with the packages deltalake and pyarrow");
        return;
    };
    assert_eq!(
        said,
        "['old', 'old', 'new', 'new'] [None, None, 'accepted', 'accepted'] [None, None, 1, 2]\n"
    );
}
