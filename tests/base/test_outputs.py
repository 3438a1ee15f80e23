"""Where a person wants something written: what is there is kept unless it is said to be replaced."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparring.base.errors import RequestError
from sparring.base.outputs import must_be_free, replacing


def folder(path: Path, *names: str) -> Path:
    path.mkdir()
    for name in names:
        (path / name).write_text(name)
    return path


def test_files_links_and_full_folders_are_taken_and_empty_folders_are_not(tmp_path: Path) -> None:
    (tmp_path / "loose").symlink_to(tmp_path / "nowhere")
    taken = [folder(tmp_path / "full", "x"), tmp_path / "full" / "x", tmp_path / "loose"]
    must_be_free([None, tmp_path / "new", folder(tmp_path / "empty")], False)
    for path in taken:
        with pytest.raises(RequestError, match=f"out: {path} is there already; take another name, or --overwrite"):
            must_be_free([path], False, "out")
    with pytest.raises(RequestError, match=r"full is there already \(and 2 more\)"):
        must_be_free(taken, False)
    must_be_free(taken, True)


def test_a_folder_of_samples_is_replaced_whole(tmp_path: Path) -> None:
    old = folder(tmp_path / "made", "00000.png", "00001.png")
    with replacing(old, True):
        folder(old, "00000.png")
    assert [path.name for path in tmp_path.iterdir()] == ["made"]
    assert [path.name for path in old.iterdir()] == ["00000.png"]


@pytest.mark.parametrize("begun", [False, True])
def test_it_comes_back_where_writing_fails(tmp_path: Path, begun: bool) -> None:
    old = folder(tmp_path / "made", "00007.png")

    def write() -> None:
        with replacing(old, True):
            if begun:
                (tmp_path / ".part-made").mkdir()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write()
    assert (old / "00007.png").read_text() == "00007.png"


@pytest.mark.parametrize("other", ["holiday.png", "labels.csv", "1"])
def test_a_folder_with_other_things_is_never_replaced(tmp_path: Path, other: str) -> None:
    old = folder(tmp_path / "made", "00000.png", other)
    with pytest.raises(RequestError, match=rf"holds other things than samples \({other}\)"), replacing(old, True):
        raise AssertionError
    assert len(list(old.iterdir())) == 2


def test_a_file_is_left_to_who_writes(tmp_path: Path) -> None:
    file = tmp_path / "made.csv"
    file.write_text("1")
    with replacing(file, True):
        assert file.read_text() == "1"
    with pytest.raises(RequestError, match="is there already"), replacing(file, False):
        raise AssertionError
