-- Which metrics are there, and how are they to be read?
-- Grain: one row per metric that the results in scope carry.
-- Ties and nulls: direction, aggregate and unit as registered, else higher, mean and none; cases counts (arm, task,
-- case) that carry it, scored those with a value; a built-in metric without any value is left out. threshold is the
-- smallest change that counts as one. A metric of a step is looked up by its full name, then by its name alone; step
-- and step_kind are null for a metric of the whole result. family is the group of tests that is adjusted together,
-- null without a verdict.
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
    coalesce(step_metrics.name, carried.metric) AS name,
    step_metrics.step,
    step_metrics.step_kind,
    coalesce(metrics.direction, bare.direction, 'higher') AS direction,
    coalesce(metrics.aggregate, bare.aggregate, 'mean') AS aggregate,
    coalesce(metrics.unit, bare.unit) AS unit,
    coalesce(metrics.built_in, FALSE) AS built_in,
    carried.metric = $primary AS primary_metric,
    coalesce(
        metrics.threshold,
        bare.threshold,
        CASE WHEN coalesce(metrics.built_in, FALSE) AND carried.metric <> 'score' THEN 0.0 ELSE $threshold END
    ) AS threshold,
    CASE
        WHEN coalesce(metrics.direction, bare.direction, 'higher') = 'none' THEN NULL
        WHEN carried.metric = $primary THEN 'primary'
        WHEN
            coalesce(metrics.judges, bare.judges, TRUE)
            OR coalesce(metrics.tested, FALSE)
            OR coalesce(bare.tested, FALSE)
            THEN 'other scores'
    END AS family,
    coalesce(metrics.judges, bare.judges, TRUE) AS judges,
    coalesce(metrics.judges, bare.judges, TRUE) AND carried.lowest >= 0.0 AND carried.highest <= 1.0 AS within_unit,
    carried.cases,
    carried.scored,
    runs_of_cases.cases AS all_cases
FROM carried
CROSS JOIN runs_of_cases
LEFT JOIN step_metrics ON carried.metric = step_metrics.metric
LEFT JOIN metrics ON carried.metric = metrics.metric
LEFT JOIN metrics AS bare ON step_metrics.name = bare.metric
WHERE carried.scored > 0 OR NOT coalesce(metrics.built_in, FALSE)
