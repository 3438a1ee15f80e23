"""What the runs of a study answer: paired differences, intervals, verdicts."""
