"""Conditions, and training by sampling."""

from __future__ import annotations

import math

import pytest
import torch

from sparring.base.draws import Key
from sparring.data import Rows, SampledBatches
from sparring.kinds.tables.data.vector import ConditionVector
from tests.kinds.tables.data.made import mixed_data

CPU = torch.device("cpu")


def test_each_row_meets_its_condition_and_all_are_as_frequent_as_in_the_data() -> None:
    data = mixed_data(5000)
    assert data.conditions is not None
    assert data.labels is not None
    blocks = ConditionVector.blocks_of(data.codec)  # type: ignore[arg-type]
    seen = data.codec.encode(data.samples)
    assert bool((seen.gather(1, blocks[data.labels][:, 2:]) == 1).all())
    asked = len(data.conditions.asked)
    assert int(data.conditions.counts.sum()) == asked * len(data.train)
    rare = data.label_names.index("town=Kiel")
    expected = float((data.samples[:, 2] == 2).double().mean()) / asked
    assert float((data.labels == rare).double().mean()) == pytest.approx(expected, abs=0.01)


def test_training_by_sampling_draws_choices_by_the_logarithm_of_how_frequent_they_are() -> None:
    data = mixed_data(3000)
    assert data.conditions is not None
    index, condition = data.conditions.sampled(Key(0), torch.arange(60_000))
    names = [data.label_names[number] for number in condition.tolist()]
    rows = data.samples[data.train[index]]
    town = {"town=Ulm": 0.0, "town=Bonn": 1.0, "town=Kiel": 2.0}
    shown = [(town[name], float(row[2])) for name, row in zip(names, rows, strict=True) if name in town]
    assert len(shown) > 9_000
    assert all(asked == had for asked, had in shown)
    counts = [int((data.samples[data.train, 2] == value).sum()) for value in (0, 1, 2)]
    missing = int(data.samples[data.train, 2].isnan().sum())
    logs = [math.log1p(count) for count in (*counts, missing)]
    for name, log in zip([*town, "town is missing"], logs, strict=True):
        share = names.count(name) / sum(one.startswith("town") for one in names)
        assert share == pytest.approx(log / sum(logs), abs=0.02)


def test_batches_are_functions_of_their_position() -> None:
    data = mixed_data()
    assert data.conditions is not None
    rows = Rows(data, data.train, CPU)
    batches = SampledBatches(rows, 32, Key(1), data.conditions)
    drawn = [next(batches) for _ in range(4)]
    again = next(SampledBatches(rows, 32, Key(1), data.conditions, position=3))
    assert torch.equal(again.samples, drawn[3].samples)
    assert torch.equal(again.labels, drawn[3].labels)  # type: ignore[arg-type]
    assert not torch.equal(drawn[2].samples, drawn[3].samples)
    part = drawn[3].part(slice(8, 16))
    assert torch.equal(part.samples, drawn[3].samples[8:16])
    assert torch.equal(part.labels, drawn[3].labels[8:16])  # type: ignore[index, arg-type]
    assert torch.equal(drawn[3].twice().labels[32:], drawn[3].labels)  # type: ignore[index, arg-type]


def test_rows_are_encoded_once_and_to_the_same_bits() -> None:
    data = mixed_data()
    rows = Rows(data, data.train, CPU)
    assert rows.encoded_before is not None
    assert torch.equal(rows.encoded_before, data.codec.encode(data.samples[data.train]))
