//! Where the tables of a store are: one Delta table per folder under one root.
//!
//! Makes and loads tables; knows nothing of runs.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use arrow::array::RecordBatch;
use bytes::Bytes;
use chrono::{DateTime, Utc};
use datafusion::error::DataFusionError;
use datafusion::logical_expr::Expr;
use datafusion::prelude::{DataFrame, SessionConfig, SessionContext};
use deltalake_core::kernel::StructType;
use deltalake_core::kernel::engine::arrow_conversion::TryIntoKernel;
use deltalake_core::kernel::transaction::CommitProperties;
use deltalake_core::logstore::{StorageConfig, commit_uri_from_version, default_logstore};
use deltalake_core::operations::create::CreateBuilder;
use deltalake_core::protocol::SaveMode;
use deltalake_core::{DeltaResult, DeltaTable, DeltaTableError};
use futures::future::{BoxFuture, try_join_all};
use futures::{FutureExt as _, StreamExt as _, stream};
use object_store::path::Path as Key;
use object_store::prefix::PrefixStore;
use object_store::{GetOptions, ObjectStore, ObjectStoreExt};
use tokio::sync::OnceCell;
use url::Url;

use super::conditional::{Conditional, TRIED};
use super::error::{StoreError, unwrapped};
use super::files::files_of;
use super::kept::Kept;
use super::snapshot::StoreSnapshot;
use crate::model::{MetricRow, ResultRow, Row, RunRow, ScoreRow, StepRow, Timestamp};
use crate::objects::s3::{Address, S3Error};
use crate::objects::{Counted, Reach, Traffic};

/// The tables whose rows belong to a run, in the order in which they are committed.
pub(super) const CHILDREN: [&str; 3] = [StepRow::TABLE, ScoreRow::TABLE, ResultRow::TABLE];

/// Columns that questions narrow by. Others have no statistics: texts would blow up the log.
const PRUNING_COLUMNS: [&str; 6] = ["run_id", "ingest_id", "task", "case_id", "model", "metric"];

/// How many commits a reader replays at most before it meets a checkpoint.
const CHECKPOINT_INTERVAL: &str = "100";

/// The same of a store far away, where every commit is a request of its own.
const FAR_CHECKPOINT_INTERVAL: &str = "20";

/// How many files are looked at before they are read: what is kept of their ends fits into memory.
const MOST_AHEAD: usize = 100;

/// How many of them at the same time.
const READERS: usize = 16;

/// The last bytes of a Parquet file: how long its footer is.
const FOOTER_END: u64 = 8;

/// The root of a store and the object store that reaches it.
#[derive(Debug, Clone)]
pub(super) struct Location {
    /// The root as the object store has it: tables are folders right below.
    root: Url,
    /// The store as a person names it.
    label: String,
    objects: Arc<dyn ObjectStore>,
    /// What lies over objects that are no local disk.
    far: Option<Far>,
    traffic: Arc<Traffic>,
    session: SharedSession,
    /// Tables as they were last loaded: only newer commits are read again.
    known: Arc<Mutex<BTreeMap<&'static str, DeltaTable>>>,
    /// The last view that was taken.
    pub(super) last: Arc<Mutex<Option<StoreSnapshot>>>,
}

/// Objects in a network.
#[derive(Debug, Clone)]
struct Far {
    conditional: Conditional,
    /// Whether the service honours conditional puts, once that was tried.
    honoured: Arc<OnceCell<bool>>,
    kept: Kept,
}

/// The engine that reads the small tables and looks for litter; made once because that takes milliseconds.
#[derive(Clone)]
struct SharedSession(SessionContext);

impl std::fmt::Debug for SharedSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SharedSession")
    }
}

impl Location {
    /// `objects` has its root at the root of the URL's host, not at the store. What is asked of it counts in `whole` too.
    pub(super) fn new(objects: Arc<dyn ObjectStore>, root: &Url, whole: &Arc<Traffic>) -> Self {
        let traffic = Arc::new(Traffic::within(whole));
        let objects = Arc::new(Counted::new(objects, Arc::clone(&traffic)));
        let path = root.to_file_path().ok();
        let label = path.map_or_else(
            || root.to_string(),
            |path| path.display().to_string().trim_end_matches('/').to_owned(),
        );
        match root.scheme() {
            "file" => Self::with_root(root, label, (objects, None), traffic),
            _ => Self::far(root, label, objects, traffic),
        }
    }

    /// A place in S3. The tables' paths are told from its key: no letter of it goes through a URL.
    pub(super) async fn in_s3(address: &Address, reach: &Reach) -> Result<Self, S3Error> {
        let (bucket, traffic) = reach.bucket(address.bucket()).await?;
        let objects = Arc::new(PrefixStore::new(bucket, address.key().clone()));
        Ok(Self::far(&address.bucket_url()?, address.to_string(), objects, traffic))
    }

    fn far(root: &Url, label: String, objects: Arc<dyn ObjectStore>, traffic: Arc<Traffic>) -> Self {
        let conditional = Conditional::new(objects);
        let kept = Kept::new(Arc::new(conditional.clone()));
        let objects = Arc::new(kept.clone());
        let far = Far { conditional, honoured: Arc::default(), kept };
        Self::with_root(root, label, (objects, Some(far)), traffic)
    }

    fn with_root(
        root: &Url,
        label: String,
        (objects, far): (Arc<dyn ObjectStore>, Option<Far>),
        traffic: Arc<Traffic>,
    ) -> Self {
        let mut root = root.clone();
        if !root.path().ends_with('/') {
            root.set_path(&format!("{}/", root.path()));
        }
        let config = SessionConfig::new().with_information_schema(false);
        Self {
            root,
            label,
            objects,
            far,
            traffic,
            session: SharedSession(SessionContext::new_with_config(config)),
            known: Arc::default(),
            last: Arc::default(),
        }
    }

    /// Whether every look costs a way through a network.
    pub(super) const fn is_far(&self) -> bool {
        self.far.is_some()
    }

    /// Finds out by trying whether the service keeps writers apart, once. Without that only who writes alone goes on.
    pub(super) async fn check_conditions(&self, single_writer: bool) -> Result<(), StoreError> {
        let Some(far) = &self.far else { return Ok(()) };
        let key = self.key(TRIED)?;
        let tried = far.honoured.get_or_try_init(|| far.conditional.is_honoured(&key)).await;
        match tried.map_err(|cause| self.error(RunRow::TABLE, cause))? {
            true => {}
            false if single_writer => far.conditional.go_plain(),
            false => return Err(StoreError::Unguarded { path: self.label() }),
        }
        Ok(())
    }

    /// The key of something in the store.
    fn key(&self, name: &str) -> Result<Key, StoreError> {
        Ok(name.split('/').fold(self.key_of_root()?, |key, part| key.join(part)))
    }

    fn key_of_root(&self) -> Result<Key, StoreError> {
        let root = Key::from_url_path(self.root.path());
        root.map_err(|cause| self.error(RunRow::TABLE, object_store::Error::from(cause)))
    }

    /// A file that is no table's; `None` when it is not there.
    pub(super) async fn file(&self, name: &str) -> Result<Option<Bytes>, StoreError> {
        let error = |cause| self.error(RunRow::TABLE, cause);
        match self.objects.get(&self.key(name)?).await {
            Ok(got) => Ok(Some(got.bytes().await.map_err(error)?)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(cause) => Err(error(cause)),
        }
    }

    /// The files right below a folder that is no table's, by name.
    pub(super) async fn files(&self, folder: &str) -> Result<Vec<(String, Bytes)>, StoreError> {
        let error = |cause| self.error(RunRow::TABLE, cause);
        let listed = self.objects.list_with_delimiter(Some(&self.key(folder)?)).await.map_err(error)?;
        let mut files = try_join_all(listed.objects.into_iter().map(|object| async move {
            let bytes = self.objects.get(&object.location).await?.bytes().await?;
            Ok((object.location.filename().unwrap_or_default().to_owned(), bytes))
        }))
        .await
        .map_err(error)?;
        files.sort();
        Ok(files)
    }

    /// What reaches the files.
    pub(super) fn objects(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.objects)
    }

    /// Counts what is asked of them.
    pub(super) fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    /// The store as a person would name it: the path on a disk, else the address.
    pub(super) fn label(&self) -> String {
        self.label.clone()
    }

    pub(super) fn error(
        &self,
        table: &'static str,
        cause: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> StoreError {
        StoreError::new(&self.label(), table, cause)
    }

    /// Stored files that are not what they should be.
    pub(super) fn damaged(&self, table: &'static str, said: String) -> StoreError {
        StoreError::Damaged { path: self.label(), table, source: said.into() }
    }

    /// A handle of a table that has not been read yet.
    pub(super) fn table(&self, table: &'static str) -> Result<DeltaTable, StoreError> {
        let url = self.root.join(&format!("{table}/")).map_err(|cause| self.error(table, cause))?;
        table_at(&url, Arc::clone(&self.objects)).map_err(|cause| self.error(table, cause))
    }

    /// A table in its newest version.
    pub(super) async fn load(&self, table: &'static str) -> Result<DeltaTable, StoreError> {
        let known = self.known().get(table).cloned();
        if let Some(mut known) = known {
            let (there, newest) = futures::join!(is_there(&known), has_no_successor(&known));
            if there && (newest.unwrap_or(false) || known.update_state().await.is_ok()) {
                self.remember(table, &known);
                return Ok(known);
            }
        }
        if let Some(far) = &self.far
            && self.known().remove(table).is_some()
        {
            // Deleted and made again: its commits are others.
            far.kept.forget(&self.key(table)?);
        }
        let mut loaded = self.table(table)?;
        loaded.load().await.map_err(|cause| self.error(table, cause))?;
        self.remember(table, &loaded);
        Ok(loaded)
    }

    /// Forgets what was read, so that the next look is at what is there.
    pub(super) fn forget(&self) -> Result<(), StoreError> {
        self.known().clear();
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = None;
        if let Some(far) = &self.far {
            far.kept.forget(&self.key_of_root()?);
        }
        Ok(())
    }

    /// Notes a table as it was read, or as a commit left it: the next look at it begins there.
    pub(super) fn remember(&self, name: &'static str, table: &DeltaTable) {
        self.known().insert(name, table.clone());
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<&'static str, DeltaTable>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A table as it was at a time.
    pub(super) async fn load_as_of(
        &self,
        table: &'static str,
        time: Timestamp,
    ) -> Result<DeltaTable, StoreError> {
        let time = DateTime::<Utc>::from_timestamp_micros(time.0)
            .ok_or_else(|| StoreError::refused(format!("{} us is no time", time.0)))?;
        let mut loaded = self.table(table)?;
        loaded.load_with_datetime(time).await.map_err(|cause| self.error(table, cause))?;
        Ok(loaded)
    }

    /// A table as it was in a version.
    pub(super) async fn load_version(
        &self,
        table: &'static str,
        version: u64,
    ) -> Result<DeltaTable, StoreError> {
        let mut loaded = self.table(table)?;
        loaded.load_version(version).await.map_err(|cause| self.error(table, cause))?;
        Ok(loaded)
    }

    /// Whether no commit follows the version of a table that was loaded: one request.
    pub(super) async fn has_no_successor(
        &self,
        table: &'static str,
        loaded: &DeltaTable,
    ) -> Result<bool, StoreError> {
        has_no_successor(loaded).await.map_err(|cause| self.error(table, cause))
    }

    /// Whether all tables are there: `runs` is made last.
    pub(super) async fn exists(&self) -> Result<bool, StoreError> {
        let runs = self.table(RunRow::TABLE)?;
        runs.verify_deltatable_existence().await.map_err(|cause| self.error(RunRow::TABLE, cause))
    }

    /// Makes the tables that are missing.
    pub(super) async fn create(&self) -> Result<(), StoreError> {
        futures::try_join!(
            self.create_table::<StepRow>(),
            self.create_table::<ScoreRow>(),
            self.create_table::<ResultRow>(),
            self.create_table::<MetricRow>(),
        )?;
        self.create_table::<RunRow>().await
    }

    async fn create_table<R: Row>(&self) -> Result<(), StoreError> {
        let error = |cause: DeltaTableError| self.error(R::TABLE, cause);
        let schema: StructType =
            R::schema().as_ref().try_into_kernel().map_err(|cause| self.error(R::TABLE, cause))?;
        let table = self.table(R::TABLE)?;
        let made = CreateBuilder::new()
            .with_log_store(table.log_store())
            .with_columns(schema.fields().cloned())
            .with_configuration(properties::<R>(self.is_far()))
            .with_save_mode(SaveMode::Ignore)
            // With retries the loser of a race would commit its own metadata as version 1.
            .with_commit_properties(CommitProperties::default().with_max_retries(0))
            .await;
        match made {
            Ok(made) => {
                self.remember(R::TABLE, &made);
                Ok(())
            }
            Err(cause) => match table.verify_deltatable_existence().await {
                Ok(true) => Ok(()),
                _ => Err(error(cause)),
            },
        }
    }

    /// Reads a table's rows, all or those that a condition holds for.
    pub(super) async fn rows<R: Row>(
        &self,
        table: &DeltaTable,
        filter: Option<Expr>,
    ) -> Result<Vec<R>, StoreError> {
        let mut rows = Vec::new();
        for batch in self.batches(R::TABLE, table, Selection { filter, ..Selection::default() }).await? {
            rows.extend(R::read(&batch).map_err(|cause| self.error(R::TABLE, cause))?);
        }
        Ok(rows)
    }

    /// Reads a selection of a table.
    pub(super) async fn batches(
        &self,
        name: &'static str,
        table: &DeltaTable,
        selection: Selection,
    ) -> Result<Vec<RecordBatch>, StoreError> {
        let error = |cause| self.error(name, unwrapped(cause));
        self.fetch_ahead(name, table, selection.files.as_deref()).await?;
        let mut frame = self.frame(name, table, selection.files).await?;
        if let Some(filter) = selection.filter {
            frame = frame.filter(filter).map_err(error)?;
        }
        if let Some(columns) = selection.distinct {
            frame = frame.select_columns(&columns).and_then(|frame| frame.distinct()).map_err(error)?;
        }
        frame.collect().await.map_err(error)
    }

    /// Takes the first look at files in a network side by side: the engine opens them one after another. What cannot be had
    /// is told by whoever reads it.
    async fn fetch_ahead(
        &self,
        name: &'static str,
        table: &DeltaTable,
        files: Option<&[String]>,
    ) -> Result<(), StoreError> {
        if !self.is_far() {
            return Ok(());
        }
        let (objects, all) =
            (table.object_store(), files_of(table).map_err(|cause| self.error(name, cause))?);
        let wanted = all.iter().filter(|file| files.is_none_or(|files| files.contains(&file.path)));
        let ends: Vec<BoxFuture<'static, bool>> = wanted
            .take(MOST_AHEAD)
            .map(|file| {
                let (objects, key, end) = (Arc::clone(&objects), file.key(), file.size);
                let end = end.saturating_sub(FOOTER_END)..end;
                async move { objects.get_range(&key, end).await.is_ok() }.boxed()
            })
            .collect();
        stream::iter(ends).buffer_unordered(READERS).collect::<Vec<bool>>().await;
        Ok(())
    }

    /// The rows of a table, or those of some of its files.
    pub(super) async fn frame(
        &self,
        name: &'static str,
        table: &DeltaTable,
        files: Option<Vec<String>>,
    ) -> Result<DataFrame, StoreError> {
        frame_of(&self.session.0, table, files).await.map_err(|cause| self.error(name, unwrapped(cause)))
    }
}

/// The rows of a table, or those of some of its files, for an engine.
pub(super) async fn frame_of(
    engine: &SessionContext,
    table: &DeltaTable,
    files: Option<Vec<String>>,
) -> Result<DataFrame, DataFusionError> {
    let mut provider = table.table_provider();
    if let Some(files) = files {
        provider = provider.with_file_paths(files);
    }
    engine.read_table(provider.await?)
}

/// A handle of the table at a URL whose files are reached through `objects`, whatever the URL's scheme is: the library
/// itself knows only those of local disks.
pub(super) fn table_at(url: &Url, objects: Arc<dyn ObjectStore>) -> DeltaResult<DeltaTable> {
    let folder = Key::from_url_path(url.path()).map_err(object_store::Error::from)?;
    let inside: Arc<dyn ObjectStore> = Arc::new(PrefixStore::new(Arc::clone(&objects), folder));
    Ok(DeltaTable::new(default_logstore(inside, objects, url, &StorageConfig::default())))
}

/// Whether no commit follows the one that was loaded: one request.
pub(super) async fn has_no_successor(table: &DeltaTable) -> Result<bool, object_store::Error> {
    let next = commit_uri_from_version(Some(table.version().unwrap_or_default() + 1));
    match table.object_store().head(&next).await {
        Ok(_) => Ok(false),
        Err(object_store::Error::NotFound { .. }) => Ok(true),
        Err(cause) => Err(cause),
    }
}

/// Whether the last commit that was seen is still the same object: a store may be deleted and made again.
pub(super) async fn is_there(table: &DeltaTable) -> bool {
    let Some(version) = table.version() else { return false };
    let Some(then) = table.snapshot().ok().and_then(|state| state.version_timestamp(version)) else {
        // A checkpoint of the newest version hides when its commit was written.
        return is_the_same_table(table).await;
    };
    let commit = commit_uri_from_version(Some(version));
    let now = table.object_store().head(&commit).await;
    now.is_ok_and(|meta| is_the_same_time(meta.last_modified.timestamp_millis(), then))
}

/// Whether two times of an object, in milliseconds, are one: a HEAD over HTTP tells whole seconds, where a listing may tell
/// more.
const fn is_the_same_time(head: i64, listed: i64) -> bool {
    head == listed || head % 1000 == 0 && head == listed - listed % 1000
}

/// Whether the log still begins with the table's own first commit: its id is nowhere else.
async fn is_the_same_table(table: &DeltaTable) -> bool {
    let Ok(state) = table.snapshot() else { return false };
    // A condition that always holds: what was read before does not count.
    let anew = GetOptions { if_modified_since: Some(DateTime::UNIX_EPOCH), ..GetOptions::default() };
    let first = table.object_store().get_opts(&commit_uri_from_version(Some(0)), anew).await;
    let Ok(first) = first else { return false };
    let id = state.metadata().id();
    first.bytes().await.is_ok_and(|bytes| bytes.windows(id.len()).any(|part| part == id.as_bytes()))
}

/// Which rows to read.
#[derive(Default)]
pub(super) struct Selection {
    /// Only those of these files; none means all.
    pub(super) files: Option<Vec<String>>,
    /// Condition; none means all rows.
    pub(super) filter: Option<Expr>,
    /// Read only these columns, each combination once.
    pub(super) distinct: Option<[&'static str; 2]>,
}

/// Table properties: a checkpoint now and then, the log kept whole, statistics where they prune.
fn properties<R: Row>(is_far: bool) -> BTreeMap<&'static str, Option<String>> {
    let columns = R::columns();
    let pruning: Vec<&str> = PRUNING_COLUMNS
        .into_iter()
        .filter(|name| columns.iter().any(|column| column.name == *name))
        .collect();
    let interval = if is_far { FAR_CHECKPOINT_INTERVAL } else { CHECKPOINT_INTERVAL };
    BTreeMap::from([
        ("delta.checkpointInterval", Some(interval.to_owned())),
        ("delta.enableExpiredLogCleanup", Some("false".to_owned())),
        ("delta.dataSkippingStatsColumns", Some(pruning.join(","))),
    ])
}
