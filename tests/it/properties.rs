//! What must hold for any runs: properties of comparisons over generated data, and answers that stay the same when
//! only the way to them differs.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};

use runq::import::ImportOptions;
use runq::questions::compare::{Compare, compare};
use runq::session::{By, Facts, Request, Session};
use runq::store::Store;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::synthetic::{Plan, write_agentv, write_jsonl};
use crate::support::tables::{
    facts, ingested_with, mapped, opened, rows, stored_facts, table_options, write_rows,
};

const SUMMARY: &str = "SELECT * FROM metric_summary ORDER BY task, metric, arm";
const WINNERS: &str = "SELECT * FROM metric_winners ORDER BY task, metric, arm";
const CHANGES: &str = "SELECT * FROM change_counts ORDER BY task, metric, candidate";
const CASES: &str = "SELECT arm, task, case_id, metric FROM case_values";

/// Runs with everything that runs can have: several tasks, unequal cases, epochs, retries, copies, missing values.
fn rough(seed: u64) -> Plan {
    Plan {
        seed,
        tasks: 1 + seed as usize % 2,
        runs: 2,
        cases: 12 + seed as usize % 5,
        models: 2,
        epochs: 1 + seed as usize % 3,
        metrics: 3,
        error_rate: 0.15,
        retry_rate: 0.2,
        copy_rate: 0.1,
        null_rate: 0.05,
        nan_rate: 0.05,
        text_bytes: 20,
        unequal_cases: !seed.is_multiple_of(3),
    }
}

fn by(dimension: &str, baseline: &str) -> Request {
    let by = By::Dimension(dimension.to_owned());
    Request { by, baseline: Some(baseline.to_owned()), ..Request::default() }
}

/// A plan as the lines of a table.
fn lines_of(plan: &Plan) -> String {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    write_jsonl(plan, &path).expect("a table");
    fs::read_to_string(path).expect("a table")
}

/// Lines as a file, and what it holds.
fn read(lines: &str, options: &ImportOptions) -> (TempDir, PathBuf, Facts) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    fs::write(&path, lines).expect("a table");
    let facts = facts(&[&path], options);
    (folder, path, facts)
}

async fn document(facts: Facts, request: Request) -> Value {
    let mut session = Session::open(facts, request).await.expect("a session");
    let compared = compare(&mut session, &Compare::default()).await.expect("a comparison");
    compared.answer.document.expect("compare has a document")
}

fn text<'a>(row: &'a Value, name: &str) -> &'a str {
    row[name].as_str().unwrap_or_default()
}

fn whole(row: &Value, name: &str) -> i64 {
    row[name].as_i64().unwrap_or_else(|| panic!("{name} is no whole number in {row}"))
}

// ------------------------------------------------------------------------------------------- counts and winners

/// What `change_counts` must say when baseline and candidate change places.
fn swapped(row: &Value) -> Value {
    const PAIRS: [(&str, &str); 4] = [
        ("baseline", "candidate"),
        ("improved", "regressed"),
        ("baseline_only", "candidate_only"),
        ("mean_baseline", "mean_candidate"),
    ];
    let row = row.as_object().expect("a row");
    let negated = |name: &str| row.get(name).and_then(Value::as_f64).map(|value| json!(0.0 - value));
    let mut swapped: Map<String, Value> = row.clone();
    for (left, right) in PAIRS {
        for (to, from) in [(left, right), (right, left)] {
            swapped.remove(to);
            swapped.extend(row.get(from).map(|value| (to.to_owned(), value.clone())));
        }
    }
    for (to, from) in [("mean_delta", "mean_delta"), ("ci_low", "ci_high"), ("ci_high", "ci_low")] {
        swapped.extend(negated(from).map(|value| (to.to_owned(), value)));
    }
    if let Some(verdict) = row.get("verdict").and_then(Value::as_str) {
        let turned = match verdict {
            "improved" => "regressed",
            "regressed" => "improved",
            other => other,
        };
        swapped.insert("verdict".to_owned(), json!(turned));
    }
    // The share of what was left to gain has another denominator.
    swapped.remove("normalized_gain");
    Value::Object(swapped)
}

/// Exactly one of six for every case that carries the metric in at least one of the two arms.
fn assert_outcomes_add_up(changes: &[Value], cases: &[Value]) {
    assert!(!changes.is_empty());
    for row in changes {
        let sides = [text(row, "baseline"), text(row, "candidate")];
        let union: BTreeSet<(&str, &str)> = cases
            .iter()
            .filter(|case| sides.contains(&text(case, "arm")) && case["metric"] == row["metric"])
            .filter(|case| row["task"].is_null() || case["task"] == row["task"])
            .map(|case| (text(case, "task"), text(case, "case_id")))
            .collect();
        let six = ["improved", "regressed", "unchanged", "baseline_only", "candidate_only", "unscored"];
        let sum: i64 = six.iter().map(|outcome| whole(row, outcome)).sum();
        assert_eq!(sum, union.len() as i64, "{row}");
        assert!(whole(row, "improved") + whole(row, "regressed") <= whole(row, "common"), "{row}");
    }
}

/// One winner at most, strictly best; whoever shares the best value is tied and nobody wins.
fn assert_winners_are_best(winners: &[Value]) {
    let mut lines: BTreeMap<(&str, &str), Vec<&Value>> = BTreeMap::new();
    for row in winners {
        lines.entry((text(row, "task"), text(row, "metric"))).or_default().push(row);
    }
    for (line, arms) in lines {
        let lower = text(arms[0], "direction") == "lower";
        let goodness = |row: &Value| row["value"].as_f64().map(|value| if lower { -value } else { value });
        let best = arms.iter().filter_map(|row| goodness(row)).max_by(f64::total_cmp);
        let sharing = arms.iter().filter(|row| best.is_some() && goodness(row) == best).count();
        let valued = arms.iter().filter(|row| goodness(row).is_some()).count();
        for row in arms {
            let is_best = best.is_some() && goodness(row) == best;
            assert_eq!(row["winner"], is_best && sharing == 1 && valued > 1, "{line:?} {row}");
            assert_eq!(row["tied"], is_best && sharing > 1, "{line:?} {row}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_arms_swap_the_answer_and_outcomes_add_up() {
    for (seed, dimension, [first, second]) in [
        (1, "run", ["run-0000", "run-0001"]),
        (2, "model", ["model-0", "model-1"]),
        (3, "run", ["run-0000", "run-0001"]),
    ] {
        let plan = rough(seed);
        let (_folder, _path, facts) = read(&lines_of(&plan), &table_options(&plan));
        let mut session = opened(facts.clone(), by(dimension, first)).await;
        let mut changes = rows(&mut session, CHANGES).await;
        assert_outcomes_add_up(&changes, &rows(&mut session, CASES).await);
        assert_winners_are_best(&rows(&mut session, WINNERS).await);
        let back = rows(&mut opened(facts, by(dimension, second)).await, CHANGES).await;
        let moved: i64 = changes.iter().map(|row| whole(row, "improved") + whole(row, "regressed")).sum();
        assert!(moved > 0, "nothing moved at seed {seed}");
        let back: Vec<Value> = back.iter().map(swapped).collect();
        for row in &mut changes {
            row.as_object_mut().expect("a row").remove("normalized_gain");
        }
        assert_eq!(changes, back, "seed {seed} by {dimension}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn equal_arms_are_tied() {
    let plan = Plan { runs: 1, models: 1, ..rough(5) };
    let first = lines_of(&plan);
    let second = first.replace("run-0000", "run-0001").replace("\"2026-01-05T", "\"2026-01-06T");
    let (_folder, _path, facts) = read(&(first + &second), &table_options(&plan));
    let mut session = opened(facts, by("run", "run-0000")).await;
    let winners = rows(&mut session, WINNERS).await;
    assert!(winners.len() > 8);
    for row in &winners {
        assert_eq!((&row["winner"], &row["winner_common"]), (&json!(false), &json!(false)), "{row}");
        assert_eq!(row["tied"], !row["value"].is_null(), "{row}");
    }
    for row in rows(&mut session, CHANGES).await {
        assert_eq!(whole(&row, "improved") + whole(&row, "regressed"), 0, "{row}");
        assert_eq!(whole(&row, "unchanged"), whole(&row, "common"), "{row}");
        assert!(row.get("p_value").is_none(), "{row}");
        assert!(row.get("verdict").is_none_or(|verdict| verdict == "no difference shown"), "{row}");
    }
}

/// Better in both tasks and worse over all cases, because it ran more of the hard ones (Simpson 1951).
#[tokio::test(flavor = "multi_thread")]
async fn tasks_with_different_cases_are_never_pooled() {
    let scores = |run: &str, easy: (usize, f64), hard: (usize, f64)| -> Vec<Value> {
        [("easy", easy), ("hard", hard)]
            .into_iter()
            .flat_map(|(task, (count, score))| (0..count).map(move |case| (task, case, score)))
            .map(|(task, case, score)| json!({"id": case, "task": task, "run": run, "score": score}))
            .collect()
    };
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    let options = mapped("case_id=id,task=task,run=run,score=score");
    write_rows(&path, &[scores("a", (9, 0.8), (1, 0.2)), scores("b", (1, 0.9), (9, 0.3))].concat());
    let unequal = facts(&[&path], &options);
    let mut session = opened(unequal.clone(), by("run", "a")).await;
    let winners = rows(&mut session, WINNERS).await;
    for task in ["easy", "hard"] {
        let winner = winners
            .iter()
            .find(|row| row["winner"] == true && row["metric"] == "score" && row["task"] == task);
        assert_eq!(text(winner.expect("a winner"), "arm"), "b");
    }
    for sql in [SUMMARY, WINNERS, CHANGES] {
        let rows = rows(&mut session, sql).await;
        assert!(!rows.is_empty() && rows.iter().all(|row| row["task"].is_string()), "{sql}");
    }
    let answer = document(unequal, by("run", "a")).await;
    for part in ["metrics", "changes"] {
        assert!(answer[part].as_array().expect("a list").iter().all(|row| row["task"].is_string()), "{part}");
    }
    // The same cases in both arms: then there is a line over all tasks, and it cannot turn the answer.
    write_rows(&path, &[scores("a", (9, 0.8), (3, 0.2)), scores("b", (9, 0.9), (3, 0.3))].concat());
    let mut session = opened(facts(&[&path], &options), by("run", "a")).await;
    let winners = rows(&mut session, WINNERS).await;
    let pooled =
        winners.iter().find(|row| row["task"].is_null() && row["winner"] == true && row["metric"] == "score");
    assert_eq!(text(pooled.expect("a winner over all tasks"), "arm"), "b");
}

/// Every third row had failed before, an hour earlier.
#[tokio::test(flavor = "multi_thread")]
async fn retries_change_no_number() {
    let plan = Plan { error_rate: 0.0, retry_rate: 0.0, copy_rate: 0.0, nan_rate: 0.0, ..rough(4) };
    let once = lines_of(&plan);
    let mut again = String::new();
    let mut added = 0;
    for (place, line) in once.lines().enumerate() {
        let mut row: Value = serde_json::from_str(line).expect("a row");
        if place % 3 == 0 {
            added += 1;
            row["attempt"] = json!(2);
            let failed = json!({
                "id": row["id"], "task": row["task"], "run": row["run"], "model": row["model"],
                "epoch": row["epoch"], "attempt": 1, "status": "execution_error", "error": "no route",
                "timestamp": text(&row, "timestamp").replace("T08:", "T07:"), "score": 0, "cost_usd": 0.5,
            });
            again += &format!("{failed}\n");
        }
        again += &format!("{row}\n");
    }
    let mut answers = Vec::new();
    for lines in [once, again] {
        let (_folder, _path, facts) = read(&lines, &table_options(&plan));
        let mut session = opened(facts, by("model", "model-0")).await;
        let superseded: i64 = rows(&mut session, "SELECT superseded_count FROM arms")
            .await
            .iter()
            .map(|row| whole(row, "superseded_count"))
            .sum();
        let mut answer = Vec::new();
        for sql in [SUMMARY, WINNERS, CHANGES] {
            answer.push(rows(&mut session, sql).await);
        }
        answers.push((superseded, answer));
    }
    assert_eq!((answers[0].0, answers[1].0), (0, added));
    assert_eq!(answers[0].1, answers[1].1);
}

// ------------------------------------------------------------------------------------------- other ways, same answer

/// Lines in another order, those of one key still behind each other.
fn shuffled(lines: &str) -> String {
    let mut lines: Vec<&str> = lines.lines().collect();
    // A line begins with its key.
    lines.sort_by_cached_key(|line| {
        let mut hasher = DefaultHasher::new();
        line.split_once(",\"attempt\"").expect("a key").0.hash(&mut hasher);
        hasher.finish()
    });
    lines.join("\n") + "\n"
}

/// Other names of tasks, cases, runs and models, in the opposite order; twice gives the first ones back.
fn renamed(text: &str, names: [(&str, &str); 4]) -> String {
    names.into_iter().fold(text.to_owned(), |text, (from, to)| {
        let mut parts = text.split(from);
        let mut renamed = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let digits = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
            let (number, rest) = part.split_at(digits);
            let other: String = number.bytes().map(|digit| char::from(b'0' + b'9' - digit)).collect();
            renamed += &format!("{to}{other}{rest}");
        }
        renamed
    })
}

/// The same value whatever the order of its lists and keys.
fn unordered(value: &Value) -> Value {
    match value {
        Value::Array(items) => {
            let mut items: Vec<Value> = items.iter().map(unordered).collect();
            items.sort_by_cached_key(Value::to_string);
            Value::Array(items)
        }
        Value::Object(fields) => {
            let sorted: BTreeMap<&String, Value> =
                fields.iter().map(|(key, value)| (key, unordered(value))).collect();
            json!(sorted)
        }
        other => other.clone(),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_the_order_of_lines_nor_names_matter() {
    const FORTH: [(&str, &str); 4] =
        [("task-", "field."), ("case-", "item."), ("run-", "pass."), ("model-", "engine.")];
    for (seed, dimension, baseline) in [(7, "run", "run-0000"), (8, "model", "model-0")] {
        let plan = rough(seed);
        let (lines, options) = (lines_of(&plan), table_options(&plan));
        let answer = document(read(&lines, &options).2, by(dimension, baseline)).await;
        let other = document(read(&shuffled(&lines), &options).2, by(dimension, baseline)).await;
        assert_eq!(answer, other, "another order of lines, seed {seed}");
        let other = renamed(&lines, FORTH);
        assert!(!other.contains("case-0") && other.contains("item.9"));
        let other = document(read(&other, &options).2, by(dimension, &renamed(baseline, FORTH))).await;
        let back = renamed(&other.to_string(), FORTH.map(|(from, to)| (to, from)));
        let back: Value = serde_json::from_str(&back).expect("a document");
        let [answer, back] = [answer, back].map(|document| unordered(&document));
        for (part, expected) in answer.as_object().expect("a document") {
            // A sentence lists names in their order, which is another one for other names.
            if part != "notes" {
                assert_eq!(&back[part], expected, "{part} with other names, seed {seed}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_store_answers_as_its_files_do() {
    let plan = rough(11);
    let options = table_options(&plan);
    let (folder, path, read) = read(&lines_of(&plan), &options);
    let store = Store::create(&folder.path().join("store")).await.expect("a store");
    ingested_with(&store, &[&path], &options).await;
    let stored = stored_facts(&store).await;
    for request in [by("run", "run-0001"), by("model", "model-0")] {
        let expected = document(read.clone(), request.clone()).await;
        assert_eq!(document(stored.clone(), request).await, expected);
    }
}

/// Thirds, sevenths and tenths over three epochs: no sum of them is exact, so the order of adding could show.
#[tokio::test(flavor = "multi_thread")]
async fn digits_are_the_same_every_time() {
    let mut all = Vec::new();
    for run in 0..2_u32 {
        for place in 0..6000_u32 {
            let (case, epoch) = (place / 3, place % 3 + 1);
            let mixed = place.wrapping_mul(2_654_435_761).rotate_left(run * 7 + 3);
            let score = f64::from(mixed % 21) / 21.0 + f64::from(run) / 10.0;
            let cost = f64::from(mixed >> 20) / 7e5;
            all.push(
                json!({"id": case, "run": format!("r{run}"), "epoch": epoch, "score": score, "cost": cost}),
            );
        }
    }
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    write_rows(&path, &all);
    let options = mapped("case_id=id,run=run,epoch=epoch,score=score,cost_usd=cost");
    let facts = facts(&[&path], &options);
    let mut first: Option<[Vec<Value>; 2]> = None;
    for _ in 0..5 {
        let mut session = Session::open(facts.clone(), by("run", "r0")).await.expect("a session");
        session.materialize("case_values").await.expect("values of the cases");
        let answer = [rows(&mut session, CHANGES).await, rows(&mut session, SUMMARY).await];
        assert!(answer[0].iter().any(|row| row["common"] == 2000 && row["p_value"].is_f64()));
        assert_eq!(first.get_or_insert_with(|| answer.clone()), &answer);
    }
}

// ------------------------------------------------------------------------------------------- copies and other tools

fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder");
    for entry in fs::read_dir(from).expect("a folder") {
        let path = entry.expect("an entry").path();
        let target = to.join(path.file_name().expect("a name"));
        if path.is_dir() {
            copy_folder(&path, &target);
        } else {
            fs::copy(&path, &target).expect("a copy");
        }
    }
}

/// Runs of a plan as AgentV leaves them; its rows have neither epochs nor a score that is no number.
fn agentv_plan(seed: u64) -> Plan {
    Plan { epochs: 1, null_rate: 0.0, nan_rate: 0.0, ..rough(seed) }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_copy_of_a_run_elsewhere_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let (table, tool) = (agentv_plan(21), agentv_plan(22));
    let originals = folder.path().join("results");
    write_agentv(&tool, &originals).expect("runs");
    let rows = folder.path().join("table").join("rows.jsonl");
    fs::create_dir_all(folder.path().join("table")).expect("a folder");
    write_jsonl(&table, &rows).expect("a table");
    for (place, options) in [("results", ImportOptions::default()), ("table", table_options(&table))] {
        let place = folder.path().join(place);
        let request = Request { by: By::Dimension("run".to_owned()), ..Request::default() };
        let expected = document(facts(&[&place], &options), request.clone()).await;
        let store = Store::create(&folder.path().join(format!("store-{}", options.mapping.is_empty())))
            .await
            .expect("a store");
        ingested_with(&store, &[&place], &options).await;
        copy_folder(&place, &folder.path().join("copy"));
        copy_folder(&folder.path().join("copy"), &place.join("export").join("of-monday"));
        fs::remove_dir_all(folder.path().join("copy")).expect("a folder");
        assert_eq!(
            document(facts(&[&place], &options), request.clone()).await,
            expected,
            "{}",
            place.display()
        );
        ingested_with(&store, &[&place], &options).await;
        let stored = stored_facts(&store).await;
        assert_eq!(stored.runs.len(), 2);
        assert_eq!(document(stored, request).await, expected, "{} in a store", place.display());
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn agentv_files_answer_as_a_table_of_the_same_rows() {
    let plan = Plan { error_rate: 0.4, ..agentv_plan(31) };
    let folder = tempfile::tempdir().expect("a folder");
    write_agentv(&plan, folder.path()).expect("runs");
    let (_table, _path, table) = read(&lines_of(&plan), &table_options(&plan));
    let tool = facts(&[folder.path()], &ImportOptions::default());
    for dimension in ["model", "run"] {
        let mut answers = Vec::new();
        for facts in [&table, &tool] {
            let request = Request { by: By::Dimension(dimension.to_owned()), ..Request::default() };
            let mut session = opened(facts.clone(), request).await;
            let sql = "SELECT * FROM change_counts WHERE metric = 'score' ORDER BY task";
            let mut answer = rows(&mut session, sql).await;
            // Runs are named in each tool's own way; both compare the second one with the first.
            for row in answer.iter_mut().filter(|_| dimension == "run") {
                let row = row.as_object_mut().expect("a row");
                assert!(row.remove("baseline").is_some() && row.remove("candidate").is_some());
            }
            answers.push(answer);
        }
        for column in ["improved", "regressed", "unscored"] {
            assert!(answers[0].iter().any(|row| whole(row, column) > 0), "no {column} by {dimension}");
        }
        assert_eq!(answers[0], answers[1], "by {dimension}");
    }
}
