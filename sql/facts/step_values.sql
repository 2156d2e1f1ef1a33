-- What did a step come to in a case of an arm?
-- Grain: one row per arm, task, case, step, step kind and metric, of the cases whose latest results took the step.
-- Ties and nulls: within a result calls, errors, duration_ms, cost_usd and tokens are summed over the step's
-- occurrences, a score of the step is their mean; value is the mean over the latest results of the case that took the
-- step and have one, null when none has. A result that ended in an error has calls and errors only. A row that another
-- run copied counts once. total_tokens needs input and output. results counts the results, unscored those without a
-- value.
-- Kept: computed once per session, since questions read it several times.
WITH occurrences AS (
    SELECT
        latest_results.arm,
        latest_results.task,
        latest_results.case_id,
        latest_results.execution,
        latest_results.ingest_id,
        steps.name AS step,
        steps.kind AS step_kind,
        max(latest_results.status) IN ('execution_error', 'scorer_error', 'cancelled') AS failed,
        count(*) AS calls,
        sum(
            CASE WHEN steps.error_message IS NOT NULL OR lower(steps.status) IN ('error', 'failed') THEN 1 ELSE 0 END
        ) AS errors,
        exact_sum(steps.duration_ms) AS duration_ms,
        exact_sum(steps.cost_usd) AS cost_usd,
        sum(steps.input_tokens) AS input_tokens,
        sum(steps.output_tokens) AS output_tokens
    FROM steps
    INNER JOIN latest_results
        ON steps.ingest_id = latest_results.ingest_id AND steps.execution = latest_results.execution
    WHERE steps.latest AND NOT latest_results.is_version
    GROUP BY
        latest_results.arm,
        latest_results.task,
        latest_results.case_id,
        latest_results.execution,
        latest_results.ingest_id,
        steps.name,
        steps.kind
),

measures AS (
    SELECT listed.metric
    FROM (
        VALUES
        ('calls'),
        ('errors'),
        ('duration_ms'),
        ('cost_usd'),
        ('input_tokens'),
        ('output_tokens'),
        ('total_tokens')
    ) AS listed (metric)
),

measured AS (
    SELECT
        occurrences.arm,
        occurrences.task,
        occurrences.case_id,
        occurrences.execution,
        occurrences.step,
        occurrences.step_kind,
        measures.metric,
        CASE
            WHEN measures.metric = 'calls' THEN CAST(occurrences.calls AS DOUBLE)
            WHEN measures.metric = 'errors' THEN CAST(occurrences.errors AS DOUBLE)
            WHEN occurrences.failed THEN NULL
            WHEN measures.metric = 'duration_ms' THEN occurrences.duration_ms
            WHEN measures.metric = 'cost_usd' THEN occurrences.cost_usd
            WHEN measures.metric = 'input_tokens' THEN CAST(occurrences.input_tokens AS DOUBLE)
            WHEN measures.metric = 'output_tokens' THEN CAST(occurrences.output_tokens AS DOUBLE)
            WHEN measures.metric = 'total_tokens'
                THEN CAST(occurrences.input_tokens + occurrences.output_tokens AS DOUBLE)
        END AS value
    FROM occurrences
    CROSS JOIN measures
    UNION ALL
    SELECT
        arm,
        task,
        case_id,
        execution,
        step,
        step_kind,
        name AS metric,
        value
    FROM measurements
    WHERE step IS NOT NULL
),

executions AS (
    SELECT
        arm,
        task,
        case_id,
        step,
        step_kind,
        metric,
        execution,
        max(value) AS value
    FROM measured
    GROUP BY arm, task, case_id, step, step_kind, metric, execution
)

SELECT
    arm,
    task,
    case_id,
    step,
    step_kind,
    metric,
    exact_mean(value) AS value,
    count(*) AS results,
    count(*) - count(value) AS unscored
FROM executions
GROUP BY arm, task, case_id, step, step_kind, metric
