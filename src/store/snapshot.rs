//! A consistent view of a store: the published runs, and tables that hold all their rows.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError};

use datafusion::catalog::TableProvider;
use datafusion::common::runtime::SpawnedTask;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use deltalake_core::DeltaTable;
use futures::FutureExt as _;
use futures::future::{BoxFuture, join_all, try_join_all};

use super::error::{StoreError, unwrapped};
use super::location::{CHILDREN, Location, has_no_successor, is_there};
use super::schema::with_declared_columns;
use crate::model::{MetricRow, Row, RunRow, Timestamp};
use crate::objects::Traffic;

/// How often a view is taken again because runs were published meanwhile.
const TRIES: usize = 16;

/// Everything a session needs of a store; later commits do not change it.
#[derive(Debug, Clone)]
pub struct StoreSnapshot {
    /// The newest generation of every run, by (start, id); runs without a start come first.
    pub runs: Vec<RunRow>,
    /// Described metrics, by name; a person's description stands behind the source's.
    pub metrics: Vec<MetricRow>,
    version: u64,
    children: BTreeMap<&'static str, Child>,
    /// The tables `runs` and `metrics` as they were read.
    small: [DeltaTable; 2],
    /// When it was the newest version, where an older one was asked for.
    as_of: Option<Timestamp>,
    traffic: Arc<Traffic>,
}

#[derive(Debug, Clone)]
struct Child {
    table: DeltaTable,
    provider: Arc<dyn TableProvider>,
}

impl Child {
    async fn load(location: &Location, name: &'static str) -> Result<Self, StoreError> {
        Self::of(location, name, location.load(name).await?).await
    }

    async fn of(location: &Location, name: &'static str, table: DeltaTable) -> Result<Self, StoreError> {
        let error = |cause| location.error(name, unwrapped(cause));
        let provider = table.table_provider().await.map_err(error)?;
        let provider = with_declared_columns(name, provider).map_err(error)?;
        Ok(Self { table, provider })
    }
}

/// Tables that are being loaded.
struct Children {
    tables: [BoxFuture<'static, Result<Child, StoreError>>; CHILDREN.len()],
    metrics: BoxFuture<'static, Result<(DeltaTable, Vec<MetricRow>), StoreError>>,
}

async fn read_metrics(location: &Location) -> Result<(DeltaTable, Vec<MetricRow>), StoreError> {
    let table = location.load(MetricRow::TABLE).await?;
    let metrics = metrics_of(location, &table).await?;
    Ok((table, metrics))
}

async fn metrics_of(location: &Location, table: &DeltaTable) -> Result<Vec<MetricRow>, StoreError> {
    let mut metrics = location.rows::<MetricRow>(table, None).await?;
    metrics.sort_by(|a, b| (&a.metric, a.is_a_persons()).cmp(&(&b.metric, b.is_a_persons())));
    Ok(metrics)
}

/// Loads on a task of its own, so that tables are loaded side by side.
fn spawned<T: Send + 'static>(
    work: impl Future<Output = Result<T, StoreError>> + Send + 'static,
) -> impl Future<Output = Result<T, StoreError>> {
    let task = SpawnedTask::spawn(work);
    async {
        task.join().await.map_err(|stopped| StoreError::refused(format!("a reader stopped: {stopped}")))?
    }
}

impl StoreSnapshot {
    /// The view that was taken last where nothing was committed since, else a new one.
    pub(super) async fn newest(location: &Location) -> Result<Self, StoreError> {
        if !location.is_far() {
            return Self::take(location).await;
        }
        let last = location.last.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(last) = last
            && last.is_newest().await
        {
            return Ok(last);
        }
        let taken = Self::take(location).await?;
        *location.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(taken.clone());
        Ok(taken)
    }

    pub(super) async fn take(location: &Location) -> Result<Self, StoreError> {
        for attempt in 0..TRIES {
            // Side by side at first. Where somebody publishes meanwhile, the children after the runs that name their rows.
            let children = if attempt == 0 { Some(Self::children(location)) } else { None };
            let runs = location.load(RunRow::TABLE).await?;
            let was_early = children.is_some();
            let children = children.unwrap_or_else(|| Self::children(location));
            let snapshot = Self::read(location, &runs, children).await?;
            if snapshot.is_consistent(location, was_early).await? {
                return Ok(snapshot);
            }
        }
        Err(StoreError::Busy { path: location.label(), table: RunRow::TABLE, tries: TRIES })
    }

    /// The tables whose rows belong to runs, and the metrics: on their way.
    fn children(location: &Location) -> Children {
        let child = |name| {
            let location = location.clone();
            spawned(async move { Child::load(&location, name).await }).boxed()
        };
        let metrics = location.clone();
        Children {
            tables: CHILDREN.map(child),
            metrics: spawned(async move { read_metrics(&metrics).await }).boxed(),
        }
    }

    async fn read(location: &Location, runs: &DeltaTable, children: Children) -> Result<Self, StoreError> {
        let version = runs.version().unwrap_or_default();
        let table = runs.clone();
        let (runs, (metrics_table, metrics), children) = futures::try_join!(
            location.rows::<RunRow>(runs, None),
            children.metrics,
            try_join_all(children.tables),
        )?;
        let runs = in_order(newest_generations(runs));
        let children = CHILDREN.into_iter().zip(children).collect();
        let (small, traffic) = ([table, metrics_table], Arc::clone(location.traffic()));
        Ok(Self { runs, metrics, version, children, small, as_of: None, traffic })
    }

    /// A view of tables that were loaded as they were at a time.
    pub(super) async fn of(
        location: &Location,
        (runs, metrics): (DeltaTable, DeltaTable),
        tables: Vec<(&'static str, DeltaTable)>,
        at: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut children = BTreeMap::new();
        for (name, table) in tables {
            children.insert(name, Child::of(location, name, table).await?);
        }
        Ok(Self {
            runs: in_order(newest_generations(location.rows::<RunRow>(&runs, None).await?)),
            metrics: metrics_of(location, &metrics).await?,
            version: runs.version().unwrap_or_default(),
            children,
            small: [runs, metrics],
            as_of: Some(at),
            traffic: Arc::clone(location.traffic()),
        })
    }

    /// All tables as they were read.
    pub(super) fn tables(&self) -> impl Iterator<Item = (&'static str, &DeltaTable)> {
        let [runs, metrics] = &self.small;
        let small = [(RunRow::TABLE, runs), (MetricRow::TABLE, metrics)];
        small.into_iter().chain(self.children.iter().map(|(name, child)| (*name, &child.table)))
    }

    /// The table `runs` as it was read.
    pub(super) const fn runs_table(&self) -> &DeltaTable {
        let [runs, _] = &self.small;
        runs
    }

    /// Whether the tables are those of one moment. A replacement removes rows that our runs name, but only after its
    /// commit on `runs`: that is to be the newest still. Rows come before the run that names them: tables that may have
    /// been read before `runs` are to be the newest too.
    async fn is_consistent(&self, location: &Location, was_early: bool) -> Result<bool, StoreError> {
        let early = self.children.iter().filter(|_| was_early).map(|(name, child)| (*name, &child.table));
        let read = early.chain([(RunRow::TABLE, &self.small[0])]);
        let newest = read.map(|(name, table)| location.has_no_successor(name, table));
        Ok(try_join_all(newest).await?.into_iter().all(|is_newest| is_newest))
    }

    /// The table `results`, `scores` or `steps` as it is stored: also with rows that no run names, so a
    /// condition on `ingest_id` from [`Self::runs`] belongs on top. It filters inside the Parquet reader.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for another table.
    pub fn provider(&self, table: &str) -> Result<Arc<dyn TableProvider>, StoreError> {
        Ok(Arc::clone(&self.child(table)?.provider))
    }

    /// As [`Self::provider`], but it filters inside the Parquet reader only when the session's option
    /// `datafusion.execution.parquet.pushdown_filters` says so: better for questions that keep most rows.
    ///
    /// # Errors
    /// [`StoreError::Refused`] for another table.
    pub async fn provider_for(
        &self,
        table: &str,
        session: &SessionState,
    ) -> Result<Arc<dyn TableProvider>, StoreError> {
        let child = self.child(table)?;
        let refused = |cause: DataFusionError| StoreError::refused(cause.to_string());
        let provider =
            child.table.table_provider().with_session(Arc::new(session.clone())).await.map_err(refused)?;
        with_declared_columns(table, provider).map_err(refused)
    }

    /// Version of the table `runs`: another number means that something was published meanwhile.
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// When this was the newest version, where an older one was asked for.
    pub const fn as_of(&self) -> Option<Timestamp> {
        self.as_of
    }

    /// Whether nothing was committed since, to any table: not even files merged, since a vacuum may take the old ones
    /// then. Seven requests side by side, whatever the store holds. What a version was does not change; what cannot be
    /// told counts as changed.
    pub async fn is_newest(&self) -> bool {
        if self.as_of.is_some() {
            return true;
        }
        // Who deletes a store and makes it again makes these two again.
        let there = join_all(self.small.iter().map(is_there));
        let newest = join_all(self.tables().map(|(_, table)| has_no_successor(table)));
        let (there, newest) = futures::join!(there, newest);
        there.into_iter().all(|is_there| is_there)
            && newest.into_iter().all(|is_newest| is_newest.unwrap_or(false))
    }

    /// Counts what is asked of the object store.
    pub const fn traffic(&self) -> &Arc<Traffic> {
        &self.traffic
    }

    fn child(&self, table: &str) -> Result<&Child, StoreError> {
        self.children
            .get(table)
            .ok_or_else(|| StoreError::refused(format!("table {table}, expected one of {CHILDREN:?}")))
    }
}

/// Runs by (start, id).
fn in_order(mut runs: Vec<RunRow>) -> Vec<RunRow> {
    runs.sort_by(|a, b| (a.started_at, &a.run_id).cmp(&(b.started_at, &b.run_id)));
    runs
}

/// Of every run the row with the highest generation.
pub(super) fn newest_generations(rows: Vec<RunRow>) -> Vec<RunRow> {
    let mut newest: BTreeMap<String, RunRow> = BTreeMap::new();
    for row in rows {
        match newest.get(&row.run_id) {
            Some(known) if known.generation >= row.generation => {}
            _ => {
                newest.insert(row.run_id.clone(), row);
            }
        }
    }
    newest.into_values().collect()
}
