"""Coverage-guided fuzzing of the readers of words, texts and files, by Atheris (extra `fuzz`; libFuzzer beneath).

`python -m tests.fuzz.guided [SECONDS] [TARGET ...]` searches each target for so long (20 by default) from a few seeds; what
raises anything but a RequestError, takes over a minute or two gigabytes ends it with status 1, and the input is kept.
"""

from __future__ import annotations

import contextlib
import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fuzz import world

Read = Callable[[bytes], Any]


def targets(folder: Path) -> dict[str, tuple[Read, list[bytes]]]:
    """What is searched, each with seeds. Imports what it reads with."""
    from sparring.base.numbers import exact, real, whole
    from sparring.base.words import read_yaml
    from sparring.data import Found
    from sparring.data.files import File, files_of_zip
    from sparring.data.pictures.decoding import Rules, Unreadable, fitted, head_of
    from sparring.engine.budget import amount
    from sparring.kinds.images.npz import read_npz
    from sparring.kinds.tables.data.conditions import parse_conditions
    from sparring.kinds.tables.data.expressions import comparisons
    from sparring.kinds.tables.data.reading import read_sheet
    from sparring.kinds.zoo import read_recipe
    from sparring.recipe import override, validated
    from sparring.runs.planning import parse_budget
    from tests.fuzz.cases import CONDITIONS, EXPRESSIONS, NUMBERS
    from tests.fuzz.test_readers import COLUMNS

    def words(data: bytes) -> str:
        return data.decode(errors="surrogateescape")

    def numbers(data: bytes) -> None:
        text = words(data)
        real(text), exact(text), whole(text), amount(text)
        parse_budget(text)

    def options(data: bytes) -> None:
        validated(override(read_recipe("ring"), words(data).split("\0")))

    def filed(name: str, read: Callable[[Path], Any]) -> Read:
        def one(data: bytes) -> None:
            (folder / name).write_bytes(data)
            read(folder / name)

        return one

    def images(path: Path) -> None:
        for _ in read_npz(path, Found("")).stream.blocks():
            pass

    def picture(file: File) -> None:
        rules = Rules(size=None, largest=16, fit="crop", channels=None, strict=True)
        with contextlib.suppress(Unreadable):
            head_of(file, rules)
            fitted(file, rules, (8, 8), 3, False)

    def members(path: Path) -> None:
        for file in files_of_zip(path)[0]:
            picture(file)

    encoded = [text.encode(errors="surrogateescape") for text in (*CONDITIONS, *EXPRESSIONS)]
    archives = world.archives(folder)
    return {
        "yaml": (lambda data: read_yaml(words(data), "key"), [t.encode(errors="surrogateescape") for t in world.YAML_TEXTS]),
        "numbers": (numbers, [t.encode(errors="surrogateescape") for t in NUMBERS]),
        "options": (options, [b"steps=1", b"generator.net.dense.widths=[8]", b"game.from_noise.latent.normal.size=2\0seed=1"]),
        "conditions": (lambda data: parse_conditions(words(data).split("\0"), COLUMNS), encoded),
        "expressions": (lambda data: comparisons(words(data), COLUMNS), encoded),
        "table": (filed("a.csv", read_sheet), [text for text in world.tables().values() if len(text) < 5000]),
        "npz": (filed("a.npz", images), [text for name, text in archives.items() if name.endswith(".npz")]),
        "png": (lambda data: picture(File("a.png", lambda: data)), [world.pixel()]),
        "zip": (filed("a.zip", members), [text for name, text in archives.items() if name.endswith(".zip") and len(text) < 9000]),
    }  # fmt: skip


def search(name: str, seconds: int) -> None:
    """Searches one target; libFuzzer ends the process."""
    import atheris

    folder = Path(tempfile.mkdtemp(prefix="sparring-guided-"))
    world.build(folder)
    with atheris.instrument_imports(include=["sparring"], enable_loader_override=False):
        from sparring.base.errors import RequestError

        read, seeds = targets(folder)[name]
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(seeds):
        (corpus / f"seed{number}").write_bytes(seed)

    def once(data: bytes) -> None:
        with contextlib.suppress(RequestError):
            read(data)

    arguments = [f"-max_total_time={seconds}", "-timeout=60", "-rss_limit_mb=2500", "-max_len=4096", "-verbosity=0"]
    arguments += [f"-artifact_prefix={folder}/", "-print_final_stats=1"]
    atheris.Setup([sys.argv[0], *arguments, str(corpus)], once)
    atheris.Fuzz()


def main() -> int:
    words = sys.argv[1:]
    if words[:1] == ["--one"]:
        search(words[1], int(words[2]))
        return 0
    if importlib.util.find_spec("atheris") is None:
        print("guided fuzzing is left out: Atheris is not installed (pip install 'sparring[fuzz]')")
        return 0
    seconds = words.pop(0) if words[:1] and words[0].isdecimal() else "20"
    known = ["yaml", "numbers", "options", "conditions", "expressions", "table", "npz", "png", "zip"]
    bad = 0
    for name in words or known:
        found = subprocess.run(
            [sys.executable, "-m", "tests.fuzz.guided", "--one", name, seconds], capture_output=True, text=True
        )
        told = [line for line in found.stderr.splitlines() if "number_of_executed_units" in line]
        print(
            f"{name:12} {told[0].split()[-1] if told else '?':>9} inputs  {'ok' if found.returncode == 0 else 'FAILED'}"
        )
        if found.returncode:
            bad = 1
            lines = (found.stdout + found.stderr).splitlines()
            print("\n".join(line[:200] for line in lines if not line.startswith(("INFO", "WARNING")))[-4000:])
    return bad


if __name__ == "__main__":
    sys.exit(main())
