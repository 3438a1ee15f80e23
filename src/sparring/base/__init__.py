"""What everything stands on: errors, parts, words, draws, files."""
