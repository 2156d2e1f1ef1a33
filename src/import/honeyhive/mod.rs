//! Saved answers of HoneyHive's API: what `GET /runs/{id}/metrics` and `GET /runs/{id}/result` gave.
//!
//! A file is a run; the two answers of one run that lie side by side are read as one. The events of a session are the
//! steps of a result. HoneyHive's own comparisons hold counts rather than rows and are refused with a word on what to
//! save instead. Shapes: openapi/openapi.yaml and experiments/models.py of honeyhiveai/python-sdk.

mod answers;
mod event;
mod header;
mod kind;
mod metrics;
mod records;
#[cfg(test)]
mod tests;
mod verdicts;

use std::path::Path;

use serde_json::Map;

use self::answers::Answers;
use self::event::{Session, sessions_of};
use self::header::header_of;
use self::kind::Kind;
use self::metrics::Details;
use self::records::Records;
use self::verdicts::{Datapoint, datapoints_of};
use super::{Candidate, Duplicates, Fit, ImportError, Importer, Input, Repeats, RunSink};
use crate::model::RunRow;

/// Reads saved answers of HoneyHive's API.
pub struct HoneyHive;

impl Importer for HoneyHive {
    fn name(&self) -> &'static str {
        "honeyhive"
    }

    fn about(&self) -> &'static str {
        "saved answers of HoneyHive's API: /runs/ID/metrics and /runs/ID/result"
    }

    fn considers(&self, file_name: &str) -> bool {
        Path::new(file_name).extension().is_some_and(|end| end.eq_ignore_ascii_case("json"))
    }

    fn sniff(&self, file: &Candidate<'_>) -> Fit {
        match Kind::of(file.head) {
            None => Fit::No,
            Some(Kind::Result) if !file.named && answers::belongs_to_metrics(file.source, file.path) => {
                Fit::Elsewhere
            }
            Some(_) => Fit::Own,
        }
    }

    /// A run whose answers do not name it stands for its file; one that they name stands for its folder.
    fn named_by_path(&self, run: &RunRow) -> bool {
        run.source_file == run.source_path
    }

    fn read(&self, input: &Input<'_>, sink: &mut dyn RunSink) -> Result<(), ImportError> {
        let answers = Answers::at(input.source, input.path)?;
        sink.progress(answers.bytes);
        let mut sessions = sessions_of(&answers, sink);
        let datapoints = datapoints_of(&answers, sink);
        let alone = verdicts::join(&mut sessions, datapoints);
        let mut header = header_of(input, &answers, &sessions);
        if let Some(time) = sessions.iter().filter_map(Session::started_at).min() {
            header.started_at = header.started_at.or(Some(time));
        }
        let run = sink.begin(&header, repeats(input))?;
        if sink.wants(run) {
            let details = Details::of(&answers);
            let records = Records::new(&header, &sessions, &alone, details);
            for record in records.of_sessions(&sessions) {
                sink.record(run, record)?;
            }
            for record in records.of_datapoints(&alone) {
                sink.record(run, record)?;
            }
            say(sink, &answers, &records, (&sessions, &alone));
        }
        sink.end(run, header)?;
        Ok(())
    }
}

/// What sessions of one datapoint are: HoneyHive does not tell a planned repeat from a retry.
fn repeats(input: &Input<'_>) -> Repeats {
    match input.options.duplicates {
        Some(Duplicates::Epoch) => Repeats::Epochs,
        Some(Duplicates::Attempt) => Repeats::Attempts,
        Some(Duplicates::Error) => Repeats::Refuse,
        None => Repeats::EpochsUnlessAfterError,
    }
}

/// What a person should know about the reading.
fn say(sink: &mut dyn RunSink, answers: &Answers, records: &Records, read: (&[Session], &[Datapoint])) {
    let (sessions, alone) = read;
    let name = |path: &Path| path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let file = name(answers.row_file());
    if let (Some(metrics), Some(result)) = (&answers.metrics, &answers.result) {
        let (metrics, result) = (name(&metrics.path), name(&result.path));
        let run = name(answers.row_file().parent().unwrap_or(Path::new("")));
        sink.note(format!(
            "{run}: {metrics} and {result} are read as one run: events of the one, verdicts of the other"
        ));
    }
    if let Some(metrics) = &answers.metrics {
        let (held, total) = metrics.event_counts();
        if total.is_some_and(|total| total > held) {
            let total = total.unwrap_or(held);
            sink.note(format!("{file}: holds {held} of {total} events: save the other pages too"));
        }
    } else if sessions.is_empty() && alone.is_empty() {
        let why =
            "names no datapoints: its aggregates are kept as reported, there is nothing to compare by case";
        sink.note(format!("{file}: {why}; save the answer of GET /runs/RUN_ID/metrics beside it"));
    } else {
        let without = "has neither steps nor durations, tokens or cost";
        sink.note(format!("{file}: {without}; the answer of GET /runs/RUN_ID/metrics beside it has them"));
    }
    records.say(sink, &file);
}

/// A JSON object of an answer.
type Fields = Map<String, serde_json::Value>;
