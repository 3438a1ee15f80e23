"""Points of toy sets whose modes are known."""
