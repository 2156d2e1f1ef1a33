//! What lives in a session of the shell, what is seen of a store that changes, and what stops.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use clap::Parser;
use datafusion::sql::parser::{DFParser, Statement};
use runq::cli::args::GlobalArgs;
use runq::cli::output::Output;
use runq::cli::shell::asking::{Asking, Waiting};
use runq::render::{Screen, TABLE};
use runq::session::{Request, Session};
use runq::store::{Access, Store};

use crate::support::sandbox::{Ran, Sandbox};
use crate::support::{fixture, session, stored};

/// A store with the bundled runs that these tests only read.
static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

/// Runs statements, each as a `-c`.
fn asked(sandbox: &Sandbox, statements: &[&str]) -> Ran {
    let mut words = vec!["--no-init"];
    statements.iter().for_each(|statement| words.extend(["-c", statement]));
    sandbox.run(&words)
}

/// A shell that goes on: statements in, csv out.
struct Open {
    child: Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Open {
    fn new(sandbox: &Sandbox, flags: &[&str]) -> Self {
        let mut command = sandbox.command(&[&["--no-init"], flags].concat());
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("it starts");
        let stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        Self { stdin: child.stdin.take(), stdout, child }
    }

    /// Says something that gives no answer.
    fn say(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().expect("it is open");
        writeln!(stdin, "{line}").and_then(|()| stdin.flush()).expect("it listens");
    }

    /// The one value of a question.
    fn value(&mut self, sql: &str) -> String {
        self.say(&format!("{sql};"));
        let mut lines = [String::new(), String::new()];
        for line in &mut lines {
            self.stdout.read_line(line).expect("it answers");
        }
        lines[1].trim_end().to_owned()
    }

    fn ends(mut self) -> i32 {
        drop(self.stdin.take());
        self.child.wait().expect("it ends").code().expect("a code")
    }
}

#[test]
fn what_another_process_publishes_or_describes_is_seen_by_the_next_query() {
    let sandbox = Sandbox::new();
    let first = sandbox.agentv("one", 1, &[("a", "gpt", 1.0, "ok"), ("b", "gpt", 0.0, "ok")]);
    sandbox.run(&["ingest", &first]).fine();
    let mut shell = Open::new(&sandbox, &[]);
    assert_eq!(shell.value("SELECT count(*) AS n FROM results"), "2");
    let second = sandbox.agentv("two", 2, &[("a", "gpt", 1.0, "ok"), ("c", "gpt", 0.5, "ok")]);
    sandbox.run(&["ingest", &second]).fine();
    assert_eq!(shell.value("SELECT count(*) AS n FROM results"), "4");
    let unit = "SELECT unit FROM metrics WHERE metric = 'quality'";
    sandbox.run(&["metrics", "set", "quality", "--unit", "stars"]).fine();
    assert_eq!(shell.value(unit), "stars");
    // A view of the person's own: written, changed, taken away.
    sandbox.write(".runq/sql/mine.sql", "SELECT 1 AS x");
    assert_eq!(shell.value("SELECT x FROM mine"), "1");
    sandbox.write(".runq/sql/mine.sql", "SELECT 22 AS x");
    assert_eq!(shell.value("SELECT x FROM mine"), "22");
    assert_eq!(shell.ends(), 0);
}

#[test]
fn a_shell_without_a_store_answers_what_needs_none_and_finds_one_that_is_made() {
    let sandbox = Sandbox::new();
    sandbox.write("f.csv", "n\n3\n4\n");
    let run = sandbox.agentv("one", 1, &[("a", "gpt", 1.0, "ok")]);
    let mut shell = Open::new(&sandbox, &[]);
    assert_eq!(shell.value("SELECT 1 + 1 AS two"), "2");
    assert_eq!(shell.value("SELECT sum(n) AS n FROM 'f.csv'"), "7");
    sandbox.run(&["ingest", &run]).fine();
    assert_eq!(shell.value("SELECT count(*) AS n FROM runs"), "1");
    assert_eq!(shell.ends(), 0);
    let empty = Sandbox::new();
    asked(&empty, &["SELECT * FROM metric_winners"]).refuses(
        66,
        "error: there is no store here: no .runq in this folder or above it\n  \
         hint: runq ingest PATH makes one; SELECT ... FROM 'FILE' asks a file without one",
    );
    let nobody =
        ["--no-init", "--scope", "task = 'nobody'", "-c", "SELECT 5 AS x", "-c", "SELECT * FROM runs"];
    let ran = SAMPLES.run(&nobody).exits(66);
    assert_eq!(ran.stdout, "x\n5\n");
    assert!(ran.stderr.starts_with("error: no runs in scope"), "{}", ran.stderr);
}

#[test]
fn the_last_result_is_a_relation() {
    let ran = asked(
        &SAMPLES,
        &[
            "SELECT model, count(*) AS n FROM results GROUP BY model ORDER BY model",
            "SELECT sum(n) AS n FROM _",
            "SELECT n * 2 AS n FROM _",
            "SELECT a.score AS v, b.score AS v2, a.model, b.model FROM results a JOIN results b \
             ON a.execution = b.execution LIMIT 1",
            "SELECT model_2 FROM _",
        ],
    );
    // 72 results in the bundled runs; a second column of a name is name_2.
    let said = ran.fine().stdout;
    assert!(said.contains("\nn\n72\nn\n144\n"), "{said}");
    assert!(said.lines().rev().nth(1) == Some("model_2"), "{said}");
    let joined = asked(
        &SAMPLES,
        &[
            "SELECT run_id FROM runs ORDER BY started_at LIMIT 1",
            "SELECT count(*) AS n FROM results JOIN _ USING (run_id)",
        ],
    );
    assert!(joined.fine().stdout.ends_with("n\n12\n"));
    asked(&SAMPLES, &["SELECT * FROM _"]).refuses(
        2,
        "error: there is no table _\n  SELECT * FROM _\n                ^\n  \
         hint: _ is the last result of a shell, and there is none yet",
    );
}

#[test]
fn a_view_of_the_session_goes_through_the_views_and_survives_another_scope() {
    let ran = asked(
        &SAMPLES,
        &[
            "CREATE VIEW mine AS SELECT count(*) AS n, $baseline AS b FROM results",
            "SELECT n, b IS NOT NULL AS has FROM mine",
            ".scope experiment = 'retried'",
            "SELECT n, b IS NOT NULL AS has FROM mine",
            "CREATE VIEW twice AS SELECT n * 2 AS n FROM mine",
            "CREATE OR REPLACE VIEW mine AS SELECT 5 AS n",
            "SELECT n FROM twice",
            "DROP VIEW twice; DROP VIEW IF EXISTS twice",
            "CREATE VIEW IF NOT EXISTS mine AS SELECT 6 AS n; SELECT n FROM mine",
        ],
    );
    assert_eq!(ran.fine().stdout, "n,has\n72,true\nn,has\n12,true\nn\n10\nn\n5\n");
}

#[test]
fn a_view_may_stand_before_one_of_ours_and_give_its_name_back() {
    let ran = asked(
        &SAMPLES,
        &[
            "CREATE OR REPLACE VIEW case_states AS SELECT 1 AS only",
            "SELECT * FROM case_states",
            "DROP VIEW case_states",
            "SELECT count(*) > 1 AS back FROM case_states",
        ],
    );
    assert_eq!(ran.fine().stdout, "only\n1\nback\ntrue\n");
}

#[test]
fn a_table_in_memory_lives_until_the_shell_ends() {
    let ran = asked(
        &SAMPLES,
        &[
            "CREATE TABLE kept AS SELECT model, score FROM results WHERE score IS NOT NULL",
            ".last 1",
            ".reset",
            ".by model",
            "SELECT count(DISTINCT model) AS n FROM kept",
            "DROP TABLE kept",
            "SELECT * FROM kept",
        ],
    );
    assert!(ran.stdout.is_empty() || ran.stdout.ends_with("n\n3\n"), "{}", ran.stdout);
    let ran = asked(
        &SAMPLES,
        &[
            "CREATE TABLE kept AS SELECT 1 AS a, 2 AS b",
            ".by model",
            "SELECT * FROM kept",
            "DROP TABLE kept",
            "SELECT * FROM kept",
        ],
    );
    assert_eq!(ran.exits(2).stdout, "a,b\n1,2\n");
}

#[test]
fn options_of_the_engine_are_set_and_given_back() {
    let ran = asked(
        &SAMPLES,
        &[
            "SET datafusion.execution.batch_size = 100",
            ".by model",
            "SELECT value FROM information_schema.df_settings WHERE name = 'datafusion.execution.batch_size'",
            "RESET datafusion.execution.batch_size",
            "SELECT value FROM information_schema.df_settings WHERE name = 'datafusion.execution.batch_size'",
        ],
    );
    // 8192 is DataFusion's documented default.
    assert_eq!(ran.fine().stdout, "value\n100\nvalue\n8192\n");
    assert_eq!(asked(&SAMPLES, &["SET datafusion.execution.batch_size = 'many'"]).code, 2);
    asked(&SAMPLES, &["SET datafusion.catalog.location = '/x'"]).exits(2);
}

#[test]
fn ours_is_refused_with_what_to_use() {
    let before = SAMPLES.files(".runq");
    for (sql, names) in [
        ("INSERT INTO runs VALUES (1)", "runq ingest"),
        ("UPDATE runs SET name = 'x'", "runq tag"),
        ("UPDATE metrics SET unit = 'x'", "runq metrics set"),
        ("DELETE FROM results", "--scope"),
        ("DROP TABLE runs", "runq ingest"),
        ("DROP VIEW metric_winners", "CREATE OR REPLACE VIEW"),
        ("TRUNCATE TABLE scores", "--scope"),
        ("ALTER TABLE runs ADD COLUMN x INT", "runq tag"),
        ("CREATE VIEW runs AS SELECT 1", "another"),
        ("CREATE TABLE results AS SELECT 1", "another"),
        ("CREATE TABLE x (a INT)", "AS SELECT"),
        ("CREATE EXTERNAL TABLE x STORED AS CSV LOCATION '/etc/passwd'", "FROM 'FILE'"),
        ("CREATE VIEW metric_winners AS SELECT 1", "CREATE OR REPLACE"),
        ("SET search_path = 'x'", "SHOW ALL"),
        ("EXPLAIN ANALYZE DELETE FROM runs", ""),
    ] {
        let ran = asked(&SAMPLES, &[sql]).exits(2);
        assert!(ran.stderr.contains(names) && ran.stdout.is_empty(), "{sql}: {}", ran.stderr);
    }
    assert_eq!(SAMPLES.files(".runq"), before);
}

#[test]
fn a_broken_view_of_a_persons_own_is_named_and_the_rest_works() {
    let sandbox = Sandbox::with_samples();
    for broken in ["SELECT nope FROM results", "SELEC", "\u{1}\u{2}"] {
        sandbox.write(".runq/sql/metric_winners.sql", broken);
        let ran = asked(
            &sandbox,
            &["SELECT count(*) > 0 AS there FROM metric_summary", "SELECT * FROM metric_winners"],
        );
        let ran = ran.exits(2);
        assert_eq!(ran.stdout, "there\ntrue\n");
        assert!(ran.stderr.starts_with("error: view metric_winners: "), "{}", ran.stderr);
        assert!(
            ran.stderr.contains("hint: mend or remove the file sql/metric_winners.sql"),
            "{}",
            ran.stderr
        );
    }
    sandbox.write(".runq/sql/metric_winners.sql", b"SELECT '\xff\xfe' FROM".as_slice());
    asked(&sandbox, &["SELECT * FROM metric_winners"]).exits(2);
}

#[test]
fn the_winners_are_there_without_further_words() {
    let ran =
        asked(&SAMPLES, &["SELECT count(DISTINCT arm) AS arms, count(*) > 0 AS some FROM metric_winners"]);
    // Three models ran in the bundled runs, and the first dimension that varies makes the arms.
    assert_eq!(ran.fine().stdout, "arms,some\n3,true\n");
    let ran = asked(&SAMPLES, &["SHOW TABLES", "SELECT count(*) > 30 AS many FROM _"]);
    assert!(ran.stdout.starts_with("name,kind,question,grain\nruns,table,"), "{}", ran.stdout);
}

#[test]
fn the_same_statements_give_the_same_bytes_whichever_way_they_come() {
    let statements = "SELECT case_id, arm, value FROM case_values ORDER BY 1, 2, 3;\nSELECT model, count(*) AS n FROM results GROUP BY model ORDER BY 1;\n";
    let file = SAMPLES.write("same.sql", statements);
    let by_words = asked(&SAMPLES, &[statements]).fine().stdout;
    assert_eq!(SAMPLES.run(&["--no-init", "-f", &file.display().to_string()]).fine().stdout, by_words);
    assert_eq!(SAMPLES.run_fed(statements, &["--no-init"]).fine().stdout, by_words);
    assert_eq!(SAMPLES.run(&["sql", statements]).fine().stdout, by_words);
}

#[derive(Parser)]
struct Flags {
    #[command(flatten)]
    global: GlobalArgs,
}

fn statement(sql: &str) -> Statement {
    DFParser::parse_sql(sql).expect("it parses").pop_front().expect("one statement")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_statement_opens_nothing_again() {
    let store = SAMPLES.path(".runq").display().to_string();
    let global = Flags::parse_from(["test", "--store", &store]).global;
    let (output, _) = Output::capturing(Screen::PIPE, TABLE);
    let waiting = Waiting { progress: None, most_bytes: usize::MAX };
    let mut asking = Asking::default();
    let mut io = Vec::new();
    for _ in 0..2 {
        asking.session(&global, &output).await.expect("a session");
        asking.answer(statement("SELECT run_id FROM runs"), &waiting).await.expect("an answer");
        io.push(asking.io().expect("it asked"));
    }
    assert!(io[0].total().requests > 10, "{}", io[0]);
    // Whether the last commits of five tables are the last ones still, and of `runs` and `metrics` the same ones.
    assert_eq!((io[1].total().requests, io[1].head.requests, io[1].total().bytes), (7, 7, 0), "{}", io[1]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_too_much_to_keep_is_counted() {
    let mut session = session(&[&fixture("agentv/matrix")], Request::default()).await;
    let cross = "SELECT a.case_id, b.case_id AS other FROM results a, results b, results c";
    let question = session.question(statement(cross)).await.expect("it plans");
    let kept = question.begin(100_000).kept().await.expect("it runs");
    let rows: usize = kept.rows.batches.iter().map(|batch| batch.num_rows()).sum();
    // 36 results of the bundled matrix: 36 * 36 * 36 rows.
    assert_eq!(rows + kept.left_out, 46_656);
    assert!(rows > 0 && kept.left_out > rows, "{rows}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_question_that_nobody_waits_for_stops_and_the_next_one_is_right() {
    let store = Store::open(&SAMPLES.path(".runq"), Access::ReadOnly).await.expect("a store");
    let mut session = Session::open(stored(&store).await, Request::default()).await.expect("a session");
    // 72^5 pairs: two thousand million rows, of which none is kept.
    let cross = "SELECT a.case_id FROM results a, results b, results c, results d, results e";
    let answering = session.question(statement(cross)).await.expect("it plans").begin(0);
    let reading = answering.reading();
    let ends = tokio::time::timeout(Duration::from_secs(60), async {
        while reading.rows() == 0 {
            tokio::task::yield_now().await;
        }
        drop(answering);
        // The parts of the plan are let go as soon as they pause.
        while !reading.is_alone() {
            tokio::task::yield_now().await;
        }
    });
    ends.await.expect("it begins, and it stops");
    let rows = session.rows("SELECT count(*) AS n FROM results WHERE score >= 0").await.expect("an answer");
    assert!(runq_rows(&rows) > 0);
    let rows = session.rows("SELECT count(*) AS n FROM results").await.expect("an answer");
    assert_eq!(runq_rows(&rows), 72);
}

fn runq_rows(rows: &runq::session::Rows) -> i64 {
    #[derive(serde::Deserialize)]
    struct Count {
        n: i64,
    }
    rows.read::<Count>().expect("one count")[0].n
}
