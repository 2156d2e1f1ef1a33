-- Which metrics were measured at steps, and what are they called?
-- Grain: one row per metric name, step and step kind that a latest score in scope carries.
-- Ties and nulls: metric is NAME @ STEP, so that a metric on two steps stays two metrics; NAME @ STEP (KIND) only where
-- the metric stands on steps of one name and several kinds. step_kind is null where the source tells none.
-- Kept: computed once per session, since questions read it several times.
WITH measured AS (
    SELECT DISTINCT
        metric AS name,
        step,
        step_kind
    FROM scores
    WHERE latest AND NOT is_version AND step IS NOT NULL
),

kinds AS (
    SELECT
        name,
        step,
        count(*) AS kinds
    FROM measured
    GROUP BY name, step
)

SELECT
    measured.name || ' @ ' || measured.step
    || CASE WHEN kinds.kinds > 1 AND measured.step_kind IS NOT NULL THEN ' (' || measured.step_kind || ')' ELSE '' END
        AS metric,
    measured.name,
    measured.step,
    measured.step_kind
FROM measured
INNER JOIN kinds ON measured.name = kinds.name AND measured.step = kinds.step
