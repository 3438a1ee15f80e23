"""Which curves a run's page shows, and how they are explained."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice

from sparring.pages.axes import Scale
from sparring.pages.chart import Chart, Series, draw, shades
from sparring.pages.glossary import yardstick
from sparring.pages.readings import Course
from sparring.pages.trail import Trail

NOT_A_LOSS = frozenset(("logits_real", "logits_fake", "lr", "gradient", "dropout"))
SIDES = ("discriminator", "generator")
NO_CURVE = frozenset(("step", "images", "attempt", "seconds"))
MOST_OTHERS = 12

LOGITS = (
    ("discriminator_logits_real", "real, as it learned", 1, False),
    ("discriminator_logits_fake", "fake, as it learned", 2, False),
    ("logits_train", "training data, evaluation mode", 1, True),
    ("logits_heldout", "held-out data, evaluation mode", 3, True),
)
ABOUT_LOGITS = (
    "Solid lines are the discriminator’s mean outputs in training mode, dropout at work, on the batches it learned"
    " from; dashed lines are those in evaluation mode, dropout off, of training and of held-out data: where these two"
    " part, it knows its training data by heart."
)


def run_charts(trail: Trail, speed_unit: str = "images/s") -> list[Chart]:
    """The charts of a run's log that have anything to show."""
    losses: list[_Panel] = [_losses(trail, side) for side in SIDES]
    others: list[_Panel] = [
        ("Logits", "", ABOUT_LOGITS, _series(trail, LOGITS), "linear"),
        _both(trail, "gradient", "Gradient norms", "Of each player’s gradient at its last move of the step."),
        _both(trail, "lr", "Learning rates", "As the schedules set them."),
        ("Dropout and controlled values", "", _about_controls(trail), _controls(trail), "from_zero"),
        ("Speed", speed_unit, "Between two lines of the log.", _one(trail, "images_per_s", "speed"), "from_zero"),
        ("Memory", "MB", "The most in use so far.", _one(trail, "memory_mb", "memory"), "from_zero"),
    ]
    others += [(key, "", "", _one(trail, key, key), "free") for key in islice(_unknown(trail), MOST_OTHERS)]
    until = trail.kept[-1]["step"] if trail.kept else 0
    found = [
        draw(title, unit, caption, series, until=until, rollbacks=trail.rollbacks, scale=scale)
        for title, unit, caption, series, scale in losses + others
    ]
    return [chart for chart in found if chart is not None]


_Panel = tuple[str, str, str, list[Series], Scale]


def _losses(trail: Trail, side: str) -> _Panel:
    """A player's loss and its summands."""
    prefix = f"{side}_"
    keys = [key for key in trail.names() if key.startswith(prefix) and key.removeprefix(prefix) not in NOT_A_LOSS]
    keys.sort(key=lambda key: key != f"{prefix}loss")
    chosen = [
        (key, key.removeprefix(prefix).replace("_", " "), colour, dashed)
        for key, (colour, dashed) in zip(keys, shades(), strict=False)
    ]
    caption = "The loss is the sum of the others." if len(keys) > 2 else ""
    return f"{side.capitalize()}’s loss", "", caption, _series(trail, chosen), "free"


def _both(trail: Trail, key: str, title: str, caption: str) -> _Panel:
    """The same number of both players."""
    chosen = [(f"{side}_{key}", side, colour, False) for colour, side in enumerate(SIDES, 1)]
    return title, "", caption, _series(trail, chosen), "free"


def _controls(trail: Trail) -> list[Series]:
    rates = [(f"{side}_dropout", f"dropout, {side}", colour, False) for colour, side in enumerate(SIDES, 1)]
    adaptive = [key for key in trail.names() if key.startswith("adaptive/")]
    colours = islice(shades(), 2, None)
    set_by_controllers = [
        (key, key.removeprefix("adaptive/"), colour, True) for key, (colour, _) in zip(adaptive, colours, strict=False)
    ]
    return _series(trail, [*rates, *set_by_controllers])


def _about_controls(trail: Trail) -> str:
    if any(key.startswith("adaptive/") for key in trail.names()):
        return "Dashed: set by a controller that follows how far the discriminator overfits."
    return "A rate is the probability to drop."


def _one(trail: Trail, key: str, label: str) -> list[Series]:
    return _series(trail, [(key, label, 1, False)])


def _unknown(trail: Trail) -> list[str]:
    """Numbers of the log that no other chart shows."""
    shown = {"images_per_s", "memory_mb", *(key for key, *_ in LOGITS)}
    sides = tuple(f"{side}_" for side in SIDES)
    return [k for k in trail.names() if k not in shown | NO_CURVE and not k.startswith((*sides, "adaptive/"))]


def _series(trail: Trail, chosen: Sequence[tuple[str, str, int, bool]]) -> list[Series]:
    """Curves of keys, with what was given up beneath them."""
    lost = [
        Series(label, points, colour, dashed, faint=True)
        for key, label, colour, dashed in chosen
        for points in trail.lost_curves(key)
    ]
    return lost + [Series(label, trail.curve(key), colour, dashed) for key, label, colour, dashed in chosen]


def score_charts(histories: Sequence[Course], trail: Trail, until: float) -> list[Chart]:
    """A chart for each score that was measured at several steps, under one protocol."""
    metrics = [history.newest.metric for history in histories]
    found = []
    for history in histories:
        newest = history.newest
        if len(history.readings) < 2:
            continue
        named = newest.title if metrics.count(newest.metric) == 1 else f"{newest.metric} ({newest.extractor})"
        series = [score_series(history, "samples", 1)]
        best = yardstick(newest)
        if best is not None:
            ends = [(0.0, best.value), (max(until, newest.step), best.value)]
            series.append(Series(best.label, ends, 3, dashed=True))
        caption = f"{newest.better.capitalize()} is better; the band is the 95 % interval."
        found.append(draw(named, "", caption, series, until=until, rollbacks=trail.rollbacks))
    return [chart for chart in found if chart is not None]


def score_series(history: Course, label: str, colour: int, dashed: bool = False) -> Series:
    """A score over steps, with its interval where all readings have one."""
    points = [(float(reading.step), reading.value) for reading in history.readings]
    band = [(float(reading.step), *reading.interval) for reading in history.readings if reading.interval is not None]
    return Series(label, points, colour, dashed, band=band if len(band) == len(points) else [])
