//! `optimize`, `vacuum`, `store` and `--as-of` as a person uses them; the page about them runs.

use std::fs;
use std::path::Path;

use crate::support::fixture;
use crate::support::sandbox::Sandbox;

/// A store of the bundled runs, each taken in by itself.
fn store_of_samples() -> Sandbox {
    let sandbox = Sandbox::new();
    for name in ["baseline", "candidate", "matrix", "retried"] {
        sandbox.run(&["ingest", &fixture("agentv").join(name).display().to_string()]).fine();
    }
    sandbox
}

/// Fails unless a command ends with this code and says this among other things.
fn refused(sandbox: &Sandbox, words: &[&str], (code, said): (i32, &str)) {
    let ran = sandbox.run(words).exits(code);
    assert!(ran.stderr.contains(said), "{words:?}: {}", ran.stderr);
}

#[test]
fn answers_are_the_same_after_optimize_and_vacuum() {
    let sandbox = store_of_samples();
    let compare = ["compare", "--last", "2", "--json"];
    let before = sandbox.run(&compare).fine().stdout;
    let optimized = sandbox.run(&["optimize", "--json"]).fine().json();
    assert_eq!(optimized["tables"][2]["table"], "results");
    assert_eq!(
        (&optimized["tables"][2]["files_before"], &optimized["tables"][2]["files_after"]),
        (&4.into(), &1.into())
    );
    assert!(sandbox.run(&["optimize"]).fine().stdout.starts_with("nothing to do"));
    assert_eq!(sandbox.run(&compare).fine().stdout, before);

    let looked = sandbox.run(&["vacuum", "--older-than", "0s", "--nobody-else"]).fine();
    assert!(
        looked.stdout.contains("runq vacuum --older-than 0s --delete --nobody-else"),
        "{}",
        looked.stdout
    );
    let elsewhere =
        sandbox.run(&["vacuum", "--older-than", "0s", "--nobody-else", "--store", ".runq"]).fine();
    assert!(
        elsewhere.stdout.contains("runq vacuum --older-than 0s --delete --nobody-else --store .runq"),
        "{}",
        elsewhere.stdout
    );
    let held = sandbox.files(".runq").len();
    let there = sandbox.run(&["vacuum", "--older-than", "0s", "--nobody-else", "--json"]).fine().json();
    assert_eq!((there["count"].as_u64(), &there["deleted"]), (Some(12), &false.into()));
    assert_eq!(sandbox.files(".runq").len(), held, "nothing was removed");
    sandbox.run(&["vacuum", "--delete"]).fine();
    assert_eq!(sandbox.files(".runq").len(), held, "all of it is young");
    sandbox.run(&["vacuum", "--older-than", "0s", "--nobody-else", "--delete"]).fine();
    assert_eq!(sandbox.files(".runq").len(), held - 12);
    assert_eq!(sandbox.run(&compare).fine().stdout, before);
    sandbox.run(&["store", "check", "--deep"]).fine();
    refused(&sandbox, &["runs", "--as-of", "1"], (66, "vacuum"));
}

#[test]
fn what_cannot_be_is_refused_before_anything_is_done() {
    let sandbox = store_of_samples();
    refused(&sandbox, &["vacuum", "--older-than", "59m", "--delete"], (2, "--nobody-else"));
    refused(&sandbox, &["vacuum", "--older-than", "7 days"], (2, "such as 30m, 12h or 7d"));
    refused(&sandbox, &["--read-only", "optimize"], (77, "reading only"));
    refused(&sandbox, &["--read-only", "vacuum", "--delete"], (77, "reading only"));
    sandbox.run(&["--read-only", "vacuum"]).fine();
    sandbox.run(&["--read-only", "store", "check"]).fine();
    refused(&sandbox, &["--as-of", "2", "tag", "last", "a=b"], (77, "--as-of"));
    refused(&sandbox, &["--as-of", "2", "optimize"], (77, "--as-of"));
    refused(&sandbox, &["--as-of", "2", "store", "check"], (2, "as it is now"));
    refused(&sandbox, &["runs", "--as-of", "99"], (66, "has versions 0 of"));
    refused(&sandbox, &["runs", "--as-of", "yesterday"], (2, "a span ago (3d)"));
    refused(&sandbox, &["runs", "--as-of", "2000-01-01"], (66, "no version at 2000-01-01"));
}

#[test]
fn a_question_is_answered_as_of_then() {
    let sandbox = store_of_samples();
    let versions = sandbox.run(&["store", "versions", "--json"]).fine().json();
    assert_eq!(versions["total"], 5, "made, and four runs");
    let at_two = versions["versions"].as_array().unwrap().iter().find(|one| one["version"] == 2).unwrap();
    let made = at_two["made"].as_str().unwrap().to_owned();
    for state in ["2", &made] {
        let runs = sandbox.run(&["runs", "--json", "--as-of", state]).fine().json();
        assert_eq!(runs["total"], 2, "{state}");
        let counted = sandbox.run(&["sql", "SELECT count(*) FROM results", "--as-of", state]).fine();
        assert_eq!(counted.lines(), ["count(*)", "24"], "twelve cases each");
    }
    let said = sandbox.run(&["compare", "--as-of", "2"]).fine().stdout;
    assert!(said.contains("as of version 2"), "{said}");
    let shell = ["--no-init", "-c", ".scope --as-of 1", "-c", "SELECT count(*) FROM runs"];
    assert!(sandbox.run(&shell).fine().stdout.contains('1'));
}

#[test]
fn a_run_without_its_rows_is_named_with_what_to_do() {
    let sandbox = store_of_samples();
    let scores = sandbox.path(".runq/scores");
    let file = fs::read_dir(&scores)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.extension().is_some_and(|extension| extension == "parquet"))
        .unwrap();
    let bytes = fs::read(&file).unwrap();
    fs::write(&file, &bytes[..bytes.len() / 2]).unwrap();
    let told = sandbox.run(&["store", "check"]).exits(65);
    assert!(
        told.stdout.contains("0 of ") && told.stdout.contains("ingest its source again: "),
        "{}",
        told.stdout
    );
    let told = sandbox.run(&["store", "check", "--json"]).exits(65).json();
    assert_eq!((&told["whole"], told["problems"].as_array().unwrap().len()), (&false.into(), 2));
    fs::write(&file, &bytes).unwrap();
    sandbox.run(&["store", "check"]).fine();
}

#[test]
fn the_commands_of_the_page_about_the_store_run() {
    let sandbox = store_of_samples();
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/STORE.md")).unwrap();
    let commands: Vec<&str> = page.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
    assert!(commands.len() >= 6, "{commands:?}");
    for command in commands {
        sandbox.shell(command).fine();
    }
}
