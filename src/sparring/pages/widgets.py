"""What all pages share: the head, the looks, and errors as one line."""

from __future__ import annotations

import functools
import html
import traceback
from collections.abc import Callable
from typing import Any

import gradio as gr

from sparring.base.errors import SparringError

SYSTEM = ("ui-sans-serif", "system-ui", "sans-serif")
"""Fonts of the machine; none is fetched."""
CSS = """
.gradio-container { width: 100%; max-width: 1180px !important; margin: 0 auto !important; }
.gradio-container main { padding-top: 1.5rem !important; }
.gradio-container main { width: 100%; max-width: none !important; }
#head h1 { font-size: 1.5rem; font-weight: 600; margin: 0; }
#head p { color: var(--body-text-color-subdued); margin: .15rem 0 0; }
.plain { color: var(--body-text-color-subdued); font-size: .9rem; }
.pixels img { image-rendering: pixelated; object-fit: contain; }
.pixels.room img { padding: 16px; box-sizing: border-box; }
#examples .grid-container { grid-template-columns: repeat(3, minmax(0, 1fr)) !important; }
footer { display: none !important; }
"""


def theme() -> Any:
    return gr.themes.Base(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="stone",
        font=SYSTEM,
        font_mono=("ui-monospace", "monospace"),
    )


def head(title: str, about: str) -> None:
    """The first lines of a page."""
    gr.HTML(f"<h1>{html.escape(title)}</h1><p>{html.escape(about)}</p>", elem_id="head")


def told(act: Callable[..., Any]) -> Callable[..., Any]:
    """The same, whose errors appear on the page as one line."""

    @functools.wraps(act)
    def safe(*given: Any) -> Any:
        try:
            return act(*given)
        except SparringError as error:
            raise gr.Error(str(error), title="", print_exception=False) from None
        except Exception as error:
            traceback.print_exc()
            first = (str(error).splitlines() or [""])[0][:160]
            raise gr.Error(f"{type(error).__name__}: {first}", title="", print_exception=False) from None

    return safe


def picture(label: str, **options: Any) -> Any:
    """A picture that is shown, enlarged without blur, and can be saved."""
    chosen = {"height": 620, "buttons": ["download", "fullscreen"], "elem_classes": ["pixels", "room"]} | options
    return gr.Image(label=label, show_label=False, type="pil", format="png", interactive=False, **chosen)


ANY = "any"
"""Instead of a label."""


STEER = {"show_progress": "hidden", "trigger_mode": "always_last"}
"""Of what is asked for while a slider moves."""


def seed_field(label: str, name: str, value: int) -> Any:
    return gr.Number(value, label=label, precision=0, minimum=0, elem_id=name, min_width=100)


def label_of(label: str) -> str | None:
    return None if label == ANY else label
