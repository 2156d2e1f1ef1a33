//! The statistics against published numbers (R `sleep`, Miller 2024, statsmodels) and a table made by scipy.

use std::time::{Duration, Instant};

use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;

use super::*;

/// R's data set `sleep`, group 1 minus group 2.
const SLEEP: [f64; 10] = [-1.2, -2.4, -1.3, -1.3, 0.0, -1.0, -1.8, -0.8, -4.6, -1.4];

#[track_caller]
fn close(found: Option<f64>, expected: f64, tolerance: f64) {
    let found = found.unwrap();
    assert!((found - expected).abs() <= tolerance, "expected {expected}, found {found}");
}

/// Runs a query of one row and gives its cells as doubles.
async fn row(sql: &str) -> Vec<Option<f64>> {
    let ctx = SessionContext::new();
    register(&ctx);
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    let batch = batches.iter().find(|batch| batch.num_rows() == 1).unwrap();
    batch
        .columns()
        .iter()
        .map(|column| {
            let column = column.as_primitive::<Float64Type>();
            column.is_valid(0).then(|| column.value(0))
        })
        .collect()
}

#[tokio::test]
async fn standard_errors_of_means_as_published() {
    let plain = "SELECT stddev_samp(s) / sqrt(count(s)) FROM (SELECT unnest(range(0, 10))::DOUBLE AS s)";
    close(row(plain).await[0], 0.957_427, 5e-7);
    let clustered = "WITH v AS (SELECT unnest(range(0, 20))::DOUBLE AS s),
         c AS (SELECT sum(s - m) AS part, count(*) AS n FROM (SELECT s, avg(s) OVER () AS m FROM v) GROUP BY s % 4)
         SELECT sqrt(sum(part * part)) / sum(n), sqrt(count(*) / (count(*) - 1.0) * sum(part * part)) / sum(n) FROM c";
    let found = row(clustered).await;
    close(found[0], 0.559_017, 5e-7);
    close(found[1], 0.645_497, 5e-7);
}

#[tokio::test]
async fn the_paired_t_test_of_the_sleep_data() {
    let values: Vec<String> = SLEEP.iter().map(|delta| format!("({delta:?})")).collect();
    let sql = format!(
        "WITH s AS (SELECT avg(d) AS mean, stddev_samp(d) / sqrt(count(d)) AS se, count(d) - 1 AS df
                    FROM (VALUES {}) AS t(d))
         SELECT mean, se, mean / se, student_t_p(mean / se, df),
                mean - student_t_quantile(0.975, df) * se, mean + student_t_quantile(0.975, df) * se FROM s",
        values.join(", ")
    );
    let found = row(&sql).await;
    close(found[0], -1.58, 1e-12);
    close(found[1], 0.388_959, 5e-7);
    close(found[2], -4.062_128, 5e-7);
    close(found[3], 0.002_832_890, 5e-10);
    close(found[4], -2.459_886, 5e-7);
    close(found[5], -0.700_114, 5e-7);
}

#[test]
fn a_welch_test_has_broken_degrees_of_freedom() {
    close(student_t_p(-1.860_813, 17.776_474), 0.079_394, 5e-7);
}

#[test]
fn the_factor_of_power_calculations() {
    let two_sided = normal_quantile(0.975);
    close(two_sided, 1.959_963_985, 5e-10);
    let power = normal_quantile(0.8);
    close(power, 0.841_621_234, 5e-10);
    let square = (two_sided.unwrap() + power.unwrap()).powi(2);
    close(Some(square), 7.848_879_734, 5e-10);
    // Miller 2024: differences of 3 points need 969 questions; 198 questions show 13.2 points.
    close(Some(square / 9.0 / 0.03_f64.powi(2)), 968.997, 5e-4);
    close(Some((square * (1.0 / 9.0 + 1.0 / 3.0) / 198.0).sqrt()), 0.132_73, 5e-6);
    close(Some((square * (1.0 / 9.0 + 1.0 / 30.0) / 198.0).sqrt()), 0.075_67, 5e-6);
}

#[test]
fn mcnemar_as_statsmodels_gives_it() {
    assert_eq!(mcnemar_exact_p(1, 9), Some(0.021_484_375));
    assert_eq!(mcnemar_exact_p(10, 2), Some(0.038_574_218_75));
    assert_eq!(mcnemar_exact_p(0, 6), Some(0.031_25));
    close(mcnemar_exact_p(41, 22), 0.022_574_972_7, 5e-11);
    close(mcnemar_exact_p(86, 150), 3.715_94e-5, 5e-11);
    assert_eq!(mcnemar_exact_p(22, 41), mcnemar_exact_p(41, 22));
    assert_eq!(mcnemar_exact_p(0, 0), Some(1.0));
    assert_eq!(mcnemar_exact_p(7, 7), Some(1.0));
}

#[test]
fn every_point_of_the_scipy_table() {
    let table = include_str!("../../tests/fixtures/statistics/scipy.csv");
    let mut points = 0;
    for line in table.lines().skip(1) {
        let cells: Vec<&str> = line.split(',').collect();
        let [function, x, y, z, expected] = cells[..] else { panic!("five cells in {line}") };
        let number = |text: &str| text.parse::<f64>().unwrap();
        let body = FUNCTIONS.iter().find(|known| known.name == function).unwrap().body;
        let Body::Row(kernel) = body else { panic!("{line}: no function of a row") };
        let found = match kernel {
            Kernel::Double(kernel) => kernel(number(x)),
            Kernel::DoubleDouble(kernel) => kernel(number(x), number(y)),
            Kernel::CountCount(kernel) => kernel(x.parse().unwrap(), y.parse().unwrap()),
            Kernel::CountCountDouble(kernel) => kernel(x.parse().unwrap(), y.parse().unwrap(), number(z)),
            Kernel::DoublesDouble(_) | Kernel::DoubleDoubleDoubleCount(_) => {
                panic!("{line}: no cells for it")
            }
        };
        let (expected, found) = (number(expected), found.unwrap_or(f64::NAN));
        let error = (found - expected).abs();
        assert!(
            error <= 1e-10 * expected.abs(),
            "{line}: found {found:e}, off by {:e}",
            error / expected.abs()
        );
        points += 1;
    }
    assert!(points > 300, "{points} points");
}

#[test]
fn counted_and_continuous_tails_agree() {
    for (improved, regressed) in [(0, 120), (30, 90), (59, 61), (3, 14), (0, 1)] {
        let counted = mcnemar_exact_p(improved, regressed).unwrap();
        let continuous = 2.0 * binomial_cdf(improved, improved + regressed, 0.5).unwrap();
        assert!((counted / continuous - 1.0).abs() < 1e-13, "{improved}, {regressed}");
    }
}

#[test]
fn a_million_changed_cases_are_exact_and_fast() {
    let start = Instant::now();
    for regressed in (0..=1_000_000).step_by(1000) {
        let p = mcnemar_exact_p(1_000_000 - regressed, regressed).unwrap();
        assert!((0.0..=1.0).contains(&p));
    }
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    // Far beyond the 1074 halvings after which 0.5^n is 0, and still in the range of a double.
    let ln_p = mcnemar_exact_p(481_500, 518_500).unwrap().ln();
    assert!((-700.0..-680.0).contains(&ln_p), "{ln_p}");
    assert_eq!(mcnemar_exact_p(0, 1_000_000), Some(0.0));
}

#[test]
fn a_quantile_gives_its_probability_back() {
    for df in [0.3, 1.0, 3.0, 7.5, 60.0, 1e4, 1e9] {
        for tails in [1e-200, 1e-12, 0.01, 0.3, 0.49, 0.51, 0.9, 0.999_999] {
            let Some(t) = student_t_quantile(tails / 2.0, df) else { continue };
            let back = student_t_p(t, df).unwrap();
            assert!((back / tails - 1.0).abs() < 1e-11, "df {df}, p {tails}: t {t}, back {back}");
        }
    }
}

#[test]
fn what_has_no_answer_is_none() {
    for t in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY] {
        assert_eq!(student_t_p(t, 5.0), None);
        assert_eq!(normal_cdf(t), None);
    }
    for df in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert_eq!(student_t_p(1.0, df), None);
        assert_eq!(student_t_quantile(0.975, df), None);
        assert_eq!(student_t_quantile(0.5, df), None);
    }
    for p in [0.0, 1.0, -0.1, 1.1, f64::NAN] {
        assert_eq!(normal_quantile(p), None);
        assert_eq!(student_t_quantile(p, 5.0), None);
    }
    assert_eq!(student_t_quantile(1e-300, 0.1), None, "beyond the range of a double");
    assert_eq!(binomial_cdf(1, -1, 0.5), None);
    assert_eq!(binomial_cdf(1, 2, 1.5), None);
    assert_eq!(mcnemar_exact_p(-1, 3), None);
    assert_eq!(sign_test_p(i64::MAX, 1), None);
}

#[test]
fn the_edges_of_the_binomial_are_certain() {
    assert_eq!(binomial_cdf(-1, 3, 0.5), Some(0.0));
    assert_eq!(binomial_cdf(3, 3, 0.5), Some(1.0));
    assert_eq!(binomial_cdf(0, 0, 0.5), Some(1.0));
    assert_eq!(binomial_cdf(0, 3, 0.0), Some(1.0));
    assert_eq!(binomial_cdf(2, 3, 1.0), Some(0.0));
}

#[tokio::test]
async fn sql_takes_integers_and_nulls_and_constants() {
    let found = row("SELECT student_t_p(2, 10), student_t_p(NULL, 10), student_t_p(2.5::DECIMAL(5, 2), 10),
                     sign_test_p(6, 0), mcnemar_exact_p(3, NULL), binomial_cdf(3, 10, 0.3), normal_cdf(0),
                     student_t_quantile(0.975, 0), normal_quantile(0.5)")
    .await;
    close(found[0], student_t_p(2.0, 10.0).unwrap(), 0.0);
    assert_eq!(found[1], None);
    close(found[2], student_t_p(2.5, 10.0).unwrap(), 0.0);
    close(found[3], 0.031_25, 1e-15);
    assert_eq!(found[4], None);
    close(found[5], 0.649_610_718_4, 5e-11);
    assert_eq!(found[6], Some(0.5));
    assert_eq!(found[7], None);
    assert_eq!(found[8], Some(0.0));
}

#[tokio::test]
async fn sql_takes_columns_mixed_with_constants() {
    let ctx = SessionContext::new();
    register(&ctx);
    let sql = "SELECT mcnemar_exact_p(b, 9) AS p, normal_quantile(q) AS z
               FROM (VALUES (1, 0.975), (NULL, 2.0), (9, 0.8)) AS t(b, q) ORDER BY q";
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let [p, z] = [0, 1].map(|column| batch.column(column).as_primitive::<Float64Type>());
    assert_eq!([p.value(0), z.value(0)], [1.0, normal_quantile(0.8).unwrap()]);
    assert_eq!([p.value(1), z.value(1)], [mcnemar_exact_p(1, 9).unwrap(), normal_quantile(0.975).unwrap()]);
    assert!(p.is_null(2) && z.is_null(2));
}

#[tokio::test]
async fn sql_takes_quantiles_of_lists() {
    let ctx = SessionContext::new();
    register(&ctx);
    let sql = "SELECT g, quantile_of(array_sort(array_agg(x) FILTER (WHERE x IS NOT NULL)), 0.9) AS whole,
                      quantile_of(array_sort(array_agg(x)), 0.5) AS holes
               FROM (VALUES (1, 9.0), (1, 0.0), (2, NULL), (3, 4.0), (3, NULL)) AS t(g, x) GROUP BY g ORDER BY g";
    let batches = ctx.sql(sql).await.unwrap().collect().await.unwrap();
    let batch = arrow::compute::concat_batches(&batches[0].schema(), &batches).unwrap();
    let column = |place: usize| -> Vec<Option<f64>> {
        batch.column(place).as_primitive::<Float64Type>().iter().collect()
    };
    assert_eq!(column(1), [Some(8.1), None, Some(4.0)]);
    assert_eq!(column(2), [Some(4.5), None, None]);
    close(row("SELECT quantile_of([0, 1, 2, 3], 0.25)").await[0], 0.75, 0.0);
}

#[tokio::test]
async fn a_wrong_number_of_arguments_is_refused_when_planned() {
    let ctx = SessionContext::new();
    register(&ctx);
    let message = ctx.sql("SELECT student_t_p(1)").await.unwrap_err().to_string();
    assert!(message.contains("student_t_p"), "{message}");
}

#[test]
fn every_function_says_how_it_is_called() {
    for function in FUNCTIONS {
        assert_eq!(function.arguments.len(), function.body.argument_types().len(), "{}", function.name);
    }
    assert_eq!(FUNCTIONS[0].signature(), "student_t_p(t DOUBLE, df DOUBLE) -> DOUBLE");
    assert_eq!(FUNCTIONS[5].signature(), "mcnemar_exact_p(improved BIGINT, regressed BIGINT) -> DOUBLE");
    assert_eq!(FUNCTIONS[8].signature(), "exact_sum(x DOUBLE) -> DOUBLE");
}
