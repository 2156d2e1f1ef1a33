//! What a template becomes, and what is said of one that is broken.

use std::path::{Path, PathBuf};

use super::*;
use crate::import::rerun::{GivenPlaces, RerunCase, RerunError, RerunMode, RerunOrder};
use crate::model::Timestamp;
use crate::source::LocalDisk;

fn case(case_id: &str, model: Option<&str>) -> RerunCase {
    RerunCase {
        task: "t".to_owned(),
        case_id: case_id.to_owned(),
        model: model.map(str::to_owned),
        ..RerunCase::default()
    }
}

fn run() -> RunRow {
    RunRow {
        run_id: "nightly 1".to_owned(),
        tool: "table".to_owned(),
        task: "qa/short".to_owned(),
        kind: "eval".to_owned(),
        source_path: "/nowhere/x".to_owned(),
        ..RunRow::default()
    }
}

fn filled(toml: &str, cases: &[RerunCase], given: &GivenPlaces) -> Result<Vec<RerunCommand>, RerunError> {
    let run = run();
    let templates = Templates::from_toml(toml).unwrap_or_else(|error| panic!("{error}"));
    templates.of(&run).expect("a template that fits").commands(&RerunOrder {
        run: &run,
        mode: RerunMode::Where,
        cases,
        whole: false,
        models: &[],
        given,
        source: &LocalDisk,
        here: Path::new("/home/me"),
        words: &["--workers".to_owned(), "4 x".to_owned()],
        now: Timestamp(0),
    })
}

fn one(command: &str, cases: &[RerunCase]) -> Result<RerunCommand, RerunError> {
    let toml = format!("[[resume]]\ncommand = '''{command}'''\n");
    filled(&toml, cases, &GivenPlaces::default()).map(|mut commands| commands.remove(0))
}

fn broken(toml: &str) -> (usize, String, String) {
    let error = Templates::from_toml(toml).expect_err("a broken template");
    (error.line, error.to_string(), error.hint().to_owned())
}

#[test]
fn values_stay_one_word_and_are_not_quoted() {
    let cases =
        [case("--out=/x", None), case("$(id)", None), case("a 'b' \"c\"", None), case("two\nlines", None)];
    let command = one("mytool --run={run_id} '--all in one' {ids} --task {task} {mode}", &cases).unwrap();
    let words = [
        "mytool",
        "--run=nightly 1",
        "--all in one",
        "--out=/x",
        "$(id)",
        "a 'b' \"c\"",
        "two\nlines",
        "--task",
        "qa/short",
        "where",
        "--workers",
        "4 x",
    ];
    assert_eq!(command.argv, words);
    assert_eq!(command.folder, PathBuf::from("/home/me"));
    assert_eq!((command.output, command.files), (None, Vec::new()));
}

#[test]
fn files_are_named_by_a_folder_that_is_filled_in_later() {
    let cases = [case("q1", Some("m")), case("q2", None), case("q1", Some("n"))];
    let command = one("t --ids {ids_file} --json={ids_json} {words} {rows_file}", &cases).unwrap();
    let words = ["t", "--ids", "\u{1}ids.txt", "--json=\u{1}ids.json", "--workers", "4 x", "\u{1}rows.jsonl"];
    assert_eq!(command.argv, words);
    let texts: Vec<&str> = command.files.iter().map(|file| file.text.as_str()).collect();
    assert_eq!(texts[..2], ["q1\nq2\n", "[\"q1\",\"q2\"]\n"]);
    assert_eq!(texts[2].lines().next(), Some(r#"{"task":"t","case_id":"q1","model":"m","prompt":null}"#));
    assert_eq!(texts[2].lines().count(), 3);
}

#[test]
fn a_line_break_needs_the_json_file() {
    let error = one("t {ids_file}", &[case("a\nb", None)]).unwrap_err();
    assert!(error.to_string().contains("{ids_json} can"), "{error}");
    assert!(one("t {ids_json}", &[case("a\nb", None)]).is_ok());
}

#[test]
fn a_command_that_names_the_model_is_made_once_per_model() {
    let toml = "[[resume]]\ncommand = ['t', '{model}', '{ids_file}']\n";
    let cases = [case("q1", Some("m x")), case("q1", Some("n")), case("q2", Some("m x"))];
    let commands = filled(toml, &cases, &GivenPlaces::default()).unwrap();
    let told: Vec<_> = commands.iter().map(|c| (c.argv[1].as_str(), c.argv[2].as_str())).collect();
    assert_eq!(told, [("m x", "\u{1}ids.txt"), ("n", "\u{1}ids-2.txt")]);
    assert_eq!(commands[0].files[0].text, "q1\nq2\n");
    assert!(commands[1].runs.decide("q1", Some("n"), &Default::default()).is_some());
    assert!(commands[1].runs.decide("q1", Some("m x"), &Default::default()).is_none());
    let error = filled(toml, &[case("q9", None)], &GivenPlaces::default()).unwrap_err();
    assert!(error.to_string().contains("\"q9\" names none"), "{error}");
}

#[test]
fn what_a_tool_is_told_is_what_it_is_said_to_run() {
    let cases = [case("q1", Some("m")), case("q2", Some("n"))];
    let told = |command: &str, id: &str, model: &str| {
        one(command, &cases).unwrap().runs.decide(id, Some(model), &Default::default()).is_some()
    };
    assert!(told("t {rows_file}", "q1", "m") && !told("t {rows_file}", "q1", "n"));
    assert!(told("t {ids}", "q1", "n"), "ids alone say no model");
    assert!(!told("t {ids}", "q3", "m"));
    assert!(one("t {run_id}", &cases).unwrap().notes[0].contains("its own choice"));
}

#[test]
fn outputs_and_folders_are_filled_too() {
    let toml =
        "[[resume]]\ncommand = 't {ids} -o {output}'\nfolder = 'work/{task}'\noutput = '/out/{run_id}'\n";
    let given = GivenPlaces::default();
    let command = filled(toml, &[case("q", None)], &given).unwrap().remove(0);
    assert_eq!(command.argv[3], "/out/nightly 1");
    assert_eq!(command.output, Some(PathBuf::from("/out/nightly 1")));
    assert_eq!(command.folder, PathBuf::from("/home/me/work/qa/short"));
    let given = GivenPlaces { output: Some(PathBuf::from("mine")), ..GivenPlaces::default() };
    let command = filled(toml, &[case("q", None)], &given).unwrap().remove(0);
    assert_eq!(command.output, Some(PathBuf::from("/home/me/mine")), "the person's word holds");
    let error = filled("[[resume]]\ncommand = 't'\n", &[], &given).unwrap_err();
    assert!(error.to_string().contains("--output reaches nothing"), "{error}");
    let error = one("t {output}", &[]).unwrap_err();
    assert!(error.to_string().contains("neither --output nor"), "{error}");
}

#[test]
fn only_places_that_are_used_have_to_be_there() {
    assert!(one("t {ids}", &[]).is_ok(), "the run folder is gone and nobody asks for it");
    assert_eq!(one("t {run_dir}", &[]).unwrap_err(), RerunError::NoRunDir { path: "/nowhere/x".to_owned() });
    assert_eq!(one("t {suite}", &[]).unwrap_err(), RerunError::UnknownSuite);
    assert!(one("t {experiment}", &[]).unwrap_err().to_string().contains("has no experiment"));
}

#[test]
fn the_first_template_that_fits_is_taken() {
    let toml = "[[resume]]\ntool = 'agentv'\ncommand = 'a'\n[[resume]]\ntask = 'qa/*'\nkind = 'ev?l'\ncommand = 'b'\n\
                [[resume]]\nexperiment = '*'\ncommand = 'c'\n[[resume]]\ncommand = 'd'\n";
    let templates = Templates::from_toml(toml).unwrap();
    let chosen = |run: &RunRow| templates.of(run).map(|found| found.command[0].0.clone());
    let word = |text: &str| Word::parse(text).ok().map(|word| word.0);
    assert_eq!(chosen(&run()), word("b"));
    let other = RunRow { task: "x".to_owned(), ..run() };
    assert_eq!(chosen(&other), word("d"), "a run without an experiment fits no experiment");
    assert_eq!(chosen(&RunRow { experiment: Some("dev".to_owned()), ..other }), word("c"));
    assert!(Templates::from_toml("").unwrap().of(&run()).is_none());
}

#[test]
fn a_broken_template_says_the_line_and_what_was_meant() {
    let (line, text, hint) = broken("\n[[resume]]\ncomand = 'x'\n");
    assert_eq!((line, hint.as_str()), (3, "did you mean command?"), "{text}");
    assert_eq!(broken("[[resum]]\ncommand = 'x'\n").2, "did you mean resume?");
    assert_eq!(
        broken("# a\n[resume]\ncommand = 'x'\n").1,
        "line 2: expected [[resume]], found table called resume"
    );
    assert_eq!(broken("[[resume]]\ntool = 'x'\n").1, "line 1: this [[resume]] has no command");
    let (line, text, _) = broken("[[resume]]\ncommand = 'x'\n[[resume]]\ncommand = \"t {idsfile}\"\n");
    assert_eq!((line, text.as_str()), (4, "line 4: {idsfile} is no place, did you mean {ids_file}?"));
    assert!(broken("[[resume]]\ncommand = \"t 'x\"\n").1.contains("a quote in the command is not closed"));
    assert!(
        broken("[[resume]]\ncommand = 3\n").1.contains("expected a text or a list of texts, found integer")
    );
    assert!(broken("[[resume]]\ntask = '[a'\ncommand = 'x'\n").1.starts_with("line 2: not a glob"));
    let (line, text, _) = broken("[[resume]]\ncommand = \n");
    assert!(line == 2 && text.starts_with("line 2: not TOML"), "{text}");
}
