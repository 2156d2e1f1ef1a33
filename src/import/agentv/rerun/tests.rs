//! Commands for every version, held against what AgentV's Studio prints and its labs ran.

use std::fs;

use super::*;
use crate::import::rerun::{GivenPlaces, History};
use crate::model::RunRow;
use crate::source::LocalDisk;

const SUITE: &str = "evals/bot.eval.yaml";
const RUN: &str = "2026-05-06T05-36-19-075Z";

/// What is asked of a run that lies in a project of its own.
struct Asked {
    _folder: tempfile::TempDir,
    root: PathBuf,
    run: RunRow,
    run_dir: String,
    cases: Vec<RerunCase>,
    models: Vec<String>,
    given: GivenPlaces,
    words: Vec<String>,
    whole: bool,
}

impl Asked {
    fn of(version: &str, experiment: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let run_dir = match version {
            "era-b" => format!(".agentv/results/{RUN}"),
            _ => format!(".agentv/results/runs/{experiment}/{RUN}"),
        };
        let index = if version == "era-b" { ".internal/index.jsonl" } else { "index.jsonl" };
        for file in [format!("{run_dir}/{index}"), SUITE.to_owned()] {
            let path = root.join(file);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, "").unwrap();
        }
        let run = RunRow {
            run_id: RUN.to_owned(),
            tool: "agentv".to_owned(),
            tool_version: Some(version.to_owned()),
            experiment: Some(experiment.to_owned()),
            source_path: root.join(&run_dir).to_string_lossy().into_owned(),
            eval_file: Some(SUITE.to_owned()),
            ..RunRow::default()
        };
        let models = vec!["azure".to_owned()];
        let (given, words, cases) = (GivenPlaces::default(), Vec::new(), Vec::new());
        Self { _folder: folder, root, run, run_dir, cases, models, given, words, whole: true }
    }

    fn commands(&self, mode: RerunMode) -> Result<Vec<RerunCommand>, RerunError> {
        rerun(&RerunOrder {
            run: &self.run,
            mode,
            cases: &self.cases,
            whole: self.whole,
            models: &self.models,
            given: &self.given,
            source: &LocalDisk,
            here: &self.root,
            words: &self.words,
            now: Timestamp::parse("2026-11-20T08:57:23.723Z").unwrap(),
        })
    }

    /// The words of the one command, behind `agentv eval <suite>`.
    fn argv(&self, mode: RerunMode) -> String {
        let commands = self.commands(mode).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(commands.len(), 1);
        assert_eq!(commands[0].folder, self.root);
        assert_eq!(commands[0].argv[..3], ["agentv", "eval", SUITE]);
        commands[0].argv[3..].join(" ").replace(&self.run_dir, "RUN")
    }

    fn narrowed(mut self, cases: &[(&str, &str, &[&str])]) -> Self {
        self.whole = false;
        self.cases = cases.iter().map(|(id, model, rows)| case(id, model, rows)).collect();
        self
    }
}

/// A case with the statuses of its rows in order.
fn case(id: &str, model: &str, rows: &[&str]) -> RerunCase {
    let last = rows.last().copied();
    let any = |status: &str| rows.contains(&status);
    RerunCase {
        case_id: id.to_owned(),
        model: Some(model.to_owned()),
        history: History {
            rows: i64::try_from(rows.len()).unwrap(),
            ok: any("ok"),
            error: any("error"),
            finished: any("ok") || any("failed"),
            latest_ok: last == Some("ok"),
            latest_error: last == Some("error"),
            ..History::default()
        },
        ..RerunCase::default()
    }
}

#[test]
fn the_run_of_pull_request_1220_gets_the_command_of_its_button() {
    let asked = Asked::of("era-a", "default");
    assert_eq!(asked.argv(RerunMode::RerunFailed), "--target azure --output RUN --rerun-failed");
    assert_eq!(asked.argv(RerunMode::Resume), "--target azure --output RUN --resume");
    let commands = asked.commands(RerunMode::Resume).unwrap();
    assert_eq!((commands[0].output.clone(), commands[0].notes.clone()), (None, Vec::new()));
}

#[test]
fn versions_have_flags_of_their_own() {
    let four = Asked::of("era-a-4.42", "dev");
    assert_eq!(four.argv(RerunMode::Resume), "--target azure --experiment dev --output RUN --resume");
    assert!(four.commands(RerunMode::Resume).unwrap()[0].notes[0].contains("overwrites the earlier rows"));
    let five = Asked::of("era-b", "dev");
    assert_eq!(five.argv(RerunMode::RerunFailed), "--provider azure --tag experiment=dev --rerun-failed RUN");
    assert_eq!(five.argv(RerunMode::Resume), "--provider azure --tag experiment=dev --output RUN --resume");
    let interim = Asked::of("interim", "dev");
    assert!(
        interim
            .argv(RerunMode::RerunFailed)
            .ends_with("--provider azure --tag experiment=dev --rerun-failed RUN")
    );
    let flat = Asked::of("flat", "dev");
    assert!(flat.commands(RerunMode::Resume).unwrap_err().to_string().contains("one file of rows"));
}

#[test]
fn a_retry_goes_into_a_folder_that_is_known_before() {
    let mut asked = Asked::of("era-a", "dev");
    let sibling = ".agentv/results/runs/dev/2026-11-20T08-57-23-723Z";
    assert_eq!(
        asked.argv(RerunMode::RetryErrors),
        format!("--target azure --experiment dev --output {sibling} --retry-errors RUN")
    );
    let command = asked.commands(RerunMode::RetryErrors).unwrap().remove(0);
    assert_eq!(command.output, Some(asked.root.join(sibling)));
    asked.given.output = Some(PathBuf::from("kept/here"));
    assert!(asked.argv(RerunMode::RetryErrors).contains("--output kept/here --retry-errors"));
    asked.given.output = Some(PathBuf::from(&asked.run_dir));
    assert!(matches!(asked.commands(RerunMode::RetryErrors), Err(RerunError::OutputTaken { .. })));
    assert!(matches!(asked.commands(RerunMode::Resume), Err(RerunError::Impossible(_))));
}

#[test]
fn a_selection_is_named_test_by_test() {
    let asked = Asked::of("era-a", "default").narrowed(&[
        ("edge [x] (v2)*", "m1", &["error"]),
        ("-x", "m2", &["error"]),
        ("edge [x] (v2)*", "m3", &["error"]),
    ]);
    let commands = asked.commands(RerunMode::Resume).unwrap();
    let argv: Vec<String> = commands.iter().map(|command| command.argv[3..].join(" ")).collect();
    let run = &asked.run_dir;
    let expected = [
        format!("--test-id edge \\[x\\] \\(v2\\)\\* --target m1 --target m3 --output {run} --resume"),
        format!("--test-id=-x --target m2 --output {run} --resume"),
    ];
    assert_eq!(argv, expected);
    let told = |at: usize, id: &str, model: &str| {
        commands[at].runs.decide(id, Some(model), &asked.cases[0].history).is_some()
    };
    assert!(told(0, "edge [x] (v2)*", "m3") && !told(0, "-x", "m1") && !told(1, "-x", "m1"));
}

#[test]
fn a_predicate_takes_the_mode_that_executes_what_it_selects() {
    let ends = |version: &str, cases: &[(&str, &str, &[&str])]| -> Vec<String> {
        let asked = Asked::of(version, "default").narrowed(cases);
        let commands = asked.commands(RerunMode::Where).unwrap();
        commands.iter().map(|command| command.argv[4..].join(" ").replace(&asked.run_dir, "RUN")).collect()
    };
    let errors: (&str, &str, &[&str]) = ("a", "m", &["error"]);
    let failed: (&str, &str, &[&str]) = ("b", "m", &["failed"]);
    let missing: (&str, &str, &[&str]) = ("c", "m", &[]);
    assert_eq!(ends("era-a", &[errors]), ["a --target m --output RUN --resume"]);
    assert_eq!(
        ends("era-a", &[errors, failed, missing]),
        ["a --test-id b --test-id c --target m --output RUN --rerun-failed"]
    );
    assert_eq!(ends("era-b", &[errors, failed]), ["a --test-id b --provider m --rerun-failed RUN"]);
    assert_eq!(
        ends("era-b", &[errors, failed, missing]),
        ["b --provider m --rerun-failed RUN", "a --test-id c --provider m --output RUN --resume"],
        "AgentV 5 re-runs no test without a row"
    );
}

#[test]
fn rows_that_are_ok_run_again_in_a_run_of_their_own() {
    let asked = Asked::of("era-a", "default").narrowed(&[("a", "m1", &["ok"]), ("b", "m2", &["ok"])]);
    let commands = asked.commands(RerunMode::Select).unwrap();
    let new = ".agentv/results/runs/default/2026-11-20T08-57-23-723Z";
    let argv: Vec<String> = commands.iter().map(|command| command.argv[3..].join(" ")).collect();
    let expected = [
        format!("--test-id a --target m1 --output {new}"),
        format!("--test-id b --target m2 --output {new} --resume"),
    ];
    assert_eq!(argv, expected, "the second command adds to what the first one made");
    assert!(commands.iter().all(|command| command.output == Some(asked.root.join(new))));
    let retried = Asked::of("era-a", "default").narrowed(&[("a", "m1", &["error"])]);
    let command = retried.commands(RerunMode::RetryErrors).unwrap().remove(0);
    assert!(!command.argv.contains(&"--retry-errors".to_owned()), "it would not look at --test-id");
    assert!(command.notes[0].contains("takes no selection"), "{:?}", command.notes);
}

#[test]
fn words_of_the_person_stand_last_and_hold() {
    let mut asked = Asked::of("era-a", "dev");
    asked.run.params = Some(r#"{"threshold":0.95}"#.to_owned());
    asked.words = ["--workers", "4"].map(str::to_owned).to_vec();
    assert_eq!(
        asked.argv(RerunMode::Resume),
        "--target azure --experiment dev --threshold 0.95 --output RUN --resume --workers 4"
    );
    asked.words = ["--threshold=0.5", "--experiment", "x", "--test-id", "y"].map(str::to_owned).to_vec();
    assert_eq!(
        asked.argv(RerunMode::Resume),
        "--target azure --output RUN --resume --threshold=0.5 --experiment x --test-id y"
    );
    let notes = asked.commands(RerunMode::Resume).unwrap().remove(0).notes;
    assert_eq!(notes.len(), 1, "{notes:?}");
    assert!(notes[0].starts_with("--test-id behind --"));
}

#[test]
fn targets_come_from_the_settings_of_a_run_without_rows() {
    let mut asked = Asked::of("era-a", "default");
    asked.models.clear();
    assert!(asked.commands(RerunMode::Resume).unwrap()[0].notes[0].contains("the suite's own"));
    asked.run.params = Some(r#"{"targets":["m1","-m2"]}"#.to_owned());
    assert_eq!(asked.argv(RerunMode::Resume), "--target m1 --target=-m2 --output RUN --resume");
}

#[test]
fn a_run_folder_without_rows_is_not_resumed() {
    let asked = Asked::of("era-a", "default");
    fs::remove_file(asked.root.join(&asked.run_dir).join("index.jsonl")).unwrap();
    assert!(matches!(asked.commands(RerunMode::Resume), Err(RerunError::NoRows { .. })));
}

#[test]
fn very_many_ids_are_named_in_several_commands() {
    let ids: Vec<String> = (0..40_000).map(|at| format!("case-{at:06}")).collect();
    let cases: Vec<(&str, &str, &[&str])> =
        ids.iter().map(|id| (id.as_str(), "m", &["error"] as &[&str])).collect();
    let commands = Asked::of("era-a", "default").narrowed(&cases).commands(RerunMode::Resume).unwrap();
    let told: Vec<&String> =
        commands.iter().flat_map(|command| command.runs.cases.iter().flatten()).collect();
    assert_eq!(told.len(), ids.len(), "each id once");
    for command in &commands {
        let bytes: usize = command.argv.iter().map(|word| word.len() + 1).sum();
        assert!(bytes < 300 * 1024, "{bytes} bytes");
    }
    assert!(commands.len() > 1);
}
