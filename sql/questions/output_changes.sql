-- What did the baseline and a candidate answer, case by case?
-- Grain: one row per candidate, task and case that at least one of the two arms ran.
-- Ties and nulls: of several latest results of a case in an arm (epochs, pooled runs, models or prompts) the output of
-- the one counts that case_answers chooses; results counts them.
-- changed compares bytes; an output against none is a change where that side ended in an error. changed is null when
-- only one arm ran the case, and when a side ended otherwise and its source keeps no output. missing names the sides
-- that ran the case without an output (baseline, candidate, both). Values are those of the primary metric and outcome
-- as in score_changes, the mean over all results of the case; unscored where a side carries no value. passed as in
-- latest_results, of the result whose output counts.
WITH candidates AS (
    SELECT DISTINCT arm
    FROM arm_cases
    WHERE arm <> $baseline
),

sides AS (
    SELECT
        candidates.arm AS candidate,
        arm_cases.task,
        arm_cases.case_id,
        TRUE AS in_baseline,
        FALSE AS in_candidate
    FROM arm_cases
    CROSS JOIN candidates
    WHERE arm_cases.arm = $baseline
    UNION ALL
    SELECT
        arm AS candidate,
        task,
        case_id,
        FALSE AS in_baseline,
        TRUE AS in_candidate
    FROM arm_cases
    WHERE arm <> $baseline
),

cases AS (
    SELECT
        candidate,
        task,
        case_id,
        bool_or(in_baseline) AS in_baseline,
        bool_or(in_candidate) AS in_candidate
    FROM sides
    GROUP BY candidate, task, case_id
),

pairs AS (
    SELECT
        cases.*,
        baseline_outputs.run_id AS baseline_run_id,
        candidate_outputs.run_id AS candidate_run_id,
        baseline_outputs.epoch AS baseline_epoch,
        candidate_outputs.epoch AS candidate_epoch,
        baseline_outputs.results AS baseline_results,
        candidate_outputs.results AS candidate_results,
        baseline_outputs.result_status AS baseline_status,
        candidate_outputs.result_status AS candidate_status,
        baseline_outputs.passed AS baseline_passed,
        candidate_outputs.passed AS candidate_passed,
        baseline_outputs.error_message AS baseline_error,
        candidate_outputs.error_message AS candidate_error,
        baseline_outputs.output AS baseline_output,
        candidate_outputs.output AS candidate_output
    FROM cases
    LEFT JOIN case_answers AS baseline_outputs
        ON
            baseline_outputs.arm = $baseline
            AND cases.task = baseline_outputs.task
            AND cases.case_id = baseline_outputs.case_id
    LEFT JOIN case_answers AS candidate_outputs
        ON
            cases.candidate = candidate_outputs.arm
            AND cases.task = candidate_outputs.task
            AND cases.case_id = candidate_outputs.case_id
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
        WHEN pairs.baseline_output IS NULL AND pairs.baseline_status IN ('ok', 'quality_failure') THEN NULL
        WHEN pairs.candidate_output IS NULL AND pairs.candidate_status IN ('ok', 'quality_failure') THEN NULL
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
    pairs.baseline_passed,
    pairs.candidate_passed,
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
