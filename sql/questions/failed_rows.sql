-- Which planned keys have no result that is ok and passed, and why?
-- Grain: one row per planned key without such a latest attempt, planned keys without any row included.
-- Ties and nulls: the latest attempt decides; attempts are numbered without a gap, so its number is how many there
-- were, 0 for a planned key without a row (missing_keys), whose status is missing. failed_since is the time of the
-- first attempt since which none was ok and passed, null when rows have no times; minutes_since counts from
-- failed_at, the time of the latest attempt, to now. A result without verdict and without score did not fail and is
-- left out.
WITH superseded AS (
    SELECT
        ingest_id,
        task,
        case_id,
        model,
        prompt,
        variant,
        epoch,
        attempt,
        recorded_at,
        max(CASE WHEN status = 'ok' AND coalesce(passed, TRUE) THEN attempt ELSE 0 END) OVER (
            PARTITION BY ingest_id, task, case_id, model, prompt, variant, epoch
        ) AS last_good
    FROM graded_results
    WHERE NOT latest
),

failed_before AS (
    SELECT
        ingest_id,
        task,
        case_id,
        model,
        prompt,
        variant,
        epoch,
        min(recorded_at) AS failed_since
    FROM superseded
    WHERE attempt > last_good
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
    latest_results.attempt AS attempts,
    least(failed_before.failed_since, latest_results.recorded_at) AS failed_since,
    latest_results.recorded_at AS failed_at,
    CAST($now_micros - CAST(latest_results.recorded_at AS BIGINT) AS DOUBLE) / 60000000.0 AS minutes_since,
    latest_results.source_row,
    latest_results.ingest_id
FROM latest_results
LEFT JOIN failed_before
    ON
        (latest_results.ingest_id IS NOT DISTINCT FROM failed_before.ingest_id)
        AND (latest_results.task IS NOT DISTINCT FROM failed_before.task)
        AND (latest_results.case_id IS NOT DISTINCT FROM failed_before.case_id)
        AND (latest_results.model IS NOT DISTINCT FROM failed_before.model)
        AND (latest_results.prompt IS NOT DISTINCT FROM failed_before.prompt)
        AND (latest_results.variant IS NOT DISTINCT FROM failed_before.variant)
        AND (latest_results.epoch IS NOT DISTINCT FROM failed_before.epoch)
WHERE latest_results.status <> 'ok' OR NOT latest_results.passed
UNION ALL
SELECT
    missing_keys.run_id,
    missing_keys.task,
    missing_keys.case_id,
    missing_keys.model,
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
    missing_keys.ingest_id
FROM missing_keys
