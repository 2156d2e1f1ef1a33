-- What does the tool's own file hold of each case on each model?
-- Grain: one row per run, task, case, model, prompt and variant with a result or planned; epochs stand together, since
-- a tool keeps or repeats all epochs of a case.
-- Ties and nulls: only attempts that are still in the source count: rows is their number, ok, error (an execution
-- error) and finished (anything else than an error) whether there is one, latest_ok and latest_error how the latest
-- ended; of several epochs one that is ok is enough, and an error is one only when all are. epochs is the highest
-- epoch, 1 for a planned case without a row. A case with one attempt is taken as it stands; only the others, usually
-- few, are grouped.
WITH repeated AS (
    SELECT
        ingest_id,
        task,
        case_id,
        model,
        prompt,
        variant
    FROM results
    WHERE epoch <> 1
    GROUP BY ingest_id, task, case_id, model, prompt, variant
),

attempts AS (
    SELECT
        results.run_id,
        results.ingest_id,
        results.task,
        results.case_id,
        results.model,
        results.prompt,
        results.variant,
        results.epoch AS epochs,
        results.in_source,
        results.in_source AND results.status = 'ok' AS ok,
        results.status = 'execution_error' AS error,
        results.in_source AND results.latest AS latest,
        results.in_source AND results.latest AND results.status = 'ok' AS latest_ok,
        results.in_source AND results.latest AND results.status <> 'execution_error' AS latest_finished,
        results.attempt = 1 AND results.latest AS alone
    FROM repeated
    RIGHT ANTI JOIN results
    ON
        (repeated.ingest_id IS NOT DISTINCT FROM results.ingest_id)
        AND (repeated.task IS NOT DISTINCT FROM results.task)
        AND (repeated.case_id IS NOT DISTINCT FROM results.case_id)
        AND (repeated.model IS NOT DISTINCT FROM results.model)
        AND (repeated.prompt IS NOT DISTINCT FROM results.prompt)
        AND (repeated.variant IS NOT DISTINCT FROM results.variant)
    UNION ALL
    SELECT
        results.run_id,
        results.ingest_id,
        results.task,
        results.case_id,
        results.model,
        results.prompt,
        results.variant,
        max(results.epoch) AS epochs,
        bool_or(results.in_source) AS in_source,
        bool_or(results.in_source AND results.status = 'ok') AS ok,
        bool_and(results.status = 'execution_error') AS error,
        bool_or(results.in_source AND results.latest) AS latest,
        bool_or(results.in_source AND results.latest AND results.status = 'ok') AS latest_ok,
        bool_or(results.in_source AND results.latest AND results.status <> 'execution_error') AS latest_finished,
        results.attempt = 1 AND bool_and(results.latest) AS alone
    FROM repeated
    RIGHT SEMI JOIN results
    ON
        (repeated.ingest_id IS NOT DISTINCT FROM results.ingest_id)
        AND (repeated.task IS NOT DISTINCT FROM results.task)
        AND (repeated.case_id IS NOT DISTINCT FROM results.case_id)
        AND (repeated.model IS NOT DISTINCT FROM results.model)
        AND (repeated.prompt IS NOT DISTINCT FROM results.prompt)
        AND (repeated.variant IS NOT DISTINCT FROM results.variant)
    GROUP BY
        results.run_id,
        results.ingest_id,
        results.task,
        results.case_id,
        results.model,
        results.prompt,
        results.variant,
        results.attempt
)

SELECT
    run_id,
    ingest_id,
    task,
    case_id,
    model,
    prompt,
    variant,
    epochs,
    CASE WHEN in_source THEN 1 ELSE 0 END AS "rows",
    ok,
    in_source AND error AS error,
    in_source AND NOT error AS finished,
    latest_ok,
    latest AND NOT latest_finished AS latest_error
FROM attempts
WHERE alone
UNION ALL
SELECT
    run_id,
    ingest_id,
    task,
    case_id,
    model,
    prompt,
    variant,
    max(epochs) AS epochs,
    sum(CASE WHEN in_source THEN 1 ELSE 0 END) AS "rows",
    bool_or(ok) AS ok,
    bool_or(in_source AND error) AS error,
    bool_or(in_source AND NOT error) AS finished,
    bool_or(latest_ok) AS latest_ok,
    bool_or(latest) AND NOT bool_or(latest_finished) AS latest_error
FROM attempts
WHERE NOT alone
GROUP BY run_id, ingest_id, task, case_id, model, prompt, variant
UNION ALL
SELECT
    run_id,
    ingest_id,
    task,
    case_id,
    model,
    CAST(NULL AS VARCHAR) AS prompt,
    CAST(NULL AS VARCHAR) AS variant,
    CAST(1 AS BIGINT) AS epochs,
    CAST(0 AS BIGINT) AS "rows",
    FALSE AS ok,
    FALSE AS error,
    FALSE AS finished,
    FALSE AS latest_ok,
    FALSE AS latest_error
FROM missing_keys
