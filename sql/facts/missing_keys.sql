-- Which planned keys have no row?
-- Grain: one row per planned key without any attempt, of the runs whose source lists what was planned.
-- Ties and nulls: a planned key without a model has a row when any model has one; a run that lists nothing has no row
-- here, whatever it left out.
SELECT
    planned_keys.run_id,
    planned_keys.task,
    planned_keys.case_id,
    planned_keys.model,
    planned_keys.ingest_id
FROM planned_keys
WHERE
    NOT EXISTS (
        SELECT 1
        FROM results
        WHERE
            planned_keys.ingest_id = results.ingest_id
            AND planned_keys.task = results.task
            AND planned_keys.case_id = results.case_id
            AND (planned_keys.model IS NULL OR planned_keys.model = results.model)
    )
