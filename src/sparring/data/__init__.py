"""Data: sources, the codec between a user's format and tensors, and batches."""

from __future__ import annotations

from sparring.data.batches import Batch, Batches
from sparring.data.codec import Codec
from sparring.data.dataset import DataSet, Found, Modes
from sparring.data.download import cache_directory
from sparring.data.options import NAMED, Data, Images, options_of
from sparring.data.rows import Rows

__all__ = [
    "NAMED",
    "Batch",
    "Batches",
    "Codec",
    "Data",
    "DataSet",
    "Found",
    "Images",
    "Modes",
    "Rows",
    "cache_directory",
    "options_of",
]
