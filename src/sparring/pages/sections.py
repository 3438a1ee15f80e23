"""Sections of reports that kinds of data share; what a block does not say of itself, they say for it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Literal

from sparring.pages import wording
from sparring.pages.blocks import Block, Cells, Figure, Html
from sparring.pages.filling import part
from sparring.pages.page import Explored, Judged, Section, Strip
from sparring.pages.pictures import picture

FINAL_BYTES, REAL_BYTES, INTERPOLATION_BYTES, NEIGHBOUR_BYTES = 360_000, 260_000, 200_000, 200_000
"""Room for pictures in a page; as text they take a third more."""
BRIEF_BYTES, WHOLE_BYTES = 400_000, 2_000_000
"""Room for what networks learned: in a run's report, and on a page of its own."""
STRIP, WIDE = 460, 960
"""Pixels on the page that a strip, and what takes its whole width, are enlarged towards."""
THUMBNAIL = 144

Near = Sequence[tuple[Block, Sequence[Block]]]
"""Samples, each with those of its nearest training samples, nearest first."""


def html_section(
    anchor: str, heading: str, html: str, place: Literal["made", "learned", "near"] = "made", short: str = ""
) -> Section:
    """A section of HTML that is safe already."""
    return Section(anchor, heading, html, place, short)


def samples_section(
    final: Block | None, real: Block | None, heading: str = "Samples", step: int | None = None
) -> Section | None:
    """New samples, of this step, beside held-out ones; None where there are neither."""
    at = "" if step is None else f" at step {step:,}"
    worded = (
        (final, "Grid of new samples of the generator", f"New samples{at}, not picked.", FINAL_BYTES),
        (real, "Grid of real samples, held out from training", "Real data that training never saw.", REAL_BYTES),
    )
    found = [_worded(block, alt, caption, room) for block, alt, caption, room in worded if block is not None]
    return Section("samples", heading, part("sections.html", "beside", found)) if found else None


def rows_section(cells: Cells) -> Section:
    """New rows as they are written."""
    return Section("rows", "New rows", part("sections.html", "rows", _named(cells, "new rows").html(0)))


def interpolation_section(picture: Block, unit: str = "images") -> Section:
    """Samples on the way between pairs of latents, a row a pair."""
    caption = (
        f"Each {'group' if isinstance(picture, Html) else 'row'} goes from one latent to another: smooth change says "
        f"that the generator learned more than single {unit}."
    )
    alt = "Rows of samples, each going from one latent to another"
    return Section(
        "between", "Interpolation", _worded(picture, alt, caption, INTERPOLATION_BYTES, WIDE), place="learned"
    )


def learned_section(explored: Explored, unit: str = "images") -> Section | None:
    """What networks learned, in brief; None where there is nothing to show."""
    told = _told(explored, BRIEF_BYTES, unit)
    if not any(told[name] for name in ("closed_form", "components", "along", "judged", "drawings", "notes")):
        return None
    return Section("learned", "What it learned", part("learned.html", "brief", told), place="learned")


def neighbours_section(neighbours: Near, by: str, unit: str = "images") -> Section | None:
    """Samples beside the training samples nearest to them, in a feature space of this name; None without samples."""
    if not neighbours:
        return None
    room = NEIGHBOUR_BYTES // sum(1 + len(near) for _, near in neighbours)
    pictures, found = all(isinstance(sample, Figure) for sample, _ in neighbours), []
    for number, (sample, near) in enumerate(neighbours, 1):
        others = [
            _thumbnail(block, f"Training {wording.one_of(unit)} {rank} of those nearest to sample {number}", room)
            for rank, block in enumerate(near, 1)
        ]
        found.append((_thumbnail(sample, f"Sample {number}", room), others))
    html = part("sections.html", "neighbours", found, by, unit, pictures)
    return Section("neighbours", f"Nearest training {unit}", html, place="near")


def explored_sections(
    explored: Explored, interpolation: Block | None, neighbours: Near, by: str, unit: str = "images"
) -> list[Section]:
    """All that networks learned, for a page of its own."""
    told = _told(explored, WHOLE_BYTES, unit)

    def section(anchor: str, heading: str, what: str, short: str = "") -> Section | None:
        html = part("learned.html", what, told) if told[what] else ""
        return Section(anchor, heading, html, "learned", short) if html else None

    found = [
        section("closed-form", "Closed-form directions", "closed_form"),
        section("components", "Principal components", "components"),
        section("along", "Along directions", "along"),
        section("plane", "In the plane", "drawings"),
        None if interpolation is None else interpolation_section(interpolation, unit),
        neighbours_section(neighbours, by, unit),
        section("attribution", "What the discriminator looks at", "judged", "Attribution"),
        section("notes", "Notes", "notes"),
    ]
    return [one for one in found if one is not None]


def _told(explored: Explored, room: int, unit: str) -> dict[str, Any]:
    """What templates show of it, within so many bytes."""
    strips = [(one, _share(one, "the layer’s change")) for one in explored.closed_form]
    closed = len(strips)
    strips += [(one, _share(one, "the variance")) for one in explored.components]
    each = room // max(len(strips) + len(explored.judged) + len(explored.drawings), 1)
    pictures = [
        _worded(one.block, f"Samples whose latents move along direction {one.name}", caption, each, STRIP)
        if isinstance(one.block, Figure)
        else ""
        for one, caption in strips
    ]
    return {
        "layer": explored.layer,
        "reach": wording.number(explored.reach),
        "closed_form": [html for html in pictures[:closed] if html],
        "components": [html for html in pictures[closed:] if html],
        "along": [
            (caption, _labelled(one.block, caption).html(each))
            for one, caption in strips
            if not isinstance(one.block, Figure)
        ],
        "marked": any(isinstance(one.block, Cells) and one.block.marked for one, _ in strips),
        "judged": [_judged(one, each, unit) for one in explored.judged],
        "coloured": all(isinstance(one.block, Figure) for one in explored.judged),
        "one": wording.one_of(unit),
        "drawings": [Figure(png, caption, caption).html(each) for caption, png in explored.drawings],
        "notes": explored.notes,
    }


def _share(one: Strip, of: str) -> str:
    return f"{one.name}: {wording.number(100 * one.share)} % of {of}."


def _judged(one: Judged, room: int, unit: str) -> str:
    alt = f"{one.what}, and below each what speaks for and against it"
    logits = ", ".join(map(_logit, one.logits))
    caption = f"{one.what}: logits {logits}; the mean {wording.one_of(unit)}’s {_logit(one.baseline)}."
    caption += "" if one.full is None else f" Full colour: {wording.number(one.full)} or more a pixel."
    return _worded(one.block, alt, caption, room, WIDE)


def _logit(value: float) -> str:
    return f"{value:.2f}".replace("-", wording.MINUS)


def _worded(block: Block, alt: str, caption: str, room: int, comfortable: int | None = None) -> str:
    """A block with these words where it has none of its own; a picture may be enlarged towards so many pixels."""
    if isinstance(block, Figure):
        alt, caption, side = block.alt or alt, block.caption or caption, comfortable or block.comfortable
        return replace(block, alt=alt, caption=caption, comfortable=side).html(room)
    return part("sections.html", "captioned", _named(block, alt).html(room), caption)


def _named(block: Block, label: str) -> Block:
    """A block whose cells have a label."""
    return _labelled(block, label) if isinstance(block, Cells) and not block.label else block


def _labelled(block: Block, label: str) -> Block:
    """A block whose cells have this label."""
    return replace(block, label=label) if isinstance(block, Cells) else block


def _thumbnail(block: Block, alt: str, room: int) -> str:
    """A block, small where it is a picture."""
    if not isinstance(block, Figure):
        return _named(block, alt).html(room)
    return part("parts.html", "image", picture(block.picture, block.alt or alt, room, THUMBNAIL, THUMBNAIL))
