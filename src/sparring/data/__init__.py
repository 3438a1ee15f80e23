"""Data: sources, the codec between a user's format and tensors, and batches."""

from __future__ import annotations

from sparring.data.batches import Batch, Batches
from sparring.data.codec import Codec, Formats, ValueCodec, called, codec_from_json
from sparring.data.dataset import DataSet, Found, Modes
from sparring.data.download import cache_directory
from sparring.data.options import NAMED, Data, Images, options_of
from sparring.data.rows import Rows
from sparring.data.tables.codec import TableCodec
from sparring.data.tables.source import Table
from sparring.data.tables.vector import ConditionVector, SampledBatches

__all__ = [
    "NAMED",
    "Batch",
    "Batches",
    "Codec",
    "ConditionVector",
    "Data",
    "DataSet",
    "Formats",
    "Found",
    "Images",
    "Modes",
    "Rows",
    "SampledBatches",
    "Table",
    "TableCodec",
    "ValueCodec",
    "cache_directory",
    "called",
    "codec_from_json",
    "options_of",
]
