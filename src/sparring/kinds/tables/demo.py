"""The page of runs that make rows of a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import gradio as gr

from sparring.base.draws import Key
from sparring.gan.trained import Trained
from sparring.kinds.kind import Wish
from sparring.kinds.studio import checked_seed
from sparring.kinds.tables.hints import MOST_ROWS, choices, conditions, hint
from sparring.kinds.tables.rows import codec_of, rows_of
from sparring.pages.widgets import seed_field, told

NOTHING = "as in the data"
SHOWN = 200
"""Rows on the page; all are in the file."""


def lay_out(trained: Trained, folder: Path, blocks: Any) -> None:
    """Fills a page for rows; files go to a folder."""
    codec = codec_of(trained)
    with gr.Row():
        with gr.Column(scale=1, min_width=240):
            seed = seed_field("Seed", "seed", 0)
            count = gr.Number(100, label="How many", precision=0, minimum=1, maximum=MOST_ROWS)
            where = gr.Textbox(
                label="Where",
                lines=3,
                placeholder=hint(codec),
                info="One condition a line.",
                elem_id="where",
            )
            balance = gr.Dropdown([NOTHING, *choices(codec)], value=NOTHING, label="Balance")
            make = gr.Button("Make rows", variant="primary", elem_id="again")
        with gr.Column(scale=3):
            rows = gr.Dataframe(label="New rows", interactive=False, max_height=560, elem_id="rows")
            file = gr.DownloadButton("Download .csv", interactive=False)

    def draw(seed: int | None, count: int | None, where: str, balance: str) -> Any:
        from sparring.kinds.tables.data.writing import to_frame, write_table

        number = checked_seed(seed)
        wish = Wish(int(count or 0), where=conditions(where), balance=None if balance == NOTHING else balance)
        values = rows_of(trained, wish, Key(number, "samples"))
        target = folder / f"{Path(trained.name).resolve().name}-{number}.csv"
        write_table(target, codec.columns, values, codec.dialect, seed=number)
        frame = to_frame(codec.columns, values[:SHOWN], codec.dialect, seed=number)
        return frame, gr.DownloadButton(value=str(target), interactive=True)

    gr.on([blocks.load, make.click], told(draw), [seed, count, where, balance], [rows, file])
