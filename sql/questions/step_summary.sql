-- How does each arm do at each step?
-- Grain: one row per arm, task, step, step kind and metric; the metrics are calls, errors, duration_ms, cost_usd and
-- tokens as far as there are any, and the step's scores.
-- Ties and nulls: numbers are over the n cases that took the step and have a value, as step_values has them: sums of a
-- result's occurrences, means of its scores, then the mean over the case's results. value is the one by the metric's
-- aggregate; standard_error is of the mean. step_kind is null where the source tells none.
WITH aggregated AS (
    SELECT
        arm,
        task,
        step,
        step_kind,
        metric,
        count(value) AS n,
        count(*) - count(value) AS unscored,
        exact_mean(value) AS mean,
        exact_sum(value) AS sum,
        min(value) AS min,
        max(value) AS max,
        exact_stddev(value) AS stddev,
        array_sort(array_agg(value) FILTER (WHERE value IS NOT NULL)) AS ordered
    FROM step_values
    GROUP BY arm, task, step, step_kind, metric
),

ranked AS (
    SELECT
        *,
        quantile_of(ordered, 0.5) AS p50,
        quantile_of(ordered, 0.9) AS p90,
        quantile_of(ordered, 0.95) AS p95,
        quantile_of(ordered, 0.99) AS p99
    FROM aggregated
)

SELECT
    ranked.arm,
    ranked.task,
    ranked.step,
    ranked.step_kind,
    ranked.metric,
    step_coverage.aggregate,
    step_coverage.direction,
    step_coverage.unit,
    step_coverage.is_score,
    CASE step_coverage.aggregate
        WHEN 'mean' THEN ranked.mean
        WHEN 'sum' THEN ranked.sum
        WHEN 'min' THEN ranked.min
        WHEN 'max' THEN ranked.max
        WHEN 'median' THEN ranked.p50
        WHEN 'p90' THEN ranked.p90
        WHEN 'p95' THEN ranked.p95
        WHEN 'p99' THEN ranked.p99
        WHEN 'count' THEN CAST(ranked.n AS DOUBLE)
    END AS value,
    ranked.n,
    ranked.unscored,
    ranked.mean,
    ranked.sum,
    ranked.min,
    ranked.max,
    ranked.stddev,
    ranked.p50,
    ranked.p90,
    ranked.p95,
    ranked.p99,
    ranked.stddev / sqrt(CAST(ranked.n AS DOUBLE)) AS standard_error
FROM ranked
INNER JOIN step_coverage
    ON
        ranked.step = step_coverage.step
        AND coalesce(ranked.step_kind, '') = coalesce(step_coverage.step_kind, '')
        AND ranked.metric = step_coverage.metric
