"""Whether made rows help models that are trained on real ones."""
