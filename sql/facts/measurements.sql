-- What was measured of every latest result, in one long shape?
-- Grain: one row per latest result and metric: the built-in metrics of every result, and the tool's scores.
-- Ties and nulls: value is null when unscored; an error has no value in any metric (with errors as zero: 0 in score,
-- passed and the tool's scores, all of direction higher only, for execution_error and scorer_error: where less is
-- better 0 would be the best value). label holds a value that is no number. The headline score of a tool that calls
-- it otherwise stands under its own name only.
SELECT
    latest_results.arm,
    latest_results.run_id,
    latest_results.task,
    latest_results.case_id,
    latest_results.experiment,
    latest_results.model,
    latest_results.provider,
    latest_results.prompt,
    latest_results.variant,
    latest_results.epoch,
    latest_results.attempt,
    latest_results.execution,
    latest_results.status,
    metrics.metric,
    CASE
        WHEN latest_results.status = 'cancelled' THEN NULL
        WHEN latest_results.status IN ('execution_error', 'scorer_error')
            THEN
                CASE
                    WHEN $errors_as = 'zero' AND metrics.metric IN ('score', 'passed') AND metrics.direction = 'higher'
                        THEN 0.0
                END
        WHEN metrics.metric = 'score' THEN latest_results.score
        WHEN metrics.metric = 'passed' THEN CAST(CAST(latest_results.passed AS INT) AS DOUBLE)
        WHEN metrics.metric = 'duration_ms' THEN latest_results.duration_ms
        WHEN metrics.metric = 'cost_usd' THEN latest_results.cost_usd
        WHEN metrics.metric = 'input_tokens' THEN CAST(latest_results.input_tokens AS DOUBLE)
        WHEN metrics.metric = 'output_tokens' THEN CAST(latest_results.output_tokens AS DOUBLE)
        WHEN metrics.metric = 'total_tokens' THEN CAST(latest_results.total_tokens AS DOUBLE)
        WHEN metrics.metric = 'logprob' THEN latest_results.logprob
    END AS value,
    CAST(NULL AS VARCHAR) AS label
FROM latest_results
CROSS JOIN metrics
WHERE
    metrics.built_in
    AND NOT metrics.by_run
    AND (metrics.metric <> 'score' OR latest_results.primary_metric = 'score')
UNION ALL
SELECT
    scores.arm,
    scores.run_id,
    scores.task,
    scores.case_id,
    scores.experiment,
    scores.model,
    scores.provider,
    scores.prompt,
    scores.variant,
    scores.epoch,
    scores.attempt,
    scores.execution,
    scores.status,
    scores.metric,
    CASE
        WHEN scores.status = 'cancelled' THEN NULL
        WHEN scores.status IN ('execution_error', 'scorer_error')
            THEN CASE WHEN $errors_as = 'zero' AND coalesce(metrics.direction, 'higher') = 'higher' THEN 0.0 END
        ELSE scores.value
    END AS value,
    scores.label
FROM scores
LEFT JOIN metrics ON scores.metric = metrics.metric
WHERE scores.latest
