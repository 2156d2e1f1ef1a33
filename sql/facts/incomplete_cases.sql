-- Which cases lack a row on some model in the tool's own file?
-- Grain: one row per run and case that was planned or run on a model of which the file holds no row of it.
-- Ties and nulls: a row that the tool has taken out of its file since is none.
-- Kept: they are usually few, and a join is to hold them and not all rows.
SELECT DISTINCT
    ingest_id,
    case_id
FROM source_pairs
WHERE "rows" = 0
