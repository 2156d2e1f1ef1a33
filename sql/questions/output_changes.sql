-- What did the baseline and a candidate answer, case by case?
-- Grain: one row per candidate, task and case that at least one of the two arms ran.
-- Ties and nulls: of several latest results of a case in an arm (epochs, pooled runs, models or prompts) the output of
-- the first one counts: the lowest epoch, then the earliest run, then the place in its source; results counts them.
-- changed compares bytes, an output against none is a change; null when only one arm ran the case. missing names the
-- side that ran the case and gave no output (baseline, candidate, both). Values are those of the primary metric and
-- outcome as in score_changes, the mean over all results of the case; unscored where a side carries no value.
WITH ranked AS (
    SELECT
        results.arm,
        results.task,
        results.case_id,
        results.run_id,
        results.epoch,
        results.status,
        results.error_message,
        results.output,
        row_number() OVER (
            PARTITION BY results.arm, results.task, results.case_id
            ORDER BY results.epoch, runs.place, results.source_row NULLS LAST, results.execution
        ) AS place,
        count(*) OVER (PARTITION BY results.arm, results.task, results.case_id) AS results
    FROM results
    INNER JOIN runs ON results.ingest_id = runs.ingest_id
    WHERE results.latest
),

outputs AS (
    SELECT *
    FROM ranked
    WHERE place = 1
),

candidates AS (
    SELECT DISTINCT arm
    FROM arm_cases
    WHERE arm <> $baseline
),

baseline_outputs AS (
    SELECT
        candidates.arm AS candidate,
        outputs.*
    FROM outputs
    CROSS JOIN candidates
    WHERE outputs.arm = $baseline
),

candidate_outputs AS (
    SELECT *
    FROM outputs
    WHERE arm <> $baseline
),

pairs AS (
    SELECT
        coalesce(baseline_outputs.candidate, candidate_outputs.arm) AS candidate,
        coalesce(baseline_outputs.task, candidate_outputs.task) AS task,
        coalesce(baseline_outputs.case_id, candidate_outputs.case_id) AS case_id,
        baseline_outputs.case_id IS NOT NULL AS in_baseline,
        candidate_outputs.case_id IS NOT NULL AS in_candidate,
        baseline_outputs.run_id AS baseline_run_id,
        candidate_outputs.run_id AS candidate_run_id,
        baseline_outputs.epoch AS baseline_epoch,
        candidate_outputs.epoch AS candidate_epoch,
        baseline_outputs.results AS baseline_results,
        candidate_outputs.results AS candidate_results,
        baseline_outputs.status AS baseline_status,
        candidate_outputs.status AS candidate_status,
        baseline_outputs.error_message AS baseline_error,
        candidate_outputs.error_message AS candidate_error,
        baseline_outputs.output AS baseline_output,
        candidate_outputs.output AS candidate_output
    FROM baseline_outputs
    FULL OUTER JOIN candidate_outputs
        ON
            baseline_outputs.candidate = candidate_outputs.arm
            AND baseline_outputs.task = candidate_outputs.task
            AND baseline_outputs.case_id = candidate_outputs.case_id
)

SELECT
    $baseline AS baseline,
    pairs.candidate,
    pairs.task,
    pairs.case_id,
    coalesce(
        score_changes.outcome,
        CASE
            WHEN NOT pairs.in_baseline THEN 'candidate_only'
            WHEN NOT pairs.in_candidate THEN 'baseline_only'
            ELSE 'unscored'
        END
    ) AS outcome,
    CASE
        WHEN pairs.in_baseline AND pairs.in_candidate
            THEN (pairs.baseline_output IS DISTINCT FROM pairs.candidate_output)
    END AS changed,
    CASE
        WHEN pairs.in_baseline AND pairs.baseline_output IS NULL
            THEN CASE WHEN pairs.in_candidate AND pairs.candidate_output IS NULL THEN 'both' ELSE 'baseline' END
        WHEN pairs.in_candidate AND pairs.candidate_output IS NULL THEN 'candidate'
    END AS missing,
    $primary AS metric,
    score_changes.baseline_value,
    score_changes.candidate_value,
    score_changes.delta,
    pairs.baseline_status,
    pairs.candidate_status,
    pairs.baseline_error,
    pairs.candidate_error,
    pairs.baseline_results,
    pairs.candidate_results,
    pairs.baseline_run_id,
    pairs.candidate_run_id,
    pairs.baseline_epoch,
    pairs.candidate_epoch,
    pairs.baseline_output,
    pairs.candidate_output
FROM pairs
LEFT JOIN score_changes
    ON
        score_changes.metric = $primary
        AND pairs.candidate = score_changes.candidate
        AND pairs.task = score_changes.task
        AND pairs.case_id = score_changes.case_id
