//! Runs are read where they live: files in S3 answer as the same files on the disk do.

use std::process::Command;

use crate::support::fixture;
use crate::support::s3::S3Server;
use crate::support::sandbox::{Ran, Sandbox};

/// A command that reaches the server.
fn reaching(server: &S3Server, sandbox: &Sandbox, words: &[&str]) -> Ran {
    let mut command: Command = sandbox.command(words);
    server.reached_by(&mut command);
    sandbox.finish(command, "")
}

const KEYS: &str = "team a/50%2F#1 ü+b";

#[test]
fn every_tools_files_answer_as_from_the_disk() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    for tool in ["agentv", "amx", "honeyhive", "import/table"] {
        let (folder, store) = (fixture(tool), tool.rsplit('/').next().unwrap());
        server.put_folder(&folder, &format!("{KEYS}/{tool}"));
        let local = folder.display().to_string();
        let there = reaching(
            &server,
            &sandbox,
            &["ingest", &format!("s3://team-runs/{KEYS}/{tool}"), "--store", store],
        );
        let here = sandbox.run(&["ingest", &local, "--store", &format!("{store}-here")]);
        assert_eq!(there.code, here.code, "{}\n{}", there.stderr, here.stderr);
        for question in [
            "SELECT run_id, task, model, result_count, score_count, step_count, skipped_count FROM runs ORDER BY 1",
            "SELECT run_id, case_id, attempt, epoch, output, cost_usd FROM results ORDER BY 1, 2, 3, 4, 5",
            "SELECT run_id, case_id, metric, value FROM scores ORDER BY 1, 2, 3, 4",
        ] {
            let ask = |store: &str| sandbox.run(&["sql", question, "--store", store]).stdout;
            assert_eq!(ask(store), ask(&format!("{store}-here")), "{tool}: {question}");
        }
    }
}
