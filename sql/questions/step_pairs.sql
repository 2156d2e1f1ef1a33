-- What changed at each step from the baseline, case by case?
-- Grain: one row per candidate, task, case, step, step kind and metric that the case has in at least one of the two
-- arms.
-- Ties and nulls: outcome as in score_changes, but of the step: baseline_only and candidate_only say that the other arm
-- did not take the step in the case (whether or not it ran the case); unscored that both took it and a value is missing
-- on one side. A metric without direction never improves or regresses. delta is candidate minus baseline, of raw
-- doubles, null unless both have a value.
-- Kept: computed once per session, since questions read it several times.
WITH candidates AS (
    SELECT DISTINCT arm
    FROM arm_cases
    WHERE arm <> $baseline
),

sides AS (
    SELECT
        candidates.arm AS candidate,
        step_values.task,
        step_values.case_id,
        step_values.step,
        step_values.step_kind,
        step_values.metric,
        step_values.value AS baseline_value,
        CAST(NULL AS DOUBLE) AS candidate_value,
        TRUE AS of_baseline
    FROM step_values
    CROSS JOIN candidates
    WHERE step_values.arm = $baseline
    UNION ALL
    SELECT
        arm AS candidate,
        task,
        case_id,
        step,
        step_kind,
        metric,
        CAST(NULL AS DOUBLE) AS baseline_value,
        value AS candidate_value,
        FALSE AS of_baseline
    FROM step_values
    WHERE arm <> $baseline
),

pairs AS (
    SELECT
        candidate,
        task,
        case_id,
        step,
        step_kind,
        metric,
        max(baseline_value) AS baseline_value,
        max(candidate_value) AS candidate_value,
        bool_or(of_baseline) AS in_baseline,
        bool_or(NOT of_baseline) AS in_candidate
    FROM sides
    GROUP BY candidate, task, case_id, step, step_kind, metric
),

taken AS (
    SELECT
        *,
        candidate_value - baseline_value AS delta,
        bool_or(in_baseline) OVER (PARTITION BY candidate, task, case_id, step, step_kind) AS baseline_took,
        bool_or(in_candidate) OVER (PARTITION BY candidate, task, case_id, step, step_kind) AS candidate_took
    FROM pairs
)

SELECT
    $baseline AS baseline,
    taken.candidate,
    taken.task,
    taken.case_id,
    taken.step,
    taken.step_kind,
    taken.metric,
    taken.baseline_value,
    taken.candidate_value,
    taken.delta,
    CASE
        WHEN NOT taken.baseline_took THEN 'candidate_only'
        WHEN NOT taken.candidate_took THEN 'baseline_only'
        WHEN taken.delta IS NULL THEN 'unscored'
        WHEN step_coverage.direction = 'none' OR taken.delta = 0.0 OR abs(taken.delta) < step_coverage.threshold
            THEN 'unchanged'
        WHEN (taken.delta > 0.0) = (step_coverage.direction = 'higher') THEN 'improved'
        ELSE 'regressed'
    END AS outcome
FROM taken
INNER JOIN step_coverage
    ON
        taken.step = step_coverage.step
        AND coalesce(taken.step_kind, '') = coalesce(step_coverage.step_kind, '')
        AND taken.metric = step_coverage.metric
