//! `runq resume --exec` as a person types it: the plan, its command, what a second look finds.

use std::fs;

use super::stage::{RUN, Stage};
use crate::support::sandbox::{Ran, Row};

const BOTH: [Row; 2] = [("b", "gpt-x", 0.9, "ok"), ("c", "gpt-x", 0.95, "ok")];

impl Stage {
    /// `runq resume` with the tools of the stage first on the path.
    fn resume(&self, words: &[&str]) -> Ran {
        let path = format!("{}:/usr/bin:/bin", self.sandbox.path("bin").display());
        self.sandbox.run_with(&[("PATH", path.as_str())], &[&["resume"], words].concat())
    }

    /// A template of the person's own for the stage's run, and a tool for it that keeps its ids and then does this.
    fn template(&self, then: &str) {
        self.sandbox.write(
            ".runq/config.toml",
            "[[resume]]\ntool = \"agentv\"\ncommand = \"mytool --ids {ids_file} --out {run_dir}\"\n",
        );
        self.tool("mytool", &format!("cp \"$2\" ids; {then}"));
    }

    fn append(&self, rows: &[Row]) -> String {
        format!("cat '{}' >> '{}'", self.rows("more.jsonl", rows).display(), self.index())
    }
}

#[test]
fn a_plan_whose_cases_all_pass_plans_nothing_when_made_again() {
    let stage = Stage::new();
    stage.template(&stage.append(&BOTH));
    let account = stage.resume(&[RUN, "--rerun-failed", "--exec", "--json"]).fine().json();
    assert_eq!(fs::read_to_string(stage.sandbox.path("ids")).unwrap(), "b\nc\n");
    assert_eq!((account["ran"].as_i64(), account["open"].as_i64()), (Some(2), Some(0)));
    assert_eq!(account["after"]["pass_rate_latest"], 1.0);
    let before = stage.sandbox.files("");
    let ran = stage.resume(&[RUN, "--rerun-failed", "--exec"]).fine();
    assert!(ran.stdout.contains("nothing"), "{}", ran.stdout);
    assert_eq!(stage.sandbox.files(""), before, "no file is touched, and no job is made");
}

#[test]
fn a_run_that_changed_since_it_was_taken_in_is_planned_again() {
    let stage = Stage::new();
    let rows = stage.rows("later.jsonl", &BOTH[..1]);
    stage.template(&stage.append(&BOTH[1..]));
    let index = fs::read(stage.index()).unwrap();
    fs::write(stage.index(), [index, fs::read(rows).unwrap()].concat()).unwrap();
    let ran = stage.resume(&[RUN, "--rerun-failed", "--exec", "--json"]).fine();
    assert!(ran.stderr.contains("planned again"), "{}", ran.stderr);
    assert_eq!(fs::read_to_string(stage.sandbox.path("ids")).unwrap(), "c\n", "b has passed meanwhile");
    assert_eq!(ran.json()["ran"], 1);
}

#[test]
fn read_only_comes_before_everything() {
    let stage = Stage::new();
    stage.template("touch ran");
    let before = stage.sandbox.files("");
    for words in [&[RUN, "--rerun-failed"][..], &[RUN, "--where", "status = 'limit'"]] {
        stage.resume(&[words, &["--exec", "--read-only"]].concat()).exits(77);
    }
    assert_eq!(stage.sandbox.files(""), before);
}

#[test]
fn a_path_in_no_store_is_resumed_by_its_own_tool_and_keeps_what_that_rewrites() {
    let stage = Stage::new();
    fs::remove_dir_all(stage.sandbox.path(".runq")).unwrap();
    let rows = stage.rows("all.jsonl", &BOTH);
    stage.sandbox.write("evals/bot.eval.yaml", "tests: []\n");
    stage.tool(
        "agentv",
        &format!("printf '%s\\n' \"$@\" > argv; cat '{}' > '{}'", rows.display(), stage.index()),
    );
    let words =
        [stage.folder.as_str(), "--rerun-failed", "--suite", "evals/bot.eval.yaml", "--exec", "--json"];
    let account = stage.resume(&words).fine().json();
    let argv = fs::read_to_string(stage.sandbox.path("argv")).unwrap();
    assert!(argv.starts_with("eval\n") && argv.contains("--rerun-failed\n"), "{argv}");
    assert_eq!((account["run_id"].as_str(), account["ran"].as_i64()), (Some(RUN), Some(2)));
    assert_eq!(
        stage.attempts(),
        ["a 1 ok", "b 1 quality_failure", "b 2 ok", "c 1 execution_error", "c 2 ok"]
    );
}
