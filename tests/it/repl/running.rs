//! What a person sees while statements run, and when they are stopped.

use std::fs;
use std::sync::LazyLock;

use super::pty::{Key, Start, Terminal, at_prompt};
use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these sessions only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

/// A million times a million pairs: hours.
const CROSS: &str = "select count(*) from generate_series(1, 1000000) a, generate_series(1, 1000000) b \
                     where a.value + b.value <> 7;";

fn opened(sandbox: &Sandbox, words: &[&str], environment: &[(&str, &str)]) -> Terminal {
    let start = Start::new(sandbox, words).size(50, 160);
    let start = environment.iter().fold(start, |start, (name, value)| start.env(name, value));
    let terminal = start.open();
    terminal.wait_for_prompt();
    terminal
}

fn trimmed(lines: &[String]) -> Vec<&str> {
    lines.iter().map(|line| line.trim()).filter(|line| !line.is_empty()).collect()
}

fn says(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.trim() == text)
}

/// What stands in a folder beside the store and what terminals leave there.
fn files(sandbox: &Sandbox) -> Vec<String> {
    let entries = fs::read_dir(sandbox.path("")).expect("a folder").flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut names: Vec<String> =
        names.filter(|name| !matches!(name.as_str(), ".runq" | "state" | "config")).collect();
    names.sort();
    names
}

/// Types a statement that takes long, and waits until its bar is there.
fn begin(terminal: &Terminal, sql: &str) {
    terminal.type_text(sql);
    terminal.key(Key::Enter);
    terminal.wait_for("a bar", |screen| screen.contents().contains(" read"));
}

/// Stops what runs, and gives what the screen shows then.
fn stop(terminal: &Terminal) -> String {
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for("the end", |screen| screen.contents().contains("stopped") && at_prompt(screen));
    terminal.screen().join("\n")
}

/// Bytes that a process holds and no file has; `None` where the system does not tell.
fn held(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find(|line| line.starts_with("RssAnon:"))?;
    line.split_whitespace().nth(1)?.parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

#[test]
fn ctrl_c_stops_a_huge_join_and_gives_its_memory_back() {
    let terminal = opened(&SAMPLES, &[], &[]);
    let pid = terminal.pid();
    terminal.ask("select 1 as one;");
    let before = held(pid);
    begin(&terminal, CROSS);
    let screen = stop(&terminal);
    assert!(!screen.contains(" read"), "the bar is gone: {screen}");
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    if let (Some(before), Some(after)) = (before, held(pid)) {
        assert!(after < before + 100_000_000, "{before} before, {after} after");
    }
    assert!(says(&terminal.ask("select count(*) as n from results;"), "72"));
}

#[test]
fn ctrl_c_right_behind_enter_stops_too() {
    let terminal = opened(&SAMPLES, &[], &[]);
    for _ in 0..5 {
        terminal.type_text(CROSS);
        terminal.wait_for("it to be typed", |screen| screen.contents().ends_with("<> 7;"));
        terminal.key(Key::Enter);
        // The line is taken: the terminal makes a signal of Ctrl-C again.
        terminal.wait_for("the next line", |screen| screen.cursor_position().1 == 0);
        terminal.key(Key::Ctrl('c'));
        terminal.wait_for("the end", |screen| screen.contents().contains("stopped") && at_prompt(screen));
        terminal.key(Key::Ctrl('l'));
        terminal
            .wait_for("a clear screen", |screen| !screen.contents().contains("stopped") && at_prompt(screen));
    }
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
}

#[test]
fn ctrl_c_at_the_prompt_stops_nothing_that_comes_after() {
    let terminal = opened(&SAMPLES, &[], &[]);
    terminal.type_text("select 'nev");
    terminal.wait_for_text("'nev");
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for("a second prompt", |screen| {
        screen.contents().matches("runq>").count() == 2 && at_prompt(screen)
    });
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
}

#[test]
fn a_sort_and_a_copy_are_stopped_and_leave_nothing() {
    let sandbox = Sandbox::with_samples();
    let terminal = opened(&sandbox, &[], &[]);
    let before = files(&sandbox);
    let pairs = "from generate_series(1, 100000) a, generate_series(1, 100000) b";
    begin(&terminal, &format!("select a.value * b.value as n {pairs} order by n desc, a.value;"));
    stop(&terminal);
    terminal.ask("select 1 as clear;");
    terminal.key(Key::Ctrl('l'));
    terminal.wait_for("a clear screen", |screen| !screen.contents().contains("stopped") && at_prompt(screen));
    begin(&terminal, &format!("copy (select a.value {pairs} where a.value * b.value <> 7) to 'x.parquet';"));
    stop(&terminal);
    assert_eq!(files(&sandbox), before);
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    let said = terminal.ask("copy (select 1 as a) to 'x.csv';").join("\n");
    assert!(said.contains("wrote x.csv: 1 row"), "{said}");
    assert_eq!(fs::read_to_string(sandbox.path("x.csv")).expect("a file"), "a\n1\n");
}

#[test]
fn a_copy_that_is_killed_leaves_what_had_the_name() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let sandbox = Sandbox::with_samples();
    sandbox.write("x.parquet", "before");
    let mut terminal = opened(&sandbox, &[], &[]);
    begin(&terminal, &CROSS.replace("select", "copy (select").replace(';', ") to 'x.parquet';"));
    kill(Pid::from_raw(i32::try_from(terminal.pid()).expect("a number")), Signal::SIGKILL)
        .expect("it is there");
    terminal.exit_code();
    assert_eq!(fs::read_to_string(sandbox.path("x.parquet")).expect("a file"), "before");
}

#[test]
fn a_terminal_that_is_closed_leaves_no_half_file() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let sandbox = Sandbox::with_samples();
    let mut terminal = opened(&sandbox, &[], &[]);
    let before = files(&sandbox);
    begin(&terminal, &CROSS.replace("select", "copy (select").replace(';', ") to 'x.parquet';"));
    assert_ne!(files(&sandbox), before, "it is being written");
    kill(Pid::from_raw(i32::try_from(terminal.pid()).expect("a number")), Signal::SIGHUP)
        .expect("it is there");
    terminal.exit_code();
    assert_eq!(files(&sandbox), before);
}

#[test]
fn ctrl_c_ends_a_file_that_is_read_and_what_was_pasted() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("long.sql", format!("{CROSS}\nselect 'af' || 'ter' as late;\n"));
    let terminal = opened(&sandbox, &[], &[]);
    begin(&terminal, ".read long.sql");
    stop(&terminal);
    terminal.key(Key::Ctrl('l'));
    terminal.wait_for("a clear screen", |screen| !screen.contents().contains("stopped") && at_prompt(screen));
    terminal.paste(&format!("{CROSS}\nselect 'af' || 'ter' as late;"));
    begin(&terminal, "");
    let screen = stop(&terminal);
    assert!(!screen.contains("after"), "{screen}");
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    assert!(!terminal.scrollback().join("\n").contains("after"));
}

#[test]
fn what_is_typed_while_a_statement_runs_waits_for_the_prompt() {
    let terminal = opened(&SAMPLES, &[], &[]);
    begin(&terminal, CROSS);
    terminal.type_text("select 40 ");
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for_text("stopped");
    terminal.wait_for_prompt();
    // Ctrl-C takes away what was typed before it, as everywhere.
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    assert!(!terminal.screen().join("\n").contains(" read"));
}

#[test]
fn sigterm_ends_the_shell_and_the_terminal_is_as_before() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    for sql in [None, Some(CROSS)] {
        let mut terminal = Start::new(&SAMPLES, &[]).size(50, 160).open();
        terminal.wait_for_prompt();
        assert!(!terminal.is_cooked(), "what is typed is read key by key");
        if let Some(sql) = sql {
            begin(&terminal, sql);
        }
        kill(Pid::from_raw(i32::try_from(terminal.pid()).expect("a number")), Signal::SIGTERM)
            .expect("it is there");
        assert_eq!(terminal.exit_code(), 128 + 15);
        assert!(terminal.is_cooked(), "the terminal takes lines again");
        terminal.wait_for("the end of typing", |screen| !screen.bracketed_paste());
        assert!(!terminal.with_screen(|screen| screen.contents().contains(" read")));
    }
}

#[test]
fn forms_are_chosen_and_the_last_result_is_kept() {
    let sandbox = Sandbox::with_samples();
    let terminal = opened(&sandbox, &["--no-init"], &[]);
    let sql = "select case_id, model, score from results order by run_id, case_id, model, attempt limit 7";
    for mode in ["json", "csv", "markdown", "jsonl", "html"] {
        terminal.ask(&format!(".mode {mode}"));
        let piped = sandbox.run(&["--no-init", "--format", mode, "-c", sql]).fine().stdout;
        let shown = terminal.ask(&format!("{sql};"));
        assert_eq!(
            trimmed(&shown),
            piped.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>(),
            "{mode}"
        );
    }
    terminal.ask(".mode box");
    let boxed = terminal.ask("select 1 as a, 'x' as b;");
    assert_eq!(trimmed(&boxed)[..5], ["┌───┬───┐", "│ a │ b │", "├───┼───┤", "│ 1 │ x │", "└───┴───┘"]);
    terminal.ask(".mode line");
    assert_eq!(trimmed(&terminal.ask("select 1 as a, 'x' as bc;"))[..2], ["a = 1", "bc = x"]);
    terminal.ask(".mode table");
    terminal.ask("\\x");
    assert_eq!(trimmed(&terminal.ask("select 1 as a, 'x' as bc;"))[..2], ["a = 1", "bc = x"]);
    terminal.ask("\\x");
    terminal.ask(".once f.csv");
    let said = terminal.ask(&format!("{sql};")).join("\n");
    assert!(said.contains("wrote f.csv: 1 answer"), "{said}");
    assert_eq!(
        fs::read_to_string(sandbox.path("f.csv")).expect("a file"),
        sandbox.run(&["--no-init", "-c", sql]).fine().stdout
    );
    let kept = terminal.ask("select count(*) as kept from _;");
    assert!(says(&kept, "7"), "{kept:#?}");
    terminal.ask("select value as n from generate_series(1, 30);");
    terminal.ask(".maxrows 5");
    let few = terminal.ask("select * from _ order by n;");
    assert_eq!(trimmed(&few)[..6], ["n", "1", "2", "3", "4", "5"]);
    assert!(trimmed(&few)[6].starts_with("30 rows, 25 not shown (.last shows all)"), "{few:?}");
    assert_eq!(
        trimmed(&terminal.ask(".last"))[1..],
        (1..=30).map(|n| n.to_string()).chain(["30 rows".to_owned()]).collect::<Vec<_>>()
    );
}

#[test]
fn switches_of_the_look_hold_on_a_terminal() {
    let terminal = opened(&SAMPLES, &["--no-init"], &[]);
    terminal.ask(".nullvalue nothing");
    assert_eq!(trimmed(&terminal.ask("select null as a, 2 as b;"))[1], "nothing  2");
    terminal.ask(".headers off");
    assert_eq!(trimmed(&terminal.ask("select 1 as a;"))[0], "1");
    terminal.ask(".headers on");
    let timed = terminal.ask("select 1 as a;");
    assert!(trimmed(&timed)[2].starts_with("1 row · "), "{timed:?}");
    assert!(says(&terminal.ask("\\timing"), "timer off"));
    assert_eq!(trimmed(&terminal.ask("select 1 as a;"))[2], "1 row");
    assert!(says(&terminal.ask("\\timing"), "timer on"));
    for listing in ["\\d", "\\dt"] {
        let all = terminal.ask(listing).join("\n");
        assert!(all.contains("runs") && all.contains("metric_winners"), "{listing}: {all}");
    }
    let columns = terminal.ask("\\d results").join("\n");
    assert!(columns.contains("case_id") && columns.contains("VARCHAR"), "{columns}");
}

#[test]
fn a_pager_gets_a_long_answer_once() {
    let sandbox = Sandbox::with_samples();
    let paged = sandbox.path("paged");
    sandbox.write("keep", format!("#!/bin/sh\necho page >> {0}\ncat >> {0}\n", paged.display()));
    let pager = format!("sh {}", sandbox.path("keep").display());
    let terminal = opened(&sandbox, &["--no-init"], &[("PAGER", &pager), ("NO_COLOR", "1")]);
    let long = "select value as n from generate_series(1, 60);";
    terminal.ask(".maxrows all");
    assert_eq!(trimmed(&terminal.ask("select 1 as a;"))[1], "1");
    assert!(!paged.exists(), "a short answer needs no pager");
    assert!(trimmed(&terminal.ask(long)).is_empty());
    let text = fs::read_to_string(&paged).expect("a file");
    assert_eq!(text.matches("page\n").count(), 1);
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    assert_eq!(lines[1..4], ["n", "1", "2"]);
    assert_eq!((lines[61], lines.len()), ("60", 63));
    terminal.ask(".pager off");
    assert!(says(&terminal.ask(long), "60"));
    assert_eq!(fs::read_to_string(&paged).expect("a file"), text);
}

#[test]
fn the_file_of_settings_is_obeyed_unless_a_flag_says_otherwise() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("config/runq/runqrc", ".mode markdown\n");
    let ask = "select 1 as a;";
    for (words, first) in [(&[][..], "| a |"), (&["--format", "csv"][..], "a"), (&["--no-init"][..], "a")] {
        let terminal = opened(&sandbox, words, &[]);
        let shown = terminal.ask(ask);
        assert_eq!(trimmed(&shown)[0], first, "{words:?}: {shown:?}");
        assert_eq!(
            trimmed(&shown).len(),
            if words == ["--format", "csv"] { 2 } else { 3 },
            "{words:?}: {shown:?}"
        );
    }
}

#[test]
fn what_is_ours_is_refused_and_a_safe_shell_writes_nothing() {
    let sandbox = Sandbox::with_samples();
    let before = (files(&sandbox), sandbox.files(".runq"));
    let terminal = opened(&sandbox, &[], &[("PAGER", "")]);
    let said = terminal.ask("drop table runs;").join("\n");
    assert!(said.contains("error: ") && said.contains("runq ingest"), "{said}");
    terminal.ask(".safe");
    let lines = [
        ".system touch made",
        "\\! touch made",
        "copy (select 1 as a) to 'made.csv';",
        ".once made.csv",
        ".output made.csv",
        ".once |touch made",
        ".ingest .",
        ".export runs -o made.csv",
        "\\e",
    ];
    for line in lines.iter().chain(&[".safe off", ".reset"]).chain(&lines) {
        let said = terminal.ask(line).join("\n");
        assert!(said.contains("error: ") || *line == ".reset", "{line}: {said}");
    }
    assert_eq!((files(&sandbox), sandbox.files(".runq")), before);
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    for line in lines {
        let ran = sandbox.run(&["--read-only", "--no-init", "-c", line]);
        assert!(ran.code == 77 || line == "\\e" && ran.code != 0, "{line}: {ran:?}");
    }
    assert_eq!((files(&sandbox), sandbox.files(".runq")), before);
}

#[test]
fn a_broken_view_is_named_and_mended_in_the_same_session() {
    let sandbox = Sandbox::with_samples();
    sandbox.write(".runq/sql/metric_winners.sql", "SELECT nope FROM results");
    sandbox.write(".runq/sql/mine.sql", "SELECT count(*) AS n FROM results");
    let terminal = opened(&sandbox, &[], &[]);
    let said = terminal.ask("select count(*) > 0 as there from metric_winners;").join("\n");
    assert!(
        said.contains("error: view metric_winners: ") && said.contains("sql/metric_winners.sql"),
        "{said}"
    );
    assert!(says(&terminal.ask("select count(*) > 0 as there from metric_summary;"), "true"));
    assert!(says(&terminal.ask("select n from mine;"), "72"));
    let views = terminal.ask(".views").join("\n");
    assert!(views.lines().any(|line| line.trim().starts_with("mine ")), "{views}");
    fs::remove_file(sandbox.path(".runq/sql/metric_winners.sql")).expect("it is there");
    assert!(says(&terminal.ask("select count(*) > 0 as there from metric_winners;"), "true"));
}

#[test]
fn what_was_read_is_counted() {
    let terminal = opened(&SAMPLES, &[], &[]);
    terminal.ask(".io on");
    let requests = || -> u64 {
        let lines = terminal.ask("select count(*) as n, min(case_id) as c from results;");
        let line = lines.iter().rev().find(|line| line.contains(" request")).expect("a line of requests");
        assert!(line.contains('B') || line.contains("bytes"), "{line}");
        let before = line.split(" request").next().and_then(|before| before.split_whitespace().last());
        before.expect("a number").replace(',', "").parse().expect("a number")
    };
    let (first, second) = (requests(), requests());
    assert!(first > 0 && second <= first, "{first}, then {second}");
    terminal.ask(".io off");
    assert!(!terminal.ask("select count(*) as n from results;").join("\n").contains(" request"));
}

#[test]
fn errors_teach_on_a_terminal() {
    let terminal = opened(&SAMPLES, &[], &[]);
    for line in ["select run_id,", "  tsk", "from runs;"] {
        terminal.type_text(line);
        terminal.key(Key::Enter);
    }
    terminal.wait_for("the error", |screen| {
        screen.contents().contains("did you mean task?") && at_prompt(screen)
    });
    let screen = terminal.screen();
    let marks = screen.iter().position(|line| line.trim() == "^^^").expect("a mark");
    assert_eq!(screen[marks - 1].find("tsk"), screen[marks].find('^'), "{screen:#?}");
    assert_eq!(screen[marks - 1].trim(), "tsk");
    assert!(screen[marks - 2].contains("line 2, column 3"), "{screen:#?}");
    let said = terminal.ask("select quality from results;").join("\n");
    assert!(said.contains("metrics are rows") && said.contains("metric = 'quality'"), "{said}");
}
