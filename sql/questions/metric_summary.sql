-- How does each arm do on each metric?
-- Grain: one row per arm, task and metric; task is null for the line over all tasks, which stands only when there are
-- several and every arm has the same (task, case) set.
-- Ties and nulls: numbers are over the n cases, runs or results (as per says) with a value; value is the one by the
-- metric's aggregate; standard_error is of the mean; lowest and highest are the means that the unscored cases would
-- allow, for metrics of cases whose values all lie within 0 and 1.
WITH aggregates AS (
    SELECT * FROM arm_aggregates
    UNION ALL
    SELECT * FROM run_aggregates
)

SELECT
    arm,
    task,
    metric,
    per,
    aggregate,
    direction,
    unit,
    value,
    n,
    unscored,
    mean,
    sum,
    min,
    max,
    stddev,
    p50,
    p90,
    p95,
    p99,
    stddev / sqrt(CAST(n AS DOUBLE)) AS standard_error,
    CASE WHEN within_unit THEN coalesce(sum, 0.0) / (n + unscored) END AS lowest,
    CASE WHEN within_unit THEN (coalesce(sum, 0.0) + unscored) / (n + unscored) END AS highest
FROM aggregates
WHERE basis = 'own'
