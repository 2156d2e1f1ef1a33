//! `runq metrics`: who said how a metric is read, and that a person's word counts until it is taken back.

use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// A store with two runs that carry `latency`, of which runq knows nothing, so that more is taken to be better.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    for (name, shift) in [("old", 0.0), ("new", 0.5)] {
        let rows = (0..8).map(|case| format!("q{case},0.5,{}\n", 2.0 - shift - f64::from(case % 3) / 100.0));
        sandbox.write(&format!("{name}.csv"), "id,score,latency\n".to_owned() + &rows.collect::<String>());
    }
    sandbox.run(&["ingest", "old.csv", "new.csv", "--map", "metric.latency=latency"]).fine();
    sandbox
}

fn of<'a>(document: &'a Value, part: &str, metric: &str) -> &'a Value {
    let mut found = document[part].as_array().unwrap().iter().filter(|entry| entry["metric"] == metric);
    found.next().unwrap_or_else(|| panic!("{metric} in {document}"))
}

/// Winner and verdict on latency.
fn judged(sandbox: &Sandbox) -> (Option<String>, String) {
    let document = sandbox.run(&["compare", "old", "new", "--json"]).fine().json();
    let arms = of(&document, "metrics", "latency")["arms"].as_array().unwrap().clone();
    let winner =
        arms.iter().find(|arm| arm["winner"] == true).map(|arm| arm["arm"].as_str().unwrap().to_owned());
    let verdict = of(&document, "changes", "latency")["verdict"].as_str().unwrap_or("none").to_owned();
    (winner, verdict)
}

fn listed(sandbox: &Sandbox, metric: &str) -> [String; 7] {
    let document = sandbox.run(&["metrics", "--json"]).fine().json();
    let entry = of(&document, "metrics", metric);
    ["direction", "aggregate", "unit", "direction_from", "aggregate_from", "unit_from", "origin"]
        .map(|field| entry[field].as_str().unwrap_or("null").to_owned())
}

#[test]
fn setting_the_direction_flips_winner_and_verdict_and_stays() {
    let sandbox = sandbox();
    assert_eq!(judged(&sandbox), (Some("old".into()), "regressed".into()));
    let set = sandbox.run(&["metrics", "set", "latency", "--direction", "lower"]).fine();
    assert_eq!((set.stdout.as_str(), set.stderr.as_str()), ("", "latency: direction lower · .runq\n"));
    assert_eq!(judged(&sandbox), (Some("new".into()), "improved".into()));
    // Taken in again, also with other rows: the person's word stays.
    let again = ["ingest", "old.csv", "new.csv", "--map", "metric.latency=latency"];
    sandbox.run(&again).fine();
    assert_eq!(judged(&sandbox), (Some("new".into()), "improved".into()));
    let rows = (0..9).map(|case| format!("q{case},0.5,1.{}\n", case % 3)).collect::<String>();
    sandbox.write("new.csv", "id,score,latency\n".to_owned() + &rows);
    sandbox.run(&again).fine();
    assert_eq!(judged(&sandbox), (Some("new".into()), "improved".into()));
    sandbox.run(&["metrics", "unset", "latency"]).fine();
    assert_eq!(judged(&sandbox), (Some("old".into()), "regressed".into()));
}

#[test]
fn what_was_not_set_comes_from_whoever_said_it() {
    let sandbox = sandbox();
    let words = |text: &str| -> Vec<String> { text.split(' ').map(|word| word.replace('_', " ")).collect() };
    assert_eq!(listed(&sandbox, "latency").to_vec(), words("higher mean null default default null default"));
    sandbox.run(&["metrics", "set", "latency", "--unit", "s", "--aggregate", "median"]).fine();
    assert_eq!(listed(&sandbox, "latency").to_vec(), words("higher median s default user user user"));
    let more = sandbox.run(&["metrics", "set", "latency", "--direction", "lower"]).fine();
    assert_eq!(more.stderr, "latency: direction lower, aggregate median, unit s · .runq\n");
    assert_eq!(listed(&sandbox, "latency").to_vec(), words("lower median s user user user user"));
    let same = sandbox.run(&["metrics", "set", "latency", "--direction", "lower"]).fine();
    assert_eq!(same.stderr, "nothing changed: latency: direction lower, aggregate median, unit s\n");
    sandbox.run(&["metrics", "set", "latency", "--unit", "none"]).fine();
    assert_eq!(listed(&sandbox, "latency")[2], "null");
    // An option of one question wins over what is stored.
    let asked = sandbox.run(&["metrics", "--json", "--aggregate", "latency=max"]).fine().json();
    assert_eq!(of(&asked, "metrics", "latency")["aggregate"], "max");
    assert_eq!(of(&asked, "metrics", "latency")["aggregate_from"], "this session");
}

#[test]
fn a_built_in_metric_can_be_set() {
    let sandbox = Sandbox::with_samples();
    let before = sandbox.run(&["metrics"]).fine().stdout;
    let line = |text: &str| text.lines().find(|line| line.starts_with("duration_ms")).unwrap().to_owned();
    assert!(line(&before).contains("lower") && line(&before).contains("built in"), "{before}");
    sandbox.run(&["metrics", "set", "duration_ms", "--direction", "none"]).fine();
    let after = sandbox.run(&["metrics"]).fine().stdout;
    assert!(line(&after).contains("user (direction), built in (aggregate, unit)"), "{after}");
    let document = sandbox.run(&["compare", "baseline", "candidate", "--json"]).fine().json();
    let arms = of(&document, "metrics", "duration_ms")["arms"].as_array().unwrap();
    assert!(arms.iter().all(|arm| arm["winner"] == false && arm["tied"] == false));
}

#[test]
fn a_slip_of_the_pen_is_refused() {
    let sandbox = sandbox();
    sandbox.run(&["metrics", "set", "latncy", "--direction", "lower"]).refuses(
        66,
        "error: no run of the store carries latncy\n  hint: did you mean latency?; --force sets it before a run \
         carries it",
    );
    sandbox.run(&["metrics", "set", "latency"]).refuses(
        2,
        "error: nothing to set for latency\n  hint: --direction lower, --unit ms, --aggregate median",
    );
    sandbox.run(&["metrics", "set", "latency", "--direction", "down"]).exits(2);
    sandbox.run(&["metrics", "set", "latency", "--unit", " "]).exits(2);
    let wrong = sandbox.run(&["metrics", "set", "latency", "--aggregate", "medain"]).exits(2);
    assert!(wrong.stderr.contains("did you mean median?"), "{}", wrong.stderr);
    sandbox
        .run(&["metrics", "unset", "latency"])
        .refuses(66, "error: nothing was set for latency\n  hint: no metric of this store was set");
    sandbox.run(&["metrics", "set", "toxicity", "--direction", "lower", "--force"]).fine();
    let text = sandbox.run(&["metrics"]).fine().stdout;
    assert!(text.contains("set, but no run in scope carries it: toxicity"), "{text}");
    // Set once, it may be set again without force.
    sandbox.run(&["metrics", "set", "toxicity", "--unit", "points"]).fine();
}

#[test]
fn a_store_that_may_only_be_read_is_not_changed() {
    let sandbox = sandbox();
    let before = sandbox.files(".runq");
    sandbox.run(&["metrics", "set", "latency", "--direction", "lower", "--read-only"]).exits(77);
    sandbox.run(&["--read-only", "metrics", "unset", "latency"]).exits(77);
    assert_eq!(sandbox.files(".runq"), before);
}

/// A store with the bundled history of AMX, whose runs carry cost, tokens and approvals of their own.
fn history() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingest", &crate::support::fixture("amx/history.db").display().to_string()]).fine();
    sandbox
}

#[test]
fn metrics_by_run_are_listed_without_cases() {
    let sandbox = history();
    let document = sandbox.run(&["metrics", "--json"]).fine().json();
    let cost = of(&document, "metrics", "run_cost_usd");
    assert_eq!(
        (&cost["by_run"], &cost["cases"], &cost["scored"]),
        (&Value::Bool(true), &Value::Null, &Value::Null)
    );
    assert_eq!(
        (&cost["direction"], &cost["aggregate"], &cost["unit"]),
        (&"lower".into(), &"run".into(), &"usd".into())
    );
    let shown = sandbox.run(&["metrics"]).fine().stdout;
    let line = shown.lines().find(|line| line.starts_with("approval_rate ")).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    assert_eq!(words, ["approval_rate", "higher", "rate", "share", "built", "in", "—", "—"]);
    // A source without such numbers has none of them.
    let none = Sandbox::with_samples().run(&["metrics", "--json"]).fine().json();
    assert!(none["metrics"].as_array().unwrap().iter().all(|metric| metric["by_run"] == false), "{none}");
}

#[test]
fn a_metric_by_run_follows_what_a_person_says_of_its_direction() {
    let sandbox = history();
    // Variations 11 and 13 worked on the same case, so a winner may be named; they took 6 and 7 seconds.
    let winners = || -> Vec<String> {
        let document = sandbox.run(&["compare", "11", "13", "--json"]).fine().json();
        let arms = of(&document, "metrics", "run_duration_ms")["arms"].as_array().unwrap().clone();
        let wins = arms.iter().filter(|arm| arm["winner"] == true);
        wins.map(|arm| arm["arm"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(winners(), ["11"]);
    sandbox.run(&["metrics", "set", "run_duration_ms", "--direction", "none"]).fine();
    assert_eq!(winners(), Vec::<String>::new());
    sandbox.run(&["metrics", "set", "run_duration_ms", "--direction", "higher"]).fine();
    assert_eq!(winners(), ["13"]);
    assert_eq!(listed(&sandbox, "run_duration_ms")[3..5], ["user", "built in"]);
    let select = "SELECT DISTINCT direction FROM run_aggregates WHERE metric = 'run_duration_ms'";
    assert_eq!(sandbox.run(&["sql", select, "--last", "2", "--format", "csv"]).fine().lines()[1], "higher");
}

#[test]
fn how_runs_become_one_value_cannot_be_set() {
    let sandbox = history();
    let said = "run_cost_usd: a run has one value of it and a case none\n  hint: it is the mean over the runs of an arm, a \
                share the ratio of two sums; --metric run_cost_usd shows it";
    let set = ["metrics", "set", "run_cost_usd", "--aggregate", "median"];
    sandbox.run(&set).refuses(2, &format!("error: --aggregate {said}"));
    for (flag, value) in [
        ("--aggregate", "run_cost_usd=median"),
        ("--threshold", "run_cost_usd=1"),
        ("--test", "run_cost_usd"),
        ("--primary", "run_cost_usd"),
    ] {
        sandbox.run(&["compare", "--last", "2", flag, value]).refuses(2, &format!("error: {flag} {said}"));
    }
    assert_eq!(listed(&sandbox, "run_cost_usd")[1], "run");
}

#[test]
fn a_metric_of_a_step_says_who_spoke_of_it_or_of_its_name() {
    let sandbox = Sandbox::new();
    sandbox.run(&["ingest", &crate::support::fixture("honeyhive").display().to_string()]).fine();
    let from = |metric: &str| listed(&sandbox, metric)[3..5].to_vec();
    assert_eq!(from("accuracy @ draft"), ["default", "default"]);
    sandbox.run(&["metrics", "set", "accuracy", "--direction", "lower"]).fine();
    assert_eq!(listed(&sandbox, "accuracy @ draft")[0], "lower");
    assert_eq!(from("accuracy @ draft"), ["user", "default"]);
    sandbox.run(&["metrics", "set", "accuracy @ draft", "--direction", "higher"]).fine();
    assert_eq!(listed(&sandbox, "accuracy @ draft")[0], "higher");
    assert_eq!(
        (listed(&sandbox, "accuracy")[0].as_str(), from("accuracy @ draft")[0].as_str()),
        ("lower", "user")
    );
    // `style` stands at a step only: what is set for its name is not in vain.
    sandbox.run(&["metrics", "set", "style", "--direction", "none"]).fine();
    let document = sandbox.run(&["metrics", "--json"]).fine().json();
    assert_eq!(document["set_but_not_carried"], Value::Array(Vec::new()));
    assert_eq!(of(&document, "metrics", "style @ draft")["direction"], "none");
}
