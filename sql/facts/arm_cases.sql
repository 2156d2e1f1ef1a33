-- Which cases did an arm run?
-- Grain: one row per arm, task and case with at least one latest result.
-- Ties and nulls: a case whose only result is an error was run.
-- Kept: computed once per session, since questions read it several times.
SELECT DISTINCT
    arm,
    task,
    case_id
FROM case_values
