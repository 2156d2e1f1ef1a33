//! What is wrong with a command line is said on stderr, with a code, and with what to do instead.

use std::sync::LazyLock;

use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

const BASELINE: &str = "baseline::2026-05-01T08-00-00-000Z";

#[test]
fn a_path_that_is_not_there_names_the_near_one() {
    let sandbox = Sandbox::new();
    sandbox.agentv("baseline", 1, &[("a", "gpt-x", 1.0, "ok")]);
    for arguments in [["ingest", "result"], ["compare", "./result"]] {
        sandbox.run(&arguments).refuses(
            66,
            &format!(
                "error: {}: there is no such file or folder\n  hint: did you mean results?",
                arguments[1]
            ),
        );
    }
    sandbox.run(&["show", "result"]).refuses(
        66,
        "error: result is no path, and there is no store here: no .runq in this folder or above it\n  \
         hint: did you mean the path results?",
    );
    assert!(!sandbox.path(".runq").exists());
}

#[test]
fn a_folder_without_runs_is_not_found_and_says_what_is_read() {
    let sandbox = Sandbox::new();
    sandbox.write("notes/todo.txt", "nothing");
    let ran = sandbox.run(&["ingest", "notes"]).exits(66);
    assert!(
        ran.stderr
            .starts_with("error: notes: no runs found in the one file of this folder\n  hint: runq reads")
    );
    assert!(!sandbox.path(".runq").exists(), "a store was made for nothing");
}

#[test]
fn without_a_store_every_question_says_how_to_get_one() {
    let sandbox = Sandbox::new();
    let here = "error: there is no store here: no .runq in this folder or above it\n  \
                hint: runq ingest PATH makes one; runq compare PATH asks about files without one";
    for arguments in
        [&["runs"][..], &["compare"], &["metrics"], &["sql", "SELECT 1"], &["tag", "last", "owner=ann"]]
    {
        sandbox.run(arguments).refuses(66, here);
    }
    let ran = sandbox.run(&["show"]).exits(66);
    assert!(ran.stderr.contains("there is no store here"), "{}", ran.stderr);
    sandbox.run(&["--store", "nowhere", "runs"]).refuses(
        66,
        "error: no store at nowhere\n  hint: `runq ingest PATH` makes a store; `--store DIR` names an existing one",
    );
    assert!(!sandbox.path("nowhere").exists());
    assert!(sandbox.run(&["views"]).fine().stdout.contains("metric_winners"));
}

#[test]
fn names_that_nothing_has_suggest_the_near_one_or_list_what_is_there() {
    let cases: [(&[&str], i32, &str); 12] = [
        (
            &["compare", "baseline", "candidate", "--baseline", "nope"],
            66,
            "error: there is no run nope\n  hint: there are baseline::2026-11-20T08-57-23-723Z, candidate::2026-11-20T08-57-58-863Z",
        ),
        (
            &["compare", "--by", "model", "--baseline", "gpt-y"],
            66,
            "error: there is no model gpt-y\n  hint: did you mean gpt-x?",
        ),
        (
            &["compare", "--by", "modle"],
            2,
            "error: cannot compare by modle: neither runs nor results have such a column\n  hint: did you mean model?",
        ),
        (
            &["compare", "--by", "zzz"],
            2,
            "error: cannot compare by zzz: neither runs nor results have such a column\n  hint: run, model, prompt, experiment, provider, variant, tags.KEY, params.KEY or a column",
        ),
        (
            &["compare", "--primary", "scroe"],
            66,
            "error: there is no metric scroe\n  hint: did you mean score?",
        ),
        (
            &["compare", "--threshold", "scroe=0.1"],
            66,
            "error: there is no metric scroe\n  hint: did you mean score?",
        ),
        (
            &["show", "last", "--metric", "qualit"],
            66,
            "error: there is no metric qualit\n  hint: did you mean quality?",
        ),
        (
            &["compare", "--task", "support-bod"],
            66,
            "error: there is no task support-bod\n  hint: did you mean support-bot?",
        ),
        (
            &["compare", "--cluster", "experimen"],
            2,
            "error: there is no column experimen in results\n  hint: did you mean experiment?",
        ),
        (
            &["show", BASELINE],
            66,
            "error: baseline::2026-05-01T08-00-00-000Z is neither a run of the store nor a path\n  hint: runq runs lists the runs; ./NAME is a path",
        ),
        (
            &["tag", "quux", "owner=ann"],
            66,
            "error: there is no run quux\n  hint: runq runs lists the runs; ./NAME is a path",
        ),
        (
            &["views", "metric_winner"],
            66,
            "error: there is no view metric_winner\n  hint: did you mean metric_winners?",
        ),
    ];
    for (arguments, code, said) in cases {
        SAMPLES.run(arguments).refuses(code, said);
    }
}

#[test]
fn a_beginning_of_several_runs_names_them() {
    let sandbox = Sandbox::new();
    for (experiment, day) in [("nightly", 1), ("nightly", 2), ("nightly-x", 3)] {
        sandbox.agentv(experiment, day, &[("a", "gpt-x", 1.0, "ok")]);
    }
    sandbox.run(&["ingest", "results"]).fine();
    sandbox.run(&["show", "nightly::"]).refuses(
        2,
        "error: nightly:: is the beginning of 2 runs: nightly::2026-05-01T08-00-00-000Z, \
         nightly::2026-05-02T08-00-00-000Z\n  hint: give more of the id",
    );
    sandbox.run(&["show", "nightly::*"]).refuses(
        2,
        "error: one run is shown at a time; these are 2: nightly::2026-05-01T08-00-00-000Z, \
         nightly::2026-05-02T08-00-00-000Z\n  hint: name one of them, such as last",
    );
    sandbox.run(&["show", "nightly-"]).fine();
}

#[test]
fn values_that_do_not_read_are_usage() {
    let cases: [(&[&str], &str); 8] = [
        (
            &["compare", "--threshold", "abc"],
            "error: --threshold abc: expected a number of 0 or more, found abc\n  hint: --threshold 0.1 for all scores, --threshold duration_ms=50 for one metric",
        ),
        (
            &["compare", "--threshold", "-1"],
            "error: --threshold -1: expected a number of 0 or more, found -1\n  hint: --threshold 0.1 for all scores, --threshold duration_ms=50 for one metric",
        ),
        (&["compare", "--alpha", "5"], "error: --alpha 5: expected a number between 0 and 1"),
        (
            &["compare", "--aggregate", "score=p9"],
            "error: --aggregate score=p9: there is no aggregate p9\n  hint: there are mean, sum, min, max, median, p90, p95, p99, count",
        ),
        (
            &["compare", "--scope", "nme = 'x'"],
            "error: --scope: there is no column nme in runs\n  nme = 'x'\n  ^^^\n  hint: did you mean name?",
        ),
        (&["tag", "last"], "error: nothing to set: give KEY=VALUE or --name NAME"),
        (
            &["sql", "-f", "/dev/null"],
            "error: no SQL: give it as a word, with -f FILE, or on standard input\n  hint: runq sql \"SELECT * FROM run_overview\"",
        ),
        (
            &["sql"],
            "error: no SQL: give it as a word, with -f FILE, or on standard input\n  hint: runq sql \"SELECT * FROM run_overview\"",
        ),
    ];
    for (arguments, said) in cases {
        SAMPLES.run(arguments).refuses(2, said);
    }
    let ids = SAMPLES.run(&["sql", "SELECT count(*) AS n FROM runs", "--format", "ids"]);
    ids.refuses(2, "error: this answer has no ids\n  hint: --format table, csv or json shows what it has");
}

#[test]
fn what_the_parser_refuses_goes_to_stderr_with_the_usage() {
    let cases: [(&[&str], &str); 9] = [
        (&["runs", "--json", "--format", "csv"], "cannot be used with"),
        (&["runs", "--frobnicate"], "unexpected argument '--frobnicate'"),
        (&["frobnicate"], "unrecognized subcommand"),
        (&["ingest"], "<PATH>"),
        (&["compare", "--only", "better"], "expected one of improved, regressed, unchanged"),
        (&["show", "--status", "pas"], "did you mean pass?"),
        (&["runs", "--status", "done"], "expected one of complete, incomplete, running"),
        (&["runs", "--format", "jsn"], "json"),
        (&["ingest", "x", "--from", "agentvv"], "did you mean agentv?"),
    ];
    let sandbox = Sandbox::new();
    for (arguments, said) in cases {
        let ran = sandbox.run(arguments).exits(2);
        assert_eq!(ran.stdout, "", "{arguments:?}");
        assert!(ran.stderr.contains(said), "{arguments:?}: {}", ran.stderr);
    }
}

#[test]
fn help_and_version_are_answers() {
    let sandbox = Sandbox::new();
    for command in ["", "compare", "ingest", "metrics", "runs", "show", "sql", "tag", "versions", "views"] {
        let mut arguments = vec![command, "--help"];
        arguments.retain(|word| !word.is_empty());
        let ran = sandbox.run(&arguments).fine();
        assert_eq!(ran.stderr, "", "{command}");
        let usage = format!("Usage: runq{}{command}", if command.is_empty() { "" } else { " " });
        assert!(ran.stdout.contains(&usage), "{command}: {}", ran.stdout);
    }
    let version = sandbox.run(&["--version"]).fine();
    assert_eq!(version.stdout, format!("runq {}\n", env!("CARGO_PKG_VERSION")));
}
