//! The dot commands, driven by scripts.

use std::fs;

use super::{SAMPLES, samples, shell};
use crate::support::sandbox::Sandbox;

/// Seven runs: three of one experiment, four of another, each with its own target.
fn two_experiments() -> Sandbox {
    let sandbox = Sandbox::new();
    for day in 1..=7 {
        let (experiment, target) = if day <= 4 { ("old", "gpt-x") } else { ("new", "claude-y") };
        sandbox.agentv(experiment, day, &[("a", target, 1.0, "ok"), ("b", target, 0.5, "ok")]);
    }
    sandbox.run(&["ingest", "results"]).fine();
    sandbox
}

#[test]
fn scope_by_and_baseline_say_what_they_mean_and_hold_for_every_view() {
    let sandbox = two_experiments();
    let ran = shell(
        &sandbox,
        &[
            ".by experiment",
            ".baseline new",
            ".by",
            "SELECT count(*) AS n FROM runs",
            ".scope experiment = 'old'",
            "SELECT count(*) AS n, min(arm) AS arm FROM results",
            ".scope last 2",
            "SELECT count(*) AS n FROM runs",
            ".scope all",
            ".reset",
        ],
    )
    .fine();
    let answers = "by experiment: old (4 runs), new (3 runs) · baseline new\nn\n7\nn,arm\n8,old\nn\n2\n";
    assert_eq!(ran.stdout, answers);
    let said: Vec<&str> = ran.stderr.lines().collect();
    assert_eq!(
        said,
        [
            "by experiment: old (4 runs), new (3 runs) · baseline old",
            "by experiment: old (4 runs), new (3 runs) · baseline new",
            "note  the baseline new is out of scope",
            "scope experiment = 'old': 4 of 7 runs · by experiment: old (4 runs) · baseline old",
            "scope experiment = 'old', last 2: 2 of 7 runs · by experiment: old (2 runs) · baseline old",
            "scope all 7 runs · by experiment: old (4 runs), new (3 runs) · baseline old",
            "scope all 7 runs · by model: gpt-x (4 runs), claude-y (3 runs) · baseline gpt-x",
        ]
    );
}

#[test]
fn a_wrong_value_is_refused_with_the_near_name_and_changes_nothing() {
    for (line, code, said, hint) in [
        (".by modle", 2, "cannot compare by modle", "did you mean model?"),
        (".baseline claude-z", 66, "there is no model claude-z", "did you mean claude-y?"),
        (".scope tsk = 'x'", 2, "there is no column tsk", "did you mean task?"),
        (".scope --task suport-bot", 66, "there is no task suport-bot", "did you mean support-bot?"),
        (".scope --metric pased", 66, "there is no metric pased", "did you mean passed?"),
        (".scope --threshold pased=1", 66, "there is no metric pased", "did you mean passed?"),
        (".scope --bins 0", 2, "invalid value '0'", "1..=1000"),
        (".scope --tsk x", 2, "unexpected argument '--tsk'", "--task"),
        (".scope last none", 2, "expected a number from 1", ".scope last 5"),
        (".scope task = 'nothing'", 66, "no runs in scope", ""),
    ] {
        let ran = samples(&[".bail off", ".by model", line, ".scope"]);
        assert!(ran.stderr.contains(said) && ran.stderr.contains(hint), "{line}: {}", ran.stderr);
        let unchanged = "scope all 4 runs · by model: gpt-x (4 runs), claude-y (1 run), llama-z (1 run) · baseline gpt-x\n";
        assert_eq!(ran.stdout, unchanged, "{line}");
        assert_eq!(ran.code, code, "{line}");
        samples(&[line]).exits(code);
    }
}

#[test]
fn flags_of_the_session_hold_for_statements_and_commands() {
    let count = "SELECT count(DISTINCT case_id) AS n FROM results";
    let by_flag = SAMPLES.run(&["sql", count, "--case", "edge*"]).fine();
    assert_eq!(samples(&[".scope --case edge*", count]).fine().stdout, by_flag.stdout);
    let alone = SAMPLES.run(&["compare", "--last", "2", "--threshold", "0.3", "--json"]).fine();
    let within = samples(&[".scope --last 2 --threshold 0.3", ".compare --json"]).fine();
    assert_eq!(within.json(), alone.json());
    let flags = samples(&[".scope --help"]).fine().stdout;
    assert!(flags.contains("--case <GLOB>") && flags.contains("--errors-as"), "{flags}");
}

#[test]
fn commands_of_the_command_line_answer_as_they_do_there() {
    for (line, words) in [
        (".runs", vec!["runs"]),
        ("\\runs --format csv", vec!["runs", "--format", "csv"]),
        (".compare --by model", vec!["compare", "--by", "model"]),
        (".views change_counts", vec!["views", "change_counts"]),
        (".compare --help", vec!["compare", "--help"]),
        (".help compare", vec!["compare", "--help"]),
        ("\\dv", vec!["views"]),
    ] {
        let alone = SAMPLES.run(&words).fine();
        assert_eq!(samples(&[line]).fine().stdout, alone.stdout, "{line}");
    }
    let runs = SAMPLES.run(&["runs", "--json"]).fine();
    assert_eq!(samples(&[".mode json", ".runs"]).fine().json(), runs.json());
    assert_eq!(SAMPLES.run(&["--json", "-c", ".runs"]).fine().json(), runs.json());
}

#[test]
fn a_failing_command_ends_a_script_with_its_code() {
    let ran = samples(&[".show nosuch", "SELECT 1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (66, ""));
    let ran = samples(&[".compare --nosuch", "SELECT 1"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (2, ""));
    samples(&[".quit 7"]).exits(7);
    samples(&[".exit", "SELECT nothing"]).fine();
    samples(&["\\q 300"]).refuses(2, "error: .quit 300: expected a number from 0 to 255");
}

#[test]
fn sql_is_a_statement_and_shell_is_here_already() {
    assert_eq!(samples(&[".sql SELECT 'a;b' AS t"]).fine().stdout, "t\na;b\n");
    assert_eq!(samples(&[".sql \"SELECT 1 AS t\" --format jsonl"]).fine().stdout, "{\"t\":1}\n");
    samples(&[".shell"]).exits(2);
    // Standard input is the shell's: what a command would read from it are the statements to come.
    let ran = SAMPLES.run_fed(".sql --last 1\nSELECT 1 AS t;\n", &["--no-init"]).exits(2);
    assert!(ran.stderr.contains("no SQL"), "{}", ran.stderr);
    let ran = SAMPLES.run_fed(".compare -\nlast\n", &["--no-init"]).exits(2);
    assert!(ran.stderr.contains("the shell reads that itself"), "{}", ran.stderr);
}

#[test]
fn an_unknown_command_names_the_nearest() {
    samples(&[".tabels"]).refuses(2, "error: there is no command .tabels\n  hint: did you mean .tables?");
    samples(&["\\comprae"])
        .refuses(2, "error: there is no command \\comprae\n  hint: did you mean .compare?");
    samples(&["\\zz9"]).refuses(2, "error: there is no command \\zz9\n  hint: .help lists the commands");
}

#[test]
fn help_lists_every_command_and_finds_words() {
    let all = samples(&[".help"]).fine().stdout;
    for name in [".scope ", ".tables ", ".compare ", ".resume ", ".once ", ".safe ", ".quit "] {
        assert!(all.lines().any(|line| line.starts_with(name)), "{name} is missing in\n{all}");
    }
    let listed = samples(&[".mode jsonl", ".help"]).fine().stdout;
    assert!(listed.lines().all(|line| line.starts_with("{\"command\":\".")), "{listed}");
    let timer = samples(&[".help .timer"]).fine().stdout;
    assert!(timer.starts_with(".timer [on|off]\n"), "{timer}");
    let found = samples(&[".help regressed"]).fine().stdout;
    assert!(found.contains("change_counts") && found.contains("mcnemar_exact_p("), "{found}");
    samples(&[".help runns"]).exits(66);
}

#[test]
fn tables_are_found_by_like_by_glob_and_by_a_part() {
    let names = |line: &str| -> Vec<String> {
        let ran = samples(&[".mode ids", line]).fine();
        ran.stdout.lines().map(str::to_owned).collect()
    };
    let all = names(".tables");
    assert!(all.contains(&"runs".to_owned()) && all.contains(&"metric_winners".to_owned()), "{all:?}");
    for line in ["\\dt metric_w%", ".tables metric_win*", "\\dt+ winners"] {
        assert!(names(line).contains(&"metric_winners".to_owned()), "{line}");
    }
    assert_eq!(names(".tables runs"), ["runs"]);
    let kinds = samples(&[".mode csv", ".tables arms"]).fine().stdout;
    assert!(
        kinds.contains("\narms,questions,\"Which arms are there, and how did their results end?\"\n"),
        "{kinds}"
    );
    samples(&[".tables scoers"])
        .refuses(66, "error: there is no relation scoers\n  hint: did you mean scores?");
}

#[test]
fn a_schema_has_columns_types_and_meaning_and_of_a_view_its_sql() {
    let scores = samples(&[".mode csv", ".schema scores"]).fine().stdout;
    assert!(scores.starts_with("relation,column,type,null,meaning\nscores,run_id,VARCHAR,,"), "{scores}");
    // What DESCRIBE lists is what .schema lists.
    let described =
        samples(&["SELECT column_name FROM information_schema.columns WHERE table_name = 'scores'"]);
    let columns: Vec<&str> = scores.lines().skip(1).filter_map(|line| line.split(',').nth(1)).collect();
    assert_eq!(described.fine().stdout.lines().skip(1).collect::<Vec<_>>(), columns);
    let view = samples(&["\\d change_counts"]).fine().stdout;
    assert!(view.contains("one row per") && view.contains("\nSELECT"), "{view}");
    samples(&["\\d runz"]).refuses(66, "error: there is no relation runz\n  hint: did you mean runs?");
}

#[test]
fn functions_are_listed_with_ours_first() {
    let all = samples(&[".mode csv", "\\df"]).fine().stdout;
    assert!(
        all.starts_with("function,kind,about\n\"student_t_p(t DOUBLE, df DOUBLE) -> DOUBLE\",runq,"),
        "{all}"
    );
    assert!(all.contains(",aggregate,") && all.contains(",window,"), "{all}");
    let own = samples(&[".mode ids", ".functions exact_*"]).fine().stdout;
    assert_eq!(own.lines().count(), 3, "{own}");
}

#[test]
fn a_file_is_read_and_reads_others_up_to_a_depth() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("outer.sql", ".mode tsv\n.read 'in ner.sql'\nSELECT 2 AS b;\n");
    sandbox.write("in ner.sql", "SELECT 1 AS a;\n");
    sandbox.write("self.sql", ".read self.sql\n");
    for at in 0..20 {
        sandbox.write(&format!("{at}.sql"), format!(".read {}.sql\n", at + 1));
    }
    assert_eq!(shell(&sandbox, &["\\i outer.sql"]).fine().stdout, "a\n1\nb\n2\n");
    let ran = shell(&sandbox, &[".read self.sql"]).exits(2);
    assert!(ran.stderr.contains("self.sql reads itself"), "{}", ran.stderr);
    let ran = shell(&sandbox, &[".read 0.sql"]).exits(2);
    assert!(ran.stderr.contains("16 files read each other"), "{}", ran.stderr);
    shell(&sandbox, &[".read nowhere.sql"]).exits(66);
}

#[test]
fn system_commands_run_unless_the_shell_only_reads() {
    let sandbox = Sandbox::with_samples();
    assert_eq!(shell(&sandbox, &["\\!echo hello", ".system echo world"]).fine().stdout, "hello\nworld\n");
    shell(&sandbox, &[".system exit 3"]).refuses(75, "error: exit 3: exit status: 3");
    for lines in [
        &[".safe", "\\! touch made"][..],
        &[".safe", ".reset", ".system touch made"],
        &[".safe", ".output made"],
        &[".safe", ".once |touch made"],
        &[".safe", ".export runs -o made.csv"],
        &[".safe", ".ingest results"],
        &[".safe", ".tag last a=b"],
    ] {
        let ran = shell(&sandbox, lines).exits(77);
        assert!(ran.stderr.contains("read"), "{lines:?}: {}", ran.stderr);
    }
    sandbox.run(&["--read-only", "--no-init", "-c", ".system touch made"]).exits(77);
    assert!(!sandbox.path("made").exists() && !sandbox.path("made.csv").exists());
    // A command of a script finds no input: what stands there are the statements to come.
    let ran = sandbox.run_fed(".system cat\nSELECT 1 AS a;\n", &["--no-init"]).fine();
    assert_eq!(ran.stdout, "a\n1\n");
}

#[test]
fn the_store_stays_when_the_folder_changes() {
    let sandbox = Sandbox::with_samples();
    fs::create_dir(sandbox.path("elsewhere")).expect("a folder");
    let ran = shell(
        &sandbox,
        &[".cd elsewhere", ".cd", "SELECT count(*) AS n FROM runs", ".once n.csv", "SELECT 1 AS a", ".reset"],
    )
    .fine();
    assert_eq!(ran.stdout, "[sandbox]/elsewhere\nn\n4\n");
    assert_eq!(fs::read_to_string(sandbox.path("elsewhere/n.csv")).expect("a file"), "a\n1\n");
    shell(&sandbox, &[".cd nowhere"]).exits(66);
}

#[test]
fn a_plan_is_shown_of_a_statement_and_of_the_last_one() {
    let plan = samples(&[".mode table", ".explain SELECT count(*) AS n FROM arms"]).fine().stdout;
    assert!(plan.contains("\n  ") && plan.contains("AggregateExec"), "{plan}");
    let last = samples(&[".mode table", "SELECT count(*) AS n FROM arms", ".explain"]).fine().stdout;
    assert!(last.ends_with(&plan), "{last}");
    samples(&[".explain"]).exits(2);
    samples(&[".explain SELECT nothing FROM runs"]).exits(2);
}
