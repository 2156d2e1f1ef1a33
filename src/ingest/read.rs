//! Reads one file with its importer into drafts.

use std::sync::atomic::{AtomicU64, Ordering};

use serde_json::{Map, Value};

use super::draft::Draft;
use super::{Found, IngestError, Labels, Problem, Reading, Surroundings};
use crate::import::{Fault, ImportOptions, Input, Record, Repeats, RunHandle, RunSink, SinkError};
use crate::model::{MetricRow, RunRow};
use crate::source::Source;

/// What earlier ingests know of a run, asked when a run begins.
pub(crate) trait Earlier {
    /// The attempts of a run that are stored already, in the order of their numbers; none when it is new.
    fn attempts(&self, run: &RunRow) -> Result<Vec<Record>, IngestError>;
}

/// How files are read.
pub(crate) struct Reader<'a> {
    pub source: &'a dyn Source,
    pub options: &'a ImportOptions,
    pub labels: &'a Labels,
    pub surroundings: &'a dyn Surroundings,
}

/// The runs of one file, not yet settled.
pub(crate) struct Drafts {
    pub drafts: Vec<Draft>,
    pub reading: Reading,
}

impl Reader<'_> {
    /// Reads every run of a file. A file that cannot be read gives its problem, with nothing of it kept.
    pub fn read(&self, found: &Found, earlier: &dyn Earlier) -> Result<Drafts, Problem> {
        let mut sink = Collector {
            reader: self,
            earlier,
            drafts: Vec::new(),
            reading: Reading::default(),
            told: AtomicU64::new(0),
        };
        let input = Input { source: self.source, path: &found.path, options: self.options };
        found.importer.read(&input, &mut sink).map_err(|error| Problem::of_import(&found.path, &error))?;
        // An importer may tell its progress by line or not at all; the bar ends where the file ends.
        let told = sink.told.load(Ordering::Relaxed);
        self.surroundings.progress(found.size.saturating_sub(told));
        let skipped = sink.reading.faults.len() as i64;
        let mut drafts: Vec<Draft> = sink.drafts.into_iter().flatten().collect();
        if let [draft] = drafts.as_mut_slice() {
            draft.header.skipped_count = skipped;
        }
        Ok(Drafts { drafts, reading: sink.reading })
    }

    fn labelled(&self, header: &mut RunRow) {
        if self.labels.name.is_some() {
            header.name.clone_from(&self.labels.name);
        }
        header.tags = with_entries(header.tags.take(), &self.labels.tags);
        header.params = with_entries(header.params.take(), &self.labels.params);
    }
}

/// A JSON object of texts with some entries added or replaced; an empty one is missing.
pub(crate) fn with_entries(object: Option<String>, entries: &[(String, String)]) -> Option<String> {
    if entries.is_empty() {
        return object;
    }
    let mut map: Map<String, Value> =
        object.as_deref().and_then(|text| serde_json::from_str(text).ok()).unwrap_or_default();
    for (key, value) in entries {
        map.insert(key.clone(), Value::String(value.clone()));
    }
    crate::import::json::stored_object(map)
}

struct Collector<'a> {
    reader: &'a Reader<'a>,
    earlier: &'a dyn Earlier,
    drafts: Vec<Option<Draft>>,
    reading: Reading,
    told: AtomicU64,
}

impl Collector<'_> {
    fn draft(&mut self, run: RunHandle) -> Result<&mut Draft, SinkError> {
        self.drafts
            .get_mut(run.0)
            .and_then(Option::as_mut)
            .ok_or_else(|| SinkError("a row came for a run that has not begun".to_owned()))
    }
}

impl RunSink for Collector<'_> {
    fn begin(&mut self, run: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError> {
        let mut header = run.clone();
        header.ingest_id = self.reader.surroundings.ingest_id();
        let mut draft = Draft::new(header, repeats);
        for record in self.earlier.attempts(run).map_err(|error| SinkError(error.to_string()))? {
            draft.push_earlier(record).map_err(|error| SinkError(error.to_string()))?;
        }
        self.drafts.push(Some(draft));
        Ok(RunHandle(self.drafts.len() - 1))
    }

    fn record(&mut self, run: RunHandle, record: Record) -> Result<(), SinkError> {
        self.draft(run)?.push(record).map_err(|error| SinkError(error.to_string()))
    }

    fn end(&mut self, run: RunHandle, header: RunRow) -> Result<(), SinkError> {
        let reader = self.reader;
        let draft = self.draft(run)?;
        let ingest_id = std::mem::take(&mut draft.header.ingest_id);
        draft.header = RunRow { ingest_id, ingested_at: Some(reader.surroundings.now()), ..header };
        reader.labelled(&mut draft.header);
        Ok(())
    }

    fn fault(&mut self, fault: Fault) {
        self.reading.faults.push(fault);
    }

    fn note(&mut self, note: String) {
        self.reading.notes.push(note);
    }

    fn metric(&mut self, metric: MetricRow) {
        self.reading.metrics.push(metric);
    }

    fn progress(&mut self, bytes: u64) {
        self.told.fetch_add(bytes, Ordering::Relaxed);
        self.reader.surroundings.progress(bytes);
    }
}
