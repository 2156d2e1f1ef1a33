//! The answers of one run: a file, and the other answer of the same run beside it.
//!
//! Two files belong together when they lie in one folder, their names differ only in `metrics` and `result`, and they
//! do not name different runs.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::super::{HEAD_BYTES, ImportError, json};
use super::Fields;
use super::kind::Kind;
use crate::source::Source;

/// Words of a file's name that say which answer it holds rather than which run.
const ANSWER_WORDS: [&str; 4] = ["metrics", "metric", "results", "result"];

/// One answer.
pub(super) struct Part {
    /// Its file.
    pub(super) path: PathBuf,
    /// What it says.
    pub(super) fields: Fields,
    bytes: Bytes,
}

/// What is there of a run: one of the two answers, or both.
pub(super) struct Answers {
    /// `GET /runs/{id}/metrics`.
    pub(super) metrics: Option<Part>,
    /// `GET /runs/{id}/result`.
    pub(super) result: Option<Part>,
    /// How many bytes were read.
    pub(super) bytes: u64,
}

impl Answers {
    /// Reads a file and the other answer of its run.
    pub(super) fn at(source: &dyn Source, path: &Path) -> Result<Self, ImportError> {
        let (kind, part) = Part::read(source, path)?;
        if let Some(refusal) = kind.refusal(path) {
            return Err(refusal);
        }
        let other = partner(source, &part, kind);
        let bytes = part.bytes.len() + other.as_ref().map_or(0, |other| other.bytes.len());
        let (metrics, result) = if kind == Kind::Metrics { (Some(part), other) } else { (other, Some(part)) };
        Ok(Self { metrics, result, bytes: bytes as u64 })
    }

    fn parts(&self) -> impl Iterator<Item = &Part> {
        self.metrics.iter().chain(&self.result)
    }

    /// The file that holds the rows.
    pub(super) fn row_file(&self) -> &Path {
        self.parts().next().map_or(Path::new(""), |part| part.path.as_path())
    }

    /// The id that the answers give the run.
    pub(super) fn run_id(&self) -> Option<String> {
        self.parts().find_map(Part::run_id)
    }

    /// The run as the result answer describes it.
    pub(super) fn run_object(&self) -> Option<&Fields> {
        json::field(&self.result.as_ref()?.fields, &["run_object", "run"])?.as_object()
    }

    /// Hash of the bytes of both answers.
    pub(super) fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for part in self.parts() {
            hash.update((part.bytes.len() as u64).to_le_bytes());
            hash.update(&part.bytes);
        }
        format!("{:x}", hash.finalize()).chars().take(32).collect()
    }
}

impl Part {
    fn read(source: &dyn Source, path: &Path) -> Result<(Kind, Self), ImportError> {
        let bytes = source.read(path)?;
        let text = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(&bytes);
        let known = Kind::of(text).ok_or_else(|| {
            let what = "expected an answer of HoneyHive's API with events or datapoints, found neither";
            let hint = "save what GET /runs/RUN_ID/metrics or /runs/RUN_ID/result answers";
            ImportError::unreadable(path, None, what, Some(hint))
        })?;
        match json::parse_lenient(text) {
            Ok(Value::Object(fields)) => Ok((known, Self { path: path.to_owned(), fields, bytes })),
            Ok(_) => Err(ImportError::unreadable(path, None, "expected a JSON object", None)),
            Err(error) => {
                let line = u64::try_from(error.line()).ok();
                let what = format!("expected JSON, found something else: {error}");
                Err(ImportError::unreadable(path, line, what, Some("is the file complete?")))
            }
        }
    }

    /// The events, or none when this is no metrics answer.
    pub(super) fn events(&self) -> &[Value] {
        self.list("events")
    }

    /// A list of the answer, empty when there is none.
    pub(super) fn list(&self, name: &str) -> &[Value] {
        self.fields.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
    }

    /// How many events the file holds, and how many HoneyHive says there are (as a number or a text).
    pub(super) fn event_counts(&self) -> (u64, Option<u64>) {
        let total = json::text(&self.fields, &["totalEvents"]).and_then(|text| text.parse().ok());
        (self.events().len() as u64, total)
    }

    /// The run that the answer names: in its header, else the one that all events name which name one.
    fn run_id(&self) -> Option<String> {
        let object = json::field(&self.fields, &["run_object", "run"]).and_then(Value::as_object);
        let named = object.and_then(|object| json::text(object, &["run_id", "id"]));
        named
            .or_else(|| json::text(&self.fields, &["run_id"]))
            .or_else(|| self.said_by_events(&["run_id"]).filter(|id| !id.is_empty()))
    }

    /// What all events that say something of it agree on in their metadata.
    pub(super) fn said_by_events(&self, names: &[&str]) -> Option<String> {
        let metadata =
            |event: &Value| -> Option<String> { json::text(event.get("metadata")?.as_object()?, names) };
        let mut said = self.events().iter().filter_map(metadata);
        let first = said.next()?;
        said.all(|other| other == first).then_some(first)
    }
}

/// Whether a result answer is read together with a metrics answer beside it.
pub(super) fn belongs_to_metrics(source: &dyn Source, path: &Path) -> bool {
    Part::read(source, path).is_ok_and(|(kind, part)| partner(source, &part, kind).is_some())
}

/// The other answer of the same run in the same folder.
fn partner(source: &dyn Source, part: &Part, kind: Kind) -> Option<Part> {
    let wanted = if kind == Kind::Metrics { Kind::Result } else { Kind::Metrics };
    let entries = source.list(part.path.parent()?).ok()?;
    let named_alike = entries.into_iter().filter(|entry| {
        let json = entry.path.extension().is_some_and(|end| end.eq_ignore_ascii_case("json"));
        !entry.folder && json && entry.path != part.path && base(&entry.path) == base(&part.path)
    });
    named_alike
        .filter(|entry| {
            let head = source.read_range(&entry.path, 0..HEAD_BYTES);
            head.is_ok_and(|head| Kind::of(&head) == Some(wanted))
        })
        .filter_map(|entry| Part::read(source, &entry.path).ok())
        .map(|(_, other)| other)
        .find(|other| match (part.run_id(), other.run_id()) {
            (Some(own), Some(other)) => own == other,
            _ => true,
        })
}

/// What a file's name says of the run: its stem without the word for the answer.
pub(super) fn base(path: &Path) -> &str {
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    let lower = stem.to_ascii_lowercase();
    let apart = |c: char| matches!(c, '-' | '_' | '.' | ' ');
    for word in ANSWER_WORDS {
        if lower == word {
            return "";
        }
        if lower.strip_suffix(word).is_some_and(|rest| rest.ends_with(apart)) {
            return stem[..stem.len() - word.len()].trim_end_matches(apart);
        }
        if lower.strip_prefix(word).is_some_and(|rest| rest.starts_with(apart)) {
            return stem[word.len()..].trim_start_matches(apart);
        }
    }
    stem
}

/// The name of a run whose answers do not name it: the file's, else the folder's.
pub(super) fn name_of(path: &Path) -> String {
    let base = base(path);
    let folder = path.parent().and_then(Path::file_name).and_then(|name| name.to_str()).unwrap_or("");
    let stem = path.file_stem().and_then(|stem| stem.to_str()).unwrap_or("");
    [base, folder, stem].into_iter().find(|name| !name.is_empty()).unwrap_or("run").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_without_the_word_for_the_answer_is_the_runs() {
        let names = [
            ("r/run-1.json", "run-1"),
            ("r/run-1.metrics.json", "run-1"),
            ("r/run-1_result.json", "run-1"),
            ("r/Metrics-run-1.json", "run-1"),
            ("r/metrics.json", "r"),
            ("r/results.json", "r"),
            ("r/biometrics.json", "biometrics"),
        ];
        for (path, name) in names {
            assert_eq!(name_of(Path::new(path)), name, "{path}");
        }
    }
}
