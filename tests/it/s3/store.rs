//! A store in S3 answers as one on the disk does.

use std::process::Command;

use crate::support::fixture;
use crate::support::s3::{Asked, BUCKET, Fault, Rule, S3Server};
use crate::support::sandbox::{Ran, Sandbox};

/// A store whose name has what URLs and shells take for something else.
const AWKWARD: &str = "s3://team-runs/a store/#1%2Fü+x";

struct There<'s> {
    server: &'s S3Server,
    sandbox: &'s Sandbox,
    store: &'static str,
}

impl There<'_> {
    fn command(&self, words: &[&str]) -> Command {
        let mut command = self.sandbox.command(words);
        self.server.reached_by(&mut command).env("RUNQ_STORE", self.store);
        command
    }

    fn run(&self, words: &[&str]) -> Ran {
        self.sandbox.finish(self.command(words), "")
    }

    fn ingest(&self, path: &str) -> Ran {
        self.run(&["ingest", &fixture(path).display().to_string()])
    }
}

#[test]
fn every_command_gives_the_answer_of_a_store_on_the_disk() {
    let (server, sandbox) = (S3Server::start(), Sandbox::with_samples());
    let there = There { server: &server, sandbox: &sandbox, store: AWKWARD };
    there.ingest("agentv").fine();
    for words in [
        &["runs", "--json"][..],
        &["compare", "--json"],
        &["show", "last", "--json"],
        &["diff", "--by", "model", "--json"],
        &["distribution", "score", "--json"],
        &["versions", "--json"],
        &["metrics", "--json"],
        &["views", "--format", "csv"],
        &["resume", "--json"],
        &["sql", "SELECT metric, count(*) FROM scores GROUP BY metric ORDER BY metric"],
        &["export", "results", "--format", "jsonl"],
        &["jobs", "--json"],
        &["-c", ".metrics", "-c", "SELECT run_id, result_count FROM runs ORDER BY run_id"],
        &["tag", "last", "team=x"],
        &["runs", "--scope", "tags IS NOT NULL", "--format", "ids"],
        &["sql", "SELECT * FROM no_such_table"],
        &["show", "nobody"],
    ] {
        let (far, near) = (there.run(words), sandbox.run(words));
        // Both were taken in at a time of their own, under an id of its own.
        let unnamed = |text: &str| {
            let lines = text.lines().filter(|line| !line.contains("\"ingest"));
            lines.collect::<Vec<_>>().join("\n").replace(AWKWARD, ".runq")
        };
        assert_eq!(
            (far.code, unnamed(&far.stdout)),
            (near.code, unnamed(&near.stdout)),
            "{words:?}: {}",
            far.stderr
        );
        assert_eq!(unnamed(&far.stderr), unnamed(&near.stderr), "{words:?}");
    }
    let keys = server.keys();
    assert!(keys.iter().all(|key| key.starts_with("a store/#1%2Fü+x/")), "{keys:?}");
}

#[test]
fn a_shell_has_the_store_in_s3_with_its_own_views() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let there = There { server: &server, sandbox: &sandbox, store: "s3://team-runs" };
    there.ingest("agentv/matrix").fine();
    let views = server.folder().join(BUCKET).join("sql");
    std::fs::create_dir_all(&views).expect("a folder");
    std::fs::write(views.join("mine.sql"), "SELECT count(*) AS n FROM results").expect("a view");
    let script = ".io on\nSELECT n FROM mine;\nSELECT n + 1 AS m FROM mine;\n.runs --format ids\n";
    let ran = sandbox.finish(there.command(&[]), script).fine();
    // 36 results of the bundled matrix.
    assert!(ran.stdout.starts_with("n\n36\nm\n37\n"), "{}", ran.stdout);
    let io: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("request")).collect();
    assert_eq!(io.len(), 2, "{}", ran.stderr);
    // Whether the last commits of five tables are the last ones still, and of two the same ones.
    assert!(io[1].starts_with("7 requests, 0 B in ") && io[1].contains(" · head 7 ("), "{io:?}");
}

#[test]
fn a_store_is_found_where_it_is_and_nowhere_else() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let at = |store| There { server: &server, sandbox: &sandbox, store };
    server.fault(Rule::new(Fault::OneKeyPerPage));
    at("s3://team-runs/one").ingest("agentv/matrix").fine();
    at("s3://team-runs/one/inner").ingest("agentv").fine();
    let count = |store| at(store).run(&["sql", "SELECT count(*) FROM runs"]).fine().stdout;
    assert_eq!(count("s3://team-runs/one"), "count(*)\n1\n");
    assert_eq!(count("s3://team-runs/one/inner"), "count(*)\n4\n");
    let missing = at("s3://team-runs/on").run(&["runs"]).exits(66);
    assert!(missing.stderr.starts_with("error: no store at s3://team-runs/on\n"), "{}", missing.stderr);
    let wrong = at("s3://team-runs//x").run(&["runs"]).exits(2);
    assert!(
        wrong.stderr.contains("s3://team-runs//x is no address in S3: the key has an empty part"),
        "{}",
        wrong.stderr
    );
    let other = at("https://team-runs/x").run(&["runs"]).exits(2);
    assert!(other.stderr.contains("https://... is no address in S3"), "{}", other.stderr);
}

#[test]
fn io_tells_what_went_over_the_wire() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let there = There { server: &server, sandbox: &sandbox, store: "s3://team-runs/x" };
    there.ingest("agentv/matrix").fine();
    server.take_requests();
    let ran = there.run(&["compare", "--by", "model", "--json", "--io"]).fine();
    let asked = server.take_requests();
    let said = ran.stderr.lines().last().unwrap_or_default();
    assert!(said.starts_with(&format!("io: {} requests, ", asked.len())), "{said}: {asked:#?}");
    let lists = asked.iter().filter(|request| request.asked == Asked::List).count();
    assert!(said.contains(&format!(" · list {lists} (")) && !said.contains("write"), "{said}");
    // The five tables, and the store's own views.
    assert_eq!(lists, 6);
}

#[test]
fn a_store_that_may_only_be_read_is_not_written_to() {
    let (server, sandbox) = (S3Server::start(), Sandbox::new());
    let there = There { server: &server, sandbox: &sandbox, store: "s3://team-runs/x" };
    let mut command = there.command(&["ingest", &fixture("agentv/matrix").display().to_string()]);
    command.env("RUNQ_READ_ONLY", "1");
    sandbox.finish(command, "").exits(77);
    assert_eq!(server.keys(), Vec::<String>::new());
    there.ingest("agentv/matrix").fine();
    server.take_requests();
    let mut command = there.command(&["tag", "last", "a=b"]);
    command.env("RUNQ_READ_ONLY", "1");
    let refused = sandbox.finish(command, "").exits(77);
    assert!(
        refused.stderr.contains("the store at s3://team-runs/x is open for reading only"),
        "{}",
        refused.stderr
    );
    assert_eq!(server.count(&[Asked::Put, Asked::Create, Asked::StartUpload, Asked::Delete]), 0);
}
