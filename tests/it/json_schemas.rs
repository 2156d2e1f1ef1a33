//! The JSON documents of the commands against `docs/schemas`: real documents pass, broken ones do not.
//!
//! A new command: its schema as `docs/schemas/NAME.schema.json` and a line in [`DOCUMENTS`].

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use serde_json::{Value, json};

use crate::support::fixture;
use crate::support::sandbox::Sandbox;

/// Schema, and command lines whose documents follow it. `{fixtures}` is the folder of bundled runs.
const DOCUMENTS: &[(&str, &[&[&str]])] = &[
    (
        "compare",
        &[
            &["compare", "--last", "2"],
            &["compare", "--by", "model", "{fixtures}/matrix", "--test", "duration_ms"],
            &["compare", "--by", "status", "{fixtures}/matrix"],
            &["compare", "{fixtures}/baseline"],
            &["compare", "baseline", "candidate", "--only", "regressed", "--cases", "1"],
            &["compare", "{fixtures}/baseline", "{fixtures}/retried", "--errors-as", "zero"],
        ],
    ),
    ("runs", &[&["runs"], &["runs", "--limit", "1"], &["runs", "--search", "nothing like it"]]),
    (
        "show",
        &[
            &["show", "last"],
            &["show", "{fixtures}/retried"],
            &["show", "{fixtures}/baseline", "--status", "error"],
            &["show", "{fixtures}/matrix", "--case", "nothing"],
        ],
    ),
    ("metrics", &[&["metrics"], &["metrics", "{fixtures}/matrix", "--threshold", "score=0.1"]]),
    ("views", &[&["views"]]),
    (
        "rows",
        &[
            &["sql", "SELECT * FROM results"],
            &["sql", "SELECT now() AS t, [1, 2] AS l, NULL AS n, date '2026-05-01' AS d, 1.5 AS x"],
            &["sql", "SELECT * FROM scores WHERE false"],
            &["export", "score_changes", "--last", "2"],
            &["export", "sql", "SELECT 1 AS a"],
        ],
    ),
];

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

fn folder() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/schemas")
}

fn schema(name: &str) -> Value {
    let path = folder().join(format!("{name}.schema.json"));
    let text = fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn validator(name: &str) -> jsonschema::Validator {
    let schema = schema(name);
    assert!(jsonschema::meta::is_valid(&schema), "{name}: no schema of draft 2020-12");
    jsonschema::draft202012::new(&schema).unwrap_or_else(|error| panic!("{name}: {error}"))
}

/// The document of a command line.
fn document(words: &[&str]) -> Value {
    let fixtures = fixture("agentv").display().to_string();
    let words: Vec<String> = words.iter().map(|word| word.replace("{fixtures}", &fixtures)).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--json"]).collect();
    let ran = SAMPLES.run(&words);
    // Arms without a common case are an answer too.
    assert!([0, 4].contains(&ran.code), "{words:?}: {}", ran.stderr);
    ran.json()
}

#[test]
fn every_document_follows_its_schema() {
    for (name, commands) in DOCUMENTS {
        let validator = validator(name);
        for words in *commands {
            let document = document(words);
            let errors: Vec<String> = validator
                .iter_errors(&document)
                .map(|error| format!("{}: {error}", error.instance_path()))
                .collect();
            assert!(errors.is_empty(), "{name}, {words:?}:\n{}", errors.join("\n"));
        }
    }
}

#[test]
fn every_schema_is_held_against_documents() {
    let mut files: Vec<String> = fs::read_dir(folder())
        .expect("docs/schemas can be listed")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    files.sort();
    let mut listed: Vec<String> = DOCUMENTS.iter().map(|(name, _)| format!("{name}.schema.json")).collect();
    listed.sort();
    assert_eq!(files, listed);
}

/// Every object that a schema describes says whether it may hold more, and every field says what it means.
#[test]
fn schemas_say_what_each_field_means() {
    fn walk(at: &str, schema: &Value) {
        if let Some(properties) = schema["properties"].as_object() {
            for (name, property) in properties {
                assert!(property["description"].is_string(), "{at}/{name} has no description");
                walk(&format!("{at}/{name}"), property);
            }
            assert!(schema["additionalProperties"].is_boolean(), "{at}: may it hold more?");
        }
        if schema["items"].is_object() {
            walk(&format!("{at}[]"), &schema["items"]);
        }
    }
    for (name, _) in DOCUMENTS {
        walk(name, &schema(name));
    }
}

/// Breaks one thing of a good document.
fn broken(words: &[&str], pointer: &str, value: Option<Value>) -> Value {
    let mut document = document(words);
    let (parent, field) = pointer.rsplit_once('/').expect("a place in the document");
    let parent = document.pointer_mut(parent).unwrap_or_else(|| panic!("{parent} is there"));
    let object = parent.as_object_mut().expect("an object");
    match value {
        Some(value) => _ = object.insert(field.to_owned(), value),
        None => _ = object.remove(field).unwrap_or_else(|| panic!("{pointer} is there")),
    }
    document
}

#[test]
fn a_broken_document_does_not() {
    let compare: &[&str] = &["compare", "--last", "2"];
    let cases: [(&str, &[&str], &str, Option<Value>); 10] = [
        ("compare", compare, "/schema_version", Some(json!(2))),
        ("compare", compare, "/arms/0/pass_rate_latest", Some(json!(75))),
        ("compare", compare, "/arms/0/status_counts/ok", None),
        ("compare", compare, "/changes/0/verdict", Some(json!("better"))),
        ("compare", compare, "/cases/0/values/0/surprise", Some(json!(1))),
        ("runs", &["runs"], "/runs/0/run_id", Some(Value::Null)),
        ("show", &["show", "last"], "/cases/0/score", Some(json!("0.5"))),
        ("metrics", &["metrics"], "/metrics/0/direction", Some(json!("up"))),
        ("views", &["views"], "/views/0/grain", None),
        ("rows", &["sql", "SELECT 1 AS a"], "/columns/0/type", Some(json!("VARCHAR"))),
    ];
    for (name, words, pointer, value) in cases {
        let document = broken(words, pointer, value);
        assert!(!validator(name).is_valid(&document), "{name}: {pointer} may not be so");
    }
}
