//! Which of HoneyHive's answers a file holds, told by the names in it; the beginning of the file is enough.

use std::collections::BTreeSet;
use std::fmt;
use std::path::Path;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::super::ImportError;

/// How deep names are looked at.
const DEPTH: u8 = 2;

/// An answer of HoneyHive's API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `GET /runs/{id}/metrics`: every event of a run with its metrics.
    Metrics,
    /// `GET /runs/{id}/result`: verdicts and aggregates of a run.
    Result,
    /// `GET /runs/{new}/compare-with/{old}`: aggregates and counts of two runs.
    Comparison,
    /// `GET /runs/compare/events`: events of two runs in pairs.
    EventPairs,
    /// A list of the fields of an answer with their types.
    FieldList,
}

impl Kind {
    /// The answer that begins with these bytes; `None` when nothing in them is HoneyHive's.
    pub(super) fn of(head: &[u8]) -> Option<Self> {
        let head = head.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(head);
        let mut names = BTreeSet::new();
        let mut reader = serde_json::Deserializer::from_slice(head);
        // The head may end anywhere: what was seen until then counts.
        let _cut = Names { seen: &mut names, path: String::new(), depth: DEPTH }.deserialize(&mut reader);
        let has = |name: &str| names.contains(name);
        let any = |all: &[&str]| all.iter().any(|name| has(name));
        if has("metrics[]") {
            return Some(Self::FieldList);
        }
        if any(&["events[].event_1", "events[].event_2"]) {
            return Some(Self::EventPairs);
        }
        if has("commonDatapoints") {
            return Some(Self::Comparison);
        }
        let event = any(&["events[].event_id", "events[].session_id", "events[].event_name"]);
        if event && any(&["events[].metrics", "events[].event_type"])
            || has("totalEvents") && has("events") && !names.iter().any(|name| name.starts_with("events[]"))
        {
            return Some(Self::Metrics);
        }
        let judged = has("success") && any(&["passed", "failed"]);
        (judged && any(&["metrics", "datapoints"])).then_some(Self::Result)
    }

    /// Why an answer that is no run cannot be read as one.
    pub(super) fn refusal(self, path: &Path) -> Option<ImportError> {
        let what = match self {
            Self::Metrics | Self::Result => return None,
            Self::Comparison => {
                "this is HoneyHive's comparison of two runs (aggregates and counts), not a run with its cases"
            }
            Self::EventPairs => {
                "these are events of two runs in pairs, as HoneyHive compares them, not a run"
            }
            Self::FieldList => "this lists the fields of HoneyHive's comparison, it is no answer of its API",
        };
        let hint = "runq compares by itself: save GET /runs/RUN_ID/metrics (or /runs/RUN_ID/result) of each run, \
                    then runq compare OLD.json NEW.json";
        Some(ImportError::unreadable(path, None, what, Some(hint)))
    }
}

/// Collects the names of fields, `[]` for the elements of a list: `events[].event_id`.
struct Names<'a> {
    seen: &'a mut BTreeSet<String>,
    path: String,
    depth: u8,
}

impl<'de> DeserializeSeed<'de> for Names<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth == 0 {
            return deserializer.deserialize_ignored_any(IgnoredAny).map(|_| ());
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Names<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(name) = map.next_key::<String>()? {
            let dot = if self.path.is_empty() { "" } else { "." };
            let path = format!("{}{dot}{name}", self.path);
            self.seen.insert(path.clone());
            map.next_value_seed(Names { seen: &mut *self.seen, path, depth: self.depth - 1 })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let path = format!("{}[]", self.path);
        while list
            .next_element_seed(Names { seen: &mut *self.seen, path: path.clone(), depth: self.depth })?
            .is_some()
        {}
        Ok(())
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }

    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }

    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }

    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }

    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }

    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_by_their_names() {
        let kinds = [
            (
                r#"{"events":[{"event_id":"e","metrics":{"accuracy":1}}],"totalEvents":"1"}"#,
                Some(Kind::Metrics),
            ),
            (r#"{"events":[],"totalEvents":0}"#, Some(Kind::Metrics)),
            (r#"{"events":[{"datapoint_id":"d","event_1":{},"event_2":{}}]}"#, Some(Kind::EventPairs)),
            (r#"{"success":true,"passed":85,"failed":15,"metrics":{},"datapoints":[]}"#, Some(Kind::Result)),
            (r#"{"status":"completed","success":false,"passed":["d"],"datapoints":[]}"#, Some(Kind::Result)),
            (r#"{"commonDatapoints":[],"metrics":[],"old_run":{},"new_run":{}}"#, Some(Kind::Comparison)),
            (
                r#"{"metrics[]":{"metric_name":"string"},"commonDatapoints":"string[]"}"#,
                Some(Kind::FieldList),
            ),
            (r#"{"dataset":[{"inputs":{"value":1}}]}"#, None),
            (r#"{"results":[{"id":1,"success":true,"passed":1}]}"#, None),
            (r#"{"events":[{"id":1,"metrics":{}}]}"#, None),
            (r#"[{"event_id":"e","metrics":{}}]"#, None),
            ("no json", None),
        ];
        for (text, kind) in kinds {
            assert_eq!(Kind::of(text.as_bytes()), kind, "{text}");
        }
    }

    #[test]
    fn a_beginning_is_enough() {
        let cut = br#"{"events":[{"session_id":"s","event_type":"model","inputs":{"text":"long"#;
        assert_eq!(Kind::of(cut), Some(Kind::Metrics));
        assert_eq!(Kind::of(br#"{"events":[{"session_id":"s","metrics":{"a":NaN}}]}"#), Some(Kind::Metrics));
    }
}
