"""Data: sources, the codec between a user's format and tensors, and batches."""

from __future__ import annotations

from sparring.data.batches import Batch, Batches, SampledBatches, draw_labels, drawn_batch, probe_batch
from sparring.data.codec import Codec, Formats, ValueCodec
from sparring.data.dataset import DataSet, Found, Modes, assemble
from sparring.data.rows import Rows
from sparring.data.source import Source, SourceOptions

__all__ = [
    "Batch",
    "Batches",
    "Codec",
    "DataSet",
    "Formats",
    "Found",
    "Modes",
    "Rows",
    "SampledBatches",
    "Source",
    "SourceOptions",
    "ValueCodec",
    "assemble",
    "draw_labels",
    "drawn_batch",
    "probe_batch",
]
