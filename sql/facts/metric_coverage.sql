-- Which metrics are there, and how are they to be read?
-- Grain: one row per metric that the results in scope carry.
-- Ties and nulls: direction, aggregate and unit as registered, else higher, mean and none; cases counts (arm, task,
-- case) that carry it, scored those with a value; a built-in metric without any value is left out. threshold is the
-- smallest change that counts as one. family is the group of tests that is adjusted together, null without a verdict.
-- Kept: computed once per session, since questions read it several times.
WITH carried AS (
    SELECT
        metric,
        count(*) AS cases,
        count(value) AS scored,
        min(value) AS lowest,
        max(value) AS highest
    FROM case_values
    GROUP BY metric
),

runs_of_cases AS (
    SELECT count(*) AS cases
    FROM arm_cases
)

SELECT
    carried.metric,
    coalesce(metrics.direction, 'higher') AS direction,
    coalesce(metrics.aggregate, 'mean') AS aggregate,
    metrics.unit,
    coalesce(metrics.built_in, FALSE) AS built_in,
    carried.metric = $primary AS primary_metric,
    coalesce(
        metrics.threshold,
        CASE WHEN coalesce(metrics.built_in, FALSE) AND carried.metric <> 'score' THEN 0.0 ELSE $threshold END
    ) AS threshold,
    CASE
        WHEN coalesce(metrics.direction, 'higher') = 'none' THEN NULL
        WHEN carried.metric = $primary THEN 'primary'
        WHEN coalesce(metrics.judges, TRUE) OR coalesce(metrics.tested, FALSE) THEN 'other scores'
    END AS family,
    coalesce(metrics.judges, TRUE) AS judges,
    coalesce(metrics.judges, TRUE) AND carried.lowest >= 0.0 AND carried.highest <= 1.0 AS within_unit,
    carried.cases,
    carried.scored,
    runs_of_cases.cases AS all_cases
FROM carried
CROSS JOIN runs_of_cases
LEFT JOIN metrics ON carried.metric = metrics.metric
WHERE carried.scored > 0 OR NOT coalesce(metrics.built_in, FALSE)
