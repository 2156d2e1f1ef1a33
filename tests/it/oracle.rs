//! Two hundred generated data sets, each asked of runq and of `tests/oracle/oracle.py`, which was written from the
//! meanings alone. Numbers agree to nine digits, words and counts entirely.
//!
//! The usual run takes forty of them; `RUNQ_LONG=1` or `cargo test -- --ignored every_data_set` takes all. Without
//! Python, pandas and scipy the tests say so; where `RUNQ_TEST_PYTHON` names an interpreter, they must be there.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use futures::StreamExt;
use runq::import::ImportOptions;
use runq::model::{Aggregate, MetricRow};
use runq::session::{By, ErrorsAs, Options, Request};
use serde_json::{Value, json};

use crate::support::synthetic::{Plan, write_jsonl};
use crate::support::tables::{facts, mapped, opened, rows};

const USUAL: u64 = 40;
const ALL: u64 = 200;

/// The views that are compared, what identifies a row of each, and what must agree.
const VIEWS: [(&str, &[&str], &[&str]); 3] = [
    (
        "metric_summary",
        &["task", "metric", "arm"],
        &[
            "n",
            "unscored",
            "mean",
            "sum",
            "min",
            "max",
            "stddev",
            "p50",
            "p90",
            "p95",
            "p99",
            "standard_error",
            "value",
        ],
    ),
    (
        "metric_winners",
        &["task", "metric", "arm"],
        &["value", "rank", "winner", "tied", "winner_common", "value_common", "n_common"],
    ),
    (
        "change_counts",
        &["task", "metric", "baseline", "candidate"],
        &[
            "common",
            "improved",
            "regressed",
            "unchanged",
            "baseline_only",
            "candidate_only",
            "unscored",
            "mean_baseline",
            "mean_candidate",
            "mean_delta",
            "normalized_gain",
            "standard_error",
            "ci_low",
            "ci_high",
            "p_value",
            "p_adjusted",
            "test",
            "mde",
            "units",
            "verdict",
        ],
    ),
];

/// The oracle's words for the tests.
const TESTS: [(&str, &str); 4] = [
    ("exact McNemar", "mcnemar_exact"),
    ("paired t", "paired_t"),
    ("clustered t", "cluster_t"),
    ("exact sign", "sign_test"),
];

/// Choices that are the same for the same seed (xorshift64, Marsaglia 2003).
struct Dice(u64);

impl Dice {
    fn of(seed: u64) -> Self {
        let mut dice = Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        (0..8).for_each(|_| _ = dice.roll());
        dice
    }

    fn roll(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.roll() >> 20) as usize % from.len()]
    }
}

/// One data set, how runq is asked about it, and how the oracle is.
struct Job {
    path: PathBuf,
    import: ImportOptions,
    directions: Vec<MetricRow>,
    request: Request,
    arguments: Vec<String>,
}

impl Job {
    fn new(seed: u64, folder: &Path) -> Self {
        let mut dice = Dice::of(seed);
        let plan = plan(seed, &mut dice);
        let path = folder.join(format!("set-{seed:03}.jsonl"));
        write_jsonl(&plan, &path).expect("a table");
        let text = decorated(&fs::read_to_string(&path).expect("a table"));
        fs::write(&path, &text).expect("a table");
        let mut job = Self {
            import: mapped(&columns(&plan, &text)),
            directions: Vec::new(),
            request: Request::default(),
            arguments: vec![path.display().to_string()],
            path,
        };
        job.choose_arms(&plan, &mut dice);
        job.choose_thresholds(&mut dice);
        job.choose_readings(&plan, &mut dice);
        job
    }

    fn says(&mut self, flag: &str, value: impl ToString) {
        self.arguments.extend([flag.to_owned(), value.to_string()]);
    }

    fn choose_arms(&mut self, plan: &Plan, dice: &mut Dice) {
        let dimensions = ["run", "run", "experiment", "model"];
        let by = dice.pick(if plan.models > 1 { &dimensions } else { &dimensions[..3] });
        self.request.by = By::Dimension(by.to_owned());
        self.says("--by", by);
        if dice.pick(&[false, false, true]) {
            let baseline =
                BTreeMap::from([("run", "run-0001"), ("experiment", "e1"), ("model", "model-1")])[by];
            self.request.baseline = Some(baseline.to_owned());
            self.says("--baseline", baseline);
        }
        if dice.pick(&[false, false, true]) {
            self.request.options.cluster = Some("$.cluster".to_owned());
            self.says("--cluster", "cluster");
        }
    }

    fn choose_thresholds(&mut self, dice: &mut Dice) {
        let bare = dice.pick(&[0.0, 0.0, 0.0625, 0.125]);
        if bare > 0.0 {
            self.request.options.threshold = bare;
            self.says("--threshold", bare);
        }
        let named = dice.pick(&[
            None,
            None,
            Some(("score", 0.25)),
            Some(("duration_ms", 900.0)),
            Some(("passed", 0.5)),
        ]);
        if let Some((metric, threshold)) = named {
            self.request.options.thresholds.push((metric.to_owned(), threshold));
            self.says("--threshold", format!("{metric}={threshold}"));
        }
        let Options { alpha, pass_threshold, errors_as, .. } = &mut self.request.options;
        *alpha = dice.pick(&[0.05, 0.05, 0.01, 0.2]);
        *pass_threshold = dice.pick(&[0.8, 0.8, 0.5]);
        *errors_as = dice.pick(&[ErrorsAs::Missing, ErrorsAs::Zero]);
        let (alpha, pass_threshold, errors_as) = (*alpha, *pass_threshold, errors_as.as_str());
        self.says("--alpha", alpha);
        self.says("--pass-threshold", pass_threshold);
        self.says("--errors-as", errors_as);
    }

    fn choose_readings(&mut self, plan: &Plan, dice: &mut Dice) {
        if plan.metrics > 0 && dice.pick(&[false, true]) {
            self.request.options.primary = Some("m1".to_owned());
            self.says("--primary", "m1");
        }
        let metrics = ["score", "duration_ms", "cost_usd", "m1", "m2", "m3"];
        for _ in 0..dice.pick(&[0, 1, 3]) {
            let (metric, aggregate) = (dice.pick(&metrics), dice.pick(&Aggregate::ALL));
            if self.request.options.aggregates.iter().all(|(known, _)| known != metric) {
                self.request.options.aggregates.push((metric.to_owned(), aggregate));
                self.says("--aggregate", format!("{metric}={}", aggregate.as_str()));
            }
        }
        if let Some((metric, direction)) =
            dice.pick(&[None, None, Some(("m2", "lower")), Some(("m2", "none")), Some(("score", "lower"))])
        {
            self.directions.push(MetricRow {
                metric: metric.to_owned(),
                direction: Some(direction.to_owned()),
                origin: "user".to_owned(),
                ..MetricRow::default()
            });
            self.says("--direction", format!("{metric}={direction}"));
        }
    }
}

fn plan(seed: u64, dice: &mut Dice) -> Plan {
    let mut plan = Plan {
        seed,
        tasks: dice.pick(&[1, 1, 2, 3]),
        runs: dice.pick(&[2, 2, 3, 4]),
        cases: dice.pick(&[1, 3, 5, 6, 8, 13, 21, 34]),
        models: dice.pick(&[1, 2, 3]),
        epochs: dice.pick(&[1, 1, 2, 3]),
        metrics: dice.pick(&[0, 1, 3, 4, 5]),
        error_rate: dice.pick(&[0.0, 0.0, 0.1, 0.4]),
        retry_rate: dice.pick(&[0.0, 0.2]),
        copy_rate: dice.pick(&[0.0, 0.1, 0.3]),
        null_rate: dice.pick(&[0.0, 0.1]),
        nan_rate: dice.pick(&[0.0, 0.1]),
        text_bytes: 8,
        unequal_cases: dice.pick(&[false, true]),
    };
    let keys = plan.tasks * plan.runs * plan.models * plan.epochs;
    plan.cases = plan.cases.min(500 / keys).max(1);
    // Else a run may have no case at all, and then it is no arm either.
    plan.unequal_cases &= plan.cases > 4;
    plan
}

/// The lines with a cluster, which some cases lack, an experiment, which holds every second run, and a total of
/// tokens where both parts are known.
fn decorated(text: &str) -> String {
    let known = |line: &str, before: &str| -> Option<usize> {
        let (_, rest) = line.split_once(before).expect("a column");
        rest.chars().take_while(char::is_ascii_digit).collect::<String>().parse().ok()
    };
    let number = |line: &str, before: &str| known(line, before).expect("a number");
    let mut decorated = String::new();
    for line in text.lines() {
        let case = number(line, "\"id\":\"case-");
        let cluster = if case % 7 == 6 { "null".to_owned() } else { format!("\"k{}\"", case / 3) };
        let experiment = number(line, "\"run\":\"run-") % 2;
        let tokens = known(line, "\"input_tokens\":").zip(known(line, "\"output_tokens\":"));
        let total = tokens.map_or_else(|| "null".to_owned(), |(input, output)| (input + output).to_string());
        let more = format!("\"cluster\":{cluster},\"experiment\":\"e{experiment}\",\"total_tokens\":{total}");
        decorated += &format!("{{{more},{}\n", &line[1..]);
    }
    decorated
}

/// The mapping of such lines; a metric that no line has cannot be mapped.
fn columns(plan: &Plan, text: &str) -> String {
    let names = "task,run,model,experiment,epoch,attempt,status,error,timestamp,score,cost_usd,duration_ms,\
                 input_tokens,output_tokens,total_tokens,output";
    let names = names.split(',').map(|name| format!("{name}={name}"));
    let metrics = (1..=plan.metrics).map(|number| format!("m{number}"));
    let metrics = metrics.filter(|name| text.contains(&format!("\"{name}\":")));
    let columns: Vec<String> = names.chain(metrics.map(|name| format!("metric.{name}={name}"))).collect();
    format!("case_id=id,{}", columns.join(","))
}

/// A Python that has what the oracle needs, or none.
fn python() -> Option<String> {
    let named = std::env::var("RUNQ_TEST_PYTHON").ok();
    let python = named.clone().unwrap_or_else(|| "python3".to_owned());
    let found = Command::new(&python).args(["-c", "import numpy, pandas, scipy"]).output();
    if found.is_ok_and(|output| output.status.success()) {
        return Some(python);
    }
    assert!(named.is_none(), "{python} has no pandas and scipy");
    eprintln!("skipped: python3 with pandas and scipy is not there");
    None
}

/// What the oracle says of all jobs, by one process.
fn oracle(python: &str, jobs: &[Job], folder: &Path) -> Vec<Value> {
    let manifest = folder.join("jobs.json");
    let arguments: Vec<&Vec<String>> = jobs.iter().map(|job| &job.arguments).collect();
    fs::write(&manifest, json!(arguments).to_string()).expect("a manifest");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oracle/oracle.py");
    let output = Command::new(python)
        .args([script.as_os_str(), "--jobs".as_ref(), manifest.as_os_str()])
        .output()
        .expect("the oracle runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON of the oracle")
}

/// The rows of the views by name.
async fn answers(job: &Job) -> BTreeMap<&'static str, Vec<Value>> {
    let mut facts = facts(&[&job.path], &job.import);
    facts.metrics.extend(job.directions.iter().cloned());
    let mut session = opened(facts, job.request.clone()).await;
    let mut answers = BTreeMap::new();
    for (view, _, _) in VIEWS {
        answers.insert(view, rows(&mut session, &format!("SELECT * FROM {view}")).await);
    }
    answers
}

fn by_key(rows: &[Value], key: &[&str]) -> BTreeMap<Vec<String>, Value> {
    rows.iter()
        .map(|row| {
            let name = |column: &&str| row[*column].as_str().unwrap_or("(all)").to_owned();
            (key.iter().map(name).collect(), row.clone())
        })
        .collect()
}

fn agree(found: &Value, expected: &Value) -> bool {
    match (found.as_f64(), expected.as_f64()) {
        (Some(found), Some(expected)) => {
            (found - expected).abs() <= 1e-12_f64.max(1e-9 * found.abs().max(expected.abs()))
        }
        _ => {
            let word = found.as_str().and_then(|word| TESTS.iter().find(|(ours, _)| *ours == word));
            word.map_or_else(|| found == expected, |(_, theirs)| expected == theirs)
        }
    }
}

/// What differs between the answers to one job, a line each.
fn differences(job: &Job, found: &BTreeMap<&str, Vec<Value>>, expected: &Value) -> Vec<String> {
    let arguments = job.arguments.join(" ");
    if let Some(error) = expected.get("error") {
        return vec![format!("{arguments}: the oracle has no answer: {error}")];
    }
    let mut lines = Vec::new();
    for (view, key, columns) in VIEWS {
        let ours = by_key(&found[view], key);
        let theirs = by_key(expected[view].as_array().expect("rows"), key);
        for name in ours.keys().filter(|name| !theirs.contains_key(*name)) {
            lines.push(format!("{arguments}: only runq has {view} {name:?}"));
        }
        for (name, theirs) in theirs {
            let Some(ours) = ours.get(&name) else {
                lines.push(format!("{arguments}: only the oracle has {view} {name:?}"));
                continue;
            };
            for column in columns.iter().filter(|column| !agree(&ours[**column], &theirs[**column])) {
                let (ours, theirs) = (&ours[*column], &theirs[*column]);
                lines.push(format!("{arguments}: {view} {name:?} {column}: runq {ours}, oracle {theirs}"));
            }
        }
    }
    lines
}

async fn agree_over(seeds: impl Iterator<Item = u64>) {
    let Some(python) = python() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let jobs: Vec<Job> = seeds.map(|seed| Job::new(seed, folder.path())).collect();
    let expected = oracle(&python, &jobs, folder.path());
    assert_eq!(expected.len(), jobs.len());
    let asked = futures::stream::iter(jobs.into_iter().zip(expected)).map(|(job, expected)| {
        tokio::spawn(async move {
            let found = answers(&job).await;
            let rows: usize = found.values().map(Vec::len).sum();
            (rows, differences(&job, &found, &expected))
        })
    });
    let answers: Vec<_> = asked.buffered(2).collect().await;
    let (mut rows, mut lines) = (0, Vec::new());
    for answer in answers {
        let (more, differing) = answer.expect("an answer");
        rows += more;
        lines.extend(differing);
    }
    assert!(rows > 0);
    eprintln!("{rows} rows of views compared");
    let shown = lines.iter().take(60).cloned().collect::<Vec<_>>().join("\n");
    assert!(lines.is_empty(), "{} differences:\n{shown}", lines.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn data_sets_agree_with_the_oracle() {
    let long = std::env::var_os("RUNQ_LONG").is_some_and(|value| value == "1");
    agree_over(1..=if long { ALL } else { USUAL }).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "minutes; the usual run takes the first forty"]
async fn every_data_set_agrees_with_the_oracle() {
    agree_over(1..=ALL).await;
}
