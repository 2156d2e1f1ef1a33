-- May the tasks be pooled into one line?
-- Grain: one row.
-- Ties and nulls: poolable is true when there are several tasks and every arm has the same (task, case) set.
-- Kept: computed once per session, since questions read it several times.
WITH cases AS (
    SELECT
        task,
        case_id,
        count(*) AS arms
    FROM arm_cases
    GROUP BY task, case_id
),

arms AS (
    SELECT count(DISTINCT arm) AS arms
    FROM arm_cases
)

SELECT
    max(arms.arms) AS arms,
    count(DISTINCT cases.task) AS tasks,
    count(*) AS cases,
    count(DISTINCT cases.task) > 1 AND min(cases.arms) = max(arms.arms) AS poolable
FROM cases
CROSS JOIN arms
