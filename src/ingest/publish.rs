//! Takes runs into a store: reads files side by side, publishes many runs at once, and says what became of each.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use datafusion::prelude::{SessionContext, col, lit};
use futures::StreamExt as _;
use tokio::runtime::Handle;

use super::draft::{Draft, SettledDraft, count};
use super::memory::records_of;
use super::read::{Drafts, Earlier, Known, Reader, before_its_label, is_called, is_copy, with_entries};
use super::{Discovery, Found, IngestError, Labels, Problem, Reading, Stored, Surroundings};
use crate::import::{ImportOptions, Importer};
use crate::model::{ResultRow, Row, RunRow, ScoreRow, StepRow, Timestamp};
use crate::source::Source;
use crate::store::{Publication, Store, StoreSnapshot};

/// After how many runs what was read is published.
const RUNS_AT_ONCE: usize = 256;

/// After how many bytes in memory what was read is published.
const BYTES_AT_ONCE: usize = 128 << 20;

/// How an ingest is done.
#[derive(Clone)]
pub struct Order {
    /// Where files are read from.
    pub source: Arc<dyn Source>,
    /// How they are read.
    pub options: Arc<ImportOptions>,
    /// What the runs are called besides.
    pub labels: Arc<Labels>,
    /// Ids, the clock and the progress bar.
    pub surroundings: Arc<dyn Surroundings>,
    /// Whether attempts that the source no longer holds are let go.
    pub forget: bool,
    /// How many files are read side by side.
    pub readers: usize,
}

/// What became of the runs of an ingest.
#[derive(Debug, Default)]
pub struct Summary {
    /// Runs that were not there before.
    pub new: Vec<RunRow>,
    /// Runs that replaced an earlier state, with how many results they have more (or less, when negative).
    pub replaced: Vec<(RunRow, i64)>,
    /// Runs that have not changed since they were taken in.
    pub unchanged: Vec<RunRow>,
    /// Runs of which only the labels changed.
    pub relabelled: Vec<RunRow>,
    /// Files that hold a run which is there under another path, with its id.
    pub copies: Vec<(std::path::PathBuf, String)>,
    /// Runs that another writer published meanwhile; its version stands.
    pub lost: Vec<String>,
    /// What was read, and which lines were skipped.
    pub reading: Reading,
    /// Paths and files that gave no runs.
    pub problems: Vec<Problem>,
    /// What a clean-up after publishing could not remove, in words.
    pub litter: Option<String>,
}

/// Takes every run that was found into a store.
///
/// # Errors
/// When the store refuses or cannot be reached; runs that were published until then stay published.
pub async fn ingest(store: &Store, discovery: Discovery, order: &Order) -> Result<Summary, IngestError> {
    let mut taker = Taker {
        store,
        order,
        snapshot: Arc::new(store.snapshot().await?),
        is_behind: false,
        pending: Vec::new(),
        copies: HashMap::new(),
        metrics: BTreeMap::new(),
        summary: Summary { problems: discovery.problems, ..Summary::default() },
    };
    let first = Arc::clone(&taker.snapshot);
    let mut readings = futures::stream::iter(discovery.found)
        .map(|found| read(found, order.clone(), Arc::clone(&first)))
        .buffered(order.readers.max(1));
    while let Some((found, read)) = readings.next().await {
        taker.take(found, read?).await?;
    }
    taker.publish().await?;
    Ok(taker.summary)
}

/// Reads one file on a thread of its own.
async fn read(
    found: Found,
    order: Order,
    snapshot: Arc<StoreSnapshot>,
) -> (Found, Result<Result<Drafts, Problem>, IngestError>) {
    let handle = Handle::current();
    let task = tokio::task::spawn_blocking(move || {
        let watched = found.watched.clone();
        let reader = Reader {
            source: watched.as_ref().map_or(order.source.as_ref(), |watched| watched.source.as_ref()),
            options: &order.options,
            labels: &order.labels,
            surroundings: order.surroundings.as_ref(),
        };
        let grown_from = watched.as_ref().map_or(&[][..], |watched| watched.grown_from.as_slice());
        let earlier = InStore { snapshot, handle, forget: order.forget, grown_from };
        let drafts = reader.read(&found, &earlier);
        (found, drafts)
    });
    match task.await {
        Ok((found, drafts)) => (found, Ok(drafts)),
        Err(error) => (Found::nothing(), Err(IngestError::Internal(format!("a reader stopped: {error}")))),
    }
}

/// What a store knows of runs.
struct InStore<'a> {
    snapshot: Arc<StoreSnapshot>,
    handle: Handle,
    forget: bool,
    /// Ingests whose rows the file holds still; only what was lost before them is taken from the store.
    grown_from: &'a [String],
}

impl Earlier for InStore<'_> {
    fn known(&self, run: &RunRow) -> Result<Known, IngestError> {
        let Some(stored) = self.snapshot.runs.iter().find(|stored| stored.run_id == run.run_id) else {
            return Ok(Known::Nothing);
        };
        // What is to be forgotten may be all that differs from the source.
        if self.forget {
            return Ok(Known::Nothing);
        }
        if stored.fingerprint == run.fingerprint && !run.fingerprint.is_empty() {
            return Ok(Known::Unchanged { faulty: stored.skipped_count > 0 });
        }
        let grown = self.grown_from.contains(&stored.ingest_id);
        if grown && !self.handle.block_on(has_lost(&self.snapshot, &stored.ingest_id))? {
            return Ok(Known::Attempts(Vec::new()));
        }
        let rows = self.handle.block_on(stored_rows(&self.snapshot, &stored.ingest_id))?;
        let mut records = records_of(&rows)?;
        records.retain(|record| !(grown && record.result.in_source));
        Ok(Known::Attempts(records))
    }

    fn is_unchanged(&self, run: &RunRow) -> bool {
        let mut stored = self.snapshot.runs.iter();
        !self.forget
            && stored.any(|stored| stored.run_id == run.run_id && stored.fingerprint == run.fingerprint)
    }

    fn run_of_file(&self, source_file: &str, own: &str) -> Option<String> {
        let mut stored = self.snapshot.runs.iter();
        let found = stored.find(|run| run.source_file == source_file && is_called(&run.run_id, own));
        found.map(|run| run.run_id.clone())
    }

    fn run_before_its_label(&self, run: &RunRow) -> Option<String> {
        before_its_label(self.snapshot.runs.iter(), run)
    }

    fn run(&self, run_id: &str) -> Option<&RunRow> {
        self.snapshot.runs.iter().find(|run| run.run_id == run_id)
    }
}

/// Whether an ingest kept attempts that its source had lost by then.
async fn has_lost(snapshot: &StoreSnapshot, ingest_id: &str) -> Result<bool, IngestError> {
    let results = SessionContext::new().read_table(snapshot.provider(ResultRow::TABLE)?)?;
    let lost = results.filter(col("ingest_id").eq(lit(ingest_id)).and(col("in_source").eq(lit(false))))?;
    Ok(lost.count().await? > 0)
}

/// The stored rows of one ingest.
async fn stored_rows(snapshot: &StoreSnapshot, ingest_id: &str) -> Result<Vec<Stored>, IngestError> {
    let ctx = SessionContext::new();
    let mut tables = Vec::new();
    for table in [ResultRow::TABLE, ScoreRow::TABLE, StepRow::TABLE] {
        let frame = ctx.read_table(snapshot.provider(table)?)?.filter(col("ingest_id").eq(lit(ingest_id)))?;
        let schema = Arc::clone(frame.schema().inner());
        tables.push(arrow::compute::concat_batches(&schema, &frame.collect().await?)?);
    }
    let [results, scores, steps] = <[_; 3]>::try_from(tables)
        .map_err(|_| IngestError::Internal("a table of the store was left out".to_owned()))?;
    Ok(vec![Stored { results, scores, steps }])
}

/// Runs that have been read, on their way into the store.
struct Taker<'a> {
    store: &'a Store,
    order: &'a Order,
    snapshot: Arc<StoreSnapshot>,
    /// Whether something of ours was published since the snapshot.
    is_behind: bool,
    /// Runs that are read and not yet published; without rows where only the labels change.
    pending: Vec<(RunRow, Option<SettledDraft>)>,
    /// What copies would have been called, with the run that they are copies of.
    copies: HashMap<String, String>,
    metrics: BTreeMap<String, crate::model::MetricRow>,
    summary: Summary,
}

impl Taker<'_> {
    async fn take(&mut self, found: Found, drafts: Result<Drafts, Problem>) -> Result<(), IngestError> {
        let drafts = match drafts {
            Ok(drafts) => drafts,
            Err(problem) => {
                self.summary.problems.push(problem);
                return Ok(());
            }
        };
        self.look().await?;
        let stale = drafts.drafts.iter().any(|draft| self.is_stale(&draft.header.run_id));
        let drafts = if stale {
            // A run of this file came in under another path meanwhile: read again over what is stored now.
            self.publish().await?;
            self.look().await?;
            let (_, again) = read(found.clone(), self.order.clone(), Arc::clone(&self.snapshot)).await;
            match again? {
                Ok(drafts) => drafts,
                Err(problem) => {
                    self.summary.problems.push(problem);
                    return Ok(());
                }
            }
        } else {
            drafts
        };
        self.summary.reading.notes.extend(drafts.reading.notes);
        self.summary.reading.faults.extend(drafts.reading.faults);
        for metric in drafts.reading.metrics {
            self.metrics.insert(metric.metric.clone(), metric);
        }
        for header in drafts.unchanged {
            self.unchanged(header);
        }
        for draft in drafts.drafts {
            self.settle(&found, draft)?;
        }
        let bytes: usize = self.pending.iter().flat_map(|(_, rows)| rows).map(SettledDraft::bytes).sum();
        if self.pending.len() >= RUNS_AT_ONCE || bytes >= BYTES_AT_ONCE {
            self.publish().await?;
        }
        Ok(())
    }

    /// Whether a run has been taken in since the snapshot that its file was read over.
    fn is_stale(&self, run_id: &str) -> bool {
        let taken = self.summary.new.iter().chain(self.summary.replaced.iter().map(|(run, _)| run));
        self.pending.iter().map(|(run, _)| run).chain(taken).any(|run| run.run_id == run_id)
    }

    fn stored(&self, run_id: &str) -> Option<&RunRow> {
        self.snapshot.runs.iter().find(|run| run.run_id == run_id)
    }

    /// A run that is there already; new labels are published without its rows.
    fn unchanged(&mut self, header: RunRow) {
        let Some(stored) = self.stored(&header.run_id).cloned() else { return };
        let relabelled = with_labels(&stored, &self.order.labels);
        if relabelled == stored {
            self.summary.unchanged.push(stored);
        } else {
            let run = RunRow { generation: stored.generation + 1, ..relabelled };
            self.summary.relabelled.push(run.clone());
            self.pending.push((run, None));
        }
    }

    fn settle(&mut self, found: &Found, draft: Draft) -> Result<(), IngestError> {
        let mut settled = draft.settle()?;
        self.summary.reading.faults.append(&mut settled.faults);
        let mut header = settled.header.clone();
        if let Some(original) = self.copied(&header, found.importer) {
            self.copies.insert(header.run_id, original.clone());
            self.summary.copies.push((found.path.clone(), original));
            return Ok(());
        }
        if let Some(parent) = header.parent_run_id.as_ref().and_then(|parent| self.copies.get(parent)) {
            header.parent_run_id = Some(parent.clone());
        }
        header.generation = 1;
        if let Some(stored) = self.stored(&header.run_id) {
            header.generation = stored.generation + 1;
            header.name = header.name.take().or_else(|| stored.name.clone());
            header.tags = kept_entries(stored.tags.as_deref(), header.tags.take());
            header.params = kept_entries(stored.params.as_deref(), header.params.take());
        }
        self.pending.push((header, Some(settled)));
        Ok(())
    }

    /// The run that another path holds a copy of.
    fn copied(&self, header: &RunRow, importer: &dyn Importer) -> Option<String> {
        let mut known = self.snapshot.runs.iter().chain(self.pending.iter().map(|(run, _)| run));
        known.find(|known| is_copy(known, header, importer)).map(|known| known.run_id.clone())
    }

    fn note_published(&mut self, run: &RunRow) {
        match self.stored(&run.run_id).map(|stored| stored.result_count) {
            Some(before) => self.summary.replaced.push((run.clone(), run.result_count - before)),
            None => self.summary.new.push(run.clone()),
        }
    }

    async fn publish(&mut self) -> Result<(), IngestError> {
        if self.pending.is_empty() && self.metrics.is_empty() {
            return Ok(());
        }
        let mut publication = self.store.publish().await?;
        for (mut run, settled) in std::mem::take(&mut self.pending) {
            if let Some(settled) = settled {
                for stored in settled.rows()? {
                    let stored = stored?;
                    count(&mut run, &stored);
                    write(&mut publication, stored).await?;
                }
                self.note_published(&run);
            }
            publication.run(run);
        }
        for (_, metric) in std::mem::take(&mut self.metrics) {
            publication.metric(metric);
        }
        let published = publication.commit().await?;
        for lost in published.lost {
            let run_id = lost.winner.run_id;
            self.summary.new.retain(|run| run.run_id != run_id);
            self.summary.replaced.retain(|(run, _)| run.run_id != run_id);
            self.summary.lost.push(run_id);
        }
        self.summary.litter = self.summary.litter.take().or(published.litter);
        self.is_behind = true;
        Ok(())
    }

    /// Looks at what is stored, where something was published since the last look.
    async fn look(&mut self) -> Result<(), IngestError> {
        if std::mem::take(&mut self.is_behind) {
            self.snapshot = Arc::new(self.store.snapshot().await?);
        }
        Ok(())
    }
}

async fn write(publication: &mut Publication<'_>, stored: Stored) -> Result<(), IngestError> {
    let tables = [
        (ResultRow::TABLE, stored.results),
        (ScoreRow::TABLE, stored.scores),
        (StepRow::TABLE, stored.steps),
    ];
    for (table, batch) in tables {
        if batch.num_rows() > 0 {
            publication.write(table, batch).await?;
        }
    }
    Ok(())
}

/// Gives runs of a store other labels; their rows stay. Returns the runs that changed.
///
/// # Errors
/// When the store refuses or cannot be reached.
pub async fn relabel(
    store: &Store,
    runs: &[RunRow],
    labels: &Labels,
    now: Timestamp,
) -> Result<Vec<RunRow>, IngestError> {
    let mut publication = store.publish().await?;
    let mut changed = Vec::new();
    for run in runs {
        let relabelled = with_labels(run, labels);
        if relabelled != *run {
            let next = RunRow { generation: run.generation + 1, ingested_at: Some(now), ..relabelled };
            publication.run(next.clone());
            changed.push(next);
        }
    }
    if changed.is_empty() {
        return Ok(changed);
    }
    let published = publication.commit().await?;
    changed.retain(|run| published.runs.contains(&run.run_id));
    Ok(changed)
}

/// A stored run with other labels.
fn with_labels(run: &RunRow, labels: &Labels) -> RunRow {
    RunRow {
        name: labels.name.clone().or_else(|| run.name.clone()),
        tags: with_entries(run.tags.clone(), &labels.tags),
        params: with_entries(run.params.clone(), &labels.params),
        ..run.clone()
    }
}

/// What a person added to a run stays when the run is taken in again; what the source says wins.
fn kept_entries(stored: Option<&str>, source: Option<String>) -> Option<String> {
    let read = |text: Option<&str>| -> serde_json::Map<String, serde_json::Value> {
        text.and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default()
    };
    let mut entries = read(stored);
    entries.extend(read(source.as_deref()));
    crate::import::json::stored_object(entries)
}
