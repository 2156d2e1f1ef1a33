//! Reads one cell as the type it is wanted as; what it cannot be read as is said, never guessed.
//!
//! Texts are read like the values they spell, since every cell of a CSV file is a text.

use serde_json::Value;

use crate::model::{Status, Timestamp};

/// Texts that spell a missing value in tables written by pandas, R and the like.
const MISSING: [&str; 8] = ["", "nan", "null", "none", "n/a", "na", "<na>", "nat"];

/// What a score cell holds.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scored {
    /// Nothing, or not a number.
    Missing,
    /// A number; booleans are 0 and 1.
    Value(f64),
    /// A grade that is no number.
    Label(String),
}

/// Whether a cell is empty: null, or a text that spells it.
pub(super) fn is_missing(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => is_missing_text(text),
        _ => false,
    }
}

fn is_missing_text(text: &str) -> bool {
    let text = text.trim();
    MISSING.iter().any(|word| word.eq_ignore_ascii_case(text))
}

/// A number; a boolean is 0 or 1, what is not finite is missing.
pub(super) fn number(value: &Value) -> Result<Option<f64>, String> {
    match scored(value) {
        Ok(Scored::Value(number)) => Ok(Some(number)),
        Ok(Scored::Missing) => Ok(None),
        Ok(Scored::Label(_)) | Err(_) => Err(unexpected("a number", value)),
    }
}

/// A whole number; a fraction is rounded, since tools print counts as floats.
pub(super) fn count(value: &Value) -> Result<Option<i64>, String> {
    if let Some(whole) = value.as_i64() {
        return Ok(Some(whole));
    }
    let number = number(value).map_err(|_| unexpected("a whole number", value))?;
    Ok(number.map(|number| number.round() as i64))
}

/// A score: a number, or a text that is none.
pub(super) fn scored(value: &Value) -> Result<Scored, String> {
    Ok(match value {
        Value::Null => Scored::Missing,
        Value::Bool(truth) => Scored::Value(f64::from(u8::from(*truth))),
        Value::Number(number) => finite(number.as_f64()),
        Value::String(text) => scored_text(text),
        Value::Array(_) | Value::Object(_) => return Err(unexpected("a number or a text", value)),
    })
}

fn scored_text(text: &str) -> Scored {
    let trimmed = text.trim();
    if is_missing_text(trimmed) {
        return Scored::Missing;
    }
    match (trimmed.parse::<f64>(), truth_word(trimmed)) {
        (Ok(number), _) => finite(Some(number)),
        (Err(_), Some(truth)) => Scored::Value(f64::from(u8::from(truth))),
        (Err(_), None) => Scored::Label(text.to_owned()),
    }
}

fn finite(number: Option<f64>) -> Scored {
    number.filter(|number| number.is_finite()).map_or(Scored::Missing, Scored::Value)
}

fn truth_word(word: &str) -> Option<bool> {
    if word.eq_ignore_ascii_case("true") {
        Some(true)
    } else if word.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// A verdict: a boolean, 0 or 1, or a word for it.
pub(super) fn verdict(value: &Value) -> Result<Option<bool>, String> {
    if is_missing(value) {
        return Ok(None);
    }
    let word = match value {
        Value::String(text) => text.trim().to_ascii_lowercase(),
        Value::Number(number) if number.as_f64() == Some(0.0) => "0".to_owned(),
        Value::Number(number) if number.as_f64() == Some(1.0) => "1".to_owned(),
        Value::Bool(truth) => truth.to_string(),
        _ => String::new(),
    };
    match word.as_str() {
        "true" | "1" | "1.0" | "pass" | "passed" | "yes" | "success" | "correct" | "ok" => Ok(Some(true)),
        "false" | "0" | "0.0" | "fail" | "failed" | "no" | "failure" | "incorrect" => Ok(Some(false)),
        _ => Err(unexpected("passed or not (true, false, pass, fail, 1, 0)", value)),
    }
}

/// A status word, and the verdict that it implies.
///
/// Besides the stored and the screen words: succeeded, completed, done and the like are ok; failed and incorrect
/// are the tool's verdict; errored, timeout and crashed are execution errors; skipped and aborted count as
/// cancelled; truncated and max_tokens as a limit.
pub(super) fn status(word: &str) -> Option<(Status, Option<bool>)> {
    let word = word.trim().to_ascii_lowercase().replace([' ', '-'], "_");
    let known = match word.as_str() {
        "pass" | "passed" | "correct" => (Status::Ok, Some(true)),
        "fail" | "failed" | "failure" | "incorrect" | "wrong" | "quality_failure" => {
            (Status::QualityFailure, Some(false))
        }
        "success" | "successful" | "succeeded" | "completed" | "complete" | "done" | "finished" => {
            (Status::Ok, None)
        }
        "errored" | "exception" | "crashed" | "crash" | "timeout" | "timed_out" | "execution_failed" => {
            (Status::ExecutionError, None)
        }
        "canceled" | "skipped" | "skip" | "aborted" | "interrupted" | "killed" => (Status::Cancelled, None),
        "truncated" | "max_tokens" | "limit_reached" => (Status::Limit, None),
        _ => (Status::parse(&word)?, None),
    };
    Some(known)
}

/// A moment: a text (see [`Timestamp::parse`]), or seconds, milliseconds, microseconds or nanoseconds since 1970,
/// told apart by their size.
pub(super) fn moment(value: &Value) -> Result<Option<Timestamp>, String> {
    if is_missing(value) {
        return Ok(None);
    }
    let since = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => match Timestamp::parse(text) {
            Some(time) => return Ok(Some(time)),
            None => text.trim().parse().ok(),
        },
        _ => None,
    };
    since.and_then(since_epoch).map(Some).ok_or_else(|| unexpected("a time", value))
}

/// Reads 1973 to 5138 as seconds; each finer unit begins where the coarser one would be further away.
fn since_epoch(number: f64) -> Option<Timestamp> {
    let micros = match number.abs() {
        size if (1e8..1e11).contains(&size) => number * 1e6,
        size if (1e11..1e14).contains(&size) => number * 1e3,
        size if (1e14..1e17).contains(&size) => number,
        size if (1e17..1e20).contains(&size) => number / 1e3,
        _ => return None,
    };
    Some(Timestamp(micros.round() as i64))
}

/// A cell as a text; objects and lists as compact JSON. Empty texts are missing.
pub(super) fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) if text.trim().is_empty() => None,
        Value::Number(number) => Some(number_text(number)),
        other => crate::import::json::stored_text(other),
    }
}

/// A cell as an id: a text that is equal for equal values, whatever the order of an object's keys.
/// Objects and lists are hashed.
pub(super) fn id(value: &Value) -> Option<String> {
    match value {
        Value::Array(_) | Value::Object(_) => Some(crate::model::text_id(&canonical(value))),
        scalar => label(scalar),
    }
}

/// A cell as a short text without white space around it. A not-a-number that pandas wrote as text is missing, but
/// not `none` or `na`: those may be somebody's words.
pub(super) fn label(value: &Value) -> Option<String> {
    let text = text(value)?;
    let trimmed = text.trim();
    (!trimmed.eq_ignore_ascii_case("nan")).then(|| trimmed.to_owned())
}

/// Hash of the content of a cell, equal for equal values; `None` when the cell is empty.
pub(super) fn content_id(value: &Value) -> Option<String> {
    if is_missing(value) { None } else { Some(crate::model::text_id(&canonical(value))) }
}

/// A whole number that was written as a float is the same id without its `.0`.
fn number_text(number: &serde_json::Number) -> String {
    match number.as_f64() {
        Some(float) if number.is_f64() && float.fract() == 0.0 && float.abs() < 9e15 => {
            (float as i64).to_string()
        }
        _ => number.to_string(),
    }
}

/// A value as text, with the keys of every object sorted.
fn canonical(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => {
            let mut sorted = other.clone();
            sorted.sort_all_objects();
            sorted.to_string()
        }
    }
}

/// `expected X, found Y`.
pub(super) fn unexpected(expected: &str, value: &Value) -> String {
    format!("expected {expected}, found {}", shown(value))
}

/// A value as a message shows it: JSON, shortened.
pub(super) fn shown(value: &Value) -> String {
    const LONGEST: usize = 60;
    let text = value.to_string();
    if text.chars().count() <= LONGEST {
        return text;
    }
    let start: String = text.chars().take(LONGEST).collect();
    format!("{start}...")
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn texts_are_read_as_what_they_spell() {
        assert_eq!(number(&json!(" 0.5 ")), Ok(Some(0.5)));
        assert_eq!(number(&json!("NaN")), Ok(None));
        assert_eq!(number(&json!("inf")), Ok(None));
        assert_eq!(number(&json!("True")), Ok(Some(1.0)));
        assert_eq!(number(&json!("abc")), Err("expected a number, found \"abc\"".to_owned()));
        assert_eq!(scored(&json!("C")), Ok(Scored::Label("C".to_owned())));
        assert_eq!(scored(&json!(false)), Ok(Scored::Value(0.0)));
        assert_eq!(count(&json!("12.0")), Ok(Some(12)));
        assert_eq!(verdict(&json!("PASS")), Ok(Some(true)));
        assert_eq!(verdict(&json!(0.0)), Ok(Some(false)));
        assert!(verdict(&json!(0.5)).is_err());
    }

    #[test]
    fn a_number_of_any_epoch_unit_is_the_same_moment() {
        let expected = Timestamp::parse("2026-05-06T05:36:19Z");
        assert!(expected.is_some());
        for stamp in
            [json!(1778045779), json!(1778045779000_i64), json!("1778045779"), json!(1778045779000000_i64)]
        {
            assert_eq!(moment(&stamp), Ok(expected), "{stamp}");
        }
        assert!(moment(&json!(5)).is_err());
        assert!(moment(&json!("yesterday")).is_err());
    }

    #[test]
    fn ids_do_not_depend_on_how_they_are_written() {
        assert_eq!(id(&json!(7)), id(&json!(7.0)));
        assert_eq!(id(&json!({"a": 1, "b": 2})), id(&json!({"b": 2, "a": 1})));
        assert_ne!(id(&json!({"a": 1})), id(&json!({"a": 2})));
        assert_eq!(id(&json!("007")), Some("007".to_owned()));
        assert_eq!(id(&json!("  ")), None);
    }

    #[test]
    fn every_status_word_of_runq_is_read() {
        for known in Status::ALL {
            assert_eq!(status(known.as_str()).map(|(status, _)| status), Some(known));
            assert_eq!(status(known.screen_word()).map(|(status, _)| status), Some(known));
        }
        assert_eq!(status("Timed Out"), Some((Status::ExecutionError, None)));
        assert_eq!(status("PASS"), Some((Status::Ok, Some(true))));
        assert_eq!(status("200"), None);
    }
}
