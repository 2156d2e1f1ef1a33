-- Which planned keys have no row?
-- Grain: one row per planned key without any attempt, of the runs whose source lists what was planned.
-- Ties and nulls: a planned key without a model has a row when any model has one; a run that lists nothing has no row
-- here, whatever it left out.
SELECT
    run_id,
    task,
    case_id,
    model,
    ingest_id
FROM planned_keys
WHERE NOT has_row
