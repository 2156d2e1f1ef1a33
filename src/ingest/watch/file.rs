//! One file that is being watched: what of it was read, and what is to be done with it next.

use std::path::Path;
use std::sync::Arc;

use super::beginning::Beginning;
use super::looking::{Footprint, Looking};
use super::pace::Pace;
use crate::ingest::discover::Watched;
use crate::ingest::{Found, Problem};
use crate::model::Timestamp;
use crate::source::{Source, SourceError};

/// A file that could not be read is tried again after so many microseconds, also when it looks the same: the reason may
/// lie elsewhere.
const TRY_AGAIN: i64 = 60_000_000;

/// A file that is being watched.
pub(super) struct WatchedFile {
    pub found: Found,
    /// What the last reading looked at; `None` when it is to be read.
    pub footprint: Option<Footprint>,
    /// Whether something behind its last whole row has not been read.
    pub half: bool,
    /// Why the last reading gave nothing.
    pub problem: Option<Problem>,
    pub pace: Pace,
    /// Whether lines of it were skipped.
    pub faulty: bool,
    /// The runs that it only copies.
    pub copy_of: Vec<String>,
    /// What was read of it, where it is known and no other file belongs to the run.
    beginning: Option<Beginning>,
    /// Ingests that hold what was read of it.
    ingests: Vec<String>,
}

/// A file on its way into the store.
pub(super) struct Underway {
    pub found: Found,
    looking: Arc<Looking>,
    beginning: Option<Beginning>,
    half: bool,
}

/// How the reading of a file ended.
pub(super) struct Outcome {
    pub problem: Option<Problem>,
    /// Ingests of its runs.
    pub ingests: Vec<String>,
    pub copy_of: Vec<String>,
    pub faulty: bool,
    /// Whether it must be read again: another writer was faster.
    pub again: bool,
}

impl WatchedFile {
    pub fn new(found: Found) -> Self {
        Self {
            found,
            footprint: None,
            half: false,
            problem: None,
            pace: Pace::default(),
            faulty: false,
            copy_of: Vec::new(),
            beginning: None,
            ingests: Vec::new(),
        }
    }

    /// Whether there is something to read that has not been read.
    pub fn has_news(&self, source: &dyn Source, now: Timestamp) -> bool {
        let Some(footprint) = &self.footprint else { return true };
        !footprint.is_current(source) || self.problem.is_some() && self.pace.is_older(now, TRY_AGAIN)
    }

    /// Makes the file ready to be read: up to its last whole row, or to its very end. `None` when there is no whole row.
    ///
    /// # Errors
    /// When the file cannot be read.
    pub fn prepare(
        &mut self,
        source: &Arc<dyn Source>,
        to_the_end: bool,
    ) -> Result<Option<Underway>, SourceError> {
        let path = self.found.path.clone();
        let looking = Looking::new(Arc::clone(source));
        // How it stands before anything of it is read: what is written from now on is news of the next round.
        looking.look(&path);
        let size = looking.footprint().size(&path);
        let whole = self.found.importer.whole_rows(source.as_ref(), &path)?;
        let end = whole.unwrap_or(size);
        if !to_the_end && end == 0 {
            self.footprint = Some(looking.footprint());
            self.half = true;
            return Ok(None);
        }
        let cut = whole.filter(|_| !to_the_end);
        let (beginning, grown) = self.compare(source.as_ref(), (&path, cut))?;
        let looking = Arc::new(match cut {
            Some(end) => looking.ending(&path, end),
            None => looking,
        });
        let grown_from = if grown { self.ingests.clone() } else { Vec::new() };
        let watched = Watched { source: Arc::clone(&looking) as Arc<dyn Source>, grown_from };
        let found = Found { watched: Some(watched), size, ..self.found.clone() };
        Ok(Some(Underway { found, looking, beginning, half: !to_the_end && end < size }))
    }

    /// How the file begins, and whether it only grew since it was read last. Files of runs that have other files too are
    /// not asked: what those held may be gone.
    fn compare(
        &self,
        source: &dyn Source,
        (path, cut): (&Path, Option<u64>),
    ) -> Result<(Option<Beginning>, bool), SourceError> {
        let alone = self.footprint.as_ref().is_none_or(|footprint| footprint.is_only(path));
        let Some(end) = cut.filter(|_| alone) else { return Ok((None, false)) };
        let (beginning, grown) = Beginning::of(source, (path, end), self.beginning.as_ref())?;
        Ok((Some(beginning), grown))
    }

    /// Notes what came of a reading.
    pub fn read(&mut self, underway: &Underway, outcome: Outcome) {
        let footprint = underway.looking.footprint();
        let alone = footprint.is_only(&self.found.path) && outcome.problem.is_none();
        self.beginning = underway.beginning.filter(|_| alone);
        self.ingests = if alone { outcome.ingests } else { Vec::new() };
        self.half = underway.half;
        self.faulty = outcome.faulty;
        self.problem = outcome.problem;
        self.copy_of = outcome.copy_of;
        self.footprint = (!outcome.again).then_some(footprint);
    }
}
