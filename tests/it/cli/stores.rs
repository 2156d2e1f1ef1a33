//! Which store a command works with, and that a store which may only be read is never written.

use std::fs;

use crate::support::sandbox::{Row, Sandbox};

const ROWS: [Row; 2] = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.5, "quality_failure")];

fn ids(sandbox: &Sandbox, before: &[&str]) -> Vec<String> {
    let arguments: Vec<&str> = before.iter().copied().chain(["runs", "--format", "ids"]).collect();
    sandbox.run(&arguments).fine().lines().into_iter().map(str::to_owned).collect()
}

#[test]
fn the_first_ingest_makes_a_store_that_folders_below_find() {
    let sandbox = Sandbox::new();
    sandbox.agentv("nightly", 1, &ROWS);
    let ran = sandbox.run(&["ingest", "results"]).fine();
    assert_eq!(ran.stdout, "");
    assert_eq!(
        ran.stderr,
        "1 run: 1 new · 2 results · .runq\n  agentv 1\ntry: runq show nightly::2026-05-01T08-00-00-000Z\n"
    );
    assert!(sandbox.path(".runq").is_dir());
    fs::create_dir_all(sandbox.path("deep/er")).unwrap();
    let below = sandbox.run_in("deep/er", &["runs", "--format", "ids"]).fine();
    assert_eq!(below.stdout, "nightly::2026-05-01T08-00-00-000Z\n");
    let again = sandbox.run_in("deep/er", &["ingest", "../../results"]).fine();
    assert_eq!(again.stderr, "1 run: 1 unchanged · [sandbox]/.runq\n");
    assert!(!sandbox.path("deep/er/.runq").exists());
}

#[test]
fn a_flag_beats_the_environment_and_the_environment_beats_the_folder() {
    let sandbox = Sandbox::new();
    let folders = [1, 2, 3].map(|day| sandbox.agentv(&format!("run{day}"), day, &ROWS));
    sandbox.run(&["ingest", &folders[0]]).fine();
    sandbox.run_with(&[("RUNQ_STORE", "from-env")], &["ingest", &folders[1]]).fine();
    sandbox.run(&["ingest", &folders[2], "--store", "from-flag"]).fine();
    assert_eq!(ids(&sandbox, &[]), ["run1::2026-05-01T08-00-00-000Z"]);
    assert_eq!(ids(&sandbox, &["--store", "from-flag"]), ["run3::2026-05-03T08-00-00-000Z"]);
    let environment = [("RUNQ_STORE", "from-env")];
    let of_environment = sandbox.run_with(&environment, &["runs", "--format", "ids"]).fine();
    assert_eq!(of_environment.stdout, "run2::2026-05-02T08-00-00-000Z\n");
    let of_flag = sandbox.run_with(&environment, &["runs", "--format", "ids", "--store", "from-flag"]).fine();
    assert_eq!(of_flag.stdout, "run3::2026-05-03T08-00-00-000Z\n");
    // A run of one store is no run of another.
    sandbox.run(&["show", "run3::2026-05-03T08-00-00-000Z"]).exits(66);
}

#[test]
fn read_only_refuses_every_write_and_leaves_every_byte() {
    let sandbox = Sandbox::new();
    let first = sandbox.agentv("nightly", 1, &ROWS);
    let second = sandbox.agentv("nightly", 2, &ROWS);
    sandbox.run(&["ingest", &first]).fine();
    let before = sandbox.files(".runq");
    let refused = "error: the store at [sandbox]/.runq is open for reading only\n  \
                   hint: leave out `--read-only` and `--as-of`, and unset RUNQ_READ_ONLY";
    let environment = [("RUNQ_READ_ONLY", "1")];
    for write in [&["ingest", &second][..], &["ingest", &first], &["tag", "last", "owner=ann"]] {
        sandbox.run_with(&environment, write).refuses(77, refused);
        let flagged: Vec<&str> = write.iter().copied().chain(["--read-only"]).collect();
        sandbox.run(&flagged).refuses(77, refused);
    }
    assert_eq!(sandbox.run_with(&environment, &["runs", "--format", "ids"]).fine().lines().len(), 1);
    assert_eq!(sandbox.files(".runq"), before);
    sandbox.run_with(&[("RUNQ_READ_ONLY", "0")], &["tag", "last", "owner=ann"]).fine();
    assert_ne!(sandbox.files(".runq"), before);
}

#[test]
fn read_only_makes_no_store() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    sandbox.run(&["ingest", &run, "--read-only"]).exits(77);
    assert!(!sandbox.path(".runq").exists());
    // Without a store nothing is written, so a path may be asked about.
    sandbox.run(&["show", &run, "--read-only"]).fine();
    assert!(!sandbox.path(".runq").exists());
}

#[cfg(unix)]
#[test]
fn a_folder_that_may_not_be_written_is_said() {
    use std::os::unix::fs::PermissionsExt as _;
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    fs::create_dir(sandbox.path("shut")).unwrap();
    fs::set_permissions(sandbox.path("shut"), fs::Permissions::from_mode(0o555)).unwrap();
    if fs::write(sandbox.path("shut/probe"), "").is_ok() {
        eprintln!("skipped: this user may write everywhere");
        return;
    }
    let ran = sandbox.run(&["ingest", &run, "--store", "shut/store"]).exits(69);
    assert!(ran.stderr.contains("shut/store"), "{}", ran.stderr);
}

#[test]
fn labels_are_given_later_and_survive_another_ingest() {
    let sandbox = Sandbox::new();
    let run = sandbox.agentv("nightly", 1, &ROWS);
    let named = ["ingest", &run, "--name", "first", "--tag", "owner=ann", "--param", "temperature=0.2"];
    sandbox.run(&named).fine();
    let tagged = sandbox.run(&["tag", "first", "branch=main", "--name", "renamed"]).fine();
    assert!(tagged.stderr.contains(r#""branch":"main""#), "{}", tagged.stderr);
    let same = sandbox.run(&["tag", "renamed", "branch=main"]).fine();
    assert_eq!(same.stderr, "nothing changed: the labels are there already\n");
    let unchanged = sandbox.run(&["ingest", &run]).fine();
    assert_eq!(unchanged.stderr, "1 run: 1 unchanged · .runq\n");
    sandbox.agentv("nightly", 1, &[ROWS[0], ROWS[1], ("c", "gpt-x", 1.0, "ok")]);
    let resumed = sandbox.run(&["ingest", &run]).fine();
    assert!(
        resumed.stderr.starts_with("1 run: 1 replaced (1 row more) · 3 results · .runq\n"),
        "{}",
        resumed.stderr
    );
    let shown = sandbox.run(&["show", "renamed", "--json"]).fine().json();
    assert_eq!(shown["name"], "renamed");
    assert_eq!(shown["tags"], serde_json::json!({"owner": "ann", "branch": "main"}));
    assert_eq!(shown["params"]["temperature"], "0.2");
    let relabelled = sandbox.run(&["ingest", &run, "--tag", "owner=bob"]).fine();
    assert!(relabelled.stderr.contains("1 relabelled"), "{}", relabelled.stderr);
    let owners = sandbox.run(&["runs", "--tag", "owner=bob", "--format", "ids"]).fine();
    assert_eq!(owners.lines().len(), 1);
}
