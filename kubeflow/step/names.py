"""The names of a job's own steps."""

FIRST_STEP, LAST_STEP = "RunStart", "RunEnd"
