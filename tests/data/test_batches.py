"""Batches are functions of key and position; order visits everything once an epoch."""

from __future__ import annotations

from dataclasses import replace

import torch

from sparring.base.draws import Key
from sparring.data import Batches, Rows
from sparring.data.batches import Order
from sparring.data.views import Views
from sparring.kinds.images.sources import Digits
from sparring.kinds.points.sources import Ring


def test_an_epoch_holds_each_sample_once_and_the_next_another_order() -> None:
    order = Order(10, Key(0))
    first, second = order.slice(0, 10), order.slice(10, 10)
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(10))
    assert first.tolist() != second.tolist()


def test_slices_run_across_epochs() -> None:
    order = Order(7, Key(1))
    whole = order.slice(0, 40)
    assert torch.equal(torch.cat([order.slice(n, 5) for n in range(0, 40, 5)]), whole)
    assert torch.equal(Order(7, Key(1)).slice(33, 7), whole[33:40])


def test_a_batch_is_found_again_by_its_position() -> None:
    data = Digits(mirror=True).load()
    rows = Rows(data, data.train, torch.device("cpu"))
    batches = Batches(rows, 32, Key(3))
    drawn = [next(batches) for _ in range(60)]  # more than an epoch
    again = next(Batches(rows, 32, Key(3), position=57))
    assert torch.equal(again.samples, drawn[57].samples)
    assert torch.equal(again.labels, drawn[57].labels)
    assert not torch.equal(next(Batches(rows, 32, Key(4))).samples, drawn[0].samples)


def test_mirroring_turns_about_half_and_a_part_is_a_part() -> None:
    data = Digits().load()
    rows = Rows(data, data.train, torch.device("cpu"))
    turning = Rows(replace(data, views=Views(mirror=True)), data.train, torch.device("cpu"))
    plain, mirrored = next(Batches(rows, 500, Key(0))), next(Batches(turning, 500, Key(0)))
    same = (plain.samples == mirrored.samples).flatten(1).all(1)
    turned = (plain.samples.flip(-1) == mirrored.samples).flatten(1).all(1)
    assert bool((same | turned).all())
    assert 200 < int(turned.sum()) < 300
    assert torch.equal(mirrored.part(slice(5, 9)).samples, mirrored.samples[5:9])
    assert mirrored.part(slice(5, 9)).rows.tolist() == [5, 6, 7, 8]


def test_samples_come_in_the_range_that_the_recipe_names() -> None:
    for kind, low in (("signed", -1.0), ("unit", 0.0)):
        data = Digits(range=kind).load()
        batch = next(Batches(Rows(data, data.train, torch.device("cpu")), 64, Key(0)))
        assert (float(batch.samples.min()), float(batch.samples.max())) == (low, 1.0)
        assert batch.bounds == (low, 1.0)


def test_training_rows_are_never_held_out_ones() -> None:
    data = Ring(count=400).load()
    rows = Rows(data, data.train, torch.device("cpu"))
    held = {tuple(point) for point in data.samples[data.heldout].tolist()}
    batches = Batches(rows, 50, Key(0))
    for _ in range(20):
        assert held.isdisjoint(tuple(point) for point in rows.stored(next(batches)._index).tolist())
