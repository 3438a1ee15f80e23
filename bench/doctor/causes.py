"""The causes: what makes a healthy setting ill, how badly, and which findings name it.

A severity changes a recipe's fields, or sabotages the match that is built of them. Which findings count as the right
one was decided before a doctor was run on any of them, by what an expert would accept as naming the cause; the reason
stands beside each set.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from changes import Change, batch, dropout, limit, momentum, penalties, rates, saturating, unpenalised
from saboteurs import Sabotage, flip_labels, freeze_layers, shown_scaled, squash_logits
from settings import Fields


class Severity(NamedTuple):
    """One degree of a cause."""

    name: str
    change: Change | None = None
    sabotage: Sabotage | None = None
    begin: float = 0.0
    """The part of the run at which it begins to act."""


class Cause(NamedTuple):
    name: str
    symptoms: frozenset[str]
    """The findings that name it."""
    applies: Callable[[Fields], bool]
    """Whether a setting's fields can have it."""
    tuning: tuple[Severity, ...]
    second: tuple[Severity, ...]
    unseen: tuple[Severity, ...]


def changed(fields: Fields, severity: Severity) -> Fields:
    """The fields with the severity's change; the ones given stay as they are."""
    mine = copy.deepcopy(fields)
    return severity.change(mine) if severity.change else mine


# Which settings they fit ----------------------------------------------------------------------------------------------


def always(fields: Fields) -> bool:
    return True


def has_penalty(fields: Fields) -> bool:
    return bool(fields["discriminator"].get("terms"))


def is_wasserstein(fields: Fields) -> bool:
    return bool(fields["objective"] == "wasserstein")


def has_penalty_not_wasserstein(fields: Fields) -> bool:
    return has_penalty(fields) and not is_wasserstein(fields)


def is_cross_entropy(fields: Fields) -> bool:
    return fields["objective"] in ("non_saturating", "minimax")


def applies_sigmoid(fields: Fields) -> bool:
    return is_cross_entropy(fields) or bool(fields["objective"] == "relativistic")


def makes_images(fields: Fields) -> bool:
    return not fields["data"].keys() & {"ring", "grid"}


def named(*names: str) -> frozenset[str]:
    return frozenset(names)


def _of(name: str, kind: Callable[..., Change], *amounts: Any) -> tuple[Severity, ...]:
    return tuple(Severity(f"{name}{amount:g}", kind(amount)) for amount in amounts)


_d_times = partial(_of, "d-times-", lambda k: rates(discriminator=k))
_d_over = partial(_of, "d-over-", lambda k: rates(discriminator=1 / k))
_g_times = partial(_of, "g-times-", lambda k: rates(generator=k))
_g_over = partial(_of, "g-over-", lambda k: rates(generator=1 / k))

CAUSES: tuple[Cause, ...] = (
    Cause(
        "discriminator-fast",
        # it wins and leaves no slope, or a rate too high throws it, and the game with it, about
        named("vanishing_gradient", "oscillation", "explosion"),
        always,
        _d_times(8, 60) + _g_over(30),
        _d_times(20, 100) + _g_over(100),
        _d_times(40, 80) + _g_over(60),
    ),
    Cause(
        "generator-fast",
        # the discriminator cannot follow, and the generator runs to where it is fooled at the moment
        named("discriminator_too_weak", "mode_collapse", "oscillation"),
        always,
        _g_times(8, 40) + _d_over(100),
        _g_times(20, 80) + _d_over(300),
        _g_times(30, 60) + _d_over(200),
    ),
    Cause(
        "tiny-data",
        # the discriminator knows its samples by heart, or the generator hands them back
        named("discriminator_overfitting", "memorisation"),
        makes_images,
        _of("", limit, 10, 40, 150),
        _of("", limit, 15, 30, 100),
        _of("", limit, 12, 25, 60),
    ),
    Cause(
        "wasserstein-bare",
        # nothing bounds the critic: its values run away, or its slope is not held
        named("explosion", "penalty_not_working"),
        is_wasserstein,
        _of("times-", penalties, 1e-5, 1e-3),
        _of("times-", penalties, 0, 1e-4),
        _of("times-", penalties, 1e-6, 3e-4),
    ),
    Cause(
        "penalty-huge",
        # the loss is all penalty, and what it leaves of the discriminator tells nothing apart
        named("penalty_dominates", "discriminator_too_weak"),
        has_penalty,
        _of("times-", penalties, 3e4, 1e6),
        _of("times-", penalties, 1e5, 1e7),
        _of("times-", penalties, 3e5, 3e6),
    ),
    Cause(
        "penalty-zero",
        # the slope is free to grow: seen in itself, in a discriminator too sure, or in values that run away
        named("penalty_not_working", "vanishing_gradient", "explosion"),
        has_penalty_not_wasserstein,
        _of("times-", penalties, 1e-4) + _of("none-rate-", unpenalised, 12),
        _of("times-", penalties, 0) + _of("none-rate-", unpenalised, 8),
        _of("times-", penalties, 1e-5) + _of("none-rate-", unpenalised, 16),
    ),
    Cause(
        "beta-and-rate",
        # momentum overshoots: the players circle, run away, or the generator falls onto few samples
        named("oscillation", "explosion", "mode_collapse"),
        always,
        _of("rate-", lambda k: momentum(0.9, k), 3, 30),
        _of("rate-", lambda k: momentum(0.9, k), 10, 60),
        _of("rate-", lambda k: momentum(0.9, k), 20, 45),
    ),
    Cause(
        "saturating",
        # a discriminator that is sure leaves the minimax generator no gradient
        named("vanishing_gradient"),
        is_cross_entropy,
        (Severity("rate-60", saturating(60)), Severity("rate-10-ahead", saturating(10, 0.2))),
        (Severity("rate-200", saturating(200)), Severity("rate-30-ahead", saturating(30, 0.1))),
        (Severity("rate-120", saturating(120)), Severity("rate-20-ahead", saturating(20, 0.15))),
    ),
    Cause(
        "label-flips",
        # told wrongly, the discriminator cannot tell apart; or the mistake is found where it is, in the labels
        named("discriminator_too_weak", "data_fault"),
        always,
        (
            Severity("0.2", sabotage=flip_labels(0.2)),
            Severity("0.45", sabotage=flip_labels(0.45)),
            Severity("0.6-later", sabotage=flip_labels(0.6, 0.3), begin=0.3),
        ),
        (
            Severity("0.3", sabotage=flip_labels(0.3)),
            Severity("0.5", sabotage=flip_labels(0.5)),
            Severity("0.55-later", sabotage=flip_labels(0.55, 0.2), begin=0.2),
        ),
        (
            Severity("0.4", sabotage=flip_labels(0.4)),
            Severity("0.55", sabotage=flip_labels(0.55)),
            Severity("0.65-later", sabotage=flip_labels(0.65, 0.25), begin=0.25),
        ),
    ),
    Cause(
        "sigmoid-twice",
        # the logits cannot leave (0, 1); at its flat ends no gradient comes through, and it cannot say enough
        named("bounded_logits", "vanishing_gradient", "discriminator_too_weak"),
        applies_sigmoid,
        (
            Severity("steep-0.5", sabotage=squash_logits(1, 0.5)),
            Severity("steep-3", sabotage=squash_logits(1, 3.0)),
            Severity("thrice", sabotage=squash_logits(3)),
        ),
        (Severity("plain", sabotage=squash_logits(1)), Severity("two-more", sabotage=squash_logits(2))),
        (Severity("steep-0.7", sabotage=squash_logits(1, 0.7)), Severity("four-times", sabotage=squash_logits(4))),
    ),
    Cause(
        "batch-tiny",
        # each step goes by too few samples
        named("noisy_gradient"),
        makes_images,
        _of("", batch, 3, 6),
        _of("", batch, 2, 4),
        _of("", batch, 5, 7),
    ),
    Cause(
        "frozen-layers",
        # weights that should move do not
        named("frozen_weights"),
        always,
        (
            Severity("first", sabotage=freeze_layers(slice(0, 1))),
            Severity("all-but-first", sabotage=freeze_layers(slice(1, None))),
            Severity("all-from-0.05", sabotage=freeze_layers(slice(None), 0.05), begin=0.05),
        ),
        (
            Severity("last", sabotage=freeze_layers(slice(-1, None))),
            Severity("all-but-last", sabotage=freeze_layers(slice(0, -1))),
            Severity("all-from-0.03", sabotage=freeze_layers(slice(None), 0.03), begin=0.03),
        ),
        (
            Severity("first-and-last", sabotage=freeze_layers(slice(0, None, 2))),
            Severity("all-but-first-from-0.04", sabotage=freeze_layers(slice(1, None), 0.04), begin=0.04),
            Severity("all-from-0.02", sabotage=freeze_layers(slice(None), 0.02), begin=0.02),
        ),
    ),
    Cause(
        "bad-range",
        # the generator cannot make what the discriminator is shown as real
        named("data_fault"),
        makes_images,
        (
            Severity("unit", sabotage=shown_scaled(0.5, 0.5)),
            Severity("times-20", sabotage=shown_scaled(20)),
            Severity("times-0.1", sabotage=shown_scaled(0.1)),
        ),
        (
            Severity("bytes", sabotage=shown_scaled(127.5, 127.5)),
            Severity("times-5", sabotage=shown_scaled(5)),
            Severity("times-0.02", sabotage=shown_scaled(0.02)),
        ),
        (
            Severity("lower", sabotage=shown_scaled(0.5, -0.5)),
            Severity("times-10", sabotage=shown_scaled(10)),
            Severity("times-0.05", sabotage=shown_scaled(0.05)),
        ),
    ),
    Cause(
        "dropout-high",
        # verdicts are mostly noise; a generator in eval mode is not the one that was trained
        named("discriminator_too_weak", "noisy_gradient", "evaluation_fault"),
        always,
        (
            Severity("both-0.9", dropout(0.9, "generator", "discriminator")),
            Severity("discriminator-0.8", dropout(0.8, "discriminator")),
            Severity("generator-0.8", dropout(0.8, "generator")),
        ),
        (
            Severity("both-0.85", dropout(0.85, "generator", "discriminator")),
            Severity("discriminator-0.9", dropout(0.9, "discriminator")),
            Severity("generator-0.9", dropout(0.9, "generator")),
        ),
        (
            Severity("both-0.88", dropout(0.88, "generator", "discriminator")),
            Severity("discriminator-0.85", dropout(0.85, "discriminator")),
            Severity("generator-0.85", dropout(0.85, "generator")),
        ),
    ),
)
