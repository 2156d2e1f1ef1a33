-- Which planned keys have no result that is ok and passed, and why?
-- Grain: one row per planned key without such a latest attempt, planned keys without any row included.
-- Ties and nulls: the latest attempt decides. status is missing for a planned key without a row; attempts then is 0.
-- failed_since is the time of the first attempt since which none was ok and passed, null when rows have no times;
-- minutes_since counts from failed_at, the time of the latest attempt, to now. A result without verdict and without
-- score did not fail and is left out.
WITH graded AS (
    SELECT
        *,
        max(CASE WHEN status = 'ok' AND coalesce(passed, TRUE) THEN attempt ELSE 0 END) OVER (
            PARTITION BY ingest_id, task, case_id, model, prompt, variant, epoch
        ) AS last_good
    FROM graded_results
),

attempts AS (
    SELECT
        ingest_id,
        task,
        case_id,
        model,
        prompt,
        variant,
        epoch,
        count(*) AS attempts,
        min(CASE WHEN attempt > last_good THEN recorded_at END) AS failed_since
    FROM graded
    GROUP BY ingest_id, task, case_id, model, prompt, variant, epoch
)

SELECT
    latest_results.run_id,
    latest_results.task,
    latest_results.case_id,
    latest_results.model,
    latest_results.prompt,
    latest_results.variant,
    latest_results.epoch,
    latest_results.status,
    latest_results.error_kind,
    latest_results.error_stage,
    latest_results.error_reason,
    latest_results.error_message,
    latest_results.score,
    attempts.attempts,
    attempts.failed_since,
    latest_results.recorded_at AS failed_at,
    CAST($now_micros - CAST(latest_results.recorded_at AS BIGINT) AS DOUBLE) / 60000000.0 AS minutes_since,
    latest_results.source_row,
    latest_results.ingest_id
FROM latest_results
INNER JOIN attempts
    ON
        latest_results.ingest_id = attempts.ingest_id
        AND latest_results.task = attempts.task
        AND latest_results.case_id = attempts.case_id
        AND latest_results.epoch = attempts.epoch
        AND (latest_results.model IS NOT DISTINCT FROM attempts.model)
        AND (latest_results.prompt IS NOT DISTINCT FROM attempts.prompt)
        AND (latest_results.variant IS NOT DISTINCT FROM attempts.variant)
WHERE latest_results.status <> 'ok' OR NOT latest_results.passed
UNION ALL
SELECT
    planned_keys.run_id,
    planned_keys.task,
    planned_keys.case_id,
    planned_keys.model,
    CAST(NULL AS VARCHAR) AS prompt,
    CAST(NULL AS VARCHAR) AS variant,
    CAST(1 AS BIGINT) AS epoch,
    'missing' AS status,
    CAST(NULL AS VARCHAR) AS error_kind,
    CAST(NULL AS VARCHAR) AS error_stage,
    CAST(NULL AS VARCHAR) AS error_reason,
    CAST(NULL AS VARCHAR) AS error_message,
    CAST(NULL AS DOUBLE) AS score,
    CAST(0 AS BIGINT) AS attempts,
    CAST(NULL AS TIMESTAMP) AS failed_since,
    CAST(NULL AS TIMESTAMP) AS failed_at,
    CAST(NULL AS DOUBLE) AS minutes_since,
    CAST(NULL AS BIGINT) AS source_row,
    planned_keys.ingest_id
FROM planned_keys
LEFT JOIN results
    ON
        planned_keys.ingest_id = results.ingest_id
        AND planned_keys.task = results.task
        AND planned_keys.case_id = results.case_id
        AND (planned_keys.model IS NULL OR planned_keys.model = results.model)
WHERE results.case_id IS NULL
