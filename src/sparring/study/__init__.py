"""Many runs that answer one question: designs, paired seeds, workers, statistics."""
