//! Reads the two runs into memory, wherever they are.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{CompareError, CompareOptions, RunSource};
use crate::ingest::{InMemory, IngestError, Problem, Surroundings, discover, read_into_memory};
use crate::model::{RunRow, Timestamp};
use crate::session::{Facts, read_runs};
use crate::source::everywhere;
use crate::store::{Access, Store};

/// Both runs, the baseline first.
pub(super) struct Both {
    pub baseline: RunRow,
    pub candidate: RunRow,
    pub facts: Facts,
    pub notes: Vec<String>,
}

pub(super) async fn both(
    baseline: RunSource,
    candidate: RunSource,
    options: &CompareOptions,
) -> Result<Both, CompareError> {
    let ids = Arc::new(Numbered::default());
    let mut memory = one(baseline, 0, options, &ids).await?;
    let other = one(candidate, 1, options, &ids).await?;
    let (old, new) = match (memory.runs.as_slice(), other.runs.as_slice()) {
        ([old], [new]) => (old.header.clone(), new.header.clone()),
        _ => return Err(IngestError::Internal("a source of one run has several".to_owned()).into()),
    };
    if old.ingest_id == new.ingest_id {
        return Err(CompareError::SameRun { run_id: old.run_id });
    }
    memory.runs.extend(other.runs);
    memory.reading.notes.extend(other.reading.notes);
    memory.reading.faults.extend(other.reading.faults);
    memory.reading.metrics.extend(other.reading.metrics);
    let mut notes = memory.reading.notes.clone();
    notes.extend(memory.reading.faults.iter().map(ToString::to_string));
    let facts = Facts::in_memory(memory, String::new())?;
    Ok(Both { baseline: old, candidate: new, facts, notes })
}

/// The one run of a source.
async fn one(
    source: RunSource,
    argument: usize,
    options: &CompareOptions,
    ids: &Arc<Numbered>,
) -> Result<InMemory, CompareError> {
    let (mut memory, source_name) = match source {
        RunSource::Files(path) => (of_files(path.clone(), options, ids).await?, path.display().to_string()),
        RunSource::Stored { store, run } => (of_store(&store, &run).await?, run),
    };
    if memory.runs.len() != 1 {
        let runs = memory.runs.iter().map(|run| run.header.run_id.clone()).collect();
        return Err(CompareError::NotOneRun { source_name, runs });
    }
    memory.runs.iter_mut().for_each(|run| run.argument = argument);
    Ok(memory)
}

/// Files are read on a thread for it.
async fn of_files(
    path: PathBuf,
    options: &CompareOptions,
    ids: &Arc<Numbered>,
) -> Result<InMemory, CompareError> {
    let (import, importer, ids) = (options.import.clone(), options.importer, Arc::clone(ids));
    let import =
        crate::import::ImportOptions { task: import.task.or_else(|| options.task.clone()), ..import };
    let read = tokio::task::spawn_blocking(move || {
        let source = everywhere();
        let discovery = discover(&source, &[path.display().to_string()], importer);
        read_into_memory(&source, discovery, &import, ids.as_ref())
    });
    let memory =
        read.await.map_err(|error| IngestError::Internal(format!("a reader stopped: {error}")))??;
    match memory.problems.first() {
        Some(Problem { path, message, hint, .. }) => {
            Err(CompareError::Unreadable { path: path.clone(), message: message.clone(), hint: hint.clone() })
        }
        None => Ok(memory),
    }
}

async fn of_store(store: &Path, run: &str) -> Result<InMemory, CompareError> {
    let store = Store::open(store, Access::ReadOnly).await?;
    let facts = Facts::stored(&store.snapshot().await?, store.label())?;
    let mut memory = read_runs(&facts, &[(0, run.to_owned())]).await?;
    memory.reading.metrics = facts.metrics;
    Ok(memory)
}

/// Ids that no ingest has; the clock is not asked, since nothing is stored.
#[derive(Default)]
struct Numbered(AtomicU64);

impl Surroundings for Numbered {
    fn ingest_id(&self) -> String {
        format!("in-memory-{}", self.0.fetch_add(1, Ordering::Relaxed))
    }

    fn now(&self) -> Timestamp {
        Timestamp(0)
    }
}
