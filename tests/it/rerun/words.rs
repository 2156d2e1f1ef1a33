//! Ids that a shell, a flag parser or a glob would take for something else reach the tool as they are.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use runq::import::rerun::template::{FOLDER, Templates};
use runq::import::rerun::{RerunCommand, RerunMode};
use runq::model::{RunRow, shell_line};
use tempfile::TempDir;

use super::{Asked, case};
use crate::support::AWKWARD_IDS as IDS;

/// A folder with a program in it that writes its words, each ended by a NUL, into `words`.
fn recorder() -> TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("mytool");
    fs::write(&path, "#!/bin/sh\nprintf '%s\\0' \"$@\" > \"$(dirname \"$0\")/words\"\n").expect("a script");
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("it can be started");
    folder
}

fn recorded(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("words")).expect("the program was started");
    text.split_terminator('\0').map(str::to_owned).collect()
}

/// What the program is given when it is started directly, and when a shell is given the line.
fn given(command: &RerunCommand, folder: &Path) -> [Vec<String>; 2] {
    let place = format!("{}/", folder.display());
    let argv: Vec<String> = command.argv.iter().map(|word| word.replace(FOLDER, &place)).collect();
    for file in &command.files {
        fs::write(folder.join(&file.name), &file.text).expect("a file");
    }
    let started = Command::new(&argv[0]).args(&argv[1..]).status().expect("it starts");
    assert!(started.success());
    let direct = recorded(folder);
    let shell = Command::new("bash").args(["-c", &shell_line(&argv)]).status().expect("a shell");
    assert!(shell.success());
    [direct, recorded(folder)]
}

#[test]
fn strange_ids_reach_a_tool_as_words_and_as_files() {
    let folder = recorder();
    let run = RunRow { tool: "table".to_owned(), run_id: "a b".to_owned(), ..RunRow::default() };
    let cases = IDS.map(case);
    let program = folder.path().join("mytool");
    let toml = format!(
        "[[resume]]\ncommand = ['{}', '--run={{run_id}}', '--ids', '{{ids_json}}', '--', '{{ids}}']\n",
        program.display()
    );
    let templates = Templates::from_toml(&toml).expect("a template");
    let asked = Asked { cases: &cases, templates, ..Asked::of(&run, RerunMode::Where) };
    let commands = asked.commands(folder.path()).expect("a command");
    let file = folder.path().join("ids.json").display().to_string();
    let mut expected = vec!["--run=a b".to_owned(), "--ids".to_owned(), file.clone(), "--".to_owned()];
    expected.extend(IDS.map(str::to_owned));
    for words in given(&commands[0], folder.path()) {
        assert_eq!(words, expected);
    }
    let read: Vec<String> =
        serde_json::from_str(&fs::read_to_string(file).expect("the file")).expect("a JSON list");
    assert_eq!(read, IDS);
}

#[test]
fn a_nul_is_refused_before_anything_starts() {
    let run = RunRow { tool: "table".to_owned(), ..RunRow::default() };
    let cases = [case("a\0b")];
    let templates = Templates::from_toml("[[resume]]\ncommand = 't {ids}'\n").expect("a template");
    let asked = Asked { cases: &cases, templates, ..Asked::of(&run, RerunMode::Where) };
    let error = asked.commands(Path::new("/")).expect_err("no argument can hold it");
    assert!(error.to_string().contains("holds a NUL"), "{error}");
    let asked = Asked::of(&run, RerunMode::Where);
    let error = asked.commands(Path::new("/")).expect_err("no template");
    assert!(error.hint().contains("[[resume]] with tool = \"table\""), "{}", error.hint());
}
