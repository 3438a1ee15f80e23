"""What `plan` foretells of memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
import torch

import sparring
from sparring.runs import scoring

WORDS = ("digits", "generator.net.dense.widths=[8]", "discriminator.net.dense.widths=[8]", "score.extractor=pixels")
MORE = 300
"""MB, beyond what the run takes otherwise."""


def foretold(*words: str) -> float:
    return float(sparring.plan(*WORDS, *words, device="cpu", seconds=0.01)["memory_mb"])


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="the system does not tell a peak anew")
@pytest.mark.parametrize("module", ["sparring.runs.scoring.score", "sparring.runs.reporting.page_of"])
def test_plan_counts_what_comes_after_the_steps(module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores, which may take more memory than steps do, and the report; and not what the process did before."""
    place, name = module.rsplit(".", 1)
    real = getattr(__import__(place, fromlist=[name]), name)

    def larger(*words: Any, **options: Any) -> Any:
        held = torch.ones(MORE * 2**18)
        return (real(*words, **options), float(held[0]))[0]

    monkeypatch.setattr(module, larger)
    more = foretold()
    monkeypatch.setattr(module, real)
    assert more - foretold() == pytest.approx(MORE, abs=60)


def test_plan_leaves_no_run_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
    monkeypatch.setattr("tempfile.tempdir", None)
    (tmp_path / "scratch").mkdir()
    scored: list[str] = []
    monkeypatch.setattr(scoring, "append_line", lambda path, line: scored.append(str(path)))
    foretold("doctor=treat")
    assert len(scored) == 1
    assert os.listdir(tmp_path) == ["scratch"]
    assert not os.listdir(tmp_path / "scratch")
