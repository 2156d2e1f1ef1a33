-- What does the tool's own file hold of each case, so that its rule for running cases again can be foretold?
-- Grain: one row per run, task, case, model, prompt and variant with a result or planned; epochs stand together, since
-- a tool keeps or repeats all epochs of a case.
-- Ties and nulls: beside what source_pairs tells of the case on this model, case_in_source and case_error are whether
-- the file has a row, and an execution error, of the case on any model.
WITH case_errors AS (
    SELECT DISTINCT
        ingest_id,
        case_id
    FROM source_pairs
    WHERE error
),

started AS (
    SELECT DISTINCT
        source_pairs.ingest_id,
        source_pairs.case_id,
        TRUE AS in_source
    FROM incomplete_cases
    RIGHT SEMI JOIN source_pairs
        ON
            incomplete_cases.ingest_id = source_pairs.ingest_id
            AND incomplete_cases.case_id = source_pairs.case_id
    WHERE source_pairs."rows" > 0
),

-- What is usually short stands on the left: a join holds that side.
placed AS (
    SELECT
        source_pairs.*,
        source_pairs."rows" > 0 OR coalesce(started.in_source, FALSE) AS case_in_source
    FROM started
    RIGHT JOIN source_pairs
        ON started.ingest_id = source_pairs.ingest_id AND started.case_id = source_pairs.case_id
)

SELECT
    placed.*,
    case_errors.case_id IS NOT NULL AS case_error
FROM case_errors
RIGHT JOIN placed ON case_errors.ingest_id = placed.ingest_id AND case_errors.case_id = placed.case_id
