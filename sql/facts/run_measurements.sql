-- What was measured of the runs of an arm, and how sure were its answers?
-- Grain: one row per arm and run for each metric of runs, and one per arm, latest execution with a band and band.
-- Ties and nulls: value is null where the tool did not measure it; 0 processed cases are none. base is what a share is
-- of: the processed cases, 1 for an execution. even says that the row is on ground that all arms share: a run when all
-- arms ran the same cases of its task, an execution when its case has a band in every arm. A run stands only where each
-- run of its arm is in that arm alone. Re-runs and variations (is_version) are left out.
-- Kept: computed once per session, since questions read it several times.
WITH arm_names AS (
    SELECT count(DISTINCT arm) AS arms
    FROM run_arms
),

shared_runs AS (
    SELECT ingest_id
    FROM run_arms
    GROUP BY ingest_id
    HAVING count(*) > 1
),

arms_of_shared_runs AS (
    SELECT DISTINCT run_arms.arm
    FROM run_arms
    INNER JOIN shared_runs ON run_arms.ingest_id = shared_runs.ingest_id
),

whole_runs AS (
    SELECT
        run_arms.arm,
        runs.task,
        runs.duration_ms,
        runs.model_duration_ms,
        runs.input_tokens,
        runs.output_tokens,
        runs.total_tokens,
        runs.cost_usd,
        runs.applied_count,
        nullif(runs.processed_count, 0) AS processed_count
    FROM runs
    INNER JOIN run_arms ON runs.ingest_id = run_arms.ingest_id
    LEFT ANTI JOIN arms_of_shared_runs ON run_arms.arm = arms_of_shared_runs.arm
),

uneven_tasks AS (
    SELECT DISTINCT shared.task
    FROM (
        SELECT
            task,
            case_id,
            count(*) AS arms
        FROM arm_cases
        GROUP BY task, case_id
    ) AS shared
    CROSS JOIN arm_names
    WHERE shared.arms < arm_names.arms
),

by_run AS (
    SELECT
        whole_runs.arm,
        whole_runs.task,
        metrics.metric,
        'run' AS per,
        uneven_tasks.task IS NULL AS even,
        CASE metrics.metric
            WHEN 'run_duration_ms' THEN whole_runs.duration_ms
            WHEN 'run_model_duration_ms' THEN whole_runs.model_duration_ms
            WHEN 'run_input_tokens' THEN CAST(whole_runs.input_tokens AS DOUBLE)
            WHEN 'run_output_tokens' THEN CAST(whole_runs.output_tokens AS DOUBLE)
            WHEN 'run_total_tokens' THEN CAST(whole_runs.total_tokens AS DOUBLE)
            WHEN 'run_cost_usd' THEN whole_runs.cost_usd
            WHEN 'approval_rate'
                THEN CASE WHEN whole_runs.processed_count > 0 THEN CAST(whole_runs.applied_count AS DOUBLE) END
        END AS value,
        CASE metrics.metric
            WHEN 'approval_rate' THEN CAST(whole_runs.processed_count AS DOUBLE)
        END AS base
    FROM whole_runs
    CROSS JOIN metrics
    LEFT JOIN uneven_tasks ON whole_runs.task = uneven_tasks.task
    WHERE metrics.by_run AND metrics.metric NOT IN ('high_confidence', 'medium_confidence', 'low_confidence')
),

executions AS (
    SELECT
        arm,
        task,
        case_id,
        execution,
        min(band) AS band
    FROM banded_results
    WHERE latest AND NOT is_version AND band IS NOT NULL
    GROUP BY arm, task, case_id, execution
),

common_cases AS (
    SELECT
        executions.task,
        executions.case_id
    FROM executions
    CROSS JOIN arm_names
    GROUP BY executions.task, executions.case_id
    HAVING count(DISTINCT executions.arm) = max(arm_names.arms)
),

by_band AS (
    SELECT
        executions.arm,
        executions.task,
        metrics.metric,
        'result' AS per,
        common_cases.case_id IS NOT NULL AS even,
        CASE WHEN metrics.metric = executions.band || '_confidence' THEN 1.0 ELSE 0.0 END AS value,
        1.0 AS base
    FROM executions
    CROSS JOIN metrics
    LEFT JOIN common_cases
        ON executions.task = common_cases.task AND executions.case_id = common_cases.case_id
    WHERE metrics.metric IN ('high_confidence', 'medium_confidence', 'low_confidence')
)

SELECT * FROM by_run
UNION ALL
SELECT * FROM by_band
