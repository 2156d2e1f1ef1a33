-- Which failed rows are errors that are run again into a new output?
-- Keys whose latest attempt is an error of the execution or of a scorer, or was cancelled.
status IN ('execution_error', 'scorer_error', 'cancelled')
