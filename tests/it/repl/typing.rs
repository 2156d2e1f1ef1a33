//! What a person sees while typing: what is offered, what comes back, colours, the editor, the prompt.

use std::sync::LazyLock;

use vt100::{Color, Screen};

use super::pty::{Key, Start, Terminal, at_prompt};
use crate::support::sandbox::Sandbox;

/// A store with the bundled runs that these sessions only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::with_samples();
    sandbox.write("sample.sql", "select 'read' as word;\n");
    sandbox.write("num bers.csv", "a\n41\n");
    sandbox
});

/// How often a name is asked for that is still being read from the store.
const TRIES: usize = 200;

fn wide(sandbox: &Sandbox) -> Terminal {
    let terminal = Start::new(sandbox, &[]).size(50, 140).open();
    terminal.wait_for_prompt();
    terminal
}

/// The line of the cursor, up to it.
fn typed(screen: &Screen) -> String {
    let (row, column) = screen.cursor_position();
    screen.contents_between(row, 0, row, column)
}

/// Whether a line of these says only this.
fn says(lines: &[String], text: &str) -> bool {
    lines.iter().any(|line| line.trim() == text)
}

/// What stands behind the prompt when a text is typed and Tab is pressed. The line is empty afterwards.
fn after_tab(terminal: &Terminal, text: &str) -> String {
    terminal.type_text(text);
    terminal.key(Key::Tab);
    terminal.type_text("~");
    terminal.wait_for(&format!("{text:?} and Tab"), |screen| typed(screen).ends_with('~'));
    let line = terminal.with_screen(typed);
    terminal.key(Key::Ctrl('u'));
    terminal.wait_for_prompt();
    line.split_once("> ").map_or(line.as_str(), |(_, line)| line).trim_end_matches('~').to_owned()
}

/// Waits for Tab to make one text of another. Names of the store are read in the background: they come when they are there.
fn completes(terminal: &Terminal, text: &str, expected: &str) {
    let mut last = String::new();
    for _ in 0..TRIES {
        last = after_tab(terminal, text);
        if last == expected {
            return;
        }
        terminal.ask("select 1;");
    }
    assert_eq!(last, expected, "{text} and Tab\n{:#?}", terminal.screen());
}

/// Types into an empty line and presses Tab: candidates appear, and what is typed stays.
fn lists(terminal: &Terminal, text: &str, candidates: &[&str]) {
    terminal.type_text(text);
    terminal.wait_for(text, |screen| typed(screen).ends_with(text));
    terminal.key(Key::Tab);
    for candidate in candidates {
        terminal.wait_for(candidate, |screen| {
            screen.contents().split_whitespace().any(|word| word == *candidate)
                && typed(screen).contains(text)
        });
    }
    terminal.key(Key::Ctrl('u'));
    terminal.wait_for_prompt();
}

#[test]
fn tab_completes_words_relations_columns_and_commands() {
    let terminal = wide(&SAMPLES);
    completes(&terminal, "sel", "select");
    completes(&terminal, "SEL", "SELECT");
    completes(&terminal, "select * from metric_win", "select * from metric_winners");
    completes(
        &terminal,
        "select * from metric_winners where unsc",
        "select * from metric_winners where unscored",
    );
    completes(&terminal, ".compa", ".compare");
    completes(&terminal, ".compare --basel", ".compare --baseline");
    completes(&terminal, ".by experi", ".by experiment");
    // A column is known before FROM, when the relation stands behind the cursor already.
    terminal.type_text("select unsc from metric_winners");
    terminal.key(Key::Home);
    "select unsc".chars().for_each(|_| terminal.key(Key::Right));
    terminal.key(Key::Tab);
    terminal.wait_for_text("select unscored from metric_winners");
}

#[test]
fn tab_lists_what_there_is_when_there_is_more_than_one() {
    let terminal = wide(&SAMPLES);
    lists(&terminal, "select * from met", &["metric_winners", "metrics"]);
    lists(&terminal, ".compare --b", &["--baseline", "--by"]);
    lists(&terminal, ".comp", &[".compare"]);
}

#[test]
fn tab_completes_what_the_store_holds() {
    let terminal = wide(&SAMPLES);
    let run = SAMPLES.run(&["runs", "--last", "1", "--format", "ids"]).fine().stdout.trim().to_owned();
    let most = &run[..run.len() - 2];
    completes(
        &terminal,
        "select * from scores where metric = 'passe",
        "select * from scores where metric = 'passed'",
    );
    completes(&terminal, &format!(".show {most}"), &format!(".show {run}"));
    completes(
        &terminal,
        &format!("select * from runs where run_id = '{most}"),
        &format!("select * from runs where run_id = '{run}'"),
    );
    completes(&terminal, ".baseline clau", ".baseline claude-y");
}

#[test]
fn tab_completes_files() {
    let terminal = wide(&SAMPLES);
    completes(&terminal, ".read sa", ".read sample.sql");
    completes(&terminal, ".read num", ".read 'num bers.csv'");
    completes(&terminal, "select a + 1 as b from 'num", "select a + 1 as b from 'num bers.csv'");
    terminal.type_text("select a + 1 as b from 'num");
    terminal.key(Key::Tab);
    terminal.type_text(";");
    terminal.key(Key::Enter);
    terminal.wait_for("the file's answer", |screen| {
        screen.contents().lines().any(|line| line.trim() == "42") && at_prompt(screen)
    });
}

#[test]
fn tab_completes_what_the_session_made() {
    let terminal = wide(&SAMPLES);
    terminal.ask("create view mine_best as select run_id, 42 as points from runs;");
    completes(&terminal, "select * from mine_b", "select * from mine_best");
    completes(&terminal, "select * from mine_best where poin", "select * from mine_best where points");
    terminal.ask("create table kept_runs as select run_id as whose from runs;");
    completes(&terminal, "select * from kept_runs where who", "select * from kept_runs where whose");
    terminal.ask("select 1 as singular;");
    completes(&terminal, "select * from _ where sing", "select * from _ where singular");
    terminal.ask("drop view mine_best;");
    completes(&terminal, "select * from mine_b", "select * from mine_b");
}

#[test]
fn a_view_can_be_completed_without_a_store() {
    let sandbox = Sandbox::new();
    let terminal = wide(&sandbox);
    terminal.ask("create view mine_best as select 42 as points;");
    completes(&terminal, "select * from mine_b", "select * from mine_best");
    completes(&terminal, "select * from mine_best where poin", "select * from mine_best where points");
}

#[test]
fn a_later_shell_knows_what_was_asked_before() {
    let sandbox = Sandbox::with_samples();
    let mut terminal = Terminal::shell(&sandbox);
    terminal.type_text("select 40 + 2");
    terminal.key(Key::Enter);
    terminal.type_text("  as answer;");
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", |screen| screen.contents().contains("1 row") && at_prompt(screen));
    terminal.ask(".by model");
    terminal.key(Key::Ctrl('d'));
    assert_eq!(terminal.exit_code(), 0);

    let terminal = Terminal::shell(&sandbox);
    terminal.key(Key::Ctrl('r'));
    terminal.type_text("40");
    terminal.wait_for_text("  as answer;");
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", |screen| {
        screen.contents().lines().any(|line| line.trim() == "42") && at_prompt(screen)
    });
    let told = terminal.ask(".history");
    let expected = [
        "1  select 40 + 2",
        "     as answer;",
        "2  .by model",
        "3  select 40 + 2",
        "     as answer;",
        "4  .history",
    ]
    .map(|line| format!("  {line}"));
    assert_eq!(told, expected);
    assert!(!terminal.ask(".history 1").iter().any(|line| line.contains("answer")));
}

#[test]
fn a_history_that_cannot_be_written_is_a_note() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("file", "");
    std::fs::create_dir_all(sandbox.path("full/runq")).expect("a folder");
    #[cfg(target_os = "linux")]
    std::os::unix::fs::symlink("/dev/full", sandbox.path("full/runq/history")).expect("a link");
    for folder in ["file", "full"] {
        let state = sandbox.path(folder).display().to_string();
        let mut terminal = Start::new(&sandbox, &[]).size(40, 140).env("XDG_STATE_HOME", &state).open();
        terminal.wait_for_prompt();
        assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
        terminal.key(Key::Up);
        terminal.wait_for("the statement", |screen| typed(screen).ends_with("answer;"));
        terminal.key(Key::Ctrl('u'));
        terminal.wait_for_prompt();
        terminal.key(Key::Ctrl('d'));
        assert_eq!(terminal.exit_code(), 0);
        let told = terminal.scrollback().join("\n");
        assert_eq!(told.matches("the history is kept for this session only").count(), 1, "{folder}: {told}");
        assert!(!told.contains("error:"), "{folder}: {told}");
    }
}

#[test]
fn an_editor_writes_the_statement() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("editor.sh", "sed -i 's/41/42/' \"$1\"\n");
    for command in ["\\e", ".edit"] {
        let terminal = Start::new(&sandbox, &[]).env("EDITOR", "sh editor.sh").open();
        terminal.wait_for_prompt();
        terminal.ask("select 41 as answer;");
        let answer = terminal.ask(command);
        assert!(says(&answer, "select 42 as answer;") && says(&answer, "42"), "{answer:#?}");
        // What was carried out comes back, and its name is in the history before it.
        terminal.key(Key::Up);
        terminal.wait_for("the statement", |screen| typed(screen).ends_with("select 42 as answer;"));
    }
}

#[test]
fn an_editor_that_falls_over_leaves_the_terminal_whole() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("editor.sh", "stty raw -echo\nprintf '\\033[?1049h\\033[?25l\\033[31m'\nexit 3\n");
    sandbox.write("killed.sh", "printf '\\033[?1049h\\033[?25l\\033[10;10H'\nkill -9 $$\n");
    for (editor, said) in [
        ("sh editor.sh", "3"),
        ("sh killed.sh", "signal: 9"),
        ("false", "1"),
        ("no-such-editor", "no-such-editor"),
    ] {
        let terminal = Start::new(&sandbox, &[]).env("EDITOR", editor).open();
        terminal.wait_for_prompt();
        terminal.ask("select 41 as answer;");
        terminal.ask("\\e");
        let screen = terminal.screen();
        // The error stands below what was asked.
        let asked = screen.iter().position(|line| line == "runq> \\e").expect("what was asked");
        assert!(screen[asked + 1].starts_with("error:") && screen[asked + 1].contains(said), "{screen:#?}");
        assert_eq!(screen.join("\n").matches("error:").count(), 1, "{screen:#?}");
        let (hidden, alternate) =
            terminal.with_screen(|screen| (screen.hide_cursor(), screen.alternate_screen()));
        assert!(!hidden && !alternate);
        let answer = terminal.ask("select 40 + 2 as answer;");
        assert!(says(&answer, "42"), "{answer:#?} {:#?}", terminal.scrollback());
    }
}

/// The colour of the first letter of a text on the line of the cursor.
fn color_of(screen: &Screen, text: &str) -> (Color, bool) {
    let row = screen.cursor_position().0;
    let line = screen.contents_between(row, 0, row, screen.size().1.get());
    let column = line.find(text).expect("it is typed");
    let cell = screen.cell(row, u16::try_from(column).expect("a column")).expect("a letter");
    (cell.fgcolor(), cell.bold())
}

#[test]
fn what_is_typed_has_colours_that_can_be_read() {
    let line = "select 'text', 42 from runs";
    let colors = |start: Start<'_>| {
        let terminal = start.open();
        terminal.wait_for_prompt();
        terminal.type_text(line);
        terminal.wait_for("it", |screen| typed(screen).ends_with(line));
        terminal.with_screen(|screen| ["select", "'text'", "42", "runs"].map(|text| color_of(screen, text)))
    };
    let plain = [(Color::Default, false); 4];
    let unknown = colors(Start::new(&SAMPLES, &[]));
    let dark = colors(Start::new(&SAMPLES, &[]).env("COLORFGBG", "15;0"));
    let light = colors(Start::new(&SAMPLES, &[]).light());
    for told in [unknown, dark, light] {
        assert!(told.iter().all(|color| *color != plain[0]), "{told:?}");
    }
    assert!(dark.iter().zip(&light).all(|(dark, light)| dark != light), "{dark:?} {light:?}");
    // The bright ones are hard to read on white.
    assert!(light.iter().all(|(color, _)| matches!(color, Color::Idx(0..=7))), "{light:?}");
    assert_eq!(colors(Start::new(&SAMPLES, &[]).env("NO_COLOR", "1")), plain);
    assert_eq!(colors(Start::new(&SAMPLES, &[]).env("COLORFGBG", "15;0").env("NO_COLOR", "1")), plain);
}

#[test]
fn the_bracket_that_belongs_to_the_one_at_the_cursor_is_marked() {
    let terminal = Terminal::shell(&SAMPLES);
    terminal.type_text("select (1, ')')");
    let marked = |screen: &Screen| -> Vec<u16> {
        let row = screen.cursor_position().0;
        (0..80).filter(|column| screen.cell(row, *column).is_some_and(|cell| cell.inverse())).collect()
    };
    // Behind "runq> " stand seven letters before the first one, and seven more before the last.
    terminal.wait_for("both brackets", |screen| marked(screen) == [13, 20]);
    terminal.key(Key::Home);
    terminal.wait_for("none", |screen| marked(screen).is_empty());
}

#[test]
fn ctrl_c_clears_a_statement_of_several_lines() {
    let terminal = Terminal::shell(&SAMPLES);
    terminal.type_text("select (");
    terminal.key(Key::Enter);
    terminal.type_text("'not ended");
    terminal.key(Key::Enter);
    terminal.key(Key::Up);
    terminal.key(Key::Up);
    terminal.key(Key::End);
    terminal.wait_for("its first line", |screen| {
        typed(screen).ends_with("select (") && screen.contents().contains("'not ended")
    });
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for("another prompt", |screen| {
        screen.contents().matches("runq>").count() == 2 && at_prompt(screen)
    });
    let below = terminal.screen().into_iter().skip_while(|line| !line.contains("'not ended"));
    assert!(below.last().is_some_and(|line| line == "runq>"), "{:#?}", terminal.screen());
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    // It is not lost.
    terminal.key(Key::Up);
    terminal.key(Key::Up);
    terminal.wait_for("what was cleared", |screen| screen.contents().matches("'not ended").count() == 2);
}

#[test]
fn ctrl_d_leaves_only_from_an_empty_line() {
    let mut terminal = Terminal::shell(&SAMPLES);
    terminal.type_text("select 42 as answer;x");
    terminal.key(Key::Left);
    terminal.key(Key::Ctrl('d'));
    terminal.key(Key::Ctrl('d'));
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", |screen| screen.contents().contains("1 row") && at_prompt(screen));
    terminal.key(Key::Ctrl('d'));
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn ctrl_c_at_an_idle_prompt_leaves_nothing() {
    let mut terminal = Terminal::shell(&SAMPLES);
    for prompts in [2, 3] {
        terminal.key(Key::Ctrl('c'));
        terminal.wait_for("another prompt", |screen| {
            screen.contents().matches("runq>").count() == prompts && at_prompt(screen)
        });
    }
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
    terminal.key(Key::Ctrl('d'));
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn a_terminal_that_can_do_nothing_is_enough() {
    let mut terminal = Start::new(&SAMPLES, &[]).env("TERM", "dumb").open();
    terminal.wait_for_prompt();
    let is_answered =
        |screen: &Screen| screen.contents().lines().any(|line| line.trim() == "42") && at_prompt(screen);
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for_text("^C");
    terminal.type_text("select 'never");
    terminal.wait_for_text("'never");
    terminal.key(Key::Ctrl('c'));
    terminal.wait_for_text("never^C");
    // Whoever types as fast as a test may stop what is asked next: after it, Ctrl-C was heard.
    terminal.type_text("select 1 as one;");
    terminal.key(Key::Enter);
    terminal.wait_for_prompt();
    terminal.type_text("select 40 + 2 as answer;");
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", is_answered);
    assert!(!terminal.written().replace("\x1b[6n", "").contains('\u{1b}'), "{:?}", terminal.written());
    terminal.key(Key::Ctrl('d'));
    assert_eq!(terminal.exit_code(), 0);
}

#[test]
fn statements_typed_ahead_are_all_answered() {
    let answered = |terminal: &Terminal| {
        for answer in ["11", "22", "END"] {
            terminal.wait_for(answer, |screen| screen.contents().lines().any(|line| line.trim() == answer));
        }
        terminal.wait_for_prompt();
    };
    let terminal = wide(&SAMPLES);
    terminal.type_text("select 10 + 1;\rselect 20 + 2;\rselect 'END';\r");
    answered(&terminal);
    let terminal = wide(&SAMPLES);
    terminal.paste("select 10 + 1;\nselect 20 + 2;\nselect 'END';\n");
    terminal.key(Key::Enter);
    answered(&terminal);
    // Before the first prompt.
    let terminal = Start::new(&SAMPLES, &[]).size(50, 140).open();
    terminal.type_text("select 10 + 1;\rselect 20 + 2;\rselect 'END';\r");
    answered(&terminal);
}

#[test]
fn the_prompt_says_what_the_session_is() {
    let terminal = wide(&SAMPLES);
    let prompt = || terminal.with_screen(typed);
    for (line, expected) in [
        (".by model", "runq by model> "),
        (".scope last 2", "runq last 2 by model> "),
        (".reset", "runq> "),
        (".scope experiment = 'x'", "runq> "),
    ] {
        terminal.ask(line);
        assert_eq!(prompt(), expected, "{line}");
    }
    let terminal = Start::new(&SAMPLES, &[]).size(24, 20).open();
    terminal.wait_for_prompt();
    terminal.ask(".by model");
    terminal.ask(".scope last 2");
    let narrow = terminal.with_screen(typed);
    assert!(
        narrow.starts_with("runq ") && narrow.ends_with("> ") && narrow.chars().count() <= 10,
        "{narrow}"
    );
    assert!(says(&terminal.ask("select 40 + 2 as answer;"), "42"));
}

#[test]
fn help_is_there_when_it_is_wanted() {
    let terminal = wide(&SAMPLES);
    let all = terminal.ask(".help");
    for name in [".scope", ".compare", ".quit"] {
        assert!(all.iter().any(|line| line.split_whitespace().next() == Some(name)), "{name}: {all:#?}");
    }
    assert_eq!(terminal.ask("\\?")[1..], all[1..]);
    let compare = terminal.ask(".help compare").join("\n");
    assert!(compare.contains("--baseline"), "{compare}");
    let wrong = terminal.ask(".comapre").join("\n");
    assert!(wrong.contains("did you mean .compare?"), "{wrong}");
}

#[test]
fn words_are_crossed_and_taken_away_at_once() {
    let terminal = Terminal::shell(&SAMPLES);
    terminal.type_text("select wrong 42 as answer;");
    terminal.key(Key::Home);
    // Alt with a letter is the letter behind Escape.
    for letter in ["f", "d"] {
        terminal.key(Key::Escape);
        terminal.type_text(letter);
    }
    terminal.key(Key::Enter);
    terminal.wait_for("its answer", |screen| screen.contents().contains("answer\n    42\n"));
    terminal.wait_for_text("select 42 as answer;");
}
