//! `resume`: the command line before anything is planned: modes, runs, planned cases, predicates.

use std::sync::LazyLock;

use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

#[test]
fn exactly_one_mode() {
    SAMPLES.run(&["resume", "baseline", "--resume", "--retry-errors"]).refuses(
        2,
        "error: --resume and --retry-errors exclude each other: one mode at a time\n  \
         hint: --resume runs what never finished, --retry-errors runs errors again into a new output",
    );
    let three =
        SAMPLES.run(&["resume", "--where", "score < 1", "--select", "TRUE", "--rerun-failed"]).exits(2);
    assert!(
        three.stderr.starts_with("error: --rerun-failed, --where and --select exclude each other: one mode"),
        "{}",
        three.stderr
    );
    let none = SAMPLES.run(&["resume", "baseline"]).exits(2);
    assert!(
        none.stderr.starts_with("error: which cases? give one mode\n  hint: --resume runs"),
        "{}",
        none.stderr
    );
    for flag in ["--resume ", "--rerun-failed ", "--retry-errors ", "--where ", "--select "] {
        assert!(none.stderr.contains(flag), "{flag}: {}", none.stderr);
    }
    let blank = SAMPLES.run(&["resume", "baseline", "--where", "  "]).exits(2);
    assert!(
        blank.stderr.starts_with("error: --where is blank, and without a predicate it is no mode\n"),
        "{}",
        blank.stderr
    );
    // A blank predicate is no mode, so the other one is the only one: this fails for another reason.
    let one = SAMPLES.run(&["resume", "nope", "--where", " ", "--resume"]).exits(66);
    assert!(one.stderr.starts_with("error: nope is neither a run of the store nor a path"), "{}", one.stderr);
}

#[test]
fn read_only_refuses_to_run_before_anything_else() {
    let before = SAMPLES.files(".runq");
    let refused =
        "error: --exec is refused: the store is read-only\n  hint: without --exec the plan is shown";
    for arguments in [
        &["resume", "nope", "--resume", "--exec", "--read-only"][..],
        &["--read-only", "resume", "--exec", "--rerun-failed", "--", "--workers", "4"],
    ] {
        SAMPLES.run(arguments).refuses(77, refused);
    }
    SAMPLES.run_with(&[("RUNQ_READ_ONLY", "1")], &["resume", "--resume", "--exec"]).refuses(77, refused);
    assert_eq!(SAMPLES.files(".runq"), before);
}

#[test]
fn explain_shows_the_predicate_and_every_column_it_may_name() {
    for (arguments, relation, file) in [
        (&["--resume"][..], "failed_rows", "sql/modes/resume.sql"),
        (&["--rerun-failed"], "failed_rows", "sql/modes/rerun_failed.sql"),
        (&["--retry-errors"], "failed_rows", "sql/modes/retry_errors.sql"),
        (&["--where", "score < 0.5"], "failed_rows", ""),
        (&["--select", "passed"], "latest_results", ""),
    ] {
        let document = SAMPLES.run(&[&["resume", "--explain", "--json"], arguments].concat()).fine().json();
        assert_eq!(document["relation"], relation);
        let shown = document["predicate"].as_str().unwrap();
        if file.is_empty() {
            assert_eq!((shown, &document["file"]), (arguments[1], &Value::Null));
        } else {
            let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
            assert_eq!(shown, std::fs::read_to_string(path).unwrap().trim_end());
        }
        // The names are those that the relation really has, in its order.
        let described =
            SAMPLES.run(&["sql", &format!("SELECT * FROM {relation} LIMIT 0"), "--json"]).fine().json();
        let names = |list: &Value| -> Vec<String> {
            list.as_array().unwrap().iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
        };
        let (mut told, mut there) = (names(&document["columns"]), names(&described["columns"]));
        if relation == "latest_results" {
            told.sort();
            there.sort();
        }
        assert_eq!(told, there);
        assert!(document["columns"].as_array().unwrap().iter().all(|column| column["meaning"] != ""));
    }
    let text = SAMPLES.run(&["resume", "--retry-errors", "--explain"]).fine().stdout;
    assert!(text.contains("  status IN ('execution_error', 'scorer_error', 'cancelled')\n"), "{text}");
    assert!(
        Sandbox::new().run(&["resume", "--resume", "--explain"]).fine().stderr.is_empty(),
        "needs no store"
    );
}

#[test]
fn a_list_of_cases_that_is_none_says_what_was_expected() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("empty.txt", "\n");
    sandbox.write("cases.csv", "name,score\na,1\n");
    sandbox.write("cases.jsonl", "{\"id\": \"a\"}\n{\"name\": \"b\"}\n");
    let hint = "hint: one id per line, or .json, .jsonl or .csv with case_id, test_id or id, or an AgentV suite (.yaml)";
    let cases = [
        ("empty.txt", 65, format!("error: --cases empty.txt: no case ids are in it\n  {hint}")),
        (
            "cases.csv",
            65,
            format!(
                "error: --cases cases.csv: line 1: expected a column case_id, test_id or id, found name, score\n  {hint}"
            ),
        ),
        (
            "cases.jsonl",
            65,
            format!(
                "error: --cases cases.jsonl: line 2: expected an id, or an object with case_id, test_id or id, found an \
                 object with name\n  {hint}"
            ),
        ),
        (
            "cases.json",
            66,
            "error: --cases cases.json: there is no such file\n  hint: did you mean cases.jsonl?".to_owned(),
        ),
    ];
    for (file, code, said) in cases {
        sandbox.run(&["resume", "baseline", "--resume", "--cases", file]).refuses(code, &said);
    }
    sandbox.run_fed("a\n", &["resume", "-", "--resume", "--cases", "-"]).refuses(
        2,
        "error: - stands for the runs and for --cases, and standard input is read once\n  hint: give one of them as a file",
    );
}

#[test]
fn only_a_plan_is_a_script() {
    SAMPLES.run(&["runs", "--format", "sh"]).refuses(
        2,
        "error: this answer has no command to print\n  hint: only runq resume answers with commands",
    );
}

#[test]
fn a_fault_in_a_predicate_has_a_marker_under_it() {
    let cases = [
        (
            "experimnt = 'dev'",
            "there is no column experimnt in runs\n  experimnt = 'dev'\n  ^^^^^^^^^\n  hint: did you mean experiment?",
        ),
        (
            "tool = 'agentv'\nAND  nme = 'x'",
            "there is no column nme in runs\n  AND  nme = 'x'\n       ^^^\n  hint: did you mean name?",
        ),
        (
            "kind = 'eval'; drop table runs",
            "the SQL does not parse: expected end of expression, found ;\n  \
             kind = 'eval'; drop table runs\n               ^",
        ),
        ("kind =", "the SQL does not parse: expected an expression, found the end\n  kind =\n        ^"),
        (
            "run_id IN (SELECT run_id FROM results)",
            "a subquery stands in it, and a predicate is over runs alone\n  run_id IN (SELECT run_id FROM results)\n  \
             hint: runq sql asks several relations at once",
        ),
        (
            "EXISTS (SELECT 1)",
            "a subquery stands in it, and a predicate is over runs alone\n  EXISTS (SELECT 1)\n  \
             hint: runq sql asks several relations at once",
        ),
        (
            "count(*) > 1",
            "it is over several rows, and a predicate is over one\n  count(*) > 1\n  \
             hint: runq sql asks over several rows of runs",
        ),
        (
            "name",
            "it is a text, and a predicate is true or false\n  name\n  hint: compare it with something: status = 'limit'",
        ),
        (
            "lowerr(name) = 'x'",
            "there is no function lowerr\n  lowerr(name) = 'x'\n  ^^^^^^\n  hint: did you mean lower?",
        ),
    ];
    for (predicate, said) in cases {
        SAMPLES.run(&["runs", "--scope", predicate]).refuses(2, &format!("error: --scope: {said}"));
    }
}

/// What is said of the run that is meant; a format for machines has it on stderr, before anything else.
fn meant(sandbox: &Sandbox, arguments: &[&str]) -> String {
    let ran = sandbox.run(&[&["resume", "--resume", "--json"], arguments].concat());
    ran.stderr.lines().find(|line| line.contains(": ")).unwrap_or_default().to_owned()
}

#[test]
fn without_a_name_the_run_that_is_meant_is_said() {
    let sandbox = Sandbox::new();
    let good = sandbox.agentv("good", 1, &[("a", "gpt-x", 1.0, "ok")]);
    sandbox.agentv("bad", 2, &[("a", "gpt-x", 0.0, "execution_error")]);
    sandbox.agentv("fine", 3, &[("a", "gpt-x", 1.0, "ok")]);
    sandbox.run(&["ingest", "results"]).fine();
    let failed = "note  bad::2026-05-02T08-00-00-000Z: the newest run with failed rows";
    assert_eq!(meant(&sandbox, &[]), failed);
    assert_eq!(
        meant(&sandbox, &["--scope", "experiment = 'good'"]),
        "note  good::2026-05-01T08-00-00-000Z: the newest run (none is unfinished, none has failed rows)"
    );
    // Two planned, one there: the newest that did not finish comes before the newest with failed rows.
    let cut = sandbox.agentv("cut", 1, &[("a", "gpt-x", 0.9, "ok")]);
    let benchmark =
        r#"{"metadata": {"targets": ["gpt-x"], "tests_run": ["a", "b"], "planned_test_count": 2}}"#;
    sandbox.write(&format!("{cut}/benchmark.json"), benchmark);
    sandbox.run(&["ingest", "results"]).fine();
    let unfinished = "note  cut::2026-05-01T08-00-00-000Z: the newest run that did not finish (incomplete)";
    assert_eq!(meant(&sandbox, &[]), unfinished);

    // AgentV's own memory of its last run comes first: a run of the store, or the path of one that is not in it.
    let remember = |folder: &str| {
        let folder = sandbox.path(folder).display().to_string();
        sandbox.write(".agentv/cache.json", format!("{{\"lastRunDir\": {folder:?}, \"timestamp\": \"x\"}}"));
    };
    remember(&good);
    assert_eq!(
        meant(&sandbox, &[]),
        "note  good::2026-05-01T08-00-00-000Z: AgentV's last run here (.agentv/cache.json)"
    );
    assert_eq!(meant(&sandbox, &["--scope", "experiment = 'bad'"]), failed, "it is not in scope");
    let new = sandbox.agentv("new", 4, &[("a", "gpt-x", 1.0, "ok")]);
    remember(&new);
    assert_eq!(meant(&sandbox, &[]), format!("note  {new}: AgentV's last run here (.agentv/cache.json)"));
    remember("results/gone");
    assert_eq!(meant(&sandbox, &[]), unfinished, "the folder is not there any more");
    let ran = sandbox.run(&["resume", "--resume", "--json"]);
    assert!(
        ran.stderr.starts_with("note  .agentv/cache.json names results/gone, which is not there\n"),
        "{}",
        ran.stderr
    );

    let without = Sandbox::new();
    without.run(&["resume", "--resume"]).refuses(
        66,
        "error: there is no store here: no .runq in this folder or above it\n  \
         hint: runq ingest PATH makes one; runq compare PATH asks about files without one",
    );
}

#[test]
fn the_suite_of_a_recorded_project_is_its_planned_cases() {
    let Some(suite) = crate::support::shared("peers/agentv-n-4.42.4/project/evals/support-bot.eval.yaml")
    else {
        return;
    };
    // Twelve tests, as the README beside it says. A file with one case more that is no case fails at that line, and so
    // shows that the twelve before it read.
    let sandbox = Sandbox::with_samples();
    let text = std::fs::read_to_string(suite).expect("the suite can be read");
    assert_eq!(text.matches("\n  - id: ").count(), 12);
    let lines = text.trim_end().lines().count();
    sandbox.write("suite.eval.yaml", format!("{}\n  - input: no id\n", text.trim_end()));
    let ran = sandbox.run(&["resume", "baseline", "--resume", "--cases", "suite.eval.yaml"]).exits(65);
    let said = format!(
        "error: --cases suite.eval.yaml: line {}: expected a case with case_id, test_id or id, found one without\n",
        lines + 1
    );
    assert!(ran.stderr.starts_with(&said), "{}", ran.stderr);
    let twice = format!("{}\n  - id: greeting\n    input: again\n", text.trim_end());
    sandbox.write("suite.eval.yaml", twice);
    let ran = sandbox.run(&["resume", "baseline", "--resume", "--cases", "suite.eval.yaml"]);
    let said = "note  --cases suite.eval.yaml: 1 case stands there again and counts once: greeting\n";
    assert!(ran.stderr.starts_with(said), "{}", ran.stderr);
}

#[test]
fn the_run_that_is_meant_stands_before_its_plan_and_older_rows_are_owned_up_to() {
    let sandbox = Sandbox::new();
    let rows = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.0, "execution_error")];
    let folder = sandbox.agentv("dev", 2, &rows);
    sandbox.run(&["ingest", "results"]).fine();
    let ran = sandbox.run(&["resume", "--resume"]).fine();
    assert_eq!(ran.stderr, "");
    assert!(
        ran.stdout.starts_with(
            "dev::2026-05-02T08-00-00-000Z: the newest run with failed rows\ndev::2026-05-02T08-00-00-000Z · agentv"
        ),
        "{}",
        ran.stdout
    );
    assert!(ran.stdout.contains("\nto run    1 of 2 cases\n  b  execution_error  "), "{}", ran.stdout);
    assert!(!ran.stdout.contains("changed after"), "{}", ran.stdout);
    let document = sandbox.run(&["resume", "--resume", "--json"]).fine().json();
    assert_eq!(document["notes"][0], "dev::2026-05-02T08-00-00-000Z: the newest run with failed rows");

    sandbox.agentv("dev", 2, &[rows[0], rows[1], ("c", "gpt-x", 1.0, "ok")]);
    let note = format!(
        "the files of dev::2026-05-02T08-00-00-000Z changed after they were taken in: runq ingest {folder}"
    );
    let document = sandbox.run(&["resume", "dev", "--resume", "--json"]).fine().json();
    assert!(document["notes"].as_array().unwrap().contains(&Value::from(note)), "{}", document["notes"]);
}

#[test]
fn a_script_lacks_no_command() {
    let sandbox = Sandbox::new();
    sandbox.agentv("dev", 2, &[("a", "gpt-x", 0.0, "execution_error")]);
    sandbox.run(&["ingest", "results"]).fine();
    let ran = sandbox.run(&["resume", "dev", "--resume", "--format", "sh"]).exits(66);
    assert_eq!(ran.stdout, "");
    assert!(
        ran.stderr
            .starts_with("error: dev::2026-05-02T08-00-00-000Z: no file says which suite the run is of"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("hint: --suite FILE"), "{}", ran.stderr);
    let nothing = sandbox.run(&["resume", "dev", "--where", "status = 'limit'", "--format", "sh"]).fine();
    assert_eq!((nothing.stdout.as_str(), nothing.stderr.as_str()), ("", "nothing to run\n"));
    sandbox.write(
        ".runq/config.toml",
        "[[resume]]\ntool = \"agentv\"\ncommand = \"mytool --ids {ids_file} {nope}\"\n",
    );
    let broken = sandbox.run(&["resume", "dev", "--resume"]).exits(2);
    assert!(broken.stderr.starts_with("error: .runq/config.toml:3: "), "{}", broken.stderr);
    sandbox
        .write(".runq/config.toml", "[[resume]]\ntool = \"agentv\"\ncommand = \"mytool --ids {ids_file}\"\n");
    let script = sandbox.run(&["resume", "dev", "--resume", "--format", "sh"]).fine().stdout;
    assert!(script.contains("mytool --ids "), "{script}");
    // The suite of another run of the task is taken, and said to be.
    std::fs::remove_file(sandbox.path(".runq/config.toml")).unwrap();
    let other = sandbox.agentv("other", 1, &[("a", "gpt-x", 0.5, "ok")]);
    sandbox.write("evals/bot.eval.yaml", "tests:\n  - id: a\n");
    let benchmark =
        r#"{"metadata": {"eval_file": "evals/bot.eval.yaml", "targets": ["gpt-x"], "tests_run": ["a"]}}"#;
    sandbox.write(&format!("{other}/benchmark.json"), benchmark);
    sandbox.run(&["ingest", "results"]).fine();
    let plan = sandbox.run(&["resume", "dev", "--resume"]).fine().stdout;
    assert!(
        plan.contains("evals/bot.eval.yaml") && plan.contains("other::2026-05-01T08-00-00-000Z"),
        "{plan}"
    );
}
