//! The JSON documents of the commands against `docs/schemas`: real documents pass, broken ones do not.
//!
//! A new command: its schema as `docs/schemas/NAME.schema.json` and a line in [`DOCUMENTS`].

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::sync::{LazyLock, Mutex};

use serde_json::{Value, json};

use crate::support::fixture;
use crate::support::sandbox::Sandbox;

/// Schema, and command lines whose documents follow it. `{fixtures}` is the folder of bundled runs of AgentV, `{amx}` and
/// `{honeyhive}` are those of the others, `{history}` is a store over AMX's in which two metrics were set, `{keys}` a
/// file with JSON outputs.
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
            &["compare", "baseline", "candidate", "--outputs", "--step", "all", "--diff"],
            &["compare", "{amx}", "--last", "3", "--outputs", "--versions", "--diff"],
            &["compare", "{amx}", "--run", "1", "--run", "11", "--versions"],
            &["compare", "{honeyhive}/baseline", "{honeyhive}/candidate", "--step", "all", "--outputs"],
            &["compare", "{honeyhive}/baseline", "{honeyhive}/candidate", "--step", "draft"],
        ],
    ),
    (
        "diff",
        &[
            &["diff", "baseline", "candidate"],
            &["diff", "baseline", "candidate", "--level", "lines", "--cases", "1"],
            &["diff", "--by", "model", "gpt-x", "llama-z", "{fixtures}/matrix"],
            &["diff", "{honeyhive}/baseline", "{honeyhive}/candidate"],
            &["diff", "--by", "run", "1", "2", "{amx}"],
            &["diff", "--by", "model", "a", "b", "{keys}", "--level", "keys"],
        ],
    ),
    (
        "distribution",
        &[
            &["distribution", "baseline", "candidate"],
            &[
                "distribution",
                "--by",
                "model",
                "--metric",
                "score",
                "--metric",
                "duration_ms",
                "{fixtures}/matrix",
            ],
            &["distribution", "{fixtures}/baseline"],
            &["distribution", "{amx}", "--metric", "logprob", "--last", "3", "--bins", "3"],
            &["distribution", "{honeyhive}/baseline", "{honeyhive}/candidate"],
        ],
    ),
    (
        "versions",
        &[
            &["versions", "--all"],
            &["versions", "{fixtures}/retried"],
            &["versions", "{amx}"],
            &["versions", "{amx}", "--all", "--cases", "2"],
            &["versions", "{honeyhive}/baseline", "--all"],
        ],
    ),
    (
        "runs",
        &[
            &["runs"],
            &["runs", "--limit", "1"],
            &["runs", "--search", "nothing like it"],
            &["runs", "--store", "{history}"],
        ],
    ),
    (
        "show",
        &[
            &["show", "last"],
            &["show", "{fixtures}/retried"],
            &["show", "{fixtures}/baseline", "--status", "error"],
            &["show", "{fixtures}/matrix", "--case", "nothing"],
            &["show", "{honeyhive}/baseline", "--cases", "1"],
            &["show", "1", "--store", "{history}"],
            &["show", "16", "--store", "{history}"],
        ],
    ),
    (
        "metrics",
        &[
            &["metrics"],
            &["metrics", "{fixtures}/matrix", "--threshold", "score=0.1"],
            &["metrics", "--store", "{history}"],
        ],
    ),
    ("views", &[&["views"]]),
    ("optimize", &[&["optimize"]]),
    ("vacuum", &[&["vacuum"], &["vacuum", "--older-than", "0s", "--nobody-else"]]),
    ("store_check", &[&["store", "check"], &["store", "check", "--deep"]]),
    ("store_versions", &[&["store", "versions"], &["store", "versions", "--limit", "1"]]),
    (
        "resume",
        &[
            &["resume", "baseline", "--rerun-failed"],
            &["resume", "--resume"],
            &[
                "resume",
                "matrix",
                "baseline",
                "--retry-errors",
                "--suite",
                "{fixtures}/../agentv-project/evals/support-bot.eval.yaml",
            ],
            &["resume", "matrix", "--select", "passed", "--max-attempts", "2"],
            &["resume", "retried", "--resume"],
            &["resume", "--rerun-failed", "{amx}", "--last", "1"],
            &["resume", "--where", "score < 1", "{honeyhive}/baseline"],
        ],
    ),
    ("jobs", &[&["jobs"]]),
    // Documents of commands that were started: the tests of those hold them against these.
    ("job", &[]),
    ("resume_exec", &[]),
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
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::with_samples();
    let history = fixture("amx/history.db").display().to_string();
    sandbox.run(&["ingest", &history, "--store", "history"]).fine();
    let set = ["--store", "history", "--direction", "lower", "--force"];
    for metric in ["logprob", "not_carried"] {
        sandbox.run(&[&["metrics", "set", metric], &set[..]].concat()).fine();
    }
    let row = |model: &str, output: Value| json!({"id": "a", "model": model, "score": 1, "output": output.to_string()});
    let rows = [
        row("a", json!({"kept": [1, 2], "gone": null, "text": "one two"})),
        row("b", json!({"kept": [1, 3], "new": {"x": 1}, "text": "one three"})),
    ];
    sandbox.write("keys.jsonl", rows.map(|row| row.to_string()).join("\n"));
    sandbox
});

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

/// Holds a document of another test against a schema.
pub fn check(name: &str, document: &Value) {
    follows(&validator(name), (name, "document"), document);
}

fn follows(validator: &jsonschema::Validator, (name, words): (&str, &str), document: &Value) {
    let errors: Vec<String> =
        validator.iter_errors(document).map(|error| format!("{}: {error}", error.instance_path())).collect();
    assert!(errors.is_empty(), "{name}, {words}:\n{}", errors.join("\n"));
}

/// Documents by their command lines.
static KNOWN: LazyLock<Mutex<HashMap<String, Value>>> = LazyLock::new(Mutex::default);

/// The document of a command line.
fn document(words: &[&str]) -> Value {
    let places = [
        ("{fixtures}", fixture("agentv").display().to_string()),
        ("{amx}", fixture("amx/history.db").display().to_string()),
        ("{honeyhive}", fixture("honeyhive").display().to_string()),
        ("{history}", "history".to_owned()),
        ("{keys}", "keys.jsonl".to_owned()),
    ];
    let placed =
        |word: &&str| places.iter().fold(word.to_string(), |word, (name, path)| word.replace(name, path));
    let words: Vec<String> = words.iter().map(placed).collect();
    let words: Vec<&str> = words.iter().map(String::as_str).chain(["--json"]).collect();
    let ran = SAMPLES.run(&words);
    // Several tests look at the same documents.
    if let Some(known) = KNOWN.lock().expect("a map").get(&words.join("\u{0}")) {
        return known.clone();
    }
    // Arms without a common case are an answer too.
    assert!([0, 4].contains(&ran.code), "{words:?}: {}", ran.stderr);
    let document = ran.json();
    KNOWN.lock().expect("a map").insert(words.join("\u{0}"), document.clone());
    document
}

#[test]
fn every_document_follows_its_schema() {
    for (name, commands) in DOCUMENTS {
        let validator = validator(name);
        for words in *commands {
            follows(&validator, (name, &words.join(" ")), &document(words));
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
    let cases: [(&str, &[&str], &str, Option<Value>); 18] = [
        ("compare", compare, "/schema_version", Some(json!(2))),
        ("compare", compare, "/arms/0/pass_rate_latest", Some(json!(75))),
        ("compare", compare, "/arms/0/status_counts/ok", None),
        ("compare", compare, "/changes/0/verdict", Some(json!("better"))),
        ("compare", compare, "/cases/0/values/0/surprise", Some(json!(1))),
        ("compare", compare, "/metrics/0/per", None),
        ("compare", compare, "/cases/0/values/0/confidence", Some(json!("sure"))),
        ("diff", &["diff", "baseline", "candidate"], "/cases/0/hunks/0/op", Some(json!("moved"))),
        ("diff", &["diff", "baseline", "candidate"], "/counts/not_kept", None),
        ("versions", &["versions", "--all"], "/stacks/0/versions/0/version", Some(json!(0))),
        ("distribution", &["distribution", "--last", "2"], "/score_distribution/0/share", Some(json!(2))),
        ("runs", &["runs"], "/runs/0/run_id", Some(Value::Null)),
        ("show", &["show", "last"], "/cases/0/score", Some(json!("0.5"))),
        ("metrics", &["metrics"], "/metrics/0/direction", Some(json!("up"))),
        ("resume", &["resume", "baseline", "--rerun-failed"], "/rows/0/status", Some(json!("failed"))),
        ("resume", &["resume", "baseline", "--rerun-failed"], "/expected/unknown_rows", None),
        ("views", &["views"], "/views/0/grain", None),
        ("rows", &["sql", "SELECT 1 AS a"], "/columns/0/type", Some(json!("VARCHAR"))),
    ];
    for (name, words, pointer, value) in cases {
        let document = broken(words, pointer, value);
        assert!(!validator(name).is_valid(&document), "{name}: {pointer} may not be so");
    }
}
