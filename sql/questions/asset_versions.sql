-- Which versions did the answer to a case go through, in a run and in its re-runs and variations?
-- Grain: one row per run in scope (the root), key of its case (task, case, and the root's model, prompt, variant and
-- epoch) and version.
-- Ties and nulls: version 1 is the root's own first attempt, then come its retries, then re-runs and variations in the
-- order of run_descendants and by attempt; a case that only descendants hold begins at 2. A descendant's row belongs
-- to the key whose first row is at the head of its chain, else to the one of the same model, prompt, variant and epoch,
-- else to the first key of the case. Only the root's latest attempt competes. mode_of_run is the first mode among the
-- root's own first attempts of the cases in scope, in source order. arm is the root's, null where the root has no row
-- of the case and several arms.
WITH stacks AS (
    SELECT
        ingest_id,
        task,
        case_id,
        model,
        prompt,
        variant,
        epoch,
        CAST(
            row_number() OVER (
                PARTITION BY ingest_id, task, case_id
                ORDER BY min(source_row) NULLS LAST, epoch, model, prompt, variant
            ) AS BIGINT
        ) AS stack,
        first_value(coalesce(parent_result_id, native_id) ORDER BY attempt) AS chain,
        first_value(arm ORDER BY attempt DESC) AS arm
    FROM results
    GROUP BY ingest_id, task, case_id, model, prompt, variant, epoch
),

roots AS (
    SELECT
        ingest_id,
        first_value(mode ORDER BY source_row NULLS LAST, case_id) FILTER (
            WHERE attempt = 1 AND mode IS NOT NULL
        ) AS mode_of_run,
        CASE WHEN min(arm) = max(arm) THEN min(arm) END AS arm
    FROM results
    GROUP BY ingest_id
),

own AS (
    SELECT
        results.run_id AS root_run_id,
        results.ingest_id AS root_ingest_id,
        results.ingest_id,
        results.execution,
        CASE WHEN results.attempt = 1 THEN 'original' ELSE 'retry' END AS kind,
        CAST(0 AS BIGINT) AS depth,
        CAST(0 AS BIGINT) AS place,
        results.latest AS competes,
        stacks.stack
    FROM results
    INNER JOIN stacks
        ON
            results.ingest_id = stacks.ingest_id
            AND results.task = stacks.task
            AND results.case_id = stacks.case_id
            AND results.epoch = stacks.epoch
            AND (results.model IS NOT DISTINCT FROM stacks.model)
            AND (results.prompt IS NOT DISTINCT FROM stacks.prompt)
            AND (results.variant IS NOT DISTINCT FROM stacks.variant)
),

placed AS (
    SELECT
        below.root_run_id,
        below.root_ingest_id,
        rows_below.ingest_id,
        rows_below.execution,
        below.relation AS kind,
        below.depth,
        below.place,
        FALSE AS competes,
        coalesce(stacks.stack, 1) AS stack,
        row_number() OVER (
            PARTITION BY below.root_ingest_id, rows_below.ingest_id, rows_below.execution
            ORDER BY
                CASE
                    WHEN stacks.chain = rows_below.parent_result_id THEN 0
                    WHEN
                        stacks.epoch = rows_below.epoch
                        AND (stacks.model IS NOT DISTINCT FROM rows_below.model)
                        AND (stacks.prompt IS NOT DISTINCT FROM rows_below.prompt)
                        AND (stacks.variant IS NOT DISTINCT FROM rows_below.variant)
                        THEN 1
                    ELSE 2
                END,
                stacks.stack
        ) AS choice
    FROM run_descendants AS below
    INNER JOIN family_results AS rows_below ON below.ingest_id = rows_below.ingest_id
    LEFT JOIN stacks
        ON
            below.root_ingest_id = stacks.ingest_id
            AND rows_below.task = stacks.task
            AND rows_below.case_id = stacks.case_id
    WHERE below.problem IS NULL
),

members AS (
    SELECT
        root_run_id,
        root_ingest_id,
        ingest_id,
        execution,
        kind,
        depth,
        place,
        competes,
        stack
    FROM own
    UNION ALL
    SELECT
        root_run_id,
        root_ingest_id,
        ingest_id,
        execution,
        kind,
        depth,
        place,
        competes,
        stack
    FROM placed
    WHERE choice = 1
),

numbered AS (
    SELECT
        members.root_run_id,
        members.root_ingest_id,
        members.kind,
        members.depth,
        members.competes,
        members.stack,
        answers.*,
        CASE
            WHEN answers.status IN ('execution_error', 'scorer_error', 'cancelled') THEN FALSE
            ELSE coalesce(answers.verdict, answers.score >= $pass_threshold)
        END AS passed,
        CAST(
            row_number() OVER (
                PARTITION BY members.root_ingest_id, answers.task, answers.case_id, members.stack
                ORDER BY members.place, answers.attempt, answers.source_row NULLS LAST, answers.execution
            ) AS BIGINT
        ) AS number,
        min(members.place) OVER (
            PARTITION BY members.root_ingest_id, answers.task, answers.case_id, members.stack
        ) AS first_place,
        count(*) OVER (
            PARTITION BY members.root_ingest_id, answers.task, answers.case_id, members.stack
        ) AS versions
    FROM members
    INNER JOIN family_results AS answers
        ON members.ingest_id = answers.ingest_id AND members.execution = answers.execution
)

SELECT
    numbered.root_run_id,
    coalesce(stacks.arm, roots.arm) AS arm,
    numbered.task,
    numbered.case_id,
    numbered.stack,
    numbered.number + CASE WHEN numbered.first_place > 0 THEN 1 ELSE 0 END AS version,
    concat('v', numbered.number + CASE WHEN numbered.first_place > 0 THEN 1 ELSE 0 END) AS label,
    numbered.kind,
    numbered.mode,
    numbered.seed_text,
    numbered.run_id,
    numbered.attempt,
    numbered.model,
    numbered.prompt,
    numbered.variant,
    numbered.epoch,
    numbered.status,
    numbered.verdict,
    numbered.passed,
    numbered.score,
    numbered.logprob,
    numbered.confidence,
    numbered.review,
    numbered.output,
    numbered.alternatives,
    numbered.competes,
    numbered.recorded_at,
    numbered.depth,
    run_parents.parent_run_id,
    numbered.native_id,
    numbered.parent_result_id,
    numbered.rerun_seq,
    numbered.seed_id,
    roots.mode_of_run,
    numbered.versions,
    numbered.error_reason,
    numbered.error_message,
    numbered.execution,
    numbered.ingest_id,
    numbered.root_ingest_id
FROM numbered
LEFT JOIN stacks
    ON
        numbered.root_ingest_id = stacks.ingest_id
        AND numbered.task = stacks.task
        AND numbered.case_id = stacks.case_id
        AND numbered.stack = stacks.stack
LEFT JOIN roots ON numbered.root_ingest_id = roots.ingest_id
LEFT JOIN (
    SELECT ingest_id, parent_run_id FROM runs
    UNION
    SELECT ingest_id, parent_run_id FROM run_descendants WHERE problem IS NULL
) AS run_parents ON numbered.ingest_id = run_parents.ingest_id
