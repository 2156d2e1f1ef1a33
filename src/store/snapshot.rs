//! A consistent view of a store: the published runs, and tables that hold all their rows.

use std::collections::BTreeMap;
use std::sync::Arc;

use datafusion::catalog::TableProvider;
use datafusion::error::DataFusionError;
use datafusion::execution::SessionState;
use deltalake_core::DeltaTable;
use futures::future::try_join_all;

use super::error::{StoreError, unwrapped};
use super::location::{CHILDREN, Location, is_newest};
use super::schema::with_declared_columns;
use super::traffic::Traffic;
use crate::model::{MetricRow, Row, RunRow};

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
    traffic: Arc<Traffic>,
}

#[derive(Debug, Clone)]
struct Child {
    table: DeltaTable,
    provider: Arc<dyn TableProvider>,
}

impl Child {
    async fn load(location: &Location, name: &'static str) -> Result<Self, StoreError> {
        let table = location.load(name).await?;
        let error = |cause| location.error(name, unwrapped(cause));
        let provider = table.table_provider().await.map_err(error)?;
        let provider = with_declared_columns(name, provider).map_err(error)?;
        Ok(Self { table, provider })
    }
}

async fn read_metrics(location: &Location) -> Result<(DeltaTable, Vec<MetricRow>), StoreError> {
    let table = location.load(MetricRow::TABLE).await?;
    let mut metrics = location.rows::<MetricRow>(&table, None).await?;
    metrics.sort_by(|a, b| (&a.metric, a.is_a_persons()).cmp(&(&b.metric, b.is_a_persons())));
    Ok((table, metrics))
}

impl StoreSnapshot {
    pub(super) async fn take(location: &Location) -> Result<Self, StoreError> {
        for _ in 0..TRIES {
            let runs = location.load(RunRow::TABLE).await?;
            let snapshot = Self::read(location, &runs).await?;
            // A replacement removes rows that our runs name, but only after its commit on `runs`.
            if location.newest_version(RunRow::TABLE, &runs).await? == snapshot.version {
                return Ok(snapshot);
            }
        }
        Err(StoreError::Busy { path: location.label(), table: RunRow::TABLE, tries: TRIES })
    }

    async fn read(location: &Location, runs: &DeltaTable) -> Result<Self, StoreError> {
        let version = runs.version().unwrap_or_default();
        let table = runs.clone();
        let (runs, (metrics_table, metrics), children) = futures::try_join!(
            location.rows::<RunRow>(runs, None),
            read_metrics(location),
            try_join_all(CHILDREN.map(|name| Child::load(location, name))),
        )?;
        let mut runs = newest_generations(runs);
        runs.sort_by(|a, b| (a.started_at, &a.run_id).cmp(&(b.started_at, &b.run_id)));
        let children = CHILDREN.into_iter().zip(children).collect();
        let (small, traffic) = ([table, metrics_table], Arc::clone(location.traffic()));
        Ok(Self { runs, metrics, version, children, small, traffic })
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

    /// Whether nothing was published and no metric described since. Four requests, whatever the store holds.
    pub async fn is_newest(&self) -> bool {
        let [runs, metrics] = &self.small;
        let (runs, metrics) = futures::join!(is_newest(runs), is_newest(metrics));
        runs && metrics
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
