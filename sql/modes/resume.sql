-- Which failed rows did not finish, so that a resumed run has to execute them?
-- A planned key without a row, an error of the execution or of a scorer, what was cancelled, and what a limit cut before
-- it had a score. A verdict is left as it is.
status IN ('missing', 'execution_error', 'scorer_error', 'cancelled')
OR (status = 'limit' AND score IS NULL)
