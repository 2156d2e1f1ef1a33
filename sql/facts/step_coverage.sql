-- Which metrics does each step have, and how are they to be read?
-- Grain: one row per step, step kind and metric that the results in scope carry.
-- Ties and nulls: a score is read as metric_coverage has it; anything else as registered for METRIC @ STEP, then for
-- METRIC, else calls none and mean, errors lower and sum. cases counts (arm, task, case) that have it, scored those
-- with a value; what no step of the name has a value of is left out, scores excepted. threshold is the smallest change
-- that counts as one.
-- Kept: computed once per session, since questions read it several times.
WITH carried AS (
    SELECT
        step,
        step_kind,
        metric,
        metric || ' @ ' || step AS full_name,
        count(*) AS cases,
        count(value) AS scored
    FROM step_values
    GROUP BY step, step_kind, metric
)

SELECT
    carried.step,
    carried.step_kind,
    carried.metric,
    coalesce(
        metric_coverage.direction,
        described.direction,
        bare.direction,
        CASE carried.metric WHEN 'calls' THEN 'none' WHEN 'errors' THEN 'lower' ELSE 'higher' END
    ) AS direction,
    coalesce(
        metric_coverage.aggregate,
        described.aggregate,
        bare.aggregate,
        CASE carried.metric WHEN 'errors' THEN 'sum' ELSE 'mean' END
    ) AS aggregate,
    coalesce(metric_coverage.unit, described.unit, bare.unit) AS unit,
    coalesce(metric_coverage.threshold, described.threshold, bare.threshold, 0.0) AS threshold,
    metric_coverage.metric IS NOT NULL AS is_score,
    carried.cases,
    carried.scored
FROM carried
LEFT JOIN metric_coverage
    ON
        carried.metric = metric_coverage.name
        AND carried.step = metric_coverage.step
        AND coalesce(carried.step_kind, '') = coalesce(metric_coverage.step_kind, '')
LEFT JOIN metrics AS described ON carried.full_name = described.metric
LEFT JOIN metrics AS bare ON carried.metric = bare.metric
WHERE carried.scored > 0 OR metric_coverage.metric IS NOT NULL
