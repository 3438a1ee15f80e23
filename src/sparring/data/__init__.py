"""Data: sources, the codec between a user's format and tensors, and batches."""

from __future__ import annotations

from sparring.data.batches import Batch, Batches
from sparring.data.codec import Codec, Formats, ValueCodec, called, codec_from_json
from sparring.data.crops import Pictures
from sparring.data.dataset import DataSet, Found, Modes
from sparring.data.download import cache_directory
from sparring.data.options import NAMED, PLACES, Data, Images, options_of
from sparring.data.pairs import Pairs
from sparring.data.rows import Rows
from sparring.data.sides import Sides
from sparring.data.tables.codec import TableCodec
from sparring.data.tables.source import Table
from sparring.data.tables.vector import ConditionVector, SampledBatches

__all__ = [
    "NAMED",
    "PLACES",
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
    "Pairs",
    "Pictures",
    "Rows",
    "SampledBatches",
    "Sides",
    "Table",
    "TableCodec",
    "ValueCodec",
    "cache_directory",
    "called",
    "codec_from_json",
    "options_of",
]
