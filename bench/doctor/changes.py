"""What severities do to a recipe's fields; each change may write into the ones it is given."""

from __future__ import annotations

from collections.abc import Callable

from settings import Fields

Change = Callable[[Fields], Fields]


def rates(**factors: float) -> Change:
    """Learning rates times factors, by side."""

    def change(fields: Fields) -> Fields:
        for side, factor in factors.items():
            ramp = fields[side]["optimiser"]["adam"]["lr"]["linear"]
            ramp["start"], ramp["end"] = ramp["start"] * factor, ramp["end"] * factor
        return fields

    return change


def limit(count: int) -> Change:
    """Trains on so few samples; a batch holds no more."""

    def change(fields: Fields) -> Fields:
        (options,) = fields["data"].values()
        options["limit"] = count
        fields["batch"] = min(fields["batch"], count)
        return fields

    return change


def penalties(factor: float) -> Change:
    """The weights of the discriminator's penalties times a factor; 0 takes them away."""

    def change(fields: Fields) -> Fields:
        terms = fields["discriminator"]["terms"]
        for options in terms.values():
            options["weight"] *= factor
        if factor == 0:
            fields["discriminator"]["terms"] = {}
        return fields

    return change


def momentum(beta: float, factor: float) -> Change:
    """Both players' first beta, and their rates times a factor."""

    def change(fields: Fields) -> Fields:
        for side in ("generator", "discriminator"):
            fields[side]["optimiser"]["adam"]["betas"][0] = beta
        return rates(generator=factor, discriminator=factor)(fields)

    return change


def unpenalised(factor: float) -> Change:
    """No penalty, and both rates times a factor."""

    def change(fields: Fields) -> Fields:
        return rates(generator=factor, discriminator=factor)(penalties(0)(fields))

    return change


def saturating(factor: float, alone: float = 0.0) -> Change:
    """The minimax loss against a discriminator without penalty that is faster, and first trains alone for a part of
    the run."""

    def change(fields: Fields) -> Fields:
        fields["objective"] = "minimax"
        fields["discriminator"]["terms"] = {}
        if alone:
            fields["update"] = "alternating"
            fields["generator"]["moves"] = {"steps": {"values": {"0": 0, str(alone): 1}, "unit": "run"}}
        return rates(discriminator=factor)(fields)

    return change


def dropout(rate: float, *sides: str) -> Change:
    def change(fields: Fields) -> Fields:
        for side in sides:
            fields[side].setdefault("surgery", {})["dropout"] = {"rate": rate}
        return fields

    return change


def batch(size: int) -> Change:
    return lambda fields: fields | {"batch": size}
