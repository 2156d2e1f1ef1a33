//! The documents tell the truth: `docs/cli.md` is the help of the binary, and the commands of the README run.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::fixture;
use crate::support::s3::S3Server;
use crate::support::sandbox::Sandbox;

fn checkout(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// The commands that the help lists, in its order.
fn commands(help: &str) -> Vec<String> {
    let listed = help.split_once("\nCommands:\n").expect("help lists commands").1;
    listed
        .lines()
        .take_while(|line| !line.is_empty())
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "))
        .filter_map(|line| line.split_whitespace().next())
        .map(str::to_owned)
        .collect()
}

/// The help of every command as Markdown. What all commands share stands once, with `runq` itself.
fn manual(sandbox: &Sandbox) -> String {
    let help = |arguments: &[&str]| sandbox.run(&[arguments, &["--help"]].concat()).fine().stdout;
    let whole = help(&[]);
    let mut manual = format!(
        "# The command line\n\nMade from `--help` by a test; `UPDATE_DOCS=1 cargo test --test it docs` writes it anew.\n\
         The flags under Store, Output and Session are the same for every command and stand before or after it; they are \
         listed once, here.\n\n## runq\n\n```text\n{}\n```\n",
        whole.trim_end()
    );
    for command in commands(&whole) {
        let text = help(&[&command]);
        manual += &format!("\n## runq {command}\n\n```text\n{}\n```\n", own_part(&text).trim_end());
    }
    let shell = sandbox.run(&["--no-init", "-c", ".help"]).fine().stdout;
    manual + &format!("\n## In the shell\n\n```text\n{}\n```\n", shell.trim_end())
}

/// The help of a command without the sections that every command has.
fn own_part(help: &str) -> String {
    const SHARED: [&str; 3] = ["Store:", "Output:", "Session:"];
    let mut kept = Vec::new();
    let mut shared = false;
    for line in help.lines() {
        let heads_a_section = !line.starts_with(' ') && !line.is_empty();
        if heads_a_section {
            shared = SHARED.contains(&line);
        }
        if !shared {
            kept.push(line);
        }
    }
    kept.join("\n")
}

#[test]
fn the_manual_is_what_help_says() {
    let path = checkout("docs/cli.md");
    let manual = manual(&Sandbox::new());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, &manual).expect("docs can be written");
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == manual,
        "docs/cli.md is out of date: UPDATE_DOCS=1 cargo test --test it docs writes it anew"
    );
    assert!(manual.contains("\n.tables [LIKE] "), "the shell's own commands");
    for command in ["compare", "ingest", "runs", "show", "sql"] {
        assert!(manual.contains(&format!("\n## runq {command}\n")), "{command}");
    }
}

/// The lines that begin with `$ runq` in console blocks of a Markdown text.
fn console_commands(markdown: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut in_console = false;
    for line in markdown.lines() {
        if let Some(fence) = line.strip_prefix("```") {
            in_console = !in_console && fence.trim() == "console";
        } else if in_console && let Some(command) = line.strip_prefix("$ runq") {
            commands.push(command.trim().to_owned());
        }
    }
    commands
}

pub fn copied(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder can be made");
    for entry in fs::read_dir(from).expect("fixtures can be listed").flatten() {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copied(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).expect("a fixture can be copied");
        }
    }
}

#[test]
fn every_command_of_the_readme_runs() {
    let Ok(readme) = fs::read_to_string(checkout("README.md")) else {
        eprintln!("skipped: there is no README.md");
        return;
    };
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    copied(&checkout("tests/fixtures"), &sandbox.path("tests/fixtures"));
    server.put_folder(&fixture("agentv"), "nightly");
    let commands = console_commands(&readme);
    assert!(commands.len() > 5, "{commands:?}");
    for command in commands {
        let shell = sandbox.shell_with(&server.environment(), &format!("runq {command}"));
        assert_eq!(shell.code, 0, "$ runq {command}\n{}\n{}", shell.stdout, shell.stderr);
    }
}

#[test]
fn only_console_blocks_are_commands() {
    let markdown = "```sh\n$ runq no\n```\n```console\n$ runq views\nout\n$ ls\n```\n$ runq no\n```text\n$ runq no\n```\n";
    assert_eq!(console_commands(markdown), ["views"]);
}
