//! Zip archives that other programs made, on the disk and in S3, answer as the folder that they were made of.

use std::fs;
use std::path::Path;
use std::process::Command;

use super::reaching;
use crate::support::fixture;
use crate::support::s3::{Asked, S3Server};
use crate::support::sandbox::Sandbox;

/// Packs a folder below `top/` with Python's zipfile: argv are the folder, the archive, the method's name.
const PACK: &str = "
import os, sys, zipfile
folder, archive, method = sys.argv[1:]
with zipfile.ZipFile(archive, 'w', getattr(zipfile, method)) as packed:
    for place, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(place, file)
            packed.write(path, 'top/' + os.path.relpath(path, folder))
";

/// Packs a folder as zip64 archives are (`zip64`), or with members beside it that are to be refused (`bad`): one that
/// leads out, one that is encrypted, and 50 MB of one letter that are said to be 1,000 bytes.
const PACK_ODD: &str = "
import os, struct, sys, zipfile
folder, archive, what = sys.argv[1:]
with zipfile.ZipFile(archive, 'w', zipfile.ZIP_DEFLATED) as packed:
    for place, _, files in os.walk(folder):
        for file in files:
            path = os.path.join(place, file)
            with packed.open('top/' + os.path.relpath(path, folder), 'w', force_zip64=what == 'zip64') as member:
                member.write(open(path, 'rb').read())
    if what == 'bad':
        packed.writestr('../../evil/index.jsonl', '{}')
        packed.writestr('secret/index.jsonl', '{}')
        packed.writestr('bomb/index.jsonl', b'x' * 50_000_000)
if what == 'bad':
    data = bytearray(open(archive, 'rb').read())
    for mark, name_at, flags_at, size_at in ((b'PK\\x03\\x04', 30, 6, 22), (b'PK\\x01\\x02', 46, 8, 24)):
        at = data.find(mark)
        while at >= 0:
            name = bytes(data[at + name_at:at + name_at + 12])
            if name == b'secret/index':
                data[at + flags_at] |= 1
            if name == b'bomb/index.j':
                struct.pack_into('<I', data, at + size_at, 1000)
            at = data.find(mark, at + 4)
    open(archive, 'wb').write(data)
";

/// Whether Python packed it; where it cannot, the test says so. zstd came with Python 3.14.
fn packed(folder: &Path, archive: &Path, method: &str) -> bool {
    packed_by(PACK, folder, archive, method)
}

fn packed_by(script: &str, folder: &Path, archive: &Path, method: &str) -> bool {
    let python = std::env::var("RUNQ_TEST_PYTHON").unwrap_or_else(|_| "python3".to_owned());
    let ran = Command::new(python).args(["-c", script]).args([folder, archive]).arg(method).output();
    let is_packed = ran.is_ok_and(|ran| ran.status.success());
    if !is_packed {
        eprintln!("skipped: no python3 that packs with {method}");
        let _ = fs::remove_file(archive);
    }
    is_packed
}

const QUESTIONS: [&str; 3] = [
    "SELECT run_id, task, result_count, score_count, step_count, skipped_count FROM runs ORDER BY 1",
    "SELECT run_id, case_id, attempt, epoch, output, cost_usd FROM results ORDER BY 1, 2, 3, 4, 5",
    "SELECT run_id, case_id, metric, value FROM scores ORDER BY 1, 2, 3, 4",
];

#[test]
fn an_archive_answers_as_its_folder_here_and_in_s3() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    for (tool, method) in [
        ("agentv", "ZIP_DEFLATED"),
        ("amx", "ZIP_DEFLATED"),
        ("honeyhive", "ZIP_STORED"),
        ("agentv", "ZIP_ZSTANDARD"),
    ] {
        let name = format!("{tool} {method} ü.zip");
        let archive = sandbox.path(&name);
        if !packed(&fixture(tool), &archive, method) {
            continue;
        }
        server.put(&format!("up/{name}"), fs::read(&archive).expect("an archive"));
        let [folder, here, there] =
            ["folder", "here", "there"].map(|place| format!("{tool}-{method}-{place}"));
        let whole = fixture(tool).display().to_string();
        sandbox.run(&["ingest", &whole, "--store", &folder]).fine();
        sandbox.run(&["ingest", &name, "--store", &here]).fine();
        let address = format!("s3://team-runs/up/{name}");
        server.take_requests();
        reaching(&server, &sandbox, &["ingest", &address, "--store", &there]).fine();
        let asked = server.take_requests();
        // Whether it is there, its directory, and its members, those beside each other together.
        let few = asked.iter().filter(|request| request.asked == Asked::Range || request.asked == Asked::Get);
        assert!(asked.len() <= 8 && few.count() <= 7, "{tool}: {asked:?}");
        for question in QUESTIONS {
            let ask = |store: &str| sandbox.run(&["sql", question, "--store", store]).fine().stdout;
            assert_eq!(ask(&here), ask(&folder), "{name}: {question}");
            assert_eq!(ask(&there), ask(&folder), "{address}: {question}");
        }
        let again = reaching(&server, &sandbox, &["ingest", &address, "--store", &there]).fine();
        assert!(again.stderr.contains(" unchanged") && !again.stderr.contains(" new"), "{}", again.stderr);
        let again = sandbox.run(&["ingest", &format!("{name}/top"), "--store", &here]).fine();
        assert!(again.stderr.contains(" unchanged") && !again.stderr.contains(" new"), "{}", again.stderr);
    }
}

#[test]
fn runs_in_archives_are_compared_found_and_watched_but_not_resumed() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let archive = sandbox.path("runs.zip");
    if !packed(&fixture("agentv"), &archive, "ZIP_DEFLATED") {
        return;
    }
    server.put("x/runs.zip", fs::read(&archive).expect("an archive"));
    let heads = |root: &str| {
        let (old, new) = (format!("{root}/top/baseline"), format!("{root}/top/candidate"));
        let ran = reaching(&server, &sandbox, &["compare", &old, &new]).fine();
        ran.lines()[1..].join("\n")
    };
    let folder = fixture("agentv");
    let expected = sandbox
        .run(&[
            "compare",
            &folder.join("baseline").display().to_string(),
            &folder.join("candidate").display().to_string(),
        ])
        .fine();
    assert_eq!(heads("runs.zip"), expected.lines()[1..].join("\n"));
    assert_eq!(heads("s3://team-runs/x/runs.zip"), expected.lines()[1..].join("\n"));
    let near = sandbox.run(&["ingest", "runs.zip/top/baselin"]);
    assert!(near.stderr.contains("did you mean runs.zip/top/baseline?"), "{}", near.stderr);
    near.exits(66);
    // A pattern looks into it, and so does a search, beside a damaged one.
    fs::write(sandbox.path("broken.zip"), b"PK\x03\x04 cut off").expect("a file");
    let found = sandbox.run(&["ingest", "*.zip/top/*", "--store", "glob"]);
    assert!(found.stderr.starts_with("4 runs: 4 new"), "{}", found.stderr);
    let searched = sandbox.run(&["ingest", ".", "--store", "search"]);
    assert!(searched.stderr.contains("broken.zip: the archive is damaged"), "{}", searched.stderr);
    assert!(searched.stderr.starts_with("4 runs: 4 new, 1 not readable"), "{}", searched.stderr);
    searched.exits(65);
    let resumed = sandbox.run(&["resume", "--rerun-failed", "baseline", "--store", "glob"]);
    assert!(
        format!("{}{}", resumed.stdout, resumed.stderr).contains("in the archive"),
        "{}{}",
        resumed.stdout,
        resumed.stderr
    );
}

#[test]
fn an_archive_of_the_64_bit_kind_is_read() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let archive = sandbox.path("runs.zip");
    if !packed_by(PACK_ODD, &fixture("agentv"), &archive, "zip64") {
        return;
    }
    let bytes = fs::read(&archive).expect("an archive");
    // The extra field of a local header, and its number.
    assert!(bytes.windows(4).any(|bytes| bytes == [1, 0, 16, 0] || bytes == [1, 0, 20, 0]), "no zip64");
    server.put("runs.zip", bytes);
    sandbox.run(&["ingest", "runs.zip", "--store", "here"]).fine();
    reaching(&server, &sandbox, &["ingest", "s3://team-runs/runs.zip", "--store", "there"]).fine();
    sandbox.run(&["ingest", &fixture("agentv").display().to_string(), "--store", "folder"]).fine();
    for question in QUESTIONS {
        let ask = |store: &str| sandbox.run(&["sql", question, "--store", store]).fine().stdout;
        assert_eq!((ask("here"), ask("there")), (ask("folder"), ask("folder")), "{question}");
    }
}

#[test]
fn members_that_must_not_be_read_are_named_and_hide_no_others() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let archive = sandbox.path("runs.zip");
    if !packed_by(PACK_ODD, &fixture("agentv"), &archive, "bad") {
        return;
    }
    let bytes = fs::read(&archive).expect("an archive");
    assert!(bytes.len() < 200_000, "{}", bytes.len());
    server.put("runs.zip", bytes);
    for place in ["runs.zip", "s3://team-runs/runs.zip"] {
        let ran =
            reaching(&server, &sandbox, &["ingest", place, "--store", &format!("{}-store", place.len())]);
        assert!(ran.stderr.starts_with("4 runs: 4 new, 3 not readable"), "{}", ran.stderr);
        for said in [
            "runs.zip: its member \"../../evil/index.jsonl\" would lie outside of it: left out",
            "runs.zip/secret/index.jsonl: it is encrypted\n  hint: unpack the archive",
            "runs.zip/bomb/index.jsonl: the archive is damaged: ",
        ] {
            assert!(ran.stderr.contains(said), "{said}: {}", ran.stderr);
        }
        ran.exits(65);
        let asked = reaching(&server, &sandbox, &["ingest", &format!("{place}/secret/index.jsonl")]);
        assert!(asked.stderr.contains("it is encrypted"), "{}", asked.stderr);
        asked.exits(65);
    }
}
