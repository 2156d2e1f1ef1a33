//! What is written about S3 is so: the commands of docs/S3.md run, within the permissions that it names, and the session in
//! the README is what is shown.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::docs::copied;
use crate::support::fixture;
use crate::support::s3::{Asked, Fault, Rule, S3Server};
use crate::support::sandbox::Sandbox;

fn document(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).expect("a document")
}

/// The blocks of this kind, without their fences.
fn blocks<'a>(markdown: &'a str, kind: &str) -> Vec<&'a str> {
    let opening = format!("\n```{kind}\n");
    markdown.split(&opening).skip(1).filter_map(|after| after.split("\n```").next()).collect()
}

/// A bucket with what the page speaks of, and the bundled runs on the disk.
fn as_on_the_page() -> (S3Server, Sandbox) {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    copied(&fixture(""), &sandbox.path("tests/fixtures"));
    server.put_folder(&fixture("agentv"), "nightly");
    server.put("tables/scores.csv", "case_id,status\na,ok\nb,ok\nc,execution_error\n");
    server.put("nightly.zip", zipped(&fixture("agentv")));
    (server, sandbox)
}

/// An archive of a folder.
fn zipped(folder: &Path) -> Vec<u8> {
    use std::io::Write as _;
    let mut writer = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    let mut folders = vec![folder.to_owned()];
    while let Some(place) = folders.pop() {
        for entry in fs::read_dir(place).expect("a folder").flatten() {
            let path = entry.path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(folder).expect("below the folder").display().to_string();
            writer.start_file(name, zip::write::SimpleFileOptions::default()).expect("a member");
            writer.write_all(&fs::read(path).expect("a file")).expect("its bytes");
        }
    }
    writer.finish().expect("an archive").into_inner()
}

#[test]
fn the_commands_of_the_page_run_and_none_deletes() {
    let (server, sandbox) = as_on_the_page();
    server.fault(Rule::new(Fault::DENIED).on(&[Asked::Delete]));
    let page = document("docs/S3.md");
    let blocks = blocks(&page, "console");
    assert!(blocks.len() >= 3, "{blocks:?}");
    for block in blocks {
        let commands: Vec<&str> = block.lines().filter_map(|line| line.strip_prefix("$ ")).collect();
        assert!(!commands.is_empty(), "{block}");
        sandbox.shell_with(&server.environment(), &format!("set -ex\n{}", commands.join("\n"))).fine();
    }
    assert_eq!(server.count(&[Asked::Delete]), 0);
    // A policy may bind listing to what is named.
    let named = ["evals/", "nightly", "tables/", "nightly.zip"];
    for request in server.requests().iter().filter(|request| request.asked == Asked::List) {
        assert!(named.iter().any(|prefix| request.key.starts_with(prefix)), "{request:?}");
    }
}

#[test]
fn the_policy_of_the_page_is_one_and_needs_no_more_for_a_reader() {
    let page = document("docs/S3.md");
    let policy = blocks(&page, "json");
    let policy: Value = serde_json::from_str(policy[0]).expect("a JSON document");
    let allowed: Vec<&Value> =
        policy["Statement"].as_array().expect("a list").iter().map(|one| &one["Action"]).collect();
    assert_eq!(allowed, ["s3:ListBucket", "s3:GetObject"]);
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let run = |words: &[&str]| {
        let mut command = sandbox.command(words);
        server.reached_by(&mut command).env("RUNQ_STORE", "s3://team-runs/evals");
        sandbox.finish(command, "")
    };
    run(&["ingest", &fixture("agentv/matrix").display().to_string()]).fine();
    server.take_requests();
    for words in [&["compare", "--by", "model"][..], &["store", "check"], &["vacuum"]] {
        run(words).fine();
    }
    // What these two permissions stand for in S3: GET and HEAD of objects, and listing.
    let reading = [Asked::Get, Asked::Range, Asked::Head, Asked::List];
    assert!(server.requests().iter().all(|request| reading.contains(&request.asked)));
}

/// The numbers of `--io` depend on times, and its bytes on how ids compress.
fn without_io(line: &str) -> &str {
    if line.starts_with("io: ") { "io" } else { line }
}

#[test]
fn the_session_of_the_readme_is_what_is_shown() {
    let (server, sandbox) = as_on_the_page();
    let readme = document("README.md");
    let (_, after) = readme.split_once("<!-- s3-transcript -->").expect("a session in the README");
    let session = blocks(after, "console")[0];
    let mut shown = 0;
    for part in session.split("$ ").skip(1) {
        let (command, expected) = part.split_once('\n').unwrap_or((part, ""));
        let ran = sandbox.shell_with(&server.environment(), command).fine();
        let expected: Vec<&str> = expected.lines().map(without_io).collect();
        if !expected.is_empty() {
            let said = format!("{}{}", ran.stdout, ran.stderr);
            assert_eq!(said.lines().map(without_io).collect::<Vec<_>>(), expected, "{command}");
            shown += 1;
        }
    }
    assert_eq!(shown, 2);
}
