//! Data at its ends: every question answers, no line is wider than the screen, nobody scrolls for ever, and what is not
//! shown is named.

use std::fmt::Write as _;
use std::fs;

use runq::answer::Answer;
use runq::import::ImportOptions;
use runq::questions::compare::{CaseLimit, Compare, StepChoice, compare};
use runq::questions::diff::{Asked, append, differences};
use runq::questions::distribution::distribution;
use runq::questions::metrics::metrics;
use runq::questions::runs::{Filter, runs};
use runq::questions::show::{Show, show};
use runq::questions::versions::{Versions, versions};
use runq::render::{RENDERERS, RenderError, Screen, TABLE, text};
use runq::session::{By, Facts, Request, Scope, Session};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::support::{fixture, in_memory};

const MODEL: &str = "model";

/// Lines that a person is given at most unless all was asked for, at 80 columns.
const MOST_LINES: usize = 420;

/// A file of rows in a folder of its own.
struct Rows(TempDir, &'static str);

impl Rows {
    fn of(rows: impl IntoIterator<Item = Value>) -> Self {
        Self::of_lines(rows.into_iter().map(|row| row.to_string()))
    }

    fn of_lines(lines: impl IntoIterator<Item = String>) -> Self {
        Self::named("rows.jsonl", lines)
    }

    fn named(name: &'static str, lines: impl IntoIterator<Item = String>) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join(name);
        fs::create_dir_all(path.parent().expect("a folder")).expect("a folder can be made");
        fs::write(path, lines.into_iter().map(|line| line + "\n").collect::<String>()).expect("a file");
        Self(folder, name)
    }

    fn facts(&self) -> Facts {
        let memory = in_memory(&[&self.0.path().join(self.1)], &ImportOptions::default());
        Facts::in_memory(memory, "test".to_owned()).expect("tables")
    }

    async fn by(&self, by: &str) -> Session {
        opened(self.facts(), Request { by: By::Dimension(by.into()), ..Request::default() }).await
    }
}

async fn opened(facts: Facts, request: Request) -> Session {
    Session::open(facts, request).await.expect("a session")
}

/// The answer at 80 columns; it fits, and every format has an answer too.
fn shown(answer: &Answer) -> String {
    for width in [40, 80, 200] {
        for line in rendered(answer, Some(width)).lines() {
            // A word that is longer than a line is left whole, so that it can be copied.
            let is_word = !line.trim().contains(' ');
            // A command is left whole for the same reason.
            let is_command = line.starts_with("  runq ");
            assert!(
                is_word || is_command || text::width(line) <= width,
                "{width} < {}: {line:?}",
                text::width(line)
            );
            assert!(!line.chars().any(text::is_unsafe), "{line:?}");
        }
    }
    for renderer in RENDERERS {
        match renderer.render(answer, &Screen::PIPE, &mut Vec::new()) {
            Ok(())
            | Err(RenderError::NoIds | RenderError::NoScript | RenderError::IdWithLineBreak { .. }) => {}
            Err(error) => panic!("{renderer:?}: {error}"),
        }
    }
    rendered(answer, Some(80))
}

fn rendered(answer: &Answer, width: Option<usize>) -> String {
    let mut out = Vec::new();
    TABLE.render(answer, &Screen { width, color: false }, &mut out).expect("an answer");
    String::from_utf8(out).expect("text")
}

/// Everything at once.
fn whole() -> Compare {
    Compare {
        cases: Some(CaseLimit::All),
        arms: Some(CaseLimit::All),
        outputs: true,
        versions: true,
        steps: Some(StepChoice::default()),
        ..Compare::default()
    }
}

/// What each question says of a session; every answer but the one that asks for all of it is bounded.
struct Said {
    compare: String,
    whole: String,
    rest: String,
    comparable: bool,
}

async fn asked(session: &mut Session) -> Said {
    let compared = compare(session, &Compare::default()).await.expect("a comparison");
    let mut all = compare(session, &whole()).await.expect("a comparison").answer;
    if session.arms().await.expect("arms").len() <= 10 {
        append(session, &mut all, &Asked::default()).await.expect("differences");
    }
    let arms = session.arms().await.expect("arms");
    let mut others = vec![
        distribution(session, &[]).await.expect("a distribution"),
        versions(session, &Versions { all: true, ..Versions::default() }).await.expect("versions"),
        metrics(session).await.expect("metrics"),
    ];
    if let Some(candidate) = arms.get(1) {
        others.push(differences(session, candidate, &Asked::default()).await.expect("differences").answer);
    }
    if session.runs().len() == 1 {
        others.push(show(session, &Show::default()).await.expect("a run"));
    }
    let rest: Vec<String> = others.iter().map(shown).collect();
    let compare = shown(&compared.answer);
    for screen in rest.iter().chain([&compare]) {
        assert!(screen.lines().count() <= MOST_LINES, "{}\n{screen}", screen.lines().count());
    }
    Said { compare, whole: shown(&all), rest: rest.join("\n"), comparable: compared.comparable }
}

fn row(case: &str, model: &str, score: f64) -> Value {
    json!({"id": case, "model": model, "score": score, "output": format!("{model} on {case}")})
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_arms() {
    let models: Vec<String> = (0..100).map(|at| format!("model-{at:03}")).collect();
    let score = |model: usize, case: usize| ((model * 7 + case * 3) % 17) as f64 / 16.0;
    let rows = (0..100).flat_map(|model| (0..3).map(move |case| (model, case)));
    let rows =
        Rows::of(rows.map(|(model, case)| row(&format!("c{case}"), &models[model], score(model, case))));
    let mut session = rows.by(MODEL).await;
    let compared = compare(&mut session, &Compare::default()).await.unwrap().answer;
    let screen = shown(&compared);
    assert!(screen.lines().count() < 120, "{screen}");
    let said = screen.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(said.contains("80 of 100 models not shown"), "{screen}");
    assert!(said.contains("--arms all"), "{screen}");
    // The mean of three scores is highest where they are 14/16, 0 and 16/16 ...: counted here, not there.
    let mean = |model: usize| (0..3).map(|case| score(model, case)).sum::<f64>();
    let best = (1..100).max_by(|left, right| mean(*left).total_cmp(&mean(*right))).unwrap();
    assert!(screen.contains(&models[best]) && screen.contains(&models[0]), "{screen}");
    assert_eq!(compared.document.unwrap()["arms"].as_array().unwrap().len(), 100);
    let all = Compare { arms: Some(CaseLimit::All), ..Compare::default() };
    let all = shown(&compare(&mut session, &all).await.unwrap().answer);
    assert!(models.iter().all(|model| all.contains(model.as_str())), "{all}");
    let histograms = shown(&distribution(&mut session, &[]).await.unwrap());
    assert!(histograms.lines().count() < 120 && histograms.contains("80 of 100"), "{histograms}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_metrics() {
    let lines = ["gpt-x", "claude-y"].iter().enumerate().flat_map(|(arm, model)| {
        (0..3).map(move |case| {
            let score = |metric: usize| ((metric * (case + 1) + arm) % 11) as f64 / 10.0;
            let scores: Vec<Value> = (0..1_000)
                .map(|metric| json!({"name": format!("metric-{metric:04}"), "type": "code-grader", "score": score(metric)}))
                .collect();
            json!({"timestamp": format!("2026-05-01T08:00:0{case}.000Z"), "test_id": format!("c{case}"), "suite": "s",
                "score": score(1), "target": model, "scores": scores, "execution_status": "ok"})
            .to_string()
        })
    });
    let rows = Rows::named("runs/many/2026-05-01T08-00-00-000Z/index.jsonl", lines);
    let mut session = rows.by(MODEL).await;
    let answer = compare(&mut session, &Compare::default()).await.unwrap().answer;
    let screen = shown(&answer);
    assert!(screen.lines().count() < 150, "{screen}");
    assert!(screen.contains("metrics not shown:") && screen.contains("--metric"), "{screen}");
    let document = answer.document.unwrap();
    let known = document["metrics"].as_array().unwrap();
    assert_eq!(
        known.iter().filter(|one| one["metric"].as_str().unwrap().starts_with("metric-")).count(),
        1_000
    );
    let answer = metrics(&mut session).await.unwrap();
    let screen = shown(&answer);
    assert!(screen.lines().count() < 120 && screen.contains(" more: --format csv lists all"), "{screen}");
    let histogram = shown(&distribution(&mut session, &[]).await.unwrap());
    assert!(histogram.lines().count() < 40, "{histogram}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_case_all_ties_and_all_errors() {
    let one = Rows::of([row("only", "a", 0.5), row("only", "b", 1.0)]);
    let said = asked(&mut one.by(MODEL).await).await;
    assert!(said.comparable && said.compare.contains("too few cases"), "{}", said.compare);

    let ties = (0..6).flat_map(|case| ["a", "b", "c"].map(|model| row(&format!("t{case}"), model, 0.5)));
    let said = asked(&mut Rows::of(ties).by(MODEL).await).await;
    assert!(!said.compare.contains('▸') && !said.compare.contains('▲'), "{}", said.compare);
    assert!(said.compare.contains("no case changed on score"), "{}", said.compare);

    let failed = |model: &str, case: usize| json!({"id": format!("e{case}"), "model": model, "error": "503\nline two\ttab \u{1b}[31m", "score": null});
    let errors = (0..5).flat_map(|case| ["a", "b"].map(|model| failed(model, case)));
    let said = asked(&mut Rows::of(errors).by(MODEL).await).await;
    assert!(said.comparable && said.compare.contains("0/5"), "{}", said.compare);
    assert!(said.compare.contains("no case has a value"), "{}", said.compare);
    assert!(said.whole.contains("error"), "{}", said.whole);
}

#[tokio::test(flavor = "multi_thread")]
async fn no_common_case_and_no_result() {
    let rows = ["a", "b"]
        .iter()
        .flat_map(|model| (0..3).map(move |case| row(&format!("{model}{case}"), model, 0.5)));
    let said = asked(&mut Rows::of(rows).by(MODEL).await).await;
    assert!(!said.comparable);
    assert!(said.compare.contains("not comparable"), "{}", said.compare);

    let memory = in_memory(&[&fixture("amx/history.db")], &ImportOptions::default());
    let facts = Facts::in_memory(memory, "test".to_owned()).expect("tables");
    for names in [&["1", "5"][..], &["5"][..]] {
        let scope = Scope { runs: names.iter().map(|name| (*name).to_owned()).collect(), ..Scope::default() };
        let mut session = opened(facts.clone(), Request { scope, ..Request::default() }).await;
        let said = asked(&mut session).await;
        assert!(said.comparable == (names.len() == 1), "{names:?}: {}", said.compare);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outputs_of_a_megabyte() {
    let words = "word ".repeat(200_000);
    let line = "x".repeat(1_000_000);
    let output = |case: &str, model: &str, score: u8, output: String| json!({"id": case, "model": model, "score": score, "output": output});
    let rows = Rows::of([
        output("words", "a", 0, words.clone()),
        output("words", "b", 1, words.replacen("word word word word", "word word WORD word", 1)),
        output("line", "a", 0, line.clone()),
        output("line", "b", 1, format!("{}y{}", &line[..500_000], &line[500_000..])),
    ]);
    let said = asked(&mut rows.by(MODEL).await).await;
    assert!(said.whole.lines().count() < 200, "{}", said.whole.lines().count());
    assert!(said.rest.contains(" letters equal …") && said.rest.contains(" words equal …"), "{}", said.rest);
    assert!(said.rest.contains("WORD") && said.rest.contains("{+y+}"), "{}", said.rest);
}

/// Names that are hard for a screen: right to left, joined emoji, controls, as wide as they are long.
fn hard_names() -> Vec<String> {
    let names = ["مرحبا بالعالم", "👩‍👩‍👧‍👦 family", "tab\tand\nnewline", "esc\u{1b}[31mred\u{1b}[0m"];
    let more = ["\u{202e}evil rtl", "null\u{0}byte", "e\u{301}\u{301}\u{301}", "c1 \u{9b}2J"];
    let long = ["日本語のとても長い名前".repeat(8), "a".repeat(300)];
    names.iter().chain(&more).map(|name| (*name).to_owned()).chain(long).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn letters_of_every_kind() {
    let mut lines = String::new();
    for (at, name) in hard_names().iter().enumerate() {
        for (arm, model) in ["gpt\tx\n1", "模型\u{202e}👍🏽"].iter().enumerate() {
            let score = ((at + arm) % 3) as f64 / 2.0;
            let scores = json!([{"name": format!("metric {name}"), "type": "code-grader", "score": score}]);
            let row = json!({"timestamp": format!("2026-05-01T08:00:{at:02}.000Z"), "test_id": name, "suite": name,
                "score": score, "target": model, "scores": scores, "execution_status": "ok",
                "output": format!("{name}{model}")});
            writeln!(lines, "{row}").expect("a text");
        }
    }
    let rows = Rows::named("runs/odd/2026-05-01T08-00-00-000Z/index.jsonl", [lines]);
    let said = asked(&mut rows.by(MODEL).await).await;
    assert!(said.compare.contains("gpt    x⏎1"), "{}", said.compare);
    let listed = runs(rows.facts(), &Filter { limit: 20, page: 1, ..Filter::default() }).await.expect("runs");
    assert_eq!(listed.ids.as_ref().map(Vec::len), Some(1));
    shown(&listed);
}

#[tokio::test(flavor = "multi_thread")]
async fn empty_answers_and_numbers_that_are_none() {
    let empty = |model: &str, case: usize| {
        let output = if model == "a" { "" } else { "said" };
        let at = format!("2026-05-01T08:00:0{case}.000Z");
        json!({"timestamp": at, "test_id": format!("s{case}"), "suite": "s", "score": 0.5, "target": model,
            "scores": [], "execution_status": "ok", "output": output})
    };
    let rows = (0..3).flat_map(|case| ["a", "b"].map(|model| empty(model, case).to_string()));
    let rows = Rows::named("runs/empty/2026-05-01T08-00-00-000Z/index.jsonl", rows);
    let said = asked(&mut rows.by(MODEL).await).await;
    assert!(said.whole.contains("(no output)") || said.whole.contains("(empty)"), "{}", said.whole);

    let numbers = ["NaN", "Infinity", "-Infinity", "1", "1e308", "-1e308", "1e-300"];
    let lines = numbers.iter().enumerate().flat_map(|(at, value)| {
        ["a", "b"].map(|model| {
            let other = if model == "a" { value } else { numbers[(at + 1) % numbers.len()] };
            format!(
                r#"{{"id":"n{at}","model":"{model}","score":{value},"duration_ms":{other},"output":"o"}}"#
            )
        })
    });
    let said = asked(&mut Rows::of_lines(lines).by(MODEL).await).await;
    let digits = |word: &str| word.chars().filter(char::is_ascii_digit).count();
    let longest = said.compare.split_whitespace().chain(said.rest.split_whitespace()).map(digits).max();
    assert!(longest < Some(20), "{}\n{}", said.compare, said.rest);
}
