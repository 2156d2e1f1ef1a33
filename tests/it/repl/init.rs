//! The file of settings: where it is looked for, what it changes, what wins over it.

use super::pty::Start;
use crate::support::sandbox::{Ran, Sandbox};

const RUNS: &str = "SELECT count(*) AS runs FROM runs";

/// A sandbox with a file of settings in the folder of the user's settings.
fn with_settings(text: &str) -> Sandbox {
    let sandbox = Sandbox::with_samples();
    sandbox.write("config/runq/runqrc", text);
    sandbox
}

fn run(sandbox: &Sandbox, arguments: &[&str]) -> Ran {
    let folder = sandbox.path("config").display().to_string();
    sandbox.run_with(&[("XDG_CONFIG_HOME", &folder)], arguments)
}

#[test]
fn settings_are_read_first_unless_told_otherwise() {
    let sandbox = with_settings("-- only the newest\n.scope last 1\n");
    sandbox.write("other", ".scope last 2\r\n");
    assert_eq!(run(&sandbox, &["-c", RUNS]).fine().stdout, "runs\n1\n");
    assert_eq!(run(&sandbox, &["--init", "other", "-c", RUNS]).fine().stdout, "runs\n2\n");
    assert_eq!(run(&sandbox, &["--no-init", "-c", RUNS]).fine().stdout, "runs\n4\n");
    assert_eq!(sandbox.run(&["-c", RUNS]).fine().stdout, "runs\n4\n");
    sandbox.write(".config/runq/runqrc", ".scope last 3");
    assert_eq!(sandbox.run(&["-c", RUNS]).fine().stdout, "runs\n3\n");
    assert_eq!(run(&sandbox, &["sql", RUNS]).fine().stdout, "runs\n4\n");
    run(&sandbox, &["--no-init", "--init", "other", "-c", RUNS]).exits(2);
}

#[test]
fn flags_win_over_settings() {
    let sandbox = with_settings(".scope last 1\n");
    assert_eq!(run(&sandbox, &["--last", "2", "-c", RUNS]).fine().stdout, "runs\n2\n");
    assert_eq!(run(&sandbox, &["shell", "--last", "2", "-c", RUNS]).fine().stdout, "runs\n2\n");
    let reset = run(&sandbox, &["-c", ".scope last 3", "-c", ".reset", "-c", RUNS]).fine();
    assert_eq!(reset.stdout, "runs\n1\n");
}

#[test]
fn what_is_wrong_in_settings_is_said_and_ends_nothing() {
    let sandbox = with_settings("\nSELEC;\n.nonsense\n.scope last 1\nSELECT 'open\n");
    let ran = run(&sandbox, &["-c", RUNS]).fine();
    assert_eq!(ran.stdout, "runs\n1\n");
    for line in [2, 3, 5] {
        let said = format!("error: [sandbox]/config/runq/runqrc:{line}: ");
        assert!(ran.stderr.contains(&said), "{line}: {}", ran.stderr);
    }
    let terminal = Start::new(&sandbox, &[]).size(24, 200).open();
    terminal.wait_for_prompt();
    assert!(terminal.screen().join("\n").contains("runqrc:2: "), "{:#?}", terminal.screen());
    assert!(terminal.ask(&format!("{RUNS};")).iter().any(|line| line.trim() == "1"));
}

#[test]
fn settings_that_were_named_must_be_there() {
    let sandbox = Sandbox::with_samples();
    sandbox
        .run(&["--init", "none", "-c", RUNS])
        .refuses(66, "error: none: No such file or directory (os error 2)");
}

#[test]
fn settings_can_leave() {
    let sandbox = with_settings(".quit 4\n");
    let ran = run(&sandbox, &["-c", RUNS]).exits(4);
    assert_eq!(ran.stdout, "");
}
