//! What `export compare --as amx` writes is what AMX's `/history compare --json` wrote, for every recorded call.
//!
//! Left out of the comparison: when it was made, which AMX made it, and what AMX did to run 16 when it started (it marks
//! a running run as failed and lets it last until now; runq does not touch the database).

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use super::recorded::json as read;
use crate::support::sandbox::Sandbox;
use crate::support::shared;

/// AMX's arguments in runq's words.
fn words(argv: &[Value]) -> Vec<String> {
    let mut words = Vec::new();
    let mut asset = Vec::new();
    let mut given = argv.iter().skip(3).map(|word| word.as_str().expect("a word"));
    let mut has_last = false;
    let mut named = false;
    while let Some(word) = given.next() {
        let mut value = || given.next().expect("a value").to_owned();
        match word {
            "--schema" | "--table" | "--column" => asset.push(format!("{}={}", &word[2..], value())),
            "--command" => words.extend(["--kind".to_owned(), value()]),
            "--last" => {
                has_last = true;
                words.extend([word.to_owned(), value()]);
            }
            // What AMX shows as a heading; a model for its judge; texts beside each other. None is in the JSON.
            "--by" | "--quality" | "--ground-truth-run" => drop(value()),
            "--diff" => {}
            run => {
                named = true;
                words.push(run.to_owned());
            }
        }
    }
    if !named && !has_last {
        // AMX takes the last five.
        words.extend(["--last".to_owned(), "5".to_owned()]);
    }
    if !asset.is_empty() {
        words.extend(["--asset".to_owned(), asset.join(",")]);
    }
    words
}

/// The document without what cannot be equal.
fn comparable(mut document: Value) -> Value {
    for field in ["generated_at", "amx_version"] {
        assert!(document.as_object_mut().expect("an object").remove(field).is_some(), "{field}");
    }
    for run in document["run_summary"].as_array_mut().expect("runs") {
        if run["run_id"] == 16 {
            run["status"] = json!("running");
            run["duration_sec"] = Value::Null;
        }
    }
    for metric in document["aggregate_metrics"].as_array_mut().expect("metrics") {
        if metric["run_id"] == 16 && metric["metric"] == "wall_duration_sec" {
            metric["value"] = json!(0.0);
        }
    }
    document
}

fn ingested(root: &Path) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingest", &root.join("history.db").display().to_string()]).fine();
    sandbox
}

fn export(sandbox: &Sandbox, words: &[String]) -> crate::support::sandbox::Ran {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    sandbox.run(&[&["export", "compare", "--as", "amx"], &words[..]].concat())
}

#[test]
fn every_recorded_comparison_of_amx_is_written_alike() {
    let Some(root) = shared("peers/amx-0.19.0") else { return };
    let sandbox = ingested(&root);
    let mut documents = 0;
    for case in read(&root.join("cli/INDEX.json")).as_array().expect("cases") {
        let name = case["case"].as_str().expect("a name");
        let recorded = root.join("cli").join(name).join("compare.json");
        if !recorded.exists() {
            continue;
        }
        documents += 1;
        let ran = export(&sandbox, &words(case["argv"].as_array().expect("words"))).fine();
        let (ours, theirs) = (comparable(ran.json()), comparable(read(&recorded)));
        for part in ["run_summary", "per_column", "aggregate_metrics"] {
            let (ours, theirs) = (ours[part].as_array().expect(part), theirs[part].as_array().expect(part));
            for (at, (ours, theirs)) in ours.iter().zip(theirs).enumerate() {
                assert_eq!(ours, theirs, "{name}: {part} {at}");
            }
            assert_eq!(ours.len(), theirs.len(), "{name}: {part}");
        }
        let text = |value: &Value| serde_json::to_string_pretty(value).expect("JSON");
        assert_eq!(text(&ours), text(&theirs), "{name}: keys, their order, whole numbers and doubles");
        let warnings = case["warnings"].as_array().expect("warnings").len();
        assert_eq!(ran.stderr.lines().count(), warnings, "{name}: {}", ran.stderr);
    }
    let index = fs::read_dir(root.join("cli")).expect("cases");
    let kept =
        index.filter(|entry| entry.as_ref().is_ok_and(|entry| entry.path().join("compare.json").exists()));
    assert_eq!(documents, kept.count());
    assert!(documents > 20, "{documents}");
}

#[test]
fn what_amx_passes_over_is_named() {
    let Some(root) = shared("peers/amx-0.19.0") else { return };
    let sandbox = ingested(&root);
    let export =
        |words: &[&str]| export(&sandbox, &words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
    let ran = export(&["1", "6", "999", "abc", "2"]).fine();
    assert_eq!(
        ran.stderr,
        "note  there is no run 999: it is left out\nnote  there is no run abc: it is left out\n\
         note  run 6 (search.ask) describes no assets and is left out\n"
    );
    let alone = export(&["1"]).exits(2);
    assert!(alone.stderr.contains("AMX compares two runs or more"), "{}", alone.stderr);
    export(&["999", "abc"]).exits(66);
    export(&["--asset", "schema=nope"]).exits(66);
}
