//! `diff`: exact hunks against the stored outputs, what a person sees of them, and what is refused.

use std::sync::LazyLock;

use runq::questions::diff::{Asked, differences};
use runq::render::{Renderer, Screen, renderer};
use runq::session::{By, Request, Session};
use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::{fixture, session};

const OLD: &[(&str, f64, Option<&str>)] = &[
    ("refund-policy", 1.0, Some("Refunds take 14 days.\r\nBye\r\n")),
    ("ticket", 0.5, Some("{\"id\": 7, \"priority\": \"high\", \"tags\": [\"a\"]}")),
    ("code", 0.5, Some("```python\ndef f(x):\n    return x + 1\n```\n")),
    ("family", 1.0, Some("hi 👩‍👩‍👧 there")),
    ("rtl", 1.0, Some("שלום עולם")),
    ("same", 1.0, Some("equal")),
    ("silent", 1.0, None),
    ("old-only", 1.0, Some("x")),
];

const NEW: &[(&str, f64, Option<&str>)] = &[
    ("refund-policy", 0.0, Some("Refunds take 30 days.\nBye")),
    ("ticket", 0.75, Some("{\"priority\":\"low\",\"id\":7,\"tags\":[\"b\",\"a\"],\"new\":null}")),
    ("code", 1.0, Some("```python\ndef f(x, k=1):\n    return x + k\n```\n")),
    ("family", 1.0, Some("hi 👩‍👩‍👦 there")),
    ("rtl", 1.0, Some("שלום חבר")),
    ("same", 0.5, Some("equal")),
    ("silent", 1.0, Some("now")),
    ("new-only", 1.0, Some("y")),
];

fn lines(rows: &[(&str, f64, Option<&str>)], model: &str) -> String {
    rows.iter()
        .map(|(id, score, output)| {
            json!({"id": id, "score": score, "model": model, "output": output}).to_string() + "\n"
        })
        .collect()
}

/// Two files, and one that holds both as two models.
static TEXTS: LazyLock<Sandbox> = LazyLock::new(|| {
    let sandbox = Sandbox::new();
    sandbox.write("old.jsonl", lines(OLD, "gpt-x"));
    sandbox.write("new.jsonl", lines(NEW, "claude-y"));
    sandbox.write("both.jsonl", lines(OLD, "gpt-x") + &lines(NEW, "claude-y"));
    sandbox
});

fn diffed(arguments: &[&str]) -> Value {
    TEXTS.run(&[&["diff", "--json"], arguments].concat()).fine().json()
}

fn ids(document: &Value) -> Vec<&str> {
    document["cases"].as_array().unwrap().iter().map(|case| case["case_id"].as_str().unwrap()).collect()
}

fn case<'a>(document: &'a Value, id: &str) -> &'a Value {
    document["cases"].as_array().unwrap().iter().find(|case| case["case_id"] == id).unwrap()
}

/// Applies hunks to the baseline's text as a patch does.
fn applied(baseline: &str, hunks: &Value) -> String {
    let (mut at, mut result) = (0, String::new());
    for hunk in hunks.as_array().unwrap() {
        let (old, new) = (hunk["baseline"].as_str().unwrap(), hunk["candidate"].as_str().unwrap());
        assert_eq!(&baseline[at..at + old.len()], old);
        at += old.len();
        match hunk["op"].as_str().unwrap() {
            "equal" => assert_eq!(old, new),
            "delete" => assert!(new.is_empty() && !old.is_empty()),
            "insert" => assert!(old.is_empty() && !new.is_empty()),
            "replace" => assert!(old != new && !old.is_empty()),
            other => panic!("{other}"),
        }
        result += new;
    }
    assert_eq!(at, baseline.len());
    result
}

#[test]
fn hunks_turn_the_baseline_into_the_candidate() {
    let text = |rows: &[(&str, f64, Option<&'static str>)], id: &Value| {
        rows.iter().find(|(case, _, _)| id == case).and_then(|(_, _, output)| *output).unwrap()
    };
    for level in ["auto", "words", "lines", "keys"] {
        let document = diffed(&["old.jsonl", "new.jsonl", "--level", level]);
        assert_eq!(document["level"], level);
        for case in document["cases"].as_array().unwrap() {
            let (old, new) = (text(OLD, &case["case_id"]), text(NEW, &case["case_id"]));
            assert_eq!(applied(old, &case["hunks"]), new, "{level} {}", case["case_id"]);
        }
    }
}

#[test]
fn changed_cases_come_by_how_much_their_score_changed() {
    let document = diffed(&["old.jsonl", "new.jsonl"]);
    // -1; +0.5; +0.25; then those whose score stayed, by name.
    assert_eq!(ids(&document), ["refund-policy", "code", "ticket", "family", "rtl"]);
    assert_eq!(
        document["counts"],
        json!({"changed": 5, "unchanged": 1, "not_kept": 1, "baseline_only": 1, "candidate_only": 1})
    );
    let levels: Vec<&Value> =
        document["cases"].as_array().unwrap().iter().map(|case| &case["level"]).collect();
    assert_eq!(levels, ["words", "lines", "keys", "words", "words"]);
    let refund = case(&document, "refund-policy");
    assert_eq!((&refund["outcome"], &refund["delta"]), (&json!("regressed"), &json!(-1.0)));
    assert_eq!((&refund["baseline_value"], &refund["candidate_value"]), (&json!(1.0), &json!(0.0)));
    assert_eq!(refund["hunks"][1], json!({"op": "replace", "baseline": "14", "candidate": "30"}));
    assert_eq!(
        case(&document, "ticket")["keys"],
        json!([
            {"path": "$.priority", "op": "changed", "baseline": "high", "candidate": "low",
             "hunks": [{"op": "replace", "baseline": "high", "candidate": "low"}]},
            {"path": "$.tags[0]", "op": "added", "candidate": "b"},
            {"path": "$.new", "op": "added", "candidate": null},
        ])
    );
}

async fn opened(by: &str, baseline: Option<&str>) -> Session {
    let request = Request {
        by: By::Dimension(by.to_owned()),
        baseline: baseline.map(str::to_owned),
        ..Request::default()
    };
    let paths = if by == "run" { vec!["old.jsonl", "new.jsonl"] } else { vec!["both.jsonl"] };
    let paths: Vec<_> = paths.into_iter().map(|path| TEXTS.path(path)).collect();
    session(&paths.iter().map(|path| path.as_path()).collect::<Vec<_>>(), request).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_what_its_view_says() {
    let mut session = opened("model", Some("gpt-x")).await;
    let rows: Vec<Value> = session
        .rows(
            "SELECT case_id, task, outcome, baseline_status, candidate_status, baseline_value, candidate_value, delta, \
             baseline_output, candidate_output FROM output_changes WHERE candidate = 'claude-y' AND changed \
             ORDER BY abs(delta) DESC, case_id",
        )
        .await
        .unwrap()
        .read()
        .unwrap();
    let document = diffed(&["--by", "model", "gpt-x", "claude-y", "both.jsonl"]);
    assert_eq!((&document["by"], &document["baseline"]), (&json!("model"), &json!("gpt-x")));
    let cases = document["cases"].as_array().unwrap();
    assert_eq!(cases.len(), rows.len());
    for (case, row) in cases.iter().zip(&rows) {
        for field in [
            "case_id",
            "task",
            "outcome",
            "baseline_status",
            "candidate_status",
            "baseline_value",
            "candidate_value",
            "delta",
        ] {
            assert_eq!(case[field], row[field], "{field}");
        }
        let side = |name: &str| -> String {
            case["hunks"].as_array().unwrap().iter().map(|hunk| hunk[name].as_str().unwrap()).collect()
        };
        assert_eq!(
            (side("baseline"), side("candidate")),
            (text(row, "baseline_output"), text(row, "candidate_output"))
        );
    }
    // The other way round.
    let document = diffed(&["--by", "model", "claude-y", "gpt-x", "both.jsonl"]);
    assert_eq!(case(&document, "refund-policy")["delta"], 1.0);
}

fn text(row: &Value, field: &str) -> String {
    row[field].as_str().unwrap().to_owned()
}

async fn rendered(format: &str, width: Option<usize>, color: bool) -> String {
    let mut session = opened("run", None).await;
    let answer = differences(&mut session, "new", &Asked::default()).await.unwrap().answer;
    let format: &dyn Renderer = renderer(format).unwrap();
    let mut out = Vec::new();
    format.render(&answer, &Screen { width, color }, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn people_see_what_changed_at_every_width() {
    insta::assert_snapshot!(rendered("table", Some(80), false).await, @r#"
    run old → new · the output of 5 of 7 cases changed                          test

    refund-policy  pass 1.000 → fail 0.000 regressed ▼
      Refunds take [-14-]{+30+} days.[-␍⏎-]{+⏎+}
      Bye[-␍⏎-]

    code  fail 0.500 → pass 1.000 improved ▲
        ```python
      - def f(x):
      -     return x + 1
      + def f(x, k=1):
      +     return x + k
        ```

    ticket  fail 0.500 → fail 0.750 improved ▲
      $.priority: [-high-]{+low+}
      {+$.tags[0]: "b"+}
      {+$.new: null+}

    family  pass 1.000 → pass 1.000
      hi [-👩‍👩‍👧-]{+👩‍👩‍👦+} there

    rtl  pass 1.000 → pass 1.000
      שלום [-עולם-]{+חבר+}

    1 unchanged · 1 without a stored output on both sides · 1 only in old · 1 only
    in new
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wide_screen_has_the_sides_beside_each_other() {
    insta::assert_snapshot!(rendered("table", Some(200), false).await, @r#"
    run old → new · the output of 5 of 7 cases changed                                                                                                                                                  test

    refund-policy  pass 1.000 → fail 0.000 regressed ▼
      old                                                                                               │ new
      Refunds take [-14-] days.[-␍⏎-]                                                                   │ Refunds take {+30+} days.{+⏎+}
      Bye[-␍⏎-]                                                                                         │ Bye

    code  fail 0.500 → pass 1.000 improved ▲
      old                                                                                               │ new
        ```python                                                                                       │   ```python
      - def f(x):                                                                                       │ + def f(x, k=1):
      -     return x + 1                                                                                │ +     return x + k
        ```                                                                                             │   ```

    ticket  fail 0.500 → fail 0.750 improved ▲
      old                                                                                               │ new
      $.priority: [-high-]                                                                              │ $.priority: {+low+}
                                                                                                        │ {+$.tags[0]: "b"+}
                                                                                                        │ {+$.new: null+}

    family  pass 1.000 → pass 1.000
      old                                                                                               │ new
      hi [-👩‍👩‍👧-] there                                                                                   │ hi {+👩‍👩‍👦+} there

    rtl  pass 1.000 → pass 1.000
      old                                                                                               │ new
      שלום [-עולם-]                                                                                     │ שלום {+חבר+}

    1 unchanged · 1 without a stored output on both sides · 1 only in old · 1 only in new
    "#);
}

#[tokio::test(flavor = "multi_thread")]
async fn colours_add_nothing_but_colours() {
    for width in [Some(80), Some(200), None] {
        let colored = rendered("table", width, true).await;
        assert!(colored.contains("\u{1b}[31m[-14-]\u{1b}[0m"), "{colored}");
        let mut plain = colored;
        for code in ["\u{1b}[0m", "\u{1b}[1m", "\u{1b}[2m", "\u{1b}[31m", "\u{1b}[32m"] {
            plain = plain.replace(code, "");
        }
        let trimmed = |text: &str| text.lines().map(str::trim_end).collect::<Vec<_>>().join("\n");
        assert_eq!(trimmed(&plain), trimmed(&rendered("table", width, false).await));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn markdown_shows_it_in_a_pull_request() {
    insta::assert_snapshot!(rendered("markdown", None, false).await, @r#"
    **run old → new · the output of 5 of 7 cases changed** (test)

    **refund-policy** pass 1.000 → fail 0.000 regressed ▼

    Refunds take <del>14</del><ins>30</ins> days.<del>␍⏎</del><ins>⏎</ins><br>
    Bye<del>␍⏎</del>

    **code** fail 0.500 → pass 1.000 improved ▲

    ````diff
      ```python
    - def f(x):
    -     return x + 1
    + def f(x, k=1):
    +     return x + k
      ```
    ````

    **ticket** fail 0.500 → fail 0.750 improved ▲

    \$.priority: <del>high</del><ins>low</ins><br>
    <ins>\$.tags\[0\]: "b"</ins><br>
    <ins>\$.new: null</ins>

    **family** pass 1.000 → pass 1.000

    hi <del>👩‍👩‍👧</del><ins>👩‍👩‍👦</ins> there

    **rtl** pass 1.000 → pass 1.000

    שלום <del>עולם</del><ins>חבר</ins>

    1 unchanged · 1 without a stored output on both sides · 1 only in old · 1 only in new
    "#);
}

#[test]
fn machines_get_one_row_per_hunk_and_the_changed_ids() {
    let asked = |format: &str| TEXTS.run(&["diff", "old.jsonl", "new.jsonl", "--format", format]).fine();
    let rows = asked("jsonl").documents();
    let document = diffed(&["old.jsonl", "new.jsonl"]);
    let hunks: usize = document["cases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|case| case["hunks"].as_array().unwrap().len())
        .sum();
    assert_eq!(rows.len(), hunks);
    assert_eq!(
        rows[1],
        json!({"baseline": "old", "candidate": "new", "task": "unknown", "case_id": "refund-policy",
               "outcome": "regressed", "level": "words", "hunk": 2, "op": "replace", "baseline_text": "14",
               "candidate_text": "30"})
    );
    assert_eq!(asked("ids").lines(), ids(&document));
    let page = asked("html").stdout;
    assert!(
        page.contains("<del>14</del>") && page.contains("<ins>30</ins>") && !page.contains("<script"),
        "{page}"
    );
}

#[test]
fn cases_are_chosen_and_limited() {
    let asked =
        |flags: &[&str]| TEXTS.run(&[&["diff", "old.jsonl", "new.jsonl"], flags].concat()).fine().stdout;
    assert_eq!(ids(&diffed(&["old.jsonl", "new.jsonl", "--case", "r*"])), ["refund-policy", "rtl"]);
    assert_eq!(ids(&diffed(&["old.jsonl", "new.jsonl", "--cases", "2"])), ["refund-policy", "code"]);
    let few = asked(&["--cases", "2"]);
    assert!(few.contains("\n  3 more: --cases all\n") && !few.contains("\nrtl"), "{few}");
    assert!(asked(&["--all"]).contains("\nrtl"));
    let none = TEXTS.run(&["diff", "old.jsonl", "new.jsonl", "--case", "refnd-policy"]).exits(66);
    let said = "error: there is no case refnd-policy\n  hint: did you mean refund-policy?\n";
    assert!(none.stderr.ends_with(said), "{}", none.stderr);
}

#[test]
fn what_floods_a_screen_is_cut_and_said() {
    let sandbox = Sandbox::new();
    let row = |text: &str| json!({"id": "a", "score": 1, "output": text}).to_string() + "\n";
    sandbox.write("one.jsonl", row(&"lorem ipsum ".repeat(5_000)));
    sandbox.write("two.jsonl", row(&"dolor sit ".repeat(5_000)));
    let shown = sandbox.run(&["diff", "one.jsonl", "two.jsonl"]).fine().stdout;
    assert!(shown.len() < 5_000, "{} bytes", shown.len());
    assert!(shown.contains("--all shows everything"), "{shown}");
    let all = sandbox.run(&["diff", "one.jsonl", "two.jsonl", "--all"]).fine().stdout;
    assert!(all.len() > 100_000, "{} bytes", all.len());
}

#[test]
fn compare_shows_the_same_below() {
    let compared = TEXTS.run(&["compare", "old.jsonl", "new.jsonl", "--diff"]).fine().stdout;
    let diffed_text = TEXTS.run(&["diff", "old.jsonl", "new.jsonl"]).fine().stdout;
    assert!(compared.ends_with(&diffed_text), "{compared}");
    let document = TEXTS.run(&["compare", "old.jsonl", "new.jsonl", "--diff", "--json"]).fine().json();
    assert_eq!(document["diffs"], json!([diffed(&["old.jsonl", "new.jsonl"])]));
    let without = TEXTS.run(&["compare", "old.jsonl", "new.jsonl", "--json"]).fine().json();
    assert!(without.get("diffs").is_none());
}

#[test]
fn what_cannot_be_compared_is_refused() {
    TEXTS.run(&["diff", "--by", "model", "gpt-x", "claud-y", "both.jsonl"]).exits(66);
    TEXTS.run(&["diff", "old.jsonl", "nwe.jsonl"]).exits(66);
    TEXTS.run(&["diff", "--by", "model", "gpt-x", "gpt-x", "both.jsonl"]).exits(2);
    TEXTS.run(&["diff", "--by", "model", "gpt-x"]).exits(2);
    TEXTS.run(&["diff", "old.jsonl"]).exits(2);
    TEXTS.run(&["diff", "old.jsonl", "new.jsonl", "both.jsonl"]).exits(2);
    TEXTS.run(&["diff", "old.jsonl", "new.jsonl", "--level", "word"]).exits(2);
    TEXTS.run(&["diff", "old.jsonl", "new.jsonl", "--metric", "scoer"]).exits(66);
    let sandbox = Sandbox::new();
    sandbox.write("one.csv", "id,score,output\nq1,1,a\n");
    sandbox.write("two.csv", "id,score,output\nr1,1,b\n");
    let document = sandbox.run(&["diff", "one.csv", "two.csv", "--json"]).exits(4).json();
    assert_eq!(document["counts"]["baseline_only"], 1);
}

#[test]
fn runs_of_a_store_and_paths_stand_for_each_other() {
    let samples = Sandbox::with_samples();
    let (old, new) = (fixture("agentv/baseline"), fixture("agentv/candidate"));
    let stored = samples.run(&["diff", "baseline", "candidate", "--json"]).fine().json();
    let (old, new) = (old.display().to_string(), new.display().to_string());
    assert_eq!(samples.run(&["diff", &old, &new, "--json"]).fine().json(), stored);
    assert_eq!(
        samples.run(&["diff", "--by", "run", "baseline", "candidate", "--json"]).fine().json(),
        stored
    );
    // The candidate's answers were not kept; its one error is told.
    assert_eq!(stored["counts"]["not_kept"], 11);
    assert_eq!(ids(&stored), ["slow-lookup"]);
    let shown = samples.run(&["diff", "baseline", "candidate"]).fine().stdout;
    assert!(shown.contains("  candidate gave no output: upstream 503 (exit code 7)\n"), "{shown}");
    assert!(shown.contains("\n11 without a stored output on both sides\n"), "{shown}");
}

#[test]
fn two_models_without_by_are_told_how_to_be_named() {
    let sandbox = Sandbox::with_samples();
    let said = "error: gpt-x and claude-y are no runs of the store and no paths\n  hint: did you mean --by model gpt-x \
                claude-y?";
    sandbox.run(&["diff", "gpt-x", "claude-y"]).refuses(66, said);
    // One of them is none: the first word is what is wrong.
    let other = sandbox.run(&["diff", "gpt-x", "clade-z"]).exits(66);
    assert!(!other.stderr.contains("--by"), "{}", other.stderr);
}

/// The command that a comparison ends its cases with, if any.
fn next_command(compared: &str) -> Option<String> {
    let line = compared.lines().find_map(|line| line.split_once("what exactly changed: "))?;
    Some(line.1.to_owned())
}

#[test]
fn compare_names_the_command_that_shows_what_changed() {
    let next = |words: &str| {
        let compared = TEXTS.shell(&format!("runq compare {words}"));
        assert_eq!(compared.code, 0, "{}", compared.stderr);
        next_command(&compared.stdout)
    };
    let by_run = next("old.jsonl new.jsonl").unwrap();
    assert_eq!(by_run, "runq diff old.jsonl new.jsonl --case refund-policy");
    let by_model = next("--by model both.jsonl").unwrap();
    assert!(by_model.starts_with("runq diff --by model "), "{by_model}");
    assert!(by_model.ends_with(" both.jsonl --case refund-policy"), "{by_model}");
    for command in [by_run, by_model] {
        let shown = TEXTS.shell(&command);
        assert_eq!(shown.code, 0, "{command}: {}", shown.stderr);
        assert!(
            shown.stdout.contains("[-14-]{+30+}") || shown.stdout.contains("[-30-]{+14+}"),
            "{}",
            shown.stdout
        );
    }
    // Shown anyway, or not for a person's eyes.
    assert_eq!(next("old.jsonl new.jsonl --diff"), None);
    assert_eq!(next("old.jsonl new.jsonl --json"), None);
    assert_eq!(next("old.jsonl new.jsonl --format markdown"), None);
    let limited = TEXTS.run(&["compare", "old.jsonl", "new.jsonl", "--cases", "1"]).fine().stdout;
    assert!(limited.contains(" more: --cases all · what exactly changed: runq diff "), "{limited}");
}

#[test]
fn compare_names_no_command_where_a_side_keeps_no_outputs() {
    let samples = Sandbox::with_samples();
    assert_eq!(next_command(&samples.run(&["compare", "baseline", "candidate"]).fine().stdout), None);
    let sandbox = Sandbox::new();
    let row =
        |score: i32, output: &str| json!({"id": "it's", "score": score, "output": output}).to_string() + "\n";
    sandbox.write("one two.jsonl", row(1, "a"));
    sandbox.write("three.jsonl", row(0, "b"));
    let compared = sandbox.run(&["compare", "one two.jsonl", "three.jsonl"]).fine().stdout;
    let command = next_command(&compared).unwrap_or_else(|| panic!("{compared}"));
    assert_eq!(command, r"runq diff 'one two.jsonl' three.jsonl --case 'it'\''s'");
    assert_eq!(sandbox.shell(&command).code, 0);
    // From a store, with the flags that said what is meant.
    sandbox.run(&["ingest", "one two.jsonl", "three.jsonl"]).fine();
    let compared = sandbox.run(&["compare", "--last", "2", "--kind", "eval"]).fine().stdout;
    let command = next_command(&compared).unwrap_or_else(|| panic!("{compared}"));
    assert_eq!(sandbox.shell(&command).code, 0, "{command}");
}
