"""The page of runs that make images of images."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from sparring.base.errors import RequestError
from sparring.data import DataSet
from sparring.gan.trained import Trained
from sparring.kinds.translation.acting import act_on, examples, fitted, mask_of, picture_in, shown
from sparring.kinds.translation.remaking import directions_of
from sparring.kinds.translation.showing import game_of
from sparring.pages.widgets import told

PAINT = "rgba(20, 184, 166, 0.75)"
WORDS = {"a2b": "from the first kind to the second", "b2a": "from the second kind to the first"}


class Desk:
    """Where pictures lie, on this machine, while they are worked on."""

    def __init__(self, trained: Trained, data: DataSet | None, folder: Path) -> None:
        self.trained, self.data, self.folder = trained, data, folder

    def examples(self, way: str | None) -> list[Image.Image]:
        """Images to choose from, of the kind that goes in."""
        if self.data is None:
            return []
        return examples(self.data, back=way is not None and way != directions_of(self.trained)[0])

    def place(self) -> Path:
        """A folder of its own, since a file's name is what it is downloaded as."""
        place = self.folder / uuid.uuid4().hex
        place.mkdir()
        return place

    def act(self, path: str | None, layers: list[Image.Image], direction: str | None) -> tuple[Any, str, str]:
        """The picture of a file beside what the run makes of it, as the page shows them, the file of the whole, and
        what people should know of it."""
        if path is None:
            raise RequestError("picture: there is none yet; drop one, or take an example")
        picture = picture_in(Path(path))
        mask = mask_of(layers, (picture.width, picture.height))
        lines: list[str] = []
        made = act_on(self.trained, Path(path), self.place(), mask, direction, lines.append)
        return (shown(picture), shown(picture_in(made), picture)), str(made), "\n".join(lines)


def lay_out(trained: Trained, data: DataSet | None, folder: Path) -> None:
    """Fills a page; files go to a folder."""
    table, fills = Desk(trained, data, folder), game_of(trained).fills
    ways = directions_of(trained)
    with gr.Row():
        with gr.Column(scale=1, min_width=260):
            source = gr.File(label="Picture", height=130, elem_id="source")
            direction = gr.Radio(
                [(WORDS[way], way) for way in ways],
                value=ways[0] if ways else None,
                label="Direction",
                visible=bool(ways),
            )
            gallery = _examples(table, source, direction)
            act = gr.Button("Fill in" if fills else "Translate", variant="primary", elem_id="act")
            file = gr.DownloadButton("Download the result", interactive=False, elem_id="download")
        if fills:
            with gr.Column(scale=2, min_width=320):
                before = _canvas()
        with gr.Column(scale=2 if fills else 3, min_width=320):
            slider = gr.ImageSlider(
                label="Before and after", format="png", type="pil", interactive=False, max_height=560, elem_id="result"
            )
            note = gr.Text(show_label=False, container=False, interactive=False, visible=False, elem_id="note")
    _on_new_picture(source, before if fills else None, [slider, file, note])

    def run_it(path: str | None, direction: str | None, canvas: Any = None) -> Any:
        if path is not None and canvas is not None and canvas["background"] is None:
            raise RequestError("picture: it was wiped away; drop it again, or take an example")
        both, whole, lines = table.act(path, canvas["layers"] if canvas else [], direction)
        return both, gr.DownloadButton(value=whole, interactive=True), gr.Text(lines, visible=bool(lines))

    act.click(told(run_it), [source, direction, *([before] if fills else [])], [slider, file, note])
    if gallery is not None and ways:
        direction.change(told(lambda way: [fitted(one) for one in table.examples(way)]), direction, gallery)


def _on_new_picture(source: Any, canvas: Any | None, made: list[Any]) -> None:
    """A new picture goes where it is worked on: on the canvas, or to both sides of the slider. What was `made` of the
    one before goes: the slider, the file, and what was said of it."""

    def take(path: str | None) -> Any:
        picture = None if path is None else shown(picture_in(Path(path)))
        gone = gr.DownloadButton(value=None, interactive=False), gr.Text("", visible=False)
        if canvas is not None:
            return picture, None, *gone
        return None if picture is None else (picture, picture), *gone

    source.change(told(take), source, made if canvas is None else [canvas, *made])


def _canvas() -> Any:
    return gr.ImageEditor(
        label="Paint over what is to be filled in",
        type="pil",
        format="png",
        sources=(),
        transforms=(),
        layers=False,
        brush=gr.Brush(default_size=48, colors=[PAINT], default_color=PAINT, color_mode="fixed"),
        eraser=gr.Eraser(default_size=48),
        placeholder="Drop a picture at the left",
        height=560,
        canvas_size=(640, 640),
        buttons=["fullscreen"],
        elem_id="canvas",
    )


def _examples(table: Desk, source: Any, direction: Any) -> Any:
    """Held-out images to choose from, where the run's data are at hand."""
    if table.data is None:
        return None
    gr.HTML("Or one that training did not see:", elem_classes=["plain"])
    gallery = gr.Gallery(
        [fitted(one) for one in table.examples(None)],
        label="Held-out images",
        show_label=False,
        columns=3,
        height=230,
        buttons=[],
        allow_preview=False,
        interactive=False,
        object_fit="contain",
        elem_classes=["pixels"],
        elem_id="examples",
    )

    def chosen(way: str | None, event: gr.SelectData) -> str:
        number = int(event.index)
        path = table.place() / f"example-{number + 1}.png"
        table.examples(way)[number].save(path)
        return str(path)

    gallery.select(chosen, direction, source)
    return gallery
