-- What changed from the baseline, case by case?
-- Grain: one row per candidate, task, case and metric that the case carries in at least one of the two arms.
-- Ties and nulls: outcome is exactly one of six. improved and regressed: the change is at least the metric's
-- threshold, in the metric's good or bad direction; unchanged: less than that, or a metric without direction;
-- baseline_only and candidate_only: the other arm did not run the case; unscored: a value is missing on one side.
-- delta is candidate minus baseline, of raw doubles, null unless both have a value.
-- Kept: computed once per session, since questions read it several times.
WITH candidates AS (
    SELECT DISTINCT arm
    FROM arm_cases
    WHERE arm <> $baseline
),

baseline_values AS (
    SELECT
        candidates.arm AS candidate,
        case_values.task,
        case_values.case_id,
        case_values.metric,
        case_values.value
    FROM case_values
    CROSS JOIN candidates
    WHERE case_values.arm = $baseline
),

candidate_values AS (
    SELECT
        arm AS candidate,
        task,
        case_id,
        metric,
        value
    FROM case_values
    WHERE arm <> $baseline
),

pairs AS (
    SELECT
        coalesce(baseline_values.candidate, candidate_values.candidate) AS candidate,
        coalesce(baseline_values.task, candidate_values.task) AS task,
        coalesce(baseline_values.case_id, candidate_values.case_id) AS case_id,
        coalesce(baseline_values.metric, candidate_values.metric) AS metric,
        baseline_values.value AS baseline_value,
        candidate_values.value AS candidate_value,
        candidate_values.value - baseline_values.value AS delta
    FROM baseline_values
    FULL OUTER JOIN candidate_values
        ON
            baseline_values.candidate = candidate_values.candidate
            AND baseline_values.task = candidate_values.task
            AND baseline_values.case_id = candidate_values.case_id
            AND baseline_values.metric = candidate_values.metric
)

SELECT
    $baseline AS baseline,
    pairs.candidate,
    pairs.task,
    pairs.case_id,
    pairs.metric,
    pairs.baseline_value,
    pairs.candidate_value,
    pairs.delta,
    CASE
        WHEN baseline_cases.case_id IS NULL THEN 'candidate_only'
        WHEN candidate_cases.case_id IS NULL THEN 'baseline_only'
        WHEN pairs.delta IS NULL THEN 'unscored'
        WHEN metric_coverage.direction = 'none' OR pairs.delta = 0.0 OR abs(pairs.delta) < metric_coverage.threshold
            THEN 'unchanged'
        WHEN (pairs.delta > 0.0) = (metric_coverage.direction = 'higher') THEN 'improved'
        ELSE 'regressed'
    END AS outcome
FROM pairs
INNER JOIN metric_coverage ON pairs.metric = metric_coverage.metric
LEFT JOIN arm_cases AS baseline_cases
    ON
        baseline_cases.arm = $baseline
        AND pairs.task = baseline_cases.task
        AND pairs.case_id = baseline_cases.case_id
LEFT JOIN arm_cases AS candidate_cases
    ON
        pairs.candidate = candidate_cases.arm
        AND pairs.task = candidate_cases.task
        AND pairs.case_id = candidate_cases.case_id
