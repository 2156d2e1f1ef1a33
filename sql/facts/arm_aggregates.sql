-- What do the case values of an arm come to, over its own cases and over the cases that every arm has?
-- Grain: one row per basis (own, common), arm, task and metric; task is null for the line over all tasks; per says that
-- n counts cases, as run_aggregates has it for runs.
-- Ties and nulls: n counts cases with a value, unscored those without; every number is over n cases and null when n
-- is 0; value is the one by the metric's aggregate. common holds the cases that have a value in every arm. The pooled
-- line stands only when task_sets allows it.
-- Kept: computed once per session, since questions read it several times.
WITH arms AS (
    SELECT max(arms) AS arms
    FROM task_sets
),

common_cases AS (
    SELECT
        case_values.task,
        case_values.case_id,
        case_values.metric
    FROM case_values
    CROSS JOIN arms
    GROUP BY case_values.task, case_values.case_id, case_values.metric
    HAVING count(case_values.value) = max(arms.arms)
),

per_task AS (
    SELECT
        'own' AS basis,
        case_values.arm,
        case_values.task,
        case_values.metric,
        case_values.value
    FROM case_values
    UNION ALL
    SELECT
        'common' AS basis,
        case_values.arm,
        case_values.task,
        case_values.metric,
        case_values.value
    FROM case_values
    INNER JOIN common_cases
        ON
            case_values.task = common_cases.task
            AND case_values.case_id = common_cases.case_id
            AND case_values.metric = common_cases.metric
),

cells AS (
    SELECT
        basis,
        arm,
        task,
        metric,
        value
    FROM per_task
    UNION ALL
    SELECT
        per_task.basis,
        per_task.arm,
        CAST(NULL AS VARCHAR) AS task,
        per_task.metric,
        per_task.value
    FROM per_task
    CROSS JOIN task_sets
    WHERE task_sets.poolable
),

aggregated AS (
    SELECT
        basis,
        arm,
        task,
        metric,
        count(value) AS n,
        count(*) - count(value) AS unscored,
        exact_mean(value) AS mean,
        exact_sum(value) AS sum,
        min(value) AS min,
        max(value) AS max,
        exact_stddev(value) AS stddev,
        array_sort(array_agg(value) FILTER (WHERE value IS NOT NULL)) AS ordered
    FROM cells
    GROUP BY basis, arm, task, metric
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
    ranked.basis,
    ranked.arm,
    ranked.task,
    ranked.metric,
    'case' AS per,
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
    metric_coverage.direction,
    metric_coverage.unit,
    metric_coverage.aggregate,
    metric_coverage.within_unit,
    CASE metric_coverage.aggregate
        WHEN 'mean' THEN ranked.mean
        WHEN 'sum' THEN ranked.sum
        WHEN 'min' THEN ranked.min
        WHEN 'max' THEN ranked.max
        WHEN 'median' THEN ranked.p50
        WHEN 'p90' THEN ranked.p90
        WHEN 'p95' THEN ranked.p95
        WHEN 'p99' THEN ranked.p99
        WHEN 'count' THEN CAST(ranked.n AS DOUBLE)
    END AS value
FROM ranked
INNER JOIN metric_coverage ON ranked.metric = metric_coverage.metric
