"""Masks of a turn made at once: those that each call would make by itself, to the bit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.gan.surgery import Drop, Masks, drop, rewind
from tests.gan.test_recording import CASES, DROPS, match_of, play_on, same
from tests.gan.test_surgery import NOW

ROWS = torch.arange(100, 132)
DROPPED = {
    "two rates": {"discriminator": DROPS, "generator": DROPS | {"surgery": {"dropout": {"rate": 0.5}}}},
    "one rate": {"discriminator": DROPS, "generator": DROPS},
    "channels and blocks": {
        "discriminator": {
            "net": {"dcgan": {"widths": [8, 8], "norm": "none"}},
            "surgery": {
                "first": {"dropout": {"rate": 0.3, "unit": "channel"}},
                "second": {"dropout": {"rate": 0.3, "unit": "block", "block": 2}},
            },
        },
    },
    "by unit": {"discriminator": DROPS | {"surgery": {"dropout": {"rate": [0.25] * 16}}}},
    "always": {"generator": DROPS | {"surgery": {"dropout": {"rate": 0.3, "when": "always"}}}, "ema": {}},
}
PLAYED = CASES | DROPPED | {"both at once, dropping": DROPPED["one rate"] | {"update": "simultaneous"}}


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[Tensor]:
    """What was hashed for masks."""
    found: list[Tensor] = []
    mix = drop.mix
    monkeypatch.setattr(drop, "mix", lambda words: mix(found.append(words) or words))  # type: ignore[func-returns-value]
    return found


@pytest.mark.parametrize("case", PLAYED)
def test_a_match_plays_to_the_same_bits(case: str) -> None:
    match, singly = match_of(**PLAYED[case]), match_of(**PLAYED[case])
    singly.duel.make_masks(None)
    assert play_on(match) == play_on(singly)
    same(match, singly)


def layers(*rates: float, masks: Masks | None = None) -> list[Drop]:
    found = []
    for number, rate in enumerate(rates):
        layer = Drop(rate, "value", site=f"layer{number}").train()
        layer.set_rate(NOW)
        layer.masks = masks
        found.append(layer)
    return found


def turn(drops: list[Drop], step: int, calls: list[tuple[int, Tensor]], rows: Tensor = ROWS) -> list[Tensor]:
    """What layers make of these in turn, by their places."""
    rewind(drops, Key(step), rows)
    if drops[0].masks is not None:
        drops[0].masks.begin("a kind", drops)
    return [drops[place](x) for place, x in calls]


ONES, WIDE = torch.ones(32, 24), torch.ones(32, 40)


@pytest.mark.parametrize(
    "turns",
    [
        [[(0, ONES), (1, ONES), (0, ONES)]] * 3,
        [[(0, ONES), (1, ONES)], [(1, ONES), (0, ONES)], [(0, ONES)], [(1, ONES), (1, ONES), (0, ONES)]],
        [[(0, ONES), (1, WIDE)], [(0, WIDE), (1, ONES)], [(0, ONES), (1, ONES)]],
        [[(0, ONES), (1, ONES.bfloat16())], [(0, ONES.bfloat16()), (1, ONES.double())]],
    ],
    ids=["alike", "other calls", "other widths", "other types"],
)
@pytest.mark.parametrize("rates", [(0.5, 0.5), (0.3, 0.3), (0.3, 0.6)])
def test_a_turn_with_other_calls_than_the_last_has_its_own_masks(turns: Any, rates: tuple[float, float]) -> None:
    ours, theirs = layers(*rates, masks=Masks()), layers(*rates)
    for step, calls in enumerate(turns):
        for one, other in zip(turn(ours, step, calls), turn(theirs, step, calls), strict=True):
            assert torch.equal(one, other)


def test_a_turn_known_by_the_last_hashes_once(hashed: list[Tensor]) -> None:
    drops = layers(0.5, 0.5, masks=Masks())
    calls = [(0, ONES), (1, ONES), (0, ONES)]
    turn(drops, 0, calls)
    assert len(hashed) == 3
    turn(drops, 1, calls)
    assert len(hashed) == 4


def test_other_rates_and_idle_layers_are_not_drawn_for(hashed: list[Tensor]) -> None:
    drops = layers(0.5, 0.25, 0.5, masks=Masks())
    calls = [(0, ONES), (1, ONES), (2, ONES)]
    turn(drops, 0, calls)
    drops[2].idle = True
    hashed.clear()
    turn(drops, 1, calls)
    assert [len(words) for words in hashed] == [32, 32]


def test_a_rate_that_moves_within_a_turn_is_that_of_the_next_call() -> None:
    made = {}
    for name, masks in (("ours", Masks()), ("theirs", None)):
        drops = layers(0.5, 0.5, masks=masks)
        turn(drops, 0, [(0, ONES), (1, ONES)])
        first = turn(drops, 1, [(0, ONES)])
        drops[1].put(0.25)
        made[name] = [*first, drops[1](ONES)]
    assert all(torch.equal(one, other) for one, other in zip(made["ours"], made["theirs"], strict=True))


def test_large_masks_are_made_in_their_calls(hashed: list[Tensor]) -> None:
    drops = layers(0.5, 0.5, masks=Masks())
    large = torch.ones(32, drop.SMALL // 32 + 1)
    for step in range(2):
        turn(drops, step, [(0, large), (1, large)])
    assert len(hashed) == 4


def test_not_more_than_so_many_values_at_once(hashed: list[Tensor]) -> None:
    count = drop.TOGETHER // drop.SMALL
    drops = layers(*[0.5] * (2 * count), masks=Masks())
    x = torch.ones(32, drop.SMALL // 32)
    for step in range(2):
        hashed.clear()
        turn(drops, step, [(place, x) for place in range(len(drops))])
    assert 2 < len(hashed) < 5
    assert max(words.numel() for words in hashed) * 8 <= drop.TOGETHER


@pytest.mark.parametrize(("rows", "units"), [(2**16, 1), (2**15 + 1, 1), (0, 24)])
def test_a_mask_alone_may_be_more_than_that_or_nothing(rows: int, units: int) -> None:
    numbers, x = torch.arange(rows), torch.ones(rows, units)
    ours, theirs = (turn(layers(0.5, masks=masks), 0, [(0, x)], numbers)[0] for masks in (Masks(), None))
    assert torch.equal(ours, theirs)


def test_calls_outside_of_turns_are_not_expected_of_the_next(hashed: list[Tensor]) -> None:
    drops = layers(0.5, 0.5, masks=Masks())
    calls = [(0, ONES), (1, ONES)]
    turn(drops, 0, calls)
    rewind(drops, Key(9), ROWS)
    for _ in range(20):  # as a generator samples whose dropout is always on
        drops[1](ONES)
    hashed.clear()
    turn(drops, 1, calls)
    assert [len(words) for words in hashed] == [64]


def test_a_copied_network_draws_by_itself() -> None:
    net = nn.Sequential(*layers(0.5, 0.5, masks=Masks()))
    turn(list(net), 0, [(0, ONES), (1, ONES)])  # type: ignore[arg-type]
    other = copy.deepcopy(net)
    makers = [layer.masks for layer in other]
    assert makers[0] is makers[1]
    assert makers[0] is not net[0].masks
    rewind(list(other), Key(0), ROWS)  # type: ignore[arg-type]
    assert torch.equal(other[0](ONES), turn(layers(0.5), 0, [(0, ONES)])[0])


def test_without_a_key_masks_still_come_from_pytorchs_generator() -> None:
    (layer,) = layers(0.5, masks=Masks())
    made = []
    for _ in range(2):
        torch.manual_seed(3)
        made += [layer(ONES), layer(ONES)]
    assert torch.equal(made[0], made[2])
    assert torch.equal(made[1], made[3])
    assert not torch.equal(made[0], made[1])
