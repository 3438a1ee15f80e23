"""Whether made images help networks that are trained on real ones."""
