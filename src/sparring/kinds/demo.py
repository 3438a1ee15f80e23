"""The page of runs that start from noise: samples, the way between two, directions."""

from __future__ import annotations

from typing import Any

import gradio as gr

from sparring.kinds.studio import DIRECTIONS, Studio
from sparring.pages.widgets import ANY, STEER, label_of, picture, seed_field, told


def lay_out(studio: Studio, blocks: Any) -> None:
    """Fills a page."""
    with gr.Tab("Samples", id="samples"):
        _samples(studio, blocks)
    if not studio.kind.pictured:
        return
    with gr.Tab("Between two", id="between"):
        _between(studio, blocks)
    if studio.found:
        with gr.Tab("Directions", id="directions"):
            _directions(studio, blocks)


def _screen(studio: Studio, label: str, **options: Any) -> Any:
    """Where samples are shown: as a picture, or as the kind writes them in HTML."""
    if studio.kind.draws:
        return picture(label, **options)
    return gr.HTML(label=label, elem_id=options.get("elem_id"))


def _samples(studio: Studio, blocks: Any) -> None:
    first, most = studio.kind.on_page
    with gr.Row():
        with gr.Column(scale=1, min_width=240):
            seed = seed_field("Seed", "seed", 0)
            count = gr.Slider(1, most, first, step=1, label="How many")
            label = _label(studio)
            again = gr.Button("Again", variant="primary", elem_id="again")
            gr.HTML("Again takes the next seed. Equal seeds give equal samples.", elem_classes=["plain"])
        with gr.Column(scale=3):
            shown = _screen(studio, "Samples", elem_id="samples")

    def draw(seed: int | None, count: int, label: str) -> Any:
        return studio.samples(seed, int(count), label_of(label))

    gr.on([blocks.load, seed.change, count.release, label.change], told(draw), [seed, count, label], shown, **STEER)
    again.click(lambda seed: (seed or 0) + 1, seed, seed, show_progress="hidden")


def _between(studio: Studio, blocks: Any) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=240):
            first, last = seed_field("First seed", "first", 0), seed_field("Second seed", "last", 1)
            label = _label(studio)
            place = gr.Slider(0, 1, 0.5, step=0.01, label="From the first to the second", elem_id="place")
        with gr.Column(scale=3):
            one = _screen(studio, "On the way", height=420, elem_id="between")
            strip = _screen(studio, "The whole way", height=150, elem_id="strip")
    asked = [first, last, place, label]

    def draw(first: int | None, last: int | None, place: float, label: str) -> Any:
        return studio.way(first, last, place, label_of(label))

    gr.on(
        [blocks.load, first.change, last.change, place.change, label.change], told(draw), asked, [one, strip], **STEER
    )


def _directions(studio: Studio, blocks: Any) -> None:
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            with gr.Row():
                seed = seed_field("Seed", "start", 0)
                label = _label(studio)
            method = gr.Radio(list(studio.found), value=next(iter(studio.found)), label="Found by")
            sliders = [
                gr.Slider(-3, 3, 0, step=0.1, label=f"Direction {number}", elem_id=f"direction-{number}")
                for number in range(1, len(studio.found["SeFa"]) + 1)
            ]
            back = gr.Button("All to 0")
        with gr.Column(scale=3):
            shown = _screen(studio, "Moved", elem_id="moved")
            gr.HTML(
                "Four samples, moved together; in standard deviations of a latent’s values. "
                f"The first of at most {DIRECTIONS} directions changes most.",
                elem_classes=["plain"],
            )

    def draw(seed: int | None, label: str, method: str, *amounts: float) -> Any:
        return studio.moved(seed, method, amounts, label_of(label))

    changed = [part.change for part in (seed, label, method, *sliders)]
    gr.on([blocks.load, *changed], told(draw), [seed, label, method, *sliders], shown, **STEER)
    back.click(lambda: [0.0] * len(sliders), None, sliders, show_progress="hidden")


def _label(studio: Studio) -> Any:
    return gr.Dropdown([ANY, *studio.labels], value=ANY, label="Label", visible=bool(studio.labels), min_width=100)
