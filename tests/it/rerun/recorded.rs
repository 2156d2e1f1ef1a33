//! Every recorded step of AgentV that resumed, re-ran or retried a run, and every command that its Studio previewed.
//!
//! Two differences are by design and taken out on both sides: the experiment, which runq names again so that appended
//! rows keep it (the labs left it out of resumed runs and gave retries one of their own), and the output of a retry,
//! which runq names so that it is known before.

use std::fs;
use std::path::{Path, PathBuf};

use runq::import::rerun::{GivenPlaces, RerunMode};
use serde_json::Value;

use super::{Asked, case, run_of};
use crate::support::shared;

const VERSIONS: [&str; 3] = ["agentv-a-4.25.6", "agentv-n-4.42.4", "agentv-b-5.3.1"];
const SUITE: &str = "evals/support-bot.eval.yaml";

/// Names in a folder, sorted.
fn names(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.expect("an entry").path()).collect();
    paths.sort();
    paths
}

/// The value of a flag.
fn value<'a>(argv: &'a [String], flag: &str) -> Option<&'a str> {
    let at = argv.iter().position(|word| word == flag)?;
    argv.get(at + 1).map(String::as_str)
}

fn values(argv: &[String], flag: &str) -> Vec<String> {
    let pairs = argv.windows(2).filter(|pair| pair[0] == flag);
    pairs.map(|pair| pair[1].clone()).collect()
}

/// The words without some flags and their values.
fn without(argv: &[String], flags: &[&str]) -> Vec<String> {
    let mut left = Vec::new();
    let mut words = argv.iter();
    while let Some(word) = words.next() {
        if flags.contains(&word.as_str()) {
            words.next();
        } else {
            left.push(word.clone());
        }
    }
    left
}

/// The mode of a command and the run that it names, `None` for commands of other kinds.
fn resumed(argv: &[String]) -> Option<(RerunMode, &str)> {
    if argv.get(1).map(String::as_str) != Some("eval") {
        return None;
    }
    let has = |flag: &str| argv.iter().any(|word| word == flag);
    if let Some(run) = value(argv, "--retry-errors") {
        return Some((RerunMode::RetryErrors, run));
    }
    if let Some(run) = value(argv, "--rerun-failed").filter(|word| word.contains('/')) {
        return Some((RerunMode::RerunFailed, run));
    }
    let mode = if has("--rerun-failed") { RerunMode::RerunFailed } else { RerunMode::Resume };
    let run = value(argv, "--output")?;
    (has("--rerun-failed") || has("--resume")).then_some((mode, run))
}

/// A kept state of a run folder.
fn state(version: &Path, run_dir: &str) -> Option<PathBuf> {
    let labels = names(&version.join("states"));
    labels.iter().flat_map(|label| names(label)).map(|state| state.join(run_dir)).find(|dir| dir.exists())
}

/// The words that runq makes for a recorded command, and whether they name the run's experiment.
fn made(version: &Path, recorded: &[String], mode: RerunMode, run_dir: &Path) -> Vec<String> {
    let run = run_of(run_dir);
    let models = [values(recorded, "--target"), values(recorded, "--provider")].concat();
    let words: Vec<String> = ["--budget-usd", "--workers"]
        .iter()
        .filter_map(|flag| Some([(*flag).to_owned(), value(recorded, flag)?.to_owned()]))
        .flatten()
        .collect();
    let suite = version.join("project").join(SUITE);
    let given = GivenPlaces { suite: Some(suite.clone()), ..GivenPlaces::default() };
    let asked = Asked { models: &models, words: &words, given, ..Asked::of(&run, mode) };
    let commands = asked.commands(Path::new("/")).expect("a command");
    assert_eq!(commands.len(), 1);
    let argv = &commands[0].argv;
    let experiment = run.experiment.expect("every run of the labs has an experiment");
    let named = [values(argv, "--experiment"), values(argv, "--tag")].concat();
    assert!(named == [experiment.clone()] || named == [format!("experiment={experiment}")], "{argv:?}");
    let suite = suite.to_string_lossy();
    argv.iter().map(|word| if *word == suite { SUITE.to_owned() } else { word.clone() }).collect()
}

/// Flags and values in one order, without what differs by design.
fn compared(argv: &[String], mode: RerunMode) -> Vec<Vec<String>> {
    let retry = mode == RerunMode::RetryErrors;
    let by_design: &[&str] =
        if retry { &["--experiment", "--tag", "--output"] } else { &["--experiment", "--tag"] };
    let mut parts: Vec<Vec<String>> = Vec::new();
    for word in without(argv, by_design) {
        match parts.last_mut().filter(|_| !word.starts_with('-')) {
            Some(part) => part.push(word),
            None => parts.push(vec![word]),
        }
    }
    parts.sort();
    parts
}

#[test]
fn commands_are_those_that_agentv_was_told() {
    let mut checked = 0;
    for version in VERSIONS {
        let Some(version) = shared(&format!("peers/{version}")) else { return };
        let version = version.canonicalize().expect("it is there");
        for step in names(&version.join("steps")) {
            let text = fs::read_to_string(step.join("step.json")).expect("a step");
            let record: Value = serde_json::from_str(&text).expect("JSON");
            let argv: Vec<String> = serde_json::from_value(record["argv"].clone()).expect("words");
            let Some((mode, named)) = resumed(&argv) else { continue };
            // One step gives two modes at once, which runq never does.
            let both = argv.iter().any(|word| word == "--resume") && mode == RerunMode::RetryErrors;
            let Some(run_dir) = state(&version, named).filter(|_| !both) else { continue };
            let ours = made(&version, &argv, mode, &run_dir);
            assert_eq!(compared(&ours, mode), compared(&argv, mode), "{}", step.display());
            if mode == RerunMode::RetryErrors {
                let beside = Path::new(named).with_file_name("2026-12-01T10-11-12-013Z");
                assert_eq!(value(&ours, "--output"), beside.to_str(), "{}", step.display());
            }
            checked += 1;
        }
    }
    assert!(checked >= 58, "{checked} steps");
}

#[test]
fn studio_previews_the_same_words_in_the_same_order() {
    for version in ["agentv-a-4.25.6", "agentv-n-4.42.4"] {
        let Some(version) = shared(&format!("peers/{version}")) else { return };
        let version = version.canonicalize().expect("it is there");
        let modes = [
            ("rerun_failed", RerunMode::RerunFailed),
            ("resume", RerunMode::Resume),
            ("retry", RerunMode::RetryErrors),
        ];
        for (name, mode) in modes {
            let path = version.join(format!("studio-http/preview-{name}.json"));
            let preview: Value =
                serde_json::from_str(&fs::read_to_string(path).expect("a preview")).expect("JSON");
            let command = preview["command"].as_str().expect("a command");
            let recorded: Vec<String> = command.split(' ').map(str::to_owned).collect();
            let (_, named) = resumed(&recorded).expect("a mode");
            let run_dir = state(&version, named).expect("the run was kept");
            let ours = made(&version, &recorded, mode, &run_dir);
            let retry: &[&str] = if mode == RerunMode::RetryErrors { &["--output"] } else { &[] };
            let ours = without(&ours, &[&["--experiment"], retry].concat());
            assert_eq!(ours.join(" "), command);
        }
    }
}

#[test]
fn amx_is_told_the_rows_of_the_assets() {
    let Some(history) = shared("peers/amx-0.19.0/history.db") else { return };
    let history = history.canonicalize().expect("it is there");
    let run = run_of(&history);
    assert_eq!(run.run_id, "1");
    let cases = [case("sales.orders.order_id"), case("sales.orders"), case("sales.gone")];
    let words = ["--instructions", "shorter, please"].map(str::to_owned);
    let mut asked = Asked { cases: &cases, words: &words, ..Asked::of(&run, RerunMode::Select) };
    let commands = asked.commands(Path::new("/here")).expect("a command");
    let config = format!("AMX_CONFIG_DIR={}", history.parent().expect("a folder").display());
    let expected = [
        "env",
        "AMX_SESSION_CHILD=1",
        &config,
        "amx",
        "rerun",
        "2",
        "1",
        "--instructions",
        "shorter, please",
    ];
    assert_eq!(commands[0].argv, expected, "the numbers of run_results.jsonl");
    assert_eq!((commands.len(), commands[0].output.as_ref()), (1, None));
    assert!(commands[0].notes[0].contains("2 is 1.sales.orders.order_id"), "{:?}", commands[0].notes);
    asked.cases = &cases[2..];
    assert!(asked.commands(Path::new("/here")).expect_err("no row").to_string().contains("earlier row"));
}
