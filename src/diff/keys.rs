//! What changed between two JSON documents, by path.
//!
//! Values keep the spelling of the text: numbers are compared by their letters (1.0 is not 1.00, and no digit is lost in
//! a double), texts by what they spell. A name that stands twice in an object is two entries.

use std::collections::HashMap;

use serde_json::Value;
use similar::{Algorithm, DiffOp, capture_diff_slices};

use super::{Hunk, MOST_TOKENS, word_hunks};

/// A value that was added, removed or changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyChange {
    /// Where: `$.items[2].name`, or `$["odd name"]`. Places in lists are the baseline's; of an added value they are the
    /// candidate's.
    pub path: String,
    /// The baseline's value as JSON; `None` when it was added.
    pub baseline: Option<String>,
    /// The candidate's value as JSON; `None` when it was removed.
    pub candidate: Option<String>,
    /// Words within a text that changed to another text, without the quotes; else empty.
    pub hunks: Vec<Hunk>,
}

/// Whether the text is a JSON object or list.
pub(super) fn is_document(text: &str) -> bool {
    text.trim_start().starts_with(['{', '['])
        && serde_json::from_str::<Value>(text).is_ok_and(|value| value.is_object() || value.is_array())
}

/// The changes between two documents, in the order of the baseline; what was added to an object or list stands last.
pub(super) fn changes(baseline: &str, candidate: &str) -> Vec<KeyChange> {
    let mut found = Vec::new();
    compare("$", &Node::of(baseline), &Node::of(candidate), &mut found);
    found
}

/// A JSON value with the spelling of its source.
struct Node<'a> {
    raw: &'a str,
    kind: Kind<'a>,
}

enum Kind<'a> {
    Object(Vec<(String, Node<'a>)>),
    List(Vec<Node<'a>>),
    Text(String),
    /// A number, true, false or null.
    Word,
}

impl<'a> Node<'a> {
    /// Reads a text that is known to be JSON, at most as deep as serde_json reads (128 levels).
    fn of(text: &'a str) -> Self {
        Reader { rest: text }.value()
    }

    /// The same letters for the same value: names sorted, no spaces.
    fn canonical(&self) -> String {
        match &self.kind {
            Kind::Object(entries) => {
                let mut parts: Vec<String> = entries
                    .iter()
                    .map(|(name, node)| format!("{}:{}", Value::from(name.as_str()), node.canonical()))
                    .collect();
                parts.sort();
                format!("{{{}}}", parts.join(","))
            }
            Kind::List(nodes) => {
                format!("[{}]", nodes.iter().map(Node::canonical).collect::<Vec<_>>().join(","))
            }
            Kind::Text(text) => Value::from(text.as_str()).to_string(),
            Kind::Word => self.raw.to_owned(),
        }
    }
}

/// Takes a JSON text apart from left to right.
struct Reader<'a> {
    rest: &'a str,
}

impl<'a> Reader<'a> {
    fn value(&mut self) -> Node<'a> {
        self.skip(&[]);
        let from = self.rest;
        let kind = match from.as_bytes().first() {
            Some(b'{') => Kind::Object(self.entries()),
            Some(b'[') => Kind::List(self.items()),
            Some(b'"') => Kind::Text(self.text()),
            _ => {
                let end = from.find([',', '}', ']', ' ', '\t', '\r', '\n']).unwrap_or(from.len());
                self.rest = &from[end..];
                Kind::Word
            }
        };
        Node { raw: &from[..from.len() - self.rest.len()], kind }
    }

    fn entries(&mut self) -> Vec<(String, Node<'a>)> {
        let mut entries = Vec::new();
        self.step();
        while self.goes_on(b'}') {
            let name = self.text();
            self.skip(&[':']);
            entries.push((name, self.value()));
        }
        entries
    }

    fn items(&mut self) -> Vec<Node<'a>> {
        let mut items = Vec::new();
        self.step();
        while self.goes_on(b']') {
            items.push(self.value());
        }
        items
    }

    /// Skips to the next member; false, behind the end sign, when there is none.
    fn goes_on(&mut self, end: u8) -> bool {
        self.skip(&[',']);
        match self.rest.as_bytes().first() {
            None => false,
            Some(next) if *next == end => {
                self.step();
                false
            }
            Some(_) => true,
        }
    }

    fn text(&mut self) -> String {
        let bytes = self.rest.as_bytes();
        let mut at = 1;
        while at < bytes.len() && bytes[at] != b'"' {
            at += if bytes[at] == b'\\' { 2 } else { 1 };
        }
        let (raw, rest) = self.rest.split_at((at + 1).min(bytes.len()));
        self.rest = rest;
        serde_json::from_str(raw).unwrap_or_else(|_| raw.to_owned())
    }

    fn skip(&mut self, signs: &[char]) {
        self.rest = self
            .rest
            .trim_start_matches(|letter: char| " \t\r\n".contains(letter) || signs.contains(&letter));
    }

    fn step(&mut self) {
        self.rest = self.rest.get(1..).unwrap_or_default();
    }
}

fn compare(path: &str, baseline: &Node<'_>, candidate: &Node<'_>, found: &mut Vec<KeyChange>) {
    match (&baseline.kind, &candidate.kind) {
        (Kind::Object(old), Kind::Object(new)) => compare_objects(path, old, new, found),
        (Kind::List(old), Kind::List(new)) => compare_lists(path, old, new, found),
        (Kind::Text(old), Kind::Text(new)) => {
            if old != new {
                let change = changed(path, Some(baseline), Some(candidate));
                found.push(KeyChange { hunks: word_hunks(old, new).0, ..change });
            }
        }
        (Kind::Word, Kind::Word) if baseline.raw == candidate.raw => {}
        _ => found.push(changed(path, Some(baseline), Some(candidate))),
    }
}

fn compare_objects(
    path: &str,
    old: &[(String, Node<'_>)],
    new: &[(String, Node<'_>)],
    found: &mut Vec<KeyChange>,
) {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for (place, (name, _)) in new.iter().enumerate().rev() {
        places.entry(name).or_default().push(place);
    }
    let mut taken = vec![false; new.len()];
    for (name, node) in old {
        let path = path_of_name(path, name);
        match places.get_mut(name.as_str()).and_then(Vec::pop) {
            Some(place) => {
                taken[place] = true;
                compare(&path, node, &new[place].1, found);
            }
            None => found.push(changed(&path, Some(node), None)),
        }
    }
    for ((name, node), _) in new.iter().zip(&taken).filter(|(_, taken)| !**taken) {
        found.push(changed(&path_of_name(path, name), None, Some(node)));
    }
}

/// Items are paired by what they hold, so that one more at the top does not change all others; those between two equal
/// ones are paired by place.
fn compare_lists(path: &str, old: &[Node<'_>], new: &[Node<'_>], found: &mut Vec<KeyChange>) {
    let texts = |nodes: &[Node<'_>]| nodes.iter().map(Node::canonical).collect::<Vec<_>>();
    let ops = match old.len() + new.len() {
        few if few <= MOST_TOKENS => capture_diff_slices(Algorithm::Myers, &texts(old), &texts(new)),
        _ => vec![DiffOp::Replace { old_index: 0, old_len: old.len(), new_index: 0, new_len: new.len() }],
    };
    let mut added = Vec::new();
    for op in ops.iter().filter(|op| !matches!(op, DiffOp::Equal { .. })) {
        let (old_range, new_range) = (op.old_range(), op.new_range());
        let paired = old_range.len().min(new_range.len());
        for (place, node) in old_range.clone().zip(&old[old_range.clone()]) {
            let path = format!("{path}[{place}]");
            match place - old_range.start {
                within if within < paired => compare(&path, node, &new[new_range.start + within], found),
                _ => found.push(changed(&path, Some(node), None)),
            }
        }
        added.extend(new_range.skip(paired));
    }
    found
        .extend(added.into_iter().map(|place| changed(&format!("{path}[{place}]"), None, Some(&new[place]))));
}

fn changed(path: &str, baseline: Option<&Node<'_>>, candidate: Option<&Node<'_>>) -> KeyChange {
    let raw = |node: Option<&Node<'_>>| node.map(|node| node.raw.to_owned());
    KeyChange { path: path.to_owned(), baseline: raw(baseline), candidate: raw(candidate), hunks: Vec::new() }
}

fn path_of_name(path: &str, name: &str) -> String {
    let starts = name.starts_with(|letter: char| letter.is_alphabetic() || letter == '_');
    if starts && name.chars().all(|letter| letter.is_alphanumeric() || letter == '_') {
        format!("{path}.{name}")
    } else {
        format!("{path}[{}]", Value::from(name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(baseline: &str, candidate: &str) -> Vec<String> {
        assert!(is_document(baseline) && is_document(candidate), "{baseline} {candidate}");
        let side = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let changes = changes(baseline, candidate).into_iter();
        changes
            .map(|change| format!("{} {} {}", change.path, side(change.baseline), side(change.candidate)))
            .collect()
    }

    #[test]
    fn changes_are_named_by_path() {
        let old = r#"{"id": 7, "who": {"name": "Ann", "age": 3}, "old": [1]}"#;
        let new = r#"{"who":{"age":4,"name":"Ann"},"id":7,"a b":null}"#;
        assert_eq!(shown(old, new), ["$.who.age 3 4", "$.old [1] -", "$[\"a b\"] - null"]);
        assert_eq!(shown("[1]", r#"{"a": 1}"#), [r#"$ [1] {"a": 1}"#]);
        assert_eq!(shown("{}", "{ }"), Vec::<String>::new());
        assert_eq!(shown(r#"{"a":"é","b":[ ]}"#, "{\"b\":[],\n\"a\":\"\\u00e9\"}"), Vec::<String>::new());
    }

    #[test]
    fn items_of_lists_are_paired_by_what_they_hold() {
        assert_eq!(shown(r#"[{"a":1},{"a":2}]"#, r#"[{"a":0},{"a":1},{"a":2}]"#), [r#"$[0] - {"a":0}"#]);
        assert_eq!(shown("[1,2,3]", "[1,3]"), ["$[1] 2 -"]);
        assert_eq!(shown(r#"[{"a":1,"b":2},5]"#, r#"[{"a":9,"b":2},5,6]"#), ["$[0].a 1 9", "$[2] - 6"]);
    }

    #[test]
    fn no_digit_and_no_doubled_name_is_lost() {
        assert_eq!(shown("[12345678901234567890123]", "[12345678901234567890124]").len(), 1);
        assert_eq!(shown("[1.0]", "[1.00]"), ["$[0] 1.0 1.00"]);
        assert_eq!(shown(r#"{"a":1,"a":2}"#, r#"{"a":1,"a":3}"#), ["$.a 2 3"]);
        assert_eq!(shown(r#"{"a":"x\"}]"}"#, r#"{"a":"x\"}","b":-1e5}"#).len(), 2);
    }

    #[test]
    fn within_a_text_the_words_are_told() {
        let change = &changes(r#"{"a":"one\ntwo"}"#, r#"{"a":"one\nthree"}"#)[0];
        let joined = |side: fn(&Hunk) -> &str| change.hunks.iter().map(side).collect::<String>();
        assert_eq!(
            (joined(|hunk| &hunk.baseline), joined(|hunk| &hunk.candidate)),
            ("one\ntwo".into(), "one\nthree".into())
        );
        assert_eq!(change.hunks.len(), 2);
    }

    #[test]
    fn only_documents_have_keys() {
        for text in ["", "1", "\"a\"", "{a: 1}", "[1,]", "{\"a\":1} x", &"[".repeat(100_000)] {
            assert!(!is_document(text), "{text}");
        }
        assert!(is_document(" \n[]"));
    }
}
