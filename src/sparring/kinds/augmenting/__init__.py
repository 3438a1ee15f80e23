"""Whether made samples help models that are trained on real ones: what kinds of data share."""
