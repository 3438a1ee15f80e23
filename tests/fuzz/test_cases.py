"""Every case of the table ends in an answer: what was asked for, or one line and status 2. `make fuzz` runs all of them,
`make test` a sample."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fuzz import cases, harness, world

SAMPLE = 300
ALL = os.environ.get("SPARRING_FUZZ") == "all"
SHARES = 40 if ALL else 1


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A world of its own, which is also the home."""
    root = tmp_path_factory.mktemp("fuzz")
    for name in ("world", "work", "home"):
        (root / name).mkdir()
    world.build(root / "world")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("HOME", str(root / "home"))
        patched.setenv("SPARRING_CACHE", str(root / "cache"))
        patched.setenv("CUDA_VISIBLE_DEVICES", "")
        yield root


@pytest.mark.parametrize("share", range(SHARES))
def test_every_case_is_answered(share: int, place: Path) -> None:
    table = cases.all_cases(place / "world")
    some = table[share::SHARES] if ALL else cases.sample(table, SAMPLE)
    assert len(table) >= 5000
    harness.warm()
    ends = list(harness.run(some, place / "world", place / "work"))
    assert len(ends) == len(some)
    wrong = [f"{case}\n    {fault}" for case, end in ends for fault in harness.faults(case, end)]
    assert not wrong, f"{len(wrong)} of {len(some)}\n" + "\n".join(wrong[:40])
    assert {end.status for _, end in ends} >= {0, 2}


def test_what_is_told(place: Path) -> None:
    """One line names the option or file, what is wrong, and what is right."""
    bad, ring = place / "world" / "bad", cases.run_of(place / "world", "ring")
    rows, photos = cases.run_of(place / "world", "table"), place / "world" / "good" / "photos"
    told: list[tuple[tuple[str, ...], dict[str, str], str]] = [
        (("train", "--data", "~nobody-here/x.csv"), {}, "there is no user 'nobody-here'"),
        (("report", "b" * 400), {}, "file name too long"),
        (("evaluate", ring, "--data", str(bad / "loop.csv")), {}, "too many levels of symbolic links"),
        (("show", str(bad / "pipe.yaml")), {}, "pipe.yaml: a pipe, which is never opened"),
        (("sample", ring, "--to", str(bad / "zero.png")), {}, "to: "),
        (("train", "--data", str(bad / "socket.npz")), {}, "a socket, which is never opened"),
        (("show", "--data", "\udcfe.png"), {}, "data: b'\\xfe.png' is not UTF-8"),
        (("diagnose", "\t"), {}, "is no path; name a file or a folder"),
        (("sample", ring, "--to", "x.csv", "--step", "³"), {}, "step: '³' is no step"),
        (("study", "nosuch", "--jobs", "⁴"), {}, "jobs: '⁴' is no number"),
        (("train", "ring", "--for", "١٠m"), {}, "for: '١٠m' is no budget"),
        (("sample", rows, "--to", "x.csv", "--count", "4000000000000"), {}, "count: 4,000,000,000,000 samples at once: takes"),
        (("train", "ring", "generator.net.dense.widths=[4000000, 4000000]"), {}, "generator.net: takes"),
        (("train", "ring", "discriminator.net.dense.widths=[90000000000000]"), {}, "discriminator.net: takes"),
        (("train", "ring", "data.ring.count=40000000000000"), {}, "data: 40,000,000,000,000 points around 8 modes: takes"),
        (("train", "grid", "data.grid.edge=30000000"), {}, "data: 10,000 points around 900,000,000,000,000 modes: takes"),
        (("sample", cases.run_of(place / "world", "digits"), "--to", "./."), {}, "to: '.' has no name of its own"),
        (("train", "ring", "name=7"), {}, "name: "),
        (("train", "ring", "steps=!!float many"), {}, "steps: line 1 'many' is no number"),
        (("show", "ring", "seed=18446744073709551616"), {}, "seed: line 1 '18446744073709551616' is beyond 64 bits"),
        (("train", "--data", str(bad / "encrypted.npz")), {}, "'images.npy' is encrypted"),
        (("train", "--data", str(bad / "links.zip")), {}, "'00.png' is a link"),
        (("train", "--data", str(bad / "method.zip")), {}, "is packed by method 97"),
        (("train", "--data", str(bad / "spoilt.csv.gz")), {}, "not a whole .gz file"),
        (("train", "--data", str(bad / "pipes"), *cases.TINY), {"COLUMNS": "²"}, "empty; wanted .png"),
        (("train", "--data", str(bad / "shape1.npz")), {}, "tells the shape (True, 8, 8)"),
        (("train", "--data", str(bad / "spoilt-idx3-ubyte.gz")), {}, "spoilt-idx3-ubyte.gz: "),
        (("train", "ring", *cases.TINY), {"RANK": "first", "WORLD_SIZE": "2"}, "RANK: 'first' in the environment is no number"),
        (("train", "ring", *cases.TINY), {"RANK": "1", "WORLD_SIZE": "2"}, "MASTER_ADDR: not in the environment"),
        (("train", "ring", *cases.TINY), {"RANK": "3", "WORLD_SIZE": "2"}, "RANK: 3 of WORLD_SIZE 2"),
        (("train", "--data", str(photos), *cases.TINY), {"SPARRING_DATA_MEMORY": "8" * 350}, "is no amount of memory"),
    ]  # fmt: skip
    harness.warm()
    listed = [harness.Case(words, around, refused=True) for words, around, _ in told]
    wrong = [
        f"{case}: {harness.faults(case, end)} {end.error[-300:]}"
        for (case, end), (_, _, part) in zip(harness.run(listed, place / "world", place / "work"), told, strict=True)
        if part not in end.error.splitlines()[-1:][0] or harness.faults(case, end)
    ]
    assert not wrong, "\n".join(wrong)


def test_the_harness_sees_what_is_wrong(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of a verb that raises, writes elsewhere, talks, dies or hangs."""
    from sparring import cli

    def verb(name: str) -> None:
        match name:
            case "raises":
                raise ValueError("some reason")
            case "elsewhere":
                (place / "world" / "good" / "left").write_text("x")
            case "silent":
                raise SystemExit(2)
            case "dies":
                os._exit(9)
            case "hangs":
                import time

                time.sleep(60)

    def main() -> None:
        import sys

        verb(sys.argv[1])

    monkeypatch.setattr(cli, "main", main)
    monkeypatch.setattr(harness, "LIMIT", 2.0)
    names = ["good", "raises", "elsewhere", "silent", "dies", "hangs", "good"]
    ends = list(harness.run([harness.Case((name,)) for name in names], place / "world", place / "work"))
    found = ["; ".join(harness.faults(case, end)) for case, end in ends]
    assert found[0] == found[-1] == ""
    assert "ValueError: some reason" in found[1]
    assert found[2] == "outside: good/left"
    assert "status 2 without one line" in found[3]
    assert found[4] == "died: 9"
    assert found[5].startswith("hangs")
