//! `runq distribution` as a person runs it: what it counts, what it says, and that nothing is too large for it.

use serde_json::{Value, json};

use crate::support::sandbox::Sandbox;
use crate::support::{fixture, session};
use runq::questions::distribution::distribution;
use runq::session::{By, Options, Request};

/// Rows of the document's part that fit, without what is null.
fn rows<'a>(document: &'a Value, part: &str, wanted: &[(&str, &str)]) -> Vec<&'a Value> {
    let fits = |row: &&Value| wanted.iter().all(|(name, value)| row[*name] == *value);
    document[part].as_array().expect("a list").iter().filter(fits).collect()
}

fn counts(document: &Value, of: &str, arm: &str) -> Vec<i64> {
    rows(document, "score_distribution", &[("of", of), ("arm", arm)])
        .into_iter()
        .map(|bin| bin["count"].as_i64().expect("a count"))
        .collect()
}

fn csv(scores: &[f64]) -> String {
    let rows = scores.iter().enumerate().map(|(at, score)| format!("q{at:04},{score}\n"));
    "id,score\n".to_owned() + &rows.collect::<String>()
}

/// Five bins of a fifth as AgentV counts them (features.md C22): the first bin whose end, and a little, is not below.
fn agentv_bins(scores: &[f64]) -> Vec<i64> {
    let mut bins = vec![0; 5];
    for score in scores {
        let place = (1..=5).find(|end| *score < f64::from(*end) * 0.2 + 1e-9).unwrap_or(5);
        bins[place as usize - 1] += 1;
    }
    bins
}

#[test]
fn bins_are_those_of_agentv() {
    let scores = [0.0, 0.1, 0.2, 0.2, 0.25, 0.4, 0.6, 0.61, 0.8, 0.8, 0.9, 1.0];
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", csv(&scores));
    let document = sandbox.run(&["distribution", "a.csv", "--json"]).fine().json();
    assert_eq!(counts(&document, "values", "a"), agentv_bins(&scores));
    assert_eq!(counts(&document, "values", "a"), [4, 2, 1, 3, 2]);
    assert_eq!(document["change_shares"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_holds_the_views() {
    let matrix = fixture("agentv/matrix");
    let request = Request {
        by: By::Dimension("model".into()),
        options: Options { bins: 7, ..Options::default() },
        ..Request::default()
    };
    let mut session = session(&[&matrix], request).await;
    let metrics = ["score".to_owned(), "duration_ms".to_owned()];
    let document = distribution(&mut session, &metrics).await.unwrap().document.unwrap();
    for (view, order) in [("score_distribution", "of DESC, arm, bin"), ("change_shares", "candidate, rank")] {
        let sql = format!(
            "SELECT * FROM {view} WHERE metric IN ('score', 'duration_ms') ORDER BY task, metric, {order}"
        );
        let plain: Vec<Value> = session.rows(&sql).await.unwrap().read().unwrap();
        let mut answered = document[view].as_array().unwrap().clone();
        // The engine's JSON leaves out what is null.
        answered.iter_mut().for_each(|row| row.as_object_mut().unwrap().retain(|_, value| !value.is_null()));
        assert!(plain.len() > 20);
        assert_eq!(answered, plain, "{view}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn counts_are_those_of_a_loop_over_the_cases() {
    let (baseline, candidate) = (fixture("agentv/baseline"), fixture("agentv/candidate"));
    let mut session = session(&[&baseline, &candidate], Request::default()).await;
    let metrics = ["score", "duration_ms", "total_tokens"].map(str::to_owned);
    let document = distribution(&mut session, &metrics).await.unwrap().document.unwrap();
    for metric in &metrics {
        for (of, table, arm, value) in
            [("values", "case_values", "arm", "value"), ("deltas", "score_changes", "candidate", "delta")]
        {
            let sql = format!("SELECT {arm} AS arm, {value} AS x FROM {table} WHERE metric = '{metric}'");
            let samples: Vec<Value> = session.rows(&sql).await.unwrap().read().unwrap();
            let bins = rows(&document, "score_distribution", &[("of", of), ("metric", metric)]);
            assert!(!bins.is_empty());
            for bin in bins {
                let (low, high) = (bin["low"].as_f64().unwrap(), bin["high"].as_f64().unwrap());
                let inside = samples.iter().filter(|sample| sample["arm"] == bin["arm"]).filter(|sample| {
                    let first = bin["bin"] == 1;
                    sample["x"].as_f64().is_some_and(|x| x <= high && (x > low || first && x == low))
                });
                assert_eq!(bin["count"], inside.count(), "{bin}");
            }
        }
    }
}

#[test]
fn it_says_which_cases_carry_the_change() {
    let sandbox = Sandbox::new();
    sandbox.write("old.csv", csv(&[0.0, 0.5, 1.0, 1.0, 0.5, 0.25]));
    sandbox.write("new.csv", csv(&[1.0, 0.5, 0.5, 0.75, 0.375, 0.375]));
    // 1 + 0.5 + 0.25 of 1 + 0.5 + 0.25 + 0.125 + 0.125: 1.75 / 2.
    let text = sandbox.run(&["distribution", "old.csv", "new.csv"]).fine().stdout;
    let said = "new: 2 up, 3 down of 6 cases; the 3 that changed most carry 88 % of all change: \
                q0000 +1.000, q0002 -0.500, q0003 -0.250";
    assert!(text.contains(said), "{text}");
    let document = sandbox.run(&["distribution", "old.csv", "new.csv", "--json"]).fine().json();
    assert_eq!(counts(&document, "deltas", "new"), [0, 2, 3, 0, 1]);
    assert_eq!(document["change_shares"][2]["cumulative_share"], 0.875);
    let same = sandbox.run(&["distribution", "old.csv", "./old.csv"]).fine().stdout;
    assert!(same.contains("none of 6 cases changed"), "{same}");
}

#[test]
fn errors_are_in_no_bin_and_are_told() {
    let sandbox = Sandbox::new();
    let rows = [("a", "gpt-x", 1.0, "ok"), ("b", "gpt-x", 0.0, "execution_error"), ("c", "gpt-x", 0.5, "ok")];
    let run = sandbox.agentv("nightly", 1, &rows);
    let ran = sandbox.run(&["distribution", &run]).fine();
    assert!(ran.stdout.contains("without a value of score, in no bin: 1 case of nightly"), "{}", ran.stdout);
    assert!(ran.stdout.contains("of 2\n"), "{}", ran.stdout);
}

#[test]
fn what_is_asked_for_wrongly_is_refused() {
    let sandbox = Sandbox::new();
    sandbox.write("a.csv", csv(&[0.5]));
    for bins in ["0", "1001", "many", "-3", "2.5"] {
        sandbox.run(&["distribution", "a.csv", "--bins", bins]).exits(2);
    }
    let unknown = sandbox.run(&["distribution", "a.csv", "--metric", "scor"]).exits(66);
    assert_eq!(unknown.stdout, "");
    assert!(
        unknown.stderr.ends_with(
            "there is no metric scor
  hint: did you mean score?
"
        ),
        "{unknown:?}"
    );
}

#[test]
fn one_case_no_case_and_one_value_have_an_answer() {
    let sandbox = Sandbox::new();
    sandbox.write("one.csv", csv(&[0.5]));
    let one = sandbox.run(&["distribution", "one.csv", "--bins", "1"]).fine().stdout;
    assert!(one.contains("0 – 1") && one.contains("only one: nothing to compare it with"), "{one}");
    sandbox.write("same.csv", "id,score\na,7\nb,7\n");
    let same = sandbox.run(&["distribution", "same.csv", "--bins", "1000", "--json"]).fine().json();
    assert_eq!(counts(&same, "values", "same"), [2]);
    sandbox.write("none.csv", "id,score\na,\nb,\n");
    let none = sandbox.run(&["distribution", "none.csv"]).fine().stdout;
    assert!(none.contains("no case has a value of score"), "{none}");
    sandbox.write("other.csv", "id,score\nx,0.5\n");
    let apart = sandbox.run(&["distribution", "one.csv", "other.csv"]).fine().stdout;
    assert!(apart.contains("no case has a value in the baseline and in a candidate"), "{apart}");
}

#[test]
fn a_hundred_arms_and_a_thousand_bins_fit_on_the_screen() {
    let sandbox = Sandbox::new();
    let rows = (0..100).flat_map(|model| {
        (0..3).map(move |case| format!("q{case},model-{model:02},{}\n", f64::from(case * model) / 200.0))
    });
    sandbox.write("many.csv", "id,model,score\n".to_owned() + &rows.collect::<String>());
    let arguments = ["distribution", "many.csv", "--by", "model", "--bins", "1000"];
    let text = sandbox.run(&arguments).fine().stdout;
    assert!(text.lines().count() < 320, "{} lines", text.lines().count());
    for model in ["model-01", "model-19"] {
        assert!(text.matches(model).count() >= 2, "{model}: {text}");
    }
    assert!(!text.contains("model-20") && text.contains("80 of 100 arms not shown"), "{text}");
    let few = ["distribution", "many.csv", "--by", "model", "--bins", "100", "--format", "csv"];
    assert_eq!(sandbox.run(&few).fine().lines().len(), 1 + 100 * 100 + 99 * 101);
}

#[tokio::test(flavor = "multi_thread")]
async fn it_is_drawn_at_every_width() {
    use runq::render::{Renderer, Screen, TABLE};
    use unicode_width::UnicodeWidthStr as _;
    let (baseline, candidate) = (fixture("agentv/baseline"), fixture("agentv/candidate"));
    let mut session = session(&[&baseline, &candidate], Request::default()).await;
    let answer = distribution(&mut session, &[]).await.unwrap();
    let rendered = |renderer: &dyn Renderer, width: Option<usize>| {
        let mut out = Vec::new();
        renderer.render(&answer, &Screen { width, color: false }, &mut out).expect("an answer");
        String::from_utf8(out).expect("text")
    };
    for width in [40, 60, 80, 120, 200] {
        for line in rendered(TABLE, Some(width)).lines() {
            assert!(line.width() <= width, "{width}: {line}");
        }
    }
    insta::assert_snapshot!(rendered(TABLE, Some(80)), @r"
    support-bot · score · 2 runs · baseline baseline                            test

    score      baseline                    of 9  candidate                  of 11
    0 – 0.2    ████▍                          1  ███████▏                       2
    0.2 – 0.4  ████▍                          1                                 0
    0.4 – 0.6                                 0                                 0
    0.6 – 0.8  ████▍                          1  ███████▏                       2
    0.8 – 1    ██████████████████████████     6  ████████████████████████▉      7

    change from baseline  candidate                                 of 9
    -1 – -0.6             ████████████████                             2
    -0.6 – -0.2                                                        0
    -0.2 – +0.2           ████████████████████████████████████████     5
    +0.2 – +0.6                                                        0
    +0.6 – +1             ████████████████                             2

    candidate: 4 up, 3 down of 9 cases; the 3 that changed most carry 75 % of all
    change: escalation +1.000, greeting -1.000, refund-policy -1.000
    note  without a value of score, in no bin: 3 cases of baseline, 1 case of
          candidate
    note  metrics not shown: cost_usd, duration_ms, input_tokens, output_tokens,
          passed, total_tokens and 11 more; --metric NAME shows one
    ");
    insta::assert_snapshot!(rendered(runq::render::renderer("markdown").unwrap(), None), @r"
    **support-bot · score · 2 runs · baseline baseline** (test)

    | score | baseline (of 9) | candidate (of 11) |
    | --- | ---: | ---: |
    | 0 – 0.2 | 1 | 2 |
    | 0.2 – 0.4 | 1 | 0 |
    | 0.4 – 0.6 | 0 | 0 |
    | 0.6 – 0.8 | 1 | 2 |
    | 0.8 – 1 | 6 | 7 |

    | change from baseline | candidate (of 9) |
    | --- | ---: |
    | -1 – -0.6 | 2 |
    | -0.6 – -0.2 | 0 |
    | -0.2 – +0.2 | 5 |
    | +0.2 – +0.6 | 0 |
    | +0.6 – +1 | 2 |

    candidate: 4 up, 3 down of 9 cases; the 3 that changed most carry 75 % of all change: escalation +1.000, greeting -1.000, refund-policy -1.000

    > without a value of score, in no bin: 3 cases of baseline, 1 case of candidate

    > metrics not shown: cost_usd, duration_ms, input_tokens, output_tokens, passed, total_tokens and 11 more; --metric NAME shows one
    ");
}
