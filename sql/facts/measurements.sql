-- What was measured of every latest result, in one long shape?
-- Grain: one row per latest result and metric: the built-in metrics of every result, and the tool's scores.
-- Ties and nulls: re-runs and variations (is_version) are not measured. value is null when unscored; an error has no
-- value in any metric (with errors as zero: 0 in score, passed and the tool's scores, all of direction higher only, for
-- execution_error and scorer_error: where less is better 0 would be the best value). label holds a value that is no
-- number. The headline score of a tool that calls it otherwise stands under its own name only. A score of a step is a
-- metric of its own, NAME @ STEP (step_metrics), the mean where the result took the step several times; name is the
-- score's own name, step and step_kind are null for what is of the whole result.
WITH step_scores AS (
    SELECT
        arm,
        run_id,
        ingest_id,
        task,
        case_id,
        experiment,
        model,
        provider,
        prompt,
        variant,
        epoch,
        attempt,
        execution,
        status,
        metric AS name,
        step,
        step_kind,
        exact_mean(value) AS value,
        max(label) AS label
    FROM scores
    WHERE latest AND NOT is_version AND step IS NOT NULL
    GROUP BY
        arm,
        run_id,
        ingest_id,
        task,
        case_id,
        experiment,
        model,
        provider,
        prompt,
        variant,
        epoch,
        attempt,
        execution,
        status,
        metric,
        step,
        step_kind
)

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
    metrics.metric AS name,
    CAST(NULL AS VARCHAR) AS step,
    CAST(NULL AS VARCHAR) AS step_kind,
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
    AND NOT latest_results.is_version
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
    scores.metric AS name,
    CAST(NULL AS VARCHAR) AS step,
    CAST(NULL AS VARCHAR) AS step_kind,
    CASE
        WHEN scores.status = 'cancelled' THEN NULL
        WHEN scores.status IN ('execution_error', 'scorer_error')
            THEN CASE WHEN $errors_as = 'zero' AND coalesce(metrics.direction, 'higher') = 'higher' THEN 0.0 END
        ELSE scores.value
    END AS value,
    scores.label
FROM scores
LEFT JOIN metrics ON scores.metric = metrics.metric
WHERE scores.latest AND NOT scores.is_version AND scores.step IS NULL
UNION ALL
SELECT
    step_scores.arm,
    step_scores.run_id,
    step_scores.task,
    step_scores.case_id,
    step_scores.experiment,
    step_scores.model,
    step_scores.provider,
    step_scores.prompt,
    step_scores.variant,
    step_scores.epoch,
    step_scores.attempt,
    step_scores.execution,
    step_scores.status,
    step_metrics.metric,
    step_scores.name,
    step_scores.step,
    step_scores.step_kind,
    CASE
        WHEN step_scores.status = 'cancelled' THEN NULL
        WHEN step_scores.status IN ('execution_error', 'scorer_error')
            THEN
                CASE
                    WHEN $errors_as = 'zero' AND coalesce(described.direction, bare.direction, 'higher') = 'higher'
                        THEN 0.0
                END
        ELSE step_scores.value
    END AS value,
    step_scores.label
FROM step_scores
INNER JOIN step_metrics
    ON
        step_scores.name = step_metrics.name
        AND step_scores.step = step_metrics.step
        AND coalesce(step_scores.step_kind, '') = coalesce(step_metrics.step_kind, '')
LEFT JOIN metrics AS described ON step_metrics.metric = described.metric
LEFT JOIN metrics AS bare ON step_scores.name = bare.metric
