-- Which attempt counts?
-- Grain: one row per key (run, task, case, model, prompt, variant, epoch), its last attempt, with `passed`.
-- Ties and nulls: the last attempt in source order counts, whatever its status; passed as in graded_results.
SELECT *
FROM graded_results
WHERE latest
