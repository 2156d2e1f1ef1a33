-- What is the value of a case in an arm?
-- Grain: one row per arm, task, case and metric that a latest result of the case carries.
-- Ties and nulls: value is the mean over all latest results of the arm for that case (epochs, and pooled runs, models
-- or prompts) that have one, null when none has; a row that another run copied counts once. results counts them,
-- unscored those without a value.
-- Kept: computed once per session, since questions read it several times.
WITH executions AS (
    SELECT
        arm,
        task,
        case_id,
        metric,
        execution,
        max(value) AS value
    FROM measurements
    GROUP BY arm, task, case_id, metric, execution
)

SELECT
    arm,
    task,
    case_id,
    metric,
    exact_mean(value) AS value,
    count(*) AS results,
    count(*) - count(value) AS unscored
FROM executions
GROUP BY arm, task, case_id, metric
