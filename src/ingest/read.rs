//! Reads one file with its importer into drafts.

use std::collections::HashMap;
use std::path::Path;

use serde_json::{Map, Value};

use super::draft::Draft;
use super::{Found, IngestError, Labels, Problem, Reading, Surroundings};
use crate::import::{Fault, ImportOptions, Importer, Input, Record, Repeats, RunHandle, RunSink, SinkError};
use crate::model::{MetricRow, RunRow};
use crate::source::{Noticing, Source};

/// What earlier ingests know of a run, asked when a run begins.
pub(crate) trait Earlier {
    /// What is known of the run that this header begins.
    fn known(&self, run: &RunRow) -> Result<Known, IngestError>;

    /// Whether the run was taken in from these very bytes before.
    fn is_unchanged(&self, run: &RunRow) -> bool;

    /// What a run of this file is called that was read before; `own` is the id that the file itself gives.
    fn run_of_file(&self, source_file: &str, own: &str) -> Option<String>;

    /// The id under which the same file's run was read while nothing named its label yet, or when something did.
    fn run_before_its_label(&self, run: &RunRow) -> Option<String>;

    /// The run of this id, if there is one.
    fn run(&self, run_id: &str) -> Option<&RunRow>;
}

/// The id of a run whose own id holds within its file only: the one it had before, else its own unless a run of another
/// file has it; then folders of the file's path are put before it until nobody has it.
fn id_of_path(run: &RunRow, source: &dyn Source, earlier: &dyn Earlier) -> String {
    if let Some(known) = earlier.run_of_file(&run.source_file, &run.run_id) {
        return known;
    }
    let mut id = run.run_id.clone();
    let mut folders = Path::new(&run.source_file).ancestors().skip(1);
    while earlier.run(&id).is_some_and(|known| !is_of_same_file(known, run, source)) {
        match folders.next().and_then(|folder| folder.file_name()) {
            Some(name) => id = format!("{}/{id}", name.to_string_lossy()),
            None => break,
        }
    }
    id
}

/// Whether a run was read from the same file, or from one that has been moved since: nothing stands at the old path, and
/// the run began at the same moment.
fn is_of_same_file(known: &RunRow, run: &RunRow, source: &dyn Source) -> bool {
    let began = |run: &RunRow| run.started_at.map(|time| (run.tool.clone(), time));
    known.source_file == run.source_file
        || began(known).is_some()
            && began(known) == began(run)
            && !source.has_file(Path::new(&known.source_file))
}

/// Whether a stored id is a run's own one, with or without folders before it.
pub(crate) fn is_called(stored: &str, own: &str) -> bool {
    stored.strip_suffix(own).is_some_and(|before| before.is_empty() || before.ends_with('/'))
}

/// The id that a run has already when only the label before it differs.
///
/// AgentV names a folder outside of its results tree by the label of the experiment and the folder (`dev::out`), and the
/// rows that it writes in flight name neither: while it runs the folder is all there is, when it has ended there is more.
pub(crate) fn before_its_label<'a>(known: impl Iterator<Item = &'a RunRow>, run: &RunRow) -> Option<String> {
    let labelled =
        |long: &str, short: &str| long.strip_suffix(short).is_some_and(|label| label.ends_with("::"));
    let of_file: Vec<&RunRow> =
        known.filter(|known| known.source_file == run.source_file && known.tool == run.tool).collect();
    if of_file.iter().any(|known| known.run_id == run.run_id) {
        return None;
    }
    let (run, mut known) = (&run.run_id, of_file.into_iter().map(|known| &known.run_id));
    known.find(|known| labelled(known, run) || labelled(run, known)).cloned()
}

/// Whether a run is a copy of another one that is called otherwise: the same executions, or, where rows change after they
/// are saved, the same bytes.
pub(crate) fn is_copy(known: &RunRow, run: &RunRow, importer: &dyn Importer) -> bool {
    if known.run_id == run.run_id {
        return false;
    }
    if importer.rows_change() {
        let of = |run: &RunRow| (run.fingerprint.clone(), run.started_at);
        return !run.fingerprint.is_empty() && of(known) == of(run);
    }
    run.content_id.is_some() && known.content_id == run.content_id
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
            ids: Vec::new(),
            names: HashMap::new(),
            unchanged: Vec::new(),
            faulty: Vec::new(),
            reading: Reading::default(),
            told: 0,
        };
        let source = Noticing::new(self.source);
        let input = Input { source: &source, path: &found.path, options: self.options };
        let read = source.checked(found.importer.read(&input, &mut sink));
        let read = read.map_err(|error| Problem::beside(&found.path, error))?;
        read.map_err(|error| Problem::of_import(&found.path, &error))?;
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
    /// What each run is called.
    ids: Vec<String>,
    /// The same by the run's own id, for runs that name their parent.
    names: HashMap<String, String>,
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

    /// What a run is called here.
    fn id_of(&self, run: &RunRow) -> String {
        if self.importer.named_by_path(run) {
            id_of_path(run, self.reader.source, self.earlier)
        } else {
            self.earlier.run_before_its_label(run).unwrap_or_else(|| run.run_id.clone())
        }
    }

    /// What the parent of a run is called here; the run itself still has its own id.
    fn parent_of(&self, run: &RunRow) -> Option<String> {
        let own = run.parent_run_id.clone()?;
        let unread = || self.id_of(&RunRow { run_id: own.clone(), started_at: None, ..run.clone() });
        Some(self.names.get(&own).cloned().unwrap_or_else(unread))
    }
}

impl RunSink for Collector<'_> {
    fn begin(&mut self, run: &RunRow, repeats: Repeats) -> Result<RunHandle, SinkError> {
        let kept = |error: IngestError| SinkError(error.to_string());
        let mut header = run.clone();
        header.run_id = self.id_of(run);
        self.ids.push(header.run_id.clone());
        self.names.insert(run.run_id.clone(), header.run_id.clone());
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
        header.parent_run_id = self.parent_of(&header);
        header.run_id.clone_from(&self.ids[run.0]);
        let Some(draft) = self.draft(run)? else {
            self.unchanged.push(header);
            return Ok(());
        };
        let begun = std::mem::take(&mut draft.header);
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
