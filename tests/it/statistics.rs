//! The numbers of the views against numbers that others made: scipy and statsmodels on whole data sets, published
//! examples, and formulas with their reference values.

use std::fs;
use std::path::Path;

use runq::model::MetricRow;
use runq::session::{By, ErrorsAs, Facts, Options, Request, Session};
use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::support::shared;
use crate::support::tables::{facts, mapped, opened, rows, write_rows};

const CHANGES: &str = "SELECT * FROM change_counts ORDER BY task, metric, candidate";

/// A request for arms by run against a baseline.
fn against(baseline: &str, options: Options) -> Request {
    let by = By::Dimension("run".to_owned());
    Request { by, baseline: Some(baseline.to_owned()), options, ..Request::default() }
}

/// The one row whose fields are these.
fn one<'a>(rows: &'a [Value], fields: &[(&str, &str)]) -> &'a Value {
    let fits = |row: &&Value| fields.iter().all(|(name, value)| row[*name] == *value);
    let found: Vec<&Value> = rows.iter().filter(fits).collect();
    assert_eq!(found.len(), 1, "rows with {fields:?}: {found:?}");
    found[0]
}

fn number(row: &Value, name: &str) -> f64 {
    row[name].as_f64().unwrap_or_else(|| panic!("{name} is no number in {row}"))
}

/// Whether two numbers agree but for rounding on the way.
fn assert_close(what: &str, found: f64, expected: f64) {
    let most = 1e-12_f64.max(1e-9 * expected.abs());
    assert!((found - expected).abs() <= most, "{what}: expected {expected}, found {found}");
}

/// Whether a number is what was printed with so many decimals.
fn assert_printed(what: &str, found: f64, printed: &str) {
    let decimals = printed.split_once('.').map_or(0, |(_, rest)| rest.len());
    assert_eq!(format!("{found:.decimals$}"), printed, "{what}: {found}");
}

// ------------------------------------------------------------------------------------ data sets made by others

const DATA_SETS: [&str; 6] = [
    "binary-small",
    "binary-large",
    "continuous-partial",
    "clustered-binary",
    "clustered-continuous",
    "epochs",
];

/// A folder of two runs, `baseline` and `candidate`, with what scipy and statsmodels say of them.
struct DataSet {
    facts: Facts,
    oracle: Value,
}

fn data_set(folder: &Path, name: &str) -> DataSet {
    let folder = folder.join(name);
    let options = mapped("case_id=item_id,score=score,epoch=epoch,category=cluster_id");
    let [baseline, candidate] = ["baseline.csv", "candidate.csv"].map(|file| folder.join(file));
    DataSet {
        facts: facts(&[&baseline, &candidate], &options),
        oracle: read_json(&folder.join("oracle.json")),
    }
}

fn read_json(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).expect("a file")).expect("JSON")
}

/// The numbers of `classic` or `item_means` against a row of `change_counts`.
fn assert_classic(name: &str, row: &Value, oracle: &Value) {
    let names = [
        ("mean_baseline", "mean_baseline"),
        ("mean_candidate", "mean_candidate"),
        ("mean_delta", "delta"),
        ("standard_error", "se_paired"),
    ];
    for (ours, theirs) in names {
        assert_close(&format!("{name} {ours}"), number(row, ours), number(oracle, theirs));
    }
    for (ours, theirs) in
        [("common", "n"), ("improved", "improved"), ("regressed", "degraded"), ("unchanged", "same")]
    {
        assert_eq!(row[ours], oracle[theirs], "{name} {ours}");
    }
    let t_test = &oracle["scipy_ttest_rel"];
    assert_close(
        &format!("{name} t"),
        number(row, "mean_delta") / number(row, "standard_error"),
        number(t_test, "t"),
    );
    for (place, end) in ["ci_low", "ci_high"].into_iter().enumerate() {
        assert_close(&format!("{name} {end}"), number(row, end), t_test["ci95"][place].as_f64().unwrap());
    }
    let binary = oracle.get("statsmodels_mcnemar_exact");
    assert_eq!(row["test"], if binary.is_some() { "exact McNemar" } else { "paired t" }, "{name}");
    assert_close(&format!("{name} p"), number(row, "p_value"), number(binary.unwrap_or(t_test), "p"));
    assert_eq!(row["p_adjusted"], row["p_value"], "{name}: one test needs no adjustment");
}

/// The means of each arm over its own cases, from the files themselves.
async fn assert_own_means(name: &str, session: &mut Session, oracle: &Value) {
    let summary = rows(session, "SELECT * FROM metric_summary WHERE metric = 'score'").await;
    for (arm, count) in [("baseline", "n_baseline"), ("candidate", "n_candidate")] {
        let row = one(&summary, &[("arm", arm)]);
        assert_eq!(row["n"], oracle[count], "{name} {arm}");
        assert_eq!(row["unscored"], 0, "{name} {arm}");
        assert_close(
            "error of a mean",
            number(row, "standard_error"),
            number(row, "stddev") / number(row, "n").sqrt(),
        );
    }
    if let Some(per_run) = oracle.get("per_run") {
        for arm in ["baseline", "candidate"] {
            let row = one(&summary, &[("arm", arm)]);
            let theirs = &per_run[arm];
            assert_close("mean over items", number(row, "mean"), number(theirs, "mean_of_items"));
            assert_close(
                "error by item",
                number(row, "standard_error"),
                number(theirs, "se_clustered_by_item"),
            );
            let variance = number(row, "stddev").powi(2);
            assert_close("variance of item means", variance, number(theirs, "var_of_item_means_ddof1"));
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn paired_comparisons_agree_with_scipy_and_statsmodels() {
    let Some(folder) = shared("peers/paired-stats") else { return };
    for name in DATA_SETS {
        let DataSet { facts, oracle } = data_set(&folder, name);
        let mut session = opened(facts, against("baseline", Options::default())).await;
        let changes = rows(&mut session, CHANGES).await;
        let row = one(&changes, &[("metric", "score")]);
        // One epoch is what `classic` looks at; over all of them the values are the means of the items.
        assert_classic(name, row, oracle.get("item_means").unwrap_or(&oracle["classic"]));
        for side in ["baseline_only", "candidate_only"] {
            assert_eq!(
                row[side].as_u64(),
                oracle[side].as_array().map(|cases| cases.len() as u64),
                "{name} {side}"
            );
        }
        let z = 1.959_963_984_540_054 + 0.841_621_233_572_914_3;
        assert_close(&format!("{name} mde"), number(row, "mde"), z * number(row, "standard_error"));
        if oracle.get("item_means").is_none() {
            let mde = number(&oracle["evalsig"]["paired_t"], "mde");
            assert_close(&format!("{name} mde of evalsig"), number(row, "mde"), mde);
        }
        assert_own_means(name, &mut session, &oracle).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn clustered_comparisons_agree_with_statsmodels() {
    let Some(folder) = shared("peers/paired-stats") else { return };
    // Quantiles 0.975 and tails of Student's t, by scipy 1.17.1: t.ppf(0.975, G - 1), 2 * t.sf(|z|, G - 1) with
    // z of statsmodels' cluster_se_CR1.
    let sets = [
        ("clustered-binary", 14, 2.160_368_656_462_791_3, 0.020_201_163_080_910_935),
        ("clustered-continuous", 7, 2.446_911_851_144_978_6, 0.074_069_237_612_071_1),
    ];
    for (name, clusters, quantile, p) in sets {
        let DataSet { facts, oracle } = data_set(&folder, name);
        let options = Options { cluster: Some("category".to_owned()), ..Options::default() };
        let mut session = opened(facts, against("baseline", options)).await;
        let changes = rows(&mut session, CHANGES).await;
        let row = one(&changes, &[("metric", "score")]);
        let cr1 = &oracle["classic"]["statsmodels_cluster_se_CR1"];
        assert_eq!((&row["test"], &row["units"]), (&json!("clustered t"), &json!(clusters)), "{name}");
        assert_eq!(oracle["classic"]["n_clusters"], clusters);
        let (delta, error) = (number(row, "mean_delta"), number(row, "standard_error"));
        assert_close(name, delta, number(&oracle["classic"], "delta"));
        assert_close(name, error, number(cr1, "se"));
        assert_close(name, delta / error, number(cr1, "z"));
        assert_close(name, number(row, "ci_low"), delta - quantile * error);
        assert_close(name, number(row, "ci_high"), delta + quantile * error);
        assert_close(name, number(row, "p_value"), p);
    }
}

/// All six data sets as tasks of one comparison. Every case is its own cluster, which is the paired t test also for
/// zeros and ones; only the first epoch counts, as in the p values that statsmodels adjusted.
#[tokio::test(flavor = "multi_thread")]
async fn holm_over_six_comparisons_agrees_with_statsmodels() {
    let Some(folder) = shared("peers/paired-stats") else { return };
    let mut all = Vec::new();
    for name in DATA_SETS {
        for run in ["baseline", "candidate"] {
            let text = fs::read_to_string(folder.join(name).join(run).with_extension("csv")).expect("a file");
            for line in text.lines().skip(1) {
                let cells: Vec<&str> = line.split(',').collect();
                if cells[3] == "0" {
                    let score: f64 = cells[1].parse().expect("a score");
                    all.push(json!({"id": cells[0], "task": name, "run": run, "score": score, "own": null}));
                }
            }
        }
    }
    let options = Options { cluster: Some("$.own".to_owned()), ..Options::default() };
    let (_folder, facts) = written(&all, "case_id=id,task=task,run=run,score=score");
    let mut session = opened(facts, against("baseline", options)).await;
    let changes = rows(&mut session, "SELECT * FROM change_counts WHERE metric = 'score'").await;
    assert_eq!(changes.len(), DATA_SETS.len(), "no line over tasks with different cases");
    let expected = read_json(&folder.join("multiplicity.json"));
    for (place, name) in DATA_SETS.into_iter().enumerate() {
        let row = one(&changes, &[("task", name)]);
        assert_eq!(row["family_tests"], 6);
        assert_close(name, number(row, "p_value"), number(&expected["p_values"], name));
        let holm = expected["statsmodels"]["holm"][place].as_f64().unwrap();
        assert_close(name, number(row, "p_adjusted"), holm);
        let evalsig = &expected["evalsig"]["holm"];
        let verdict = match (evalsig["reject"][place].as_bool().unwrap(), number(row, "mean_delta") > 0.0) {
            (false, _) => "no difference shown",
            (true, true) => "improved",
            (true, false) => "regressed",
        };
        assert_eq!(row["verdict"], verdict, "{name}");
    }
}

// --------------------------------------------------------------------------------------- examples of formulas

/// Metrics by name, each with the values of baseline and candidate for its cases.
#[derive(Default)]
struct Example {
    rows: Vec<Map<String, Value>>,
    metrics: Vec<String>,
}

impl Example {
    fn metric(mut self, name: &str, pairs: &[(f64, f64)]) -> Self {
        self.metrics.push(name.to_owned());
        for (case, (baseline, candidate)) in pairs.iter().enumerate() {
            for (side, value) in [baseline, candidate].into_iter().enumerate() {
                let place = 2 * case + side;
                if self.rows.len() <= place {
                    let run = ["baseline", "candidate"][side];
                    let row = json!({"id": format!("c{case}"), "run": run, "four": format!("{}", case % 4), "seven": format!("{}", case % 7), "one": "x"});
                    self.rows.push(row.as_object().unwrap().clone());
                }
                self.rows[place].insert(name.to_owned(), json!(value));
            }
        }
        self
    }

    async fn session(&self, options: Options) -> (TempDir, Session) {
        let metrics: Vec<String> = self.metrics.iter().map(|name| format!("metric.{name}={name}")).collect();
        let rows: Vec<Value> = self.rows.iter().cloned().map(Value::Object).collect();
        let (folder, facts) = written(&rows, &format!("case_id=id,run=run,{}", metrics.join(",")));
        let primary = options.primary.or_else(|| self.metrics.first().cloned());
        let options = Options { primary, ..options };
        (folder, opened(facts, against("baseline", options)).await)
    }

    async fn changes(&self, options: Options) -> Vec<Value> {
        let (_folder, mut session) = self.session(options).await;
        rows(&mut session, CHANGES).await
    }
}

fn written(rows: &[Value], columns: &str) -> (TempDir, Facts) {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("rows.jsonl");
    write_rows(&path, rows);
    let facts = facts(&[&path], &mapped(columns));
    (folder, facts)
}

/// So many cases that only the baseline passed, only the candidate passed, and the rest alike.
fn discordant(only_baseline: usize, only_candidate: usize, both: usize, neither: usize) -> Vec<(f64, f64)> {
    let times = std::iter::repeat_n;
    times((1.0, 0.0), only_baseline)
        .chain(times((0.0, 1.0), only_candidate))
        .chain(times((1.0, 1.0), both))
        .chain(times((0.0, 0.0), neither))
        .collect()
}

/// Deltas of mean `mean` and sample standard deviation `deviation`, half above and half below; n is even.
fn spread(n: usize, mean: f64, deviation: f64) -> Vec<(f64, f64)> {
    let size = deviation * ((n as f64 - 1.0) / n as f64).sqrt();
    (0..n).map(|case| (0.0, if case % 2 == 0 { mean + size } else { mean - size })).collect()
}

/// Cushny and Peebles 1905, the data set `sleep` of R: hours gained under two drugs.
const SLEEP: [(f64, f64); 10] = [
    (1.9, 0.7),
    (0.8, -1.6),
    (1.1, -0.2),
    (0.1, -1.2),
    (-0.1, -0.1),
    (4.4, 3.4),
    (5.5, 3.7),
    (1.6, 0.8),
    (4.6, 0.0),
    (3.4, 2.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn error_of_a_mean_and_paired_difference() {
    let digits: Vec<(f64, f64)> = (0..10).map(|value| (0.0, f64::from(value))).collect();
    let example = Example::default().metric("sleep", &SLEEP).metric("digits", &digits);
    let (_folder, mut session) = example.session(Options::default()).await;
    let summary = rows(&mut session, "SELECT * FROM metric_summary WHERE metric = 'digits'").await;
    let row = one(&summary, &[("arm", "candidate")]);
    assert_printed("error of 0..9", number(row, "standard_error"), "0.957427");
    let quantiles = ["mean", "p50", "p90", "p95", "p99"].map(|name| number(row, name));
    for (found, expected) in quantiles.into_iter().zip([4.5, 4.5, 8.1, 8.55, 8.91]) {
        assert_close("quantile of 0..9", found, expected);
    }
    let changes = rows(&mut session, CHANGES).await;
    let sleep = one(&changes, &[("metric", "sleep")]);
    for (name, printed) in [
        ("mean_delta", "-1.58"),
        ("standard_error", "0.388959"),
        ("p_value", "0.002832890"),
        ("ci_low", "-2.459886"),
        ("ci_high", "-0.700114"),
    ] {
        assert_printed(name, number(sleep, name), printed);
    }
    assert_printed("t", number(sleep, "mean_delta") / number(sleep, "standard_error"), "-4.062128");
    let dz = number(sleep, "mean_delta") / (number(sleep, "standard_error") * 10_f64.sqrt());
    assert_printed("dz", dz, "-1.284558");
    assert_eq!((&sleep["test"], &sleep["verdict"]), (&json!("paired t"), &json!("regressed")));
}

#[tokio::test(flavor = "multi_thread")]
async fn clustered_error_has_the_small_sample_factor() {
    let digits: Vec<(f64, f64)> = (0..20).map(|value| (0.0, f64::from(value))).collect();
    let example = Example::default().metric("digits", &digits);
    let cluster = |column: &str| Options { cluster: Some(format!("$.{column}")), ..Options::default() };
    let changes = example.changes(cluster("four")).await;
    let row = one(&changes, &[("metric", "digits")]);
    assert_printed("CR1 of 0..19 by i mod 4", number(row, "standard_error"), "0.645497");
    let without_factor = number(row, "standard_error") * (3.0_f64 / 4.0).sqrt();
    assert_printed("without factor", without_factor, "0.559017");
    // Fewer than six clusters cannot show a difference, whatever the number of cases.
    assert_eq!(
        (&row["units"], &row["common"], &row["verdict"]),
        (&json!(4), &json!(20), &json!("too few cases"))
    );
    let changes = example.changes(cluster("one")).await;
    let row = one(&changes, &[("metric", "digits")]);
    assert_eq!(row["units"], 1);
    for name in ["standard_error", "ci_low", "ci_high", "p_value", "mde"] {
        assert!(row.get(name).is_none_or(Value::is_null), "{name} with one cluster: {row}");
    }
}

/// Fourteen times 15/17 is no double; what is lost there must not look like noise between the cases.
#[tokio::test(flavor = "multi_thread")]
async fn equal_deltas_leave_the_exact_sign_test() {
    let delta = 15.0 / 17.0;
    let example = Example::default().metric("moved", &[(0.0, delta); 14]);
    let own_case = Options::default();
    let clustered = Options { cluster: Some("$.seven".to_owned()), ..Options::default() };
    for (options, units) in [(own_case, 14), (clustered, 7)] {
        let changes = example.changes(options).await;
        let row = one(&changes, &[("metric", "moved")]);
        assert_eq!(number(row, "mean_delta"), delta);
        assert_eq!((&row["units"], &row["standard_error"]), (&json!(units), &json!(0.0)), "{row}");
        assert!(row.get("p_value").is_none() && row.get("p_adjusted").is_none(), "{row}");
        assert_eq!((&row["test"], &row["verdict"]), (&json!("exact sign"), &json!("improved")), "{row}");
        assert_eq!((&row["ci_low"], &row["ci_high"]), (&row["mean_delta"], &row["mean_delta"]));
    }
}

/// What doubles round off is neither scatter nor a difference: 0.8 - 0.7 and 0.4 - 0.3 differ in the last bit.
#[tokio::test(flavor = "multi_thread")]
async fn the_last_bit_is_no_evidence() {
    let tenths = [(0.7, 0.8), (0.3, 0.4), (0.1, 0.2)];
    let third = 1.0 / 3.0;
    let thirds = [(0.0, third), (third, 2.0 * third), (2.0 * third, 1.0)];
    let times = |pairs: [(f64, f64); 3]| pairs.into_iter().cycle().take(21).collect::<Vec<_>>();
    let example = Example::default()
        .metric("tenths", &times(tenths))
        .metric("thirds", &times(thirds))
        .metric("same", &[(0.3, 0.1 + 0.2); 21]);
    let clustered = Options { cluster: Some("$.seven".to_owned()), ..Options::default() };
    for (options, units) in [(Options::default(), 21), (clustered, 7)] {
        let usual = if units == 7 { "clustered t" } else { "paired t" };
        let changes = example.changes(options).await;
        for (metric, test, verdict) in [
            ("tenths", "exact sign", "improved"),
            ("thirds", "exact sign", "improved"),
            ("same", usual, "no difference shown"),
        ] {
            let row = one(&changes, &[("metric", metric)]);
            assert_eq!((&row["units"], &row["standard_error"]), (&json!(units), &json!(0.0)), "{row}");
            assert!(row.get("p_value").is_none(), "{row}");
            assert_eq!((&row["test"], &row["verdict"]), (&json!(test), &json!(verdict)), "{row}");
        }
        assert!(number(one(&changes, &[("metric", "same")]), "mean_delta") > 0.0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_mcnemar_and_the_difference_of_proportions() {
    let example = Example::default()
        .metric("evalsize", &discordant(22, 41, 237, 200))
        .metric("one_nine", &discordant(9, 1, 5, 5))
        .metric("ten_two", &discordant(10, 2, 0, 0))
        .metric("none_six", &discordant(6, 0, 4, 0))
        .metric("statsmodels", &discordant(86, 150, 794, 570));
    let changes = example.changes(Options::default()).await;
    let p = |name: &str| number(one(&changes, &[("metric", name)]), "p_value");
    assert_printed("(41, 22)", p("evalsize"), "0.0225749727");
    assert_close("(1, 9)", p("one_nine"), 0.021484375);
    assert_close("(10, 2)", p("ten_two"), 0.03857421875);
    assert_close("(0, 6)", p("none_six"), 0.03125);
    assert_printed("(86, 150)", p("statsmodels") * 1e5, "3.71594");
    let row = one(&changes, &[("metric", "evalsize")]);
    assert_close("difference", number(row, "mean_delta"), 0.038);
    assert_eq!((&row["common"], &row["improved"], &row["regressed"]), (&json!(500), &json!(41), &json!(22)));
    // The Wald interval has n where the t interval has n - 1, and a normal quantile.
    assert_printed("Wald error", number(row, "standard_error") * (499.0_f64 / 500.0).sqrt(), "0.01578328");
    for (metric, verdict) in [
        ("evalsize", "improved"),
        ("statsmodels", "improved"),
        ("none_six", "no difference shown"),
        ("one_nine", "no difference shown"),
    ] {
        assert_eq!(one(&changes, &[("metric", metric)])["verdict"], verdict, "{metric}");
    }
}

/// The primary metric is alone in its family; the other four are adjusted together, by Holm 1979 worked by hand.
/// The first metric is the score, so that `passed` never changes and is no test either.
#[tokio::test(flavor = "multi_thread")]
async fn holm_leaves_the_primary_metric_alone() {
    let example = Example::default()
        .metric("same", &discordant(0, 0, 5, 5))
        .metric("primary", &discordant(1, 9, 5, 5))
        .metric("a", &discordant(22, 41, 237, 200))
        .metric("b", &discordant(1, 9, 5, 5))
        .metric("c", &discordant(6, 0, 4, 0))
        .metric("d", &discordant(10, 2, 0, 0));
    let options = Options { primary: Some("primary".to_owned()), ..Options::default() };
    let changes = example.changes(options).await;
    let p_of_a = number(one(&changes, &[("metric", "a")]), "p_value");
    // In order of p: b 0.0215, a 0.0226, c 0.03125, d 0.0386. The metric without any change is no test.
    let first = 4.0_f64 * 0.021484375;
    let second = first.max(3.0 * p_of_a);
    let third = second.max(2.0 * 0.03125);
    let fourth = third.max(0.03857421875);
    let expected = [("primary", 0.021484375), ("b", first), ("a", second), ("c", third), ("d", fourth)];
    for (metric, adjusted) in expected {
        let row = one(&changes, &[("metric", metric)]);
        assert_close(metric, number(row, "p_adjusted"), adjusted);
        assert_eq!(row["family_tests"], if metric == "primary" { 1 } else { 4 }, "{metric}");
        let verdict = if metric == "primary" { "improved" } else { "no difference shown" };
        assert_eq!(row["verdict"], verdict, "{metric}");
    }
    let same = one(&changes, &[("metric", "same")]);
    assert!(same.get("p_value").is_none() && same.get("p_adjusted").is_none(), "{same}");
    assert_eq!((&same["standard_error"], &same["verdict"]), (&json!(0.0), &json!("no difference shown")));
}

/// The fifteen p values of Benjamini and Hochberg 1995 with Holm's adjusted ones, and the t that gives each with 19
/// degrees of freedom, by scipy 1.17.1: `t.isf(p / 2, 19)`.
const PUBLISHED: [(&str, &str, f64); 15] = [
    ("0.0001", "0.0015", 4.897_461_588_862_168),
    ("0.0004", "0.0056", 4.284_793_108_405_777),
    ("0.0019", "0.0247", 3.601_949_630_039_282),
    ("0.0095", "0.114", 2.884_331_137_892_793),
    ("0.0201", "0.2211", 2.537_128_586_121_149_4),
    ("0.0278", "0.278", 2.382_455_452_971_173_2),
    ("0.0298", "0.278", 2.348_888_235_638_24),
    ("0.0344", "0.278", 2.278_988_809_776_224_3),
    ("0.0459", "0.3213", 2.136_108_079_095_720_3),
    ("0.3240", "1", 1.012_543_181_702_289_2),
    ("0.4262", "1", 0.813_158_685_441_301_2),
    ("0.5719", "1", 0.575_208_436_430_068_9),
    ("0.6528", "1", 0.457_074_998_370_060_6),
    ("0.7590", "1", 0.311_249_666_206_870_56),
    ("1.0000", "1", 0.0),
];

#[tokio::test(flavor = "multi_thread")]
async fn holm_of_fifteen_published_p_values() {
    let mut example = Example::default().metric("primary", &spread(20, 0.0, 0.5));
    for (place, (_, _, t)) in PUBLISHED.iter().enumerate() {
        // The error of a mean of 20 with deviation 1 is 1 / sqrt(20). Every second one falls.
        let sign = if place % 2 == 0 { 1.0 } else { -1.0 };
        example = example.metric(&format!("m{place:02}"), &spread(20, sign * t / 20_f64.sqrt(), 1.0));
    }
    let changes = example.changes(Options::default()).await;
    for (place, (p, adjusted, _)) in PUBLISHED.into_iter().enumerate() {
        let row = one(&changes, &[("metric", &format!("m{place:02}"))]);
        assert_printed("p", number(row, "p_value"), p);
        assert_printed("adjusted p", number(row, "p_adjusted"), adjusted);
        let verdict = ["improved", "regressed", "improved"].get(place);
        assert_eq!(row["verdict"], *verdict.unwrap_or(&"no difference shown"), "{place}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn detectable_effect_at_power_of_four_fifths() {
    let variance = |value: f64| value.sqrt();
    let example = Example::default()
        .metric("sd_0_4", &spread(100, 0.0, 0.4))
        .metric("miller_970", &spread(970, 0.0, variance(1.0 / 9.0)))
        .metric("miller_968", &spread(968, 0.0, variance(1.0 / 9.0)))
        .metric("once", &spread(198, 0.0, variance(1.0 / 9.0 + 2.0 / 6.0)))
        .metric("ten_times", &spread(198, 0.0, variance(1.0 / 9.0 + 2.0 / 60.0)));
    let changes = example.changes(Options::default()).await;
    let mde = |name: &str| number(one(&changes, &[("metric", name)]), "mde");
    assert_close("evalsig's power.json", mde("sd_0_4"), 0.112_063_408_724_518_74);
    assert!(mde("miller_970") < 0.03 && mde("miller_968") > 0.03, "969 cases find 0.03");
    assert_printed("one answer per case", mde("once"), "0.13273");
    assert_printed("ten answers per case", mde("ten_times"), "0.07567");
}

/// Where less is better 0 would be the best value there is: an error must not win.
#[tokio::test(flavor = "multi_thread")]
async fn an_error_as_zero_never_is_the_best_value() {
    let row = |run: &str, id: u32, status: &str, score: Option<f64>| json!({"run": run, "id": id, "status": status, "score": score, "loss": score});
    let rows_of_both = [
        row("baseline", 1, "ok", Some(0.5)),
        row("baseline", 2, "ok", Some(0.5)),
        row("candidate", 1, "execution_error", None),
        row("candidate", 2, "ok", Some(0.75)),
    ];
    let (_folder, mut facts) =
        written(&rows_of_both, "case_id=id,run=run,status=status,score=score,metric.loss=loss");
    let options = Options { errors_as: ErrorsAs::Zero, ..Options::default() };
    for (direction, n, mean) in [("higher", 2, 0.375), ("lower", 1, 0.75)] {
        facts.metrics = ["score", "loss"]
            .map(|metric| MetricRow {
                metric: metric.to_owned(),
                direction: Some(direction.to_owned()),
                origin: "user".to_owned(),
                ..MetricRow::default()
            })
            .to_vec();
        let mut session = opened(facts.clone(), against("baseline", options.clone())).await;
        let summary = rows(&mut session, "SELECT * FROM metric_summary WHERE arm = 'candidate'").await;
        for metric in ["score", "loss"] {
            let row = one(&summary, &[("metric", metric)]);
            assert_eq!(
                (&row["n"], &row["mean"]),
                (&json!(n), &json!(mean)),
                "{metric} is better {direction}"
            );
        }
        assert_eq!(one(&summary, &[("metric", "passed")])["n"], 2);
    }
}
