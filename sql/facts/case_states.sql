-- How did each case of an arm end, and after how many attempts?
-- Grain: one row per arm, task and case with at least one latest result.
-- Ties and nulls: of several latest results (epochs, pooled runs) the worst status counts: execution_error,
-- scorer_error, cancelled, limit, quality_failure, ok. attempts is the most that one key of the case had. band is the
-- lowest confidence among them, as in banded_results, null when none has one.
WITH ranked AS (
    SELECT
        arm,
        task,
        case_id,
        attempt,
        CASE status
            WHEN 'execution_error' THEN 0
            WHEN 'scorer_error' THEN 1
            WHEN 'cancelled' THEN 2
            WHEN 'limit' THEN 3
            WHEN 'quality_failure' THEN 4
            ELSE 5
        END AS place,
        CASE band WHEN 'low' THEN 0 WHEN 'medium' THEN 1 WHEN 'high' THEN 2 END AS confidence
    FROM banded_results
    WHERE latest AND NOT is_version
)

SELECT
    arm,
    task,
    case_id,
    CASE min(place)
        WHEN 0 THEN 'execution_error'
        WHEN 1 THEN 'scorer_error'
        WHEN 2 THEN 'cancelled'
        WHEN 3 THEN 'limit'
        WHEN 4 THEN 'quality_failure'
        ELSE 'ok'
    END AS status,
    max(attempt) AS attempts,
    count(*) AS results,
    CASE min(confidence) WHEN 0 THEN 'low' WHEN 1 THEN 'medium' WHEN 2 THEN 'high' END AS band
FROM ranked
GROUP BY arm, task, case_id
