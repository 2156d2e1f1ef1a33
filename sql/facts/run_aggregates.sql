-- What do the runs of an arm come to: time, tokens and cost as the tool counts them by run, confidence, approval?
-- Grain: one row per basis (own, common), arm, task and metric, as arm_aggregates; per says what n counts.
-- Ties and nulls: a metric without any value is left out, an arm without one has null. Metrics by run are means over
-- the runs of the arm that have a value, and stand only where each of its runs is in that arm alone. Shares are ratios
-- of sums: results of one band over the latest results with a band; applied over processed cases of runs that
-- processed any. common: the shares over cases with a band in every arm; the metrics by run only where all arms ran
-- the same cases of the task, since nobody can tell what a part of the cases took.
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
),

measured AS (
    SELECT * FROM by_run
    UNION ALL
    SELECT * FROM by_band
),

per_task AS (
    SELECT
        'own' AS basis,
        measured.*
    FROM measured
    UNION ALL
    SELECT
        'common' AS basis,
        measured.*
    FROM measured
    WHERE even
),

cells AS (
    SELECT
        basis,
        arm,
        task,
        metric,
        per,
        value,
        base
    FROM per_task
    UNION ALL
    SELECT
        per_task.basis,
        per_task.arm,
        CAST(NULL AS VARCHAR) AS task,
        per_task.metric,
        per_task.per,
        per_task.value,
        per_task.base
    FROM per_task
    CROSS JOIN task_sets
    WHERE task_sets.poolable
),

aggregated AS (
    SELECT
        basis,
        arm,
        task,
        metric,
        min(per) AS per,
        count(value) AS n,
        count(*) - count(value) AS unscored,
        exact_mean(value) AS mean,
        exact_sum(value) AS sum,
        exact_sum(base) AS base,
        min(value) AS min,
        max(value) AS max,
        exact_stddev(value) AS stddev,
        array_sort(array_agg(value) FILTER (WHERE value IS NOT NULL)) AS ordered
    FROM cells
    GROUP BY basis, arm, task, metric
),

carried AS (
    SELECT DISTINCT metric
    FROM aggregated
    WHERE n > 0
)

SELECT
    aggregated.basis,
    aggregated.arm,
    aggregated.task,
    aggregated.metric,
    aggregated.per,
    aggregated.n,
    aggregated.unscored,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.mean END AS mean,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.sum END AS sum,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.min END AS min,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.max END AS max,
    CASE WHEN metrics.aggregate = 'run' THEN aggregated.stddev END AS stddev,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.5) END AS p50,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.9) END AS p90,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.95) END AS p95,
    CASE WHEN metrics.aggregate = 'run' THEN quantile_of(aggregated.ordered, 0.99) END AS p99,
    metrics.direction,
    metrics.unit,
    metrics.aggregate,
    FALSE AS within_unit,
    CASE metrics.aggregate
        WHEN 'rate' THEN aggregated.sum / aggregated.base
        ELSE aggregated.mean
    END AS value
FROM aggregated
INNER JOIN carried ON aggregated.metric = carried.metric
INNER JOIN metrics ON aggregated.metric = metrics.metric
