//! The session that the README shows is what a terminal shows.

use std::fs;
use std::path::Path;

use super::pty::Start;
use crate::support::sandbox::Sandbox;

/// What stands above the session in the README.
const MARK: &str = "<!-- shell-transcript -->";

fn transcript() -> Vec<String> {
    let readme =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).expect("the README");
    let (_, after) = readme.split_once(MARK).expect("a session in the README");
    let block = after.split("```").nth(1).expect("a block below the mark");
    block.lines().skip(1).map(str::to_owned).collect()
}

/// The line without the time that a statement took.
fn untimed(line: &str) -> String {
    let rows = line.split_once(" · ").filter(|(rows, _)| rows.ends_with(" row") || rows.ends_with(" rows"));
    rows.map_or(line, |(rows, _)| rows).trim_end().to_owned()
}

#[test]
fn the_session_of_the_readme_is_what_is_shown() {
    let sandbox = Sandbox::with_samples();
    let expected = transcript();
    let terminal = Start::new(&sandbox, &[]).size(90, 130).open();
    terminal.wait_for_prompt();
    let mut shown = Vec::new();
    for line in &expected {
        if let Some((_, typed)) = line.split_once("> ").filter(|(prompt, _)| prompt.starts_with("runq")) {
            shown.push(line.clone());
            shown.extend(terminal.ask(typed).iter().map(|line| untimed(line)));
        }
    }
    assert!(shown.len() > 20, "{shown:?}");
    assert_eq!(shown, expected.iter().map(|line| untimed(line)).collect::<Vec<_>>());
}
