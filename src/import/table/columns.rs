//! The columns that the first rows of a table have: their paths, normalised names and values.

use std::collections::HashMap;

use serde_json::{Map, Value};

use super::value::is_missing;

/// A column of the sampled rows, or a field one level inside of a column that holds objects.
#[derive(Debug)]
pub(super) struct Column<'a> {
    /// Path as a mapping would name it.
    pub path: String,
    /// The path in lower case with underscores: `tokenUsage.Total Tokens` is `token_usage.total_tokens`.
    pub words: String,
    /// Whether it is a field inside of a column.
    pub inner: bool,
    /// Its values that are not empty, in row order.
    pub values: Vec<&'a Value>,
}

/// Gathers the columns of some rows, in the order in which they are first seen.
pub(super) fn observe<'a>(rows: impl Iterator<Item = &'a Map<String, Value>>) -> Vec<Column<'a>> {
    let mut seen = Seen::default();
    for row in rows {
        for (name, value) in row {
            seen.add(name.clone(), value, false);
            if let Value::Object(fields) = value {
                for (field, value) in fields {
                    seen.add(format!("{name}.{field}"), value, true);
                }
            }
        }
    }
    seen.columns
}

#[derive(Default)]
struct Seen<'a> {
    columns: Vec<Column<'a>>,
    places: HashMap<String, usize>,
}

impl<'a> Seen<'a> {
    fn add(&mut self, path: String, value: &'a Value, inner: bool) {
        let place = *self.places.entry(path).or_insert_with_key(|path| {
            let words = normalised(path);
            self.columns.push(Column { path: path.clone(), words, inner, values: Vec::new() });
            self.columns.len() - 1
        });
        if !is_missing(value) {
            self.columns[place].values.push(value);
        }
    }
}

/// A name in lower case, its words with underscores between them; dots stay.
pub(super) fn normalised(name: &str) -> String {
    let letters: Vec<char> = name.trim().chars().collect();
    let mut words = String::with_capacity(name.len() + 4);
    for (at, letter) in letters.iter().enumerate() {
        let before = at.checked_sub(1).map(|at| letters[at]);
        let after = letters.get(at + 1);
        let begins_word = letter.is_uppercase()
            && before.is_some_and(|before| {
                before.is_lowercase()
                    || before.is_ascii_digit()
                    || (before.is_uppercase() && after.is_some_and(|after| after.is_lowercase()))
            });
        if begins_word {
            words.push('_');
        }
        match letter {
            ' ' | '-' | '/' => words.push('_'),
            letter => words.extend(letter.to_lowercase()),
        }
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_every_spelling_are_the_same_words() {
        for name in ["test_id", "testId", "TestID", "Test ID", "test-id", "TEST_ID"] {
            assert_eq!(normalised(name), "test_id", "{name}");
        }
        assert_eq!(normalised("tokenUsage.totalTokens"), "token_usage.total_tokens");
        assert_eq!(normalised("HTTPStatus"), "http_status");
        assert_eq!(normalised("rougeL"), "rouge_l");
    }
}
