//! Files that a query reads, and files that it writes.

use std::process::Stdio;
use std::sync::LazyLock;

use crate::support::sandbox::{Ran, Sandbox};

static SAMPLES: LazyLock<Sandbox> = LazyLock::new(Sandbox::with_samples);

fn asked(sandbox: &Sandbox, statements: &[&str]) -> Ran {
    let mut words = vec!["--no-init"];
    statements.iter().for_each(|statement| words.extend(["-c", statement]));
    sandbox.run(&words)
}

#[test]
fn a_file_is_a_relation_whatever_its_kind() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", "id,score,note\nx,0.5,\"one, \"\"two\"\"\nthree\"\ny,1,\nz,0.25,q\n");
    sandbox.write("a.tsv", "id\tscore\nx\t2\ny\t3\n");
    sandbox
        .write("a.jsonl", "{\"id\": \"x\", \"score\": 4}\n{\"id\": \"y\", \"score\": 1.5, \"more\": [1]}\n");
    sandbox.write("a.ndjson", "{\"id\": \"x\", \"score\": 4}\n");
    sandbox.write("list.json", " [{\"id\": \"x\", \"score\": 7},\n {\"id\": \"y\", \"score\": 1}]\n");
    sandbox.write("lines.json", "{\"id\": \"x\", \"score\": 9}\n");
    for (file, sum, rows) in [
        ("a.csv", "1.75", 3),
        ("a.tsv", "5", 2),
        ("a.jsonl", "5.5", 2),
        ("a.ndjson", "4", 1),
        ("list.json", "8", 2),
        ("lines.json", "9", 1),
        ("./a.csv", "1.75", 3),
    ] {
        let sql = format!("SELECT sum(score) AS s, count(*) AS n FROM '{file}'");
        assert_eq!(asked(&sandbox, &[&sql]).fine().stdout, format!("s,n\n{sum},{rows}\n"), "{file}");
    }
    // A text with a line break, quotes and a comma in it is one field.
    let note = asked(&sandbox, &["SELECT note FROM 'a.csv' WHERE id = 'x'"]).fine().stdout;
    assert_eq!(note, "note\n\"one, \"\"two\"\"\nthree\"\n");
}

#[test]
fn a_type_is_that_of_all_rows_not_of_the_first_ones() {
    let sandbox = Sandbox::new();
    let rows: String = (0..3000).map(|row| format!("{row}\n")).collect();
    sandbox.write("late.csv", format!("n\n{rows}none\n"));
    let ran = asked(&sandbox, &["SELECT count(*) AS n, max(length(n)) AS longest FROM 'late.csv'"]);
    assert_eq!(ran.fine().stdout, "n,longest\n3001,4\n");
}

#[test]
fn several_files_of_a_pattern_are_one_relation() {
    let sandbox = Sandbox::new();
    sandbox.write("in/a.csv", "id,n\nx,1\n");
    sandbox.write("in/b.csv", "id,n\ny,2.5\n");
    let total = "SELECT sum(n) AS s, count(*) AS c FROM 'in/*.csv'";
    assert_eq!(asked(&sandbox, &[total]).fine().stdout, "s,c\n3.5,2\n");
    sandbox.write("in/c.csv", "n,id\n3,z\n");
    let ran = asked(&sandbox, &[total]).exits(2);
    assert!(ran.stderr.contains("c.csv: its columns are not those of the files before it"), "{}", ran.stderr);
    asked(&sandbox, &["SELECT * FROM 'in/*.parquet'"]).refuses(66, "error: there is no file in/*.parquet");
    asked(&sandbox, &["SELECT * FROM 'in/'"])
        .refuses(2, "error: 'in/': this is a folder\n  hint: 'in/*.csv' means the files in it");
}

#[test]
fn a_file_that_changed_is_seen_by_the_next_statement() {
    let sandbox = Sandbox::new();
    sandbox.write("f.csv", "n\n1\n");
    let ran = asked(
        &sandbox,
        &[
            "CREATE VIEW v AS SELECT * FROM 'f.csv'",
            "SELECT * FROM v",
            "COPY (SELECT 'much more' AS n, 2 AS m) TO 'f.csv'",
            "SELECT * FROM 'f.csv'",
            "SELECT * FROM v",
        ],
    );
    assert_eq!(ran.fine().stdout, "n\n1\nn,m\nmuch more,2\nn,m\nmuch more,2\n");
}

#[test]
fn a_file_stands_beside_the_stored_relations() {
    SAMPLES.write("weights.csv", "model,weight\ngpt-x,2\nclaude-y,3\n");
    let ran = asked(
        &SAMPLES,
        &[
            "SELECT r.model, count(*) * min(w.weight) AS n FROM results r JOIN 'weights.csv' w USING (model) \
             GROUP BY r.model ORDER BY 1",
            "SELECT count(*) AS x FROM results WHERE model = 'gpt-x'",
        ],
    );
    let said = ran.fine().stdout;
    let lines: Vec<&str> = said.lines().collect();
    let gpt: i64 = lines[4].parse().expect("a count");
    assert_eq!(lines[2], format!("gpt-x,{}", 2 * gpt));
}

#[test]
fn what_cannot_be_read_is_said() {
    let sandbox = Sandbox::new();
    sandbox.write("results.csv", "a\n1\n");
    sandbox.write("packed.csv.gz", "x");
    sandbox.write("note.txt", "x");
    sandbox.write("bad.parquet", "x");
    sandbox.write("bad.json", "{\"a\": ");
    sandbox.write("empty.csv", "");
    for (sql, code, said) in [
        (
            "SELECT * FROM 'result.csv'",
            66,
            "error: there is no file result.csv\n  hint: did you mean 'results.csv'?\n",
        ),
        ("SELECT * FROM results.csv", 2, "  hint: a file stands in quotes: FROM 'results.csv'\n"),
        ("SELECT * FROM 'packed.csv.gz'", 2, "packed files are not read\n  hint: unpack it first\n"),
        ("SELECT * FROM 'note.txt'", 2, "the ending .txt says nothing of what it holds\n"),
        ("SELECT * FROM 'https://x.org/a.csv'", 2, "files of the web are not read: download it\n"),
        ("SELECT * FROM 'bad.parquet'", 2, "error: 'bad.parquet': "),
        ("SELECT * FROM 'bad.json'", 2, "error: "),
        ("SELECT * FROM 'empty.csv'", 2, "error: 'empty.csv': it holds no columns\n"),
        ("SELECT b FROM 'results.csv'", 2, "there is no column b"),
    ] {
        let ran = asked(&sandbox, &[sql]).exits(code);
        assert!(ran.stderr.contains(said), "{sql}: {}", ran.stderr);
    }
}

#[test]
fn a_copy_is_read_back_as_it_was() {
    let sandbox = Sandbox::with_samples();
    let rows = "SELECT case_id, model, score FROM results ORDER BY run_id, case_id, model, attempt";
    let expected = asked(&sandbox, &[rows]).fine().stdout;
    for file in ["x.csv", "x.tsv", "x.parquet", "x.arrow", "x.jsonl", "x.json"] {
        let ran =
            asked(&sandbox, &[&format!("COPY ({rows}) TO '{file}'"), &format!("SELECT * FROM '{file}'")])
                .fine();
        assert_eq!(ran.stdout, expected, "{file}");
        assert!(ran.stderr.starts_with(&format!("wrote {file}: 72 rows, ")), "{}", ran.stderr);
    }
    let said =
        asked(&sandbox, &["COPY results TO 'r.csv'", "COPY metric_winners TO 'm' STORED AS PARQUET"]).fine();
    assert!(
        said.stderr.contains("wrote r.csv: 72 rows, ") && said.stderr.contains(" bytes of parquet"),
        "{}",
        said.stderr
    );
    assert_eq!(
        sandbox.run(&["export", "results"]).fine().stdout,
        std::fs::read_to_string(sandbox.path("r.csv")).unwrap()
    );
    let table = asked(&sandbox, &["COPY (SELECT 1 AS a, 'x' AS b) TO 't.md'"]).fine();
    assert!(table.stderr.contains("1 row"), "{}", table.stderr);
    assert!(std::fs::read_to_string(sandbox.path("t.md")).unwrap().contains("| x"));
}

#[test]
fn a_copy_that_is_refused_or_fails_leaves_what_was_there() {
    let sandbox = Sandbox::with_samples();
    sandbox.write("old.csv", "old");
    for (sql, code) in [
        ("COPY (SELECT nope FROM runs) TO 'old.csv'", 2),
        ("COPY (SELECT 1 / (score - score) FROM results) TO 'old.csv'", 0),
        ("COPY runs TO 'nowhere/x.csv'", 66),
        ("COPY runs TO 'x.foo'", 2),
        ("COPY runs TO 'x'", 2),
        ("COPY runs TO '.runq'", 2),
        ("COPY runs TO 'x.csv' PARTITIONED BY (task)", 2),
        ("COPY runs FROM 'old.csv'", 2),
        ("COPY rums TO 'x.csv'", 2),
    ] {
        if code != 0 {
            asked(&sandbox, &[sql]).exits(code);
        }
    }
    let ran = asked(
        &sandbox,
        &["COPY (SELECT 1 / CAST(NULL AS INT) AS x, CAST(case_id AS INT) FROM results) TO 'old.csv'"],
    );
    ran.exits(2);
    assert_eq!(std::fs::read_to_string(sandbox.path("old.csv")).unwrap(), "old");
    let ran = sandbox.run(&["--read-only", "--no-init", "-c", "COPY (SELECT 1 AS a) TO 'new.csv'"]);
    ran.refuses(77, "error: COPY writes a file, and this shell only reads\n  hint: leave out --read-only");
    let left: Vec<String> = std::fs::read_dir(sandbox.path(""))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .collect();
    assert!(left.iter().all(|name| name == "old.csv" || name == ".runq"), "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_copy_that_is_stopped_leaves_no_half_file() {
    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;
    let sandbox = Sandbox::with_samples();
    sandbox.write("big.csv", "before");
    // 72^4 rows are computed for minutes.
    let sql = "COPY (SELECT a.case_id FROM results a, results b, results c, results d) TO 'big.csv'";
    let mut command = sandbox.command(&["--no-init", "-c", sql]);
    let mut child = command.stdin(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    let drafts = || {
        let names = std::fs::read_dir(sandbox.path("")).unwrap().map(|entry| entry.unwrap().file_name());
        names.filter(|name| name.to_string_lossy().starts_with(".runq-export-")).count()
    };
    while drafts() == 0 {
        assert!(child.try_wait().expect("it can be asked").is_none(), "it ended before it wrote");
        std::thread::yield_now();
    }
    kill(Pid::from_raw(i32::try_from(child.id()).unwrap()), Signal::SIGINT).expect("it is there");
    assert_eq!(child.wait().expect("it ends").code(), Some(130));
    assert_eq!(drafts(), 0);
    assert_eq!(std::fs::read_to_string(sandbox.path("big.csv")).unwrap(), "before");
}
