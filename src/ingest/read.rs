//! Reads one file with its importer into drafts.

use serde_json::{Map, Value};

use super::draft::Draft;
use super::{Found, IngestError, Labels, Problem, Reading, Surroundings};
use crate::import::{Fault, ImportOptions, Importer, Input, Record, Repeats, RunHandle, RunSink, SinkError};
use crate::model::{MetricRow, RunRow};
use crate::source::Source;

/// What earlier ingests know of a run, asked when a run begins.
pub(crate) trait Earlier {
    /// What is known of the run that this header begins.
    fn known(&self, run: &RunRow) -> Result<Known, IngestError>;

    /// Whether the run was taken in from these very bytes before.
    fn is_unchanged(&self, run: &RunRow) -> bool;

    /// The run that was read from this file before, if any.
    fn run_of_file(&self, source_file: &str) -> Option<String>;

    /// The file that a run was read from, if there is such a run.
    fn file_of_run(&self, run_id: &str) -> Option<String>;
}

/// The id of a run that is called by its file's name: the one this file had before, else its own unless another file
/// has it; then folders of its path are put before it until nobody has it.
fn id_of_path(run: &RunRow, earlier: &dyn Earlier) -> String {
    if let Some(known) = earlier.run_of_file(&run.source_file) {
        return known;
    }
    let mut id = run.run_id.clone();
    let mut folders = std::path::Path::new(&run.source_file).ancestors().skip(1);
    while earlier.file_of_run(&id).is_some_and(|file| file != run.source_file) {
        match folders.next().and_then(|folder| folder.file_name()) {
            Some(name) => id = format!("{}/{id}", name.to_string_lossy()),
            None => break,
        }
    }
    id
}

/// What is known of a run.
pub(crate) enum Known {
    /// It has not been seen.
    Nothing,
    /// It has been taken in from these very bytes.
    Unchanged {
        /// Whether lines of it could not be read, so that they are named again.
        faulty: bool,
    },
    /// These attempts are stored, in the order of their numbers.
    Attempts(Vec<Record>),
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
    /// Headers of runs that have not changed since they were taken in.
    pub unchanged: Vec<RunRow>,
    pub reading: Reading,
}

impl Reader<'_> {
    /// Reads every run of a file. A file that cannot be read gives its problem, with nothing of it kept.
    pub fn read(&self, found: &Found, earlier: &dyn Earlier) -> Result<Drafts, Problem> {
        let mut sink = Collector {
            importer: found.importer,
            reader: self,
            earlier,
            drafts: Vec::new(),
            unchanged: Vec::new(),
            faulty: Vec::new(),
            reading: Reading::default(),
            told: 0,
        };
        let input = Input { source: self.source, path: &found.path, options: self.options };
        found.importer.read(&input, &mut sink).map_err(|error| Problem::of_import(&found.path, &error))?;
        // An importer may tell its progress by line or not at all; the bar ends where the file ends.
        self.surroundings.progress(found.size.saturating_sub(sink.told));
        let skipped = sink.reading.faults.len() as i64;
        let mut drafts: Vec<Draft> = sink.drafts.into_iter().flatten().collect();
        if let [draft] = drafts.as_mut_slice() {
            draft.header.skipped_count = skipped;
        }
        Ok(Drafts { drafts, unchanged: sink.unchanged, reading: sink.reading })
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
    importer: &'static dyn Importer,
    reader: &'a Reader<'a>,
    earlier: &'a dyn Earlier,
    /// `None` for a run that has not changed: its rows are let go.
    drafts: Vec<Option<Draft>>,
    unchanged: Vec<RunRow>,
    /// Runs that have not changed and whose bad lines are named all the same.
    faulty: Vec<usize>,
    reading: Reading,
    /// Bytes that the importer said it has read.
    told: u64,
}

impl Collector<'_> {
    fn draft(&mut self, run: RunHandle) -> Result<Option<&mut Draft>, SinkError> {
        match self.drafts.get_mut(run.0) {
            Some(draft) => Ok(draft.as_mut()),
            None => Err(SinkError("a row came for a run that has not begun".to_owned())),
        }
    }
}

impl RunSink for Collector<'_> {
    fn begin(&mut self, run: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError> {
        let kept = |error: IngestError| SinkError(error.to_string());
        let mut header = run.clone();
        if self.importer.named_by_path(run) {
            header.run_id = id_of_path(run, self.earlier);
        }
        header.ingest_id = self.reader.surroundings.ingest_id();
        let draft = match self.earlier.known(&header).map_err(kept)? {
            Known::Unchanged { faulty } => {
                self.faulty.extend(faulty.then_some(self.drafts.len()));
                None
            }
            Known::Nothing => Some(Draft::new(header, repeats)),
            Known::Attempts(records) => {
                let mut draft = Draft::new(header, repeats);
                for record in records {
                    draft.push_earlier(record).map_err(kept)?;
                }
                Some(draft)
            }
        };
        self.drafts.push(draft);
        Ok(RunHandle(self.drafts.len() - 1))
    }

    fn wants(&self, run: RunHandle) -> bool {
        self.drafts.get(run.0).is_some_and(Option::is_some) || self.faulty.contains(&run.0)
    }

    fn record(&mut self, run: RunHandle, record: Record) -> Result<(), SinkError> {
        match self.draft(run)? {
            Some(draft) => draft.push(record).map_err(|error| SinkError(error.to_string())),
            None => Ok(()),
        }
    }

    fn end(&mut self, run: RunHandle, mut header: RunRow) -> Result<(), SinkError> {
        let reader = self.reader;
        reader.labelled(&mut header);
        let Some(draft) = self.draft(run)? else {
            self.unchanged.push(header);
            return Ok(());
        };
        let begun = std::mem::take(&mut draft.header);
        header.run_id = begun.run_id;
        // Some sources are only known whole: their fingerprint comes at the end.
        if self.earlier.is_unchanged(&header) {
            self.drafts[run.0] = None;
            self.unchanged.push(header);
            return Ok(());
        }
        let ingested_at = Some(reader.surroundings.now());
        if let Some(draft) = self.draft(run)? {
            draft.header = RunRow { ingest_id: begun.ingest_id, ingested_at, ..header };
        }
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
        self.told += bytes;
        self.reader.surroundings.progress(bytes);
    }
}
