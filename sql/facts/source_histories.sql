-- What does the tool's own file hold of each case, so that its rule for running cases again can be foretold?
-- Grain: one row per run, task, case, model, prompt and variant with a result or planned; epochs stand together, since a
-- tool keeps or repeats all epochs of a case.
-- Ties and nulls: only attempts that are still in the source count: rows is their number, ok, error (an execution error)
-- and finished (anything else than an error) whether there is one, latest_ok and latest_error how the latest ended; of
-- several epochs one that is ok is enough, and an error is one only when all are. case_rows and case_error are the same
-- for the case on all models. epochs is the highest epoch, 1 for a planned case without a row.
WITH source_rows AS (
    SELECT
        run_id,
        ingest_id,
        task,
        case_id,
        model,
        prompt,
        variant,
        attempt,
        max(epoch) AS epochs,
        bool_or(in_source) AS in_source,
        bool_or(in_source AND status = 'ok') AS ok,
        bool_and(status = 'execution_error') AS error,
        bool_or(in_source AND latest) AS latest,
        bool_or(in_source AND latest AND status = 'ok') AS latest_ok,
        bool_or(in_source AND latest AND status <> 'execution_error') AS latest_finished
    FROM results
    GROUP BY run_id, ingest_id, task, case_id, model, prompt, variant, attempt
),

cases AS (
    SELECT
        ingest_id,
        case_id,
        sum(CASE WHEN in_source THEN 1 ELSE 0 END) AS case_rows,
        bool_or(in_source AND error) AS case_error
    FROM source_rows
    GROUP BY ingest_id, case_id
),

pairs AS (
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
    FROM source_rows
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
    FROM failed_rows
    WHERE status = 'missing'
)

SELECT
    pairs.*,
    coalesce(cases.case_rows, 0) AS case_rows,
    coalesce(cases.case_error, FALSE) AS case_error
FROM pairs
LEFT JOIN cases ON pairs.ingest_id = cases.ingest_id AND pairs.case_id = cases.case_id
