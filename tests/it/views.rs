//! The views as files: each says what it answers, is one SELECT, plans and has its `.slt`; and a person's own views.

use std::fs;
use std::path::{Path, PathBuf};

use datafusion::sql::parser::{DFParser, Statement};
use datafusion::sql::sqlparser::ast::Statement as Sql;
use runq::import::ImportOptions;
use runq::session::{By, Facts, Request, Session, SessionError, View, Views};

use crate::support::{fixture, in_memory};

/// Folder, name and text of every file under `sql/`.
fn files() -> Vec<(String, String, String)> {
    let mut files = Vec::new();
    for folder in ["facts", "questions"] {
        for path in listed(&format!("sql/{folder}"), "sql") {
            let text = fs::read_to_string(&path).expect("a file that was listed");
            files.push((folder.to_owned(), stem(&path), text));
        }
    }
    assert!(files.len() >= 16, "{} files", files.len());
    files
}

fn listed(folder: &str, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(Path::new(env!("CARGO_MANIFEST_DIR")).join(folder))
        .expect("a folder of this repository")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect();
    paths.sort();
    paths
}

fn stem(path: &Path) -> String {
    path.file_stem().expect("a file name").to_string_lossy().into_owned()
}

/// A session over the bundled sample with views of the person's own.
async fn sample(user_views: &[(&str, &str)]) -> Session {
    let memory = in_memory(&[&fixture("agentv/matrix")], &ImportOptions::default());
    let mut facts = Facts::in_memory(memory, "test".to_owned()).expect("tables");
    facts.user_views = user_views.iter().map(|(name, sql)| ((*name).into(), (*sql).into())).collect();
    Session::open(facts, Request::default()).await.expect("a session")
}

/// The rows of a query as JSON.
async fn asked(session: &mut Session, sql: &str) -> Result<Vec<serde_json::Value>, SessionError> {
    session.rows(sql).await?.read()
}

async fn problem(session: &mut Session, sql: &str) -> String {
    session.rows(sql).await.expect_err("a view that cannot be planned").to_string()
}

#[test]
fn a_file_says_what_it_answers() {
    for (folder, name, text) in files() {
        let view = View::new(&name, &folder, &text);
        assert!(view.question.ends_with('?'), "{name}: the question is {:?}", view.question);
        assert_eq!(view.question.matches('?').count(), 1, "{name}: one question");
        assert!(view.grain.starts_with("one row"), "{name}: the grain is {:?}", view.grain);
        assert!(view.notes.ends_with('.'), "{name}: ties and nulls are {:?}", view.notes);
        for line in text.lines() {
            assert!(!line.contains('\t') && line == line.trim_end(), "{name}: white space in {line:?}");
            assert!(line.len() <= 120, "{name}: a long line {line:?}");
        }
    }
}

#[test]
fn a_file_is_one_select() {
    for (_, name, text) in files() {
        let statements = DFParser::parse_sql(&text).expect(&name);
        assert_eq!(statements.len(), 1, "{name}");
        let Statement::Statement(statement) = &statements[0] else { panic!("{name}: no SQL statement") };
        assert!(matches!(statement.as_ref(), Sql::Query(_)), "{name}: {statement}");
        // Session variables are not folded to constants, so that filters would not reach the scan.
        // The names of steps' metrics, such as `accuracy @ retrieve`, are texts.
        let without_names = statement.to_string().replace("' @ '", "''");
        assert!(!without_names.contains('@'), "{name}");
    }
}

#[test]
fn every_view_has_its_questions_and_the_other_way_round() {
    let views: Vec<String> = files().into_iter().map(|(_, name, _)| name).collect();
    let mut asked: Vec<String> = listed("tests/slt", "slt").iter().map(|path| stem(path)).collect();
    let mut missing = views.clone();
    missing.retain(|name| !asked.contains(name));
    asked.retain(|name| !views.contains(name));
    assert!(missing.is_empty(), "without a file in tests/slt: {missing:?}");
    assert!(asked.is_empty(), "files in tests/slt without a view: {asked:?}");
    let embedded = Views::new(&[]);
    for name in &views {
        assert!(embedded.get(name).is_some(), "{name} is not embedded");
    }
    assert_eq!(embedded.iter().count(), views.len());
}

/// AgentV measures nothing by run and keeps no confidence; the sample has no traces. tests/slt asks these views over
/// runs that do.
const WITHOUT_ROWS_IN_THE_SAMPLE: [&str; 4] =
    ["incomplete_cases", "missing_keys", "run_aggregates", "run_measurements"];

#[tokio::test(flavor = "multi_thread")]
async fn every_view_plans_and_answers_on_the_sample() {
    let mut session = sample(&[]).await;
    for (_, name, _) in files() {
        session.materialize(&name).await.expect(&name);
        let rows = asked(&mut session, &format!("SELECT count(*) AS n FROM {name}")).await.expect(&name);
        let empty = WITHOUT_ROWS_IN_THE_SAMPLE.contains(&name.as_str()) || name.starts_with("step_");
        assert_eq!(rows[0]["n"].as_i64() == Some(0), empty, "rows of {name}: {}", rows[0]["n"]);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_view_is_named_and_breaks_nothing_else() {
    let broken = [
        ("no_sql", "SELEC 1"),
        ("no_column", "SELECT scoer FROM results"),
        ("no_table", "SELECT * FROM reslts"),
        ("no_function", "SELECT median_of(score) FROM results"),
        ("on_a_broken_one", "SELECT * FROM no_column"),
        ("endless", "SELECT * FROM endless"),
    ];
    let mut session = sample(&broken).await;
    for (name, _) in broken {
        let cause = if name == "on_a_broken_one" { "no_column" } else { name };
        let message = problem(&mut session, &format!("SELECT * FROM {name}")).await;
        assert!(message.starts_with(&format!("view {cause}: ")), "{name}: {message}");
    }
    let message = problem(&mut session, "SELECT * FROM no_column").await;
    assert!(message.contains("scoer"), "{message}");
    let rows = asked(&mut session, "SELECT count(*) AS n FROM change_counts").await.expect("a view of ours");
    assert!(rows[0]["n"].as_i64() > Some(0));
    assert_eq!(session.views().iter().count(), files().len() + broken.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_view_in_the_place_of_ours_is_named_by_what_reads_it() {
    let mut session = sample(&[("case_values", "SELECT arm FROM measurments")]).await;
    let message = problem(&mut session, "SELECT * FROM metric_summary").await;
    assert!(message.starts_with("view case_values: ") && message.contains("measurments"), "{message}");
    let rows =
        asked(&mut session, "SELECT count(*) AS n FROM run_overview").await.expect("reads no case values");
    assert_eq!(rows[0]["n"], 1);
    // What is missing in it is told by the view that wants it.
    let mut session = sample(&[("case_values", "SELECT arm, task, case_id, metric FROM measurements")]).await;
    let message = problem(&mut session, "SELECT * FROM metric_summary").await;
    assert!(message.starts_with("view metric_coverage: ") && message.contains("value"), "{message}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_persons_view_wins_over_ours_also_for_what_reads_it() {
    let lenient = "-- Did each attempt pass, for me?\n-- Grain: one row per attempt.\n\
                   SELECT results.*, TRUE AS passed FROM results";
    let mut session = sample(&[("graded_results", lenient)]).await;
    let view = session.views().get("graded_results").expect("the view").clone();
    assert_eq!((view.kind.as_str(), view.question.as_str()), ("yours", "Did each attempt pass, for me?"));
    let rows = asked(&mut session, "SELECT DISTINCT pass_rate_latest AS rate FROM arms").await.expect("arms");
    assert_eq!(rows, [serde_json::json!({"rate": 1.0})]);
}

/// Options are bound to plans: neither an arm's name nor a text that looks like a parameter can change the SQL.
#[tokio::test(flavor = "multi_thread")]
async fn no_text_is_replaced_in_a_view() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("quoted.jsonl");
    let odd = "it's $threshold' OR '1'='1";
    let rows: String = [odd, "b"]
        .iter()
        .map(|model| format!("{}\n", serde_json::json!({"id": "c", "model": model, "score": 0.5})))
        .collect();
    fs::write(&path, rows).expect("a file");
    let memory = in_memory(&[&path], &ImportOptions::default());
    let mut facts = Facts::in_memory(memory, "test".to_owned()).expect("tables");
    facts.user_views = vec![
        ("text".to_owned(), "SELECT '$baseline' AS text".to_owned()),
        ("bound".to_owned(), "SELECT $baseline AS baseline, $threshold AS threshold".to_owned()),
        ("unbound".to_owned(), "SELECT $nonsense AS nonsense".to_owned()),
    ];
    let request = Request {
        by: By::Dimension("model".to_owned()),
        baseline: Some(odd.to_owned()),
        ..Request::default()
    };
    let mut session = Session::open(facts, request).await.expect("a session");
    let changes =
        asked(&mut session, "SELECT DISTINCT baseline, candidate FROM score_changes").await.expect("changes");
    assert_eq!(changes, [serde_json::json!({"baseline": odd, "candidate": "b"})]);
    let text = asked(&mut session, "SELECT * FROM text").await.expect("a text");
    assert_eq!(text, [serde_json::json!({"text": "$baseline"})]);
    let bound = asked(&mut session, "SELECT * FROM bound").await.expect("parameters");
    assert_eq!(bound, [serde_json::json!({"baseline": odd, "threshold": 0.0})]);
    let message = problem(&mut session, "SELECT * FROM unbound").await;
    assert!(message.starts_with("view unbound: ") && message.contains("nonsense"), "{message}");
}
