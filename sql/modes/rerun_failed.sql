-- Which failed rows are to be run again when failures are?
-- Every key whose latest attempt is not ok or did not pass, and planned keys without a row: all of failed_rows.
TRUE
