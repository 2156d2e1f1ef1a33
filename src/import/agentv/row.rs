//! One row of AgentV as it stands in a file, under one set of names.
//!
//! Full rows (the snake-cased `EvaluationResult`, written in flight) and compact rows (`IndexArtifactEntry`, which
//! replace them at the end) may stand in one file. There is no version number in rows, so fields tell. Old and
//! camel-case names are read as their present ones; where both stand, the present one counts.

use serde_json::{Map, Value};

use super::super::json;

/// How much of a bad line a message shows.
const SHOWN: usize = 40;

/// Present names whose camel-case spelling is read too (A2 `manifest.ts`: a fixed list, not every name).
const SNAKE_NAMES: [&str; 58] = [
    "test_id",
    "eval_id",
    "eval_set",
    "conversation_id",
    "execution_status",
    "execution_error",
    "failure_stage",
    "failure_reason_code",
    "target_error_kind",
    "target_used",
    "target_execution",
    "token_usage",
    "cost_usd",
    "duration_ms",
    "start_time",
    "end_time",
    "grading_path",
    "timing_path",
    "metrics_path",
    "output_path",
    "input_path",
    "response_path",
    "answer_path",
    "transcript_path",
    "transcript_raw_path",
    "workspace_path",
    "result_dir",
    "artifact_dir",
    "task_dir",
    "test_dir",
    "summary_path",
    "eval_path",
    "targets_path",
    "providers_path",
    "files_path",
    "graders_path",
    "stdout_path",
    "stderr_path",
    "environment_path",
    "target_execution_path",
    "projection_identity",
    "export_metadata",
    "named_scores",
    "derived_metrics",
    "sample_index",
    "retry_index",
    "sample_path",
    "run_path",
    "attempt_path",
    "budget_exceeded",
    "cost_limited",
    "eval_run",
    "evaluator_results",
    "candidate_answer",
    "expected_output",
    "prompt_id",
    "external_trace",
    "runtime_source",
];

/// The same for what stands inside `trace` and `token_usage`.
const INNER_SNAKE_NAMES: [&str; 9] = [
    "event_count",
    "tool_calls",
    "tool_names",
    "tool_calls_by_name",
    "tool_durations",
    "error_count",
    "llm_call_count",
    "input_tokens",
    "output_tokens",
];

/// Old names of whole rows, with the present one.
const OLD_NAMES: [(&str, &str); 9] = [
    ("eval_id", "test_id"),
    ("dataset", "suite"),
    ("eval_set", "suite"),
    ("evaluators", "scores"),
    ("evaluator_results", "scores"),
    ("candidate_answer", "output"),
    ("answer", "output"),
    ("targets_path", "providers_path"),
    ("expected", "expected_output"),
];

/// Why a line is no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NotARow(pub(super) String);

/// A row, or one entry of a row's list of repeats.
#[derive(Debug, Clone, Default)]
pub(super) struct Row {
    fields: Map<String, Value>,
}

impl Row {
    /// Reads a line. `ended` says whether a line end follows it.
    pub(super) fn parse(line: &[u8], ended: bool) -> Result<Self, NotARow> {
        let value: Value = match serde_json::from_slice(line) {
            Ok(value) => value,
            Err(error) if error.is_eof() && !ended => {
                return Err(NotARow(format!(
                    "the last line ends in the middle of a JSON value, after {} bytes (line skipped)",
                    line.len()
                )));
            }
            Err(_) => return Err(NotARow(expected_object(line))),
        };
        let Value::Object(fields) = value else { return Err(NotARow(expected_object(line))) };
        let row = Self::of(fields);
        if row.text(&["test_id"]).is_none() && row.number(&["score"]).is_none() {
            return Err(NotARow(format!(
                "expected a row with test_id and score, found {} (line skipped)",
                shown(line)
            )));
        }
        Ok(row)
    }

    /// Takes fields under any of their names.
    pub(super) fn of(fields: Map<String, Value>) -> Self {
        let mut fields = present_names(snake_names(fields, &SNAKE_NAMES));
        for inner in ["trace", "token_usage"] {
            if let Some(Value::Object(object)) = fields.get_mut(inner) {
                *object = snake_names(std::mem::take(object), &INNER_SNAKE_NAMES);
            }
        }
        Self { fields }
    }

    /// All fields.
    pub(super) const fn fields(&self) -> &Map<String, Value> {
        &self.fields
    }

    /// A value other than null.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        json::field(&self.fields, &[name])
    }

    /// A text that is not empty, under the first name that has a value.
    pub(super) fn text(&self, names: &[&str]) -> Option<String> {
        json::text(&self.fields, names).filter(|text| !text.is_empty())
    }

    /// A number under the first name that has a value.
    pub(super) fn number(&self, names: &[&str]) -> Option<f64> {
        json::number(&self.fields, names)
    }

    /// An object.
    pub(super) fn object(&self, name: &str) -> Option<&Map<String, Value>> {
        self.value(name)?.as_object()
    }

    /// A list.
    pub(super) fn list(&self, name: &str) -> Option<&Vec<Value>> {
        self.value(name)?.as_array()
    }

    /// What the row says of where it comes from (AgentV 4.42 and later).
    pub(super) fn dimension(&self, name: &str) -> Option<String> {
        let dimensions = self.object("projection_identity")?.get("dimensions")?.as_object()?;
        json::text(dimensions, &[name])
    }

    /// The case; AgentV's own word for one without an id is `unknown`.
    pub(super) fn test_id(&self) -> String {
        self.text(&["test_id"]).unwrap_or_else(|| "unknown".to_owned())
    }

    /// The target, which stands for the model.
    pub(super) fn target(&self) -> Option<String> {
        self.text(&["target"])
    }

    /// The experiment that the row itself names, in its tags first: `--tag experiment=x` of AgentV 5 stays in the
    /// tags when the field is overwritten.
    pub(super) fn experiment(&self) -> Option<String> {
        self.object("tags")
            .and_then(|tags| json::text(tags, &["experiment"]))
            .or_else(|| self.text(&["experiment"]))
    }

    /// The folder that holds the files of this row's execution, relative to the run's folder.
    pub(super) fn attempt_folder(&self) -> Option<String> {
        if let Some(path) = self.text(&["grading_path", "timing_path", "metrics_path"]) {
            return Some(path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned()));
        }
        if let Some(folder) = self.text(&["artifact_dir", "result_dir"]) {
            return Some(folder);
        }
        let path = self.text(&["output_path", "answer_path", "response_path"])?;
        let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
        Some(folder.strip_suffix("outputs").unwrap_or(folder).trim_end_matches('/').to_owned())
    }

    /// The repeats that stand inside the row (`samples`, before that `attempts`, before that `trials`), as rows.
    pub(super) fn repeats(&self) -> Vec<Self> {
        let list = REPEAT_LISTS.iter().find_map(|name| self.list(name));
        let objects = list.into_iter().flatten().filter_map(Value::as_object);
        objects.map(|entry| Self::of(entry.clone())).collect()
    }
}

/// Names of the list of repeats, the present one first.
pub(super) const REPEAT_LISTS: [&str; 3] = ["samples", "attempts", "trials"];

fn snake_names(fields: Map<String, Value>, known: &[&str]) -> Map<String, Value> {
    let camel = |name: &str| name.bytes().any(|byte| byte.is_ascii_uppercase());
    if !fields.keys().any(|name| camel(name)) {
        return fields;
    }
    let mut renamed = Map::new();
    for (name, value) in &fields {
        let snake = snake_case(name);
        if camel(name) && known.contains(&snake.as_str()) && json::field(&fields, &[&snake]).is_none() {
            renamed.insert(snake, value.clone());
        } else if !renamed.contains_key(name) {
            renamed.insert(name.clone(), value.clone());
        }
    }
    renamed
}

fn snake_case(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

/// Gives old fields their present name where that one has no value; else they stay, for `extra`.
fn present_names(mut fields: Map<String, Value>) -> Map<String, Value> {
    for (old, present) in OLD_NAMES {
        let free = json::field(&fields, &[present]).is_none();
        if free
            && json::field(&fields, &[old]).is_some()
            && let Some(value) = fields.shift_remove(old)
        {
            fields.insert(present.to_owned(), value);
        }
    }
    fields
}

fn expected_object(line: &[u8]) -> String {
    format!("expected a JSON object, found {} (line skipped)", shown(line))
}

/// The beginning of a line, for a message.
fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(SHOWN * 4)]);
    let clean: String = text.chars().map(|letter| if letter.is_control() { '.' } else { letter }).collect();
    let mut beginning: String = clean.chars().take(SHOWN).collect();
    if clean.chars().count() > SHOWN || line.len() > SHOWN * 4 {
        beginning.push_str("...");
    }
    format!("`{beginning}`")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(text: &str) -> Row {
        Row::parse(text.as_bytes(), true).unwrap()
    }

    fn problem(text: &str, ended: bool) -> String {
        Row::parse(text.as_bytes(), ended).unwrap_err().0
    }

    #[test]
    fn old_and_camel_names_are_read_and_the_present_one_wins() {
        let old = row(r#"{"evalId":"a","dataset":"d","targetsPath":"p","answer":"x","score":1}"#);
        assert_eq!(old.test_id(), "a");
        assert_eq!(old.text(&["suite"]).as_deref(), Some("d"));
        assert_eq!(old.text(&["providers_path"]).as_deref(), Some("p"));
        assert_eq!(old.text(&["output"]).as_deref(), Some("x"));
        let both = row(r#"{"testId":"camel","test_id":"snake","eval_id":"old","score":1}"#);
        assert_eq!(both.test_id(), "snake");
        assert_eq!(both.text(&["eval_id"]).as_deref(), Some("old"), "the loser stays for extra");
        assert_eq!(both.text(&["testId"]).as_deref(), Some("camel"));
        assert_eq!(row(r#"{"testId":"c","test_id":null,"score":1}"#).test_id(), "c");
    }

    #[test]
    fn a_line_that_is_no_row_says_what_was_found() {
        assert_eq!(problem("[1]", true), "expected a JSON object, found `[1]` (line skipped)");
        assert_eq!(
            problem(r#"{"test_id":"a","score":0.5,"target":"gpt-x","sc"#, false),
            "the last line ends in the middle of a JSON value, after 47 bytes (line skipped)"
        );
        let merged = problem(r#"{"test_id":"a","sco{"test_id":"b","score":1,"target":"gpt"}"#, true);
        assert_eq!(
            merged,
            r#"expected a JSON object, found `{"test_id":"a","sco{"test_id":"b","score...` (line skipped)"#
        );
        assert!(problem(r#"{"id":1}"#, true).starts_with("expected a row with test_id and score"));
    }

    #[test]
    fn the_folder_of_an_attempt_comes_from_any_of_its_paths() {
        let folder = |text: &str| row(text).attempt_folder();
        assert_eq!(folder(r#"{"test_id":"a","grading_path":"s/a/grading.json"}"#).as_deref(), Some("s/a"));
        assert_eq!(
            folder(r#"{"test_id":"a","output_path":"s/a/outputs/answer.md"}"#).as_deref(),
            Some("s/a")
        );
        assert_eq!(folder(r#"{"test_id":"a"}"#), None);
    }
}
