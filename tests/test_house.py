"""The house holds: one kind of data is one folder, and nobody outside asks which kind it is.

What is looked for is found by the syntax tree, without a list of kinds: the folders below `kinds/` that have a
`kind.py`, and the names that their objects say."""

from __future__ import annotations

import ast
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparring
from sparring import kinds
from sparring.data import Source
from sparring.gan.game import Game
from sparring.kinds.kind import Kind
from sparring.kinds.noise import NoiseKind

PACKAGE = Path(sparring.__file__).parent
FOLDERS = sorted(path.parent.name for path in (PACKAGE / "kinds").glob("*/kind.py"))
FILES = sorted(path.relative_to(PACKAGE) for path in PACKAGE.rglob("*.py"))

LONGEST, MOST = 60, 400
"""Lines of a function, and of a file."""


def names_of_kinds() -> set[str]:
    """Words by which a kind, its codecs, games and sources can be told from others."""
    found = {kind.name for kind in kinds.kinds()}
    for kind in kinds.kinds():
        found |= set(kind.codecs)
        found |= {part.recipe_name() for part in kind.parts if issubclass(part, Source | Game)}
    return found


NAMES = names_of_kinds()
CLASSES = {part.__name__ for kind in kinds.kinds() for part in kind.parts if issubclass(part, Source | Game)}
CLASSES |= {"ValueCodec", "TableCodec"}
OWNERS = {"codec", "game", "source", "kind"}
ASKING = ("isinstance", "issubclass", "hasattr")


def folder_of(path: Path) -> str | None:
    """The kind's folder that a file lies in."""
    return path.parts[1] if path.parts[0] == "kinds" and len(path.parts) > 2 else None


def told(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Modules and texts that a file names, with the line."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)
        elif isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " not in node.value:
            yield node.lineno, node.value


def named(path: Path, source: str) -> list[str]:
    """Where a file names the folder of a kind that it does not lie in."""
    mine = folder_of(path)
    others = [f"sparring.kinds.{folder}" for folder in FOLDERS if folder != mine]
    return [
        f"{path}:{line} names {word}"
        for line, word in told(ast.parse(source))
        if any(word == other or word.startswith(f"{other}.") for other in others)
    ]


def asked(path: Path, source: str) -> list[str]:
    """Where a file outside `kinds/` asks which kind it is: by a kind's word or class, or by an attribute's being
    there."""
    if path.parts[0] == "kinds":
        return []
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Compare | ast.MatchValue):
            words = [part.value for part in ast.walk(node) if isinstance(part, ast.Constant) and part.value in NAMES]
            line = node.lineno if isinstance(node, ast.Compare) else node.value.lineno
            found += [f"{path}:{line} compares with {word!r}" for word in words]
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in ASKING:
            words = [part.id for part in ast.walk(node) if isinstance(part, ast.Name)]
            words += [part.attr for part in ast.walk(node) if isinstance(part, ast.Attribute)]
            wrong = CLASSES if node.func.id != "hasattr" else OWNERS
            found += [f"{path}:{node.lineno} {node.func.id} of {word}" for word in words if word in wrong]
    return found


@pytest.mark.parametrize("path", FILES, ids=str)
def test_nobody_outside_a_kind_names_its_folder_or_asks_for_it(path: Path) -> None:
    source = (PACKAGE / path).read_text()
    assert named(path, source) + asked(path, source) == []


@pytest.mark.parametrize(
    ("path", "source"),
    [
        ("runs/run.py", "from sparring.kinds.{0}.kind import KINDS\n"),
        ("runs/run.py", "import sparring.kinds.{0}\n"),
        ("runs/run.py", "def f():\n    from sparring.kinds import {0}\n"),
        ("api.py", "import importlib\nimportlib.import_module('sparring.kinds.{0}.kind')\n"),
        ("kinds/noise.py", "from sparring.kinds.{0}.kind import KINDS\n"),
        ("kinds/{1}/kind.py", "from sparring.kinds.{0}.kind import KINDS\n"),
        ("doctor/facts.py", "rows = recipe.game.recipe_name() == 'table'\n"),
        ("doctor/facts.py", "rows = codec.kind in ('image', 'points')\n"),
        ("runs/job.py", "match source.kind:\n    case 'translation':\n        pass\n"),
        ("gan/match.py", "if hasattr(game, 'latent'):\n    pass\n"),
        ("gan/match.py", "if hasattr(self.data.codec, 'columns'):\n    pass\n"),
        ("runs/job.py", "if isinstance(match.game, FromNoise | Paired):\n    pass\n"),
        ("recipe/build.py", "if isinstance(data.codec, ValueCodec):\n    pass\n"),
    ],
)
def test_what_is_planted_is_found(path: str, source: str) -> None:
    first, second = FOLDERS[:2]
    where, text = Path(path.format(first, second)), source.format(first, second)
    assert named(where, text) + asked(where, text) != []


def test_a_kind_names_its_own_folder_as_it_likes() -> None:
    first = FOLDERS[0]
    assert named(Path(f"kinds/{first}/kind.py"), f"from sparring.kinds.{first}.sources import X\n") == []


def test_folders_and_words_are_the_same() -> None:
    assert sorted(kinds.BUILT_IN) == FOLDERS


@pytest.mark.parametrize("path", FILES, ids=str)
def test_files_and_functions_are_short(path: Path) -> None:
    source = (PACKAGE / path).read_text()
    assert source.count("\n") <= MOST
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            assert (node.end_lineno or 0) - node.lineno < LONGEST, node.name


def test_the_protocol_fits_a_page() -> None:
    methods = [name for name, one in vars(Kind).items() if callable(one) and not name.startswith("_")]
    needed = NoiseKind.__abstractmethods__
    assert len(methods) <= 21
    assert len(needed) == 6, needed


def test_no_module_imports_itself_by_way_of_others() -> None:
    """Imports in functions and for the type checker count too."""
    grimp = pytest.importorskip("grimp")
    graph = grimp.build_graph("sparring", exclude_type_checking_imports=False)
    below = {name: set(graph.find_modules_directly_imported_by(name)) for name in graph.modules}
    while below:  # taken away from the bottom: what is left at the end goes round
        free = {name for name, imported in below.items() if not imported & below.keys()}
        assert free, sorted(below)
        for name in free:
            del below[name]


GONE = "translation"
QUICK = ("base", "gan", "recipe", "nets")
"""Folders of tests that are quick enough to be run twice."""


def test_a_kind_can_be_taken_out(tmp_path: Path) -> None:
    """Without its folder, its word and its tests all else goes on; tests that name it are among these."""
    root = Path(__file__).parents[1]
    for name in ("src", "tests"):
        shutil.copytree(root / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(root / "pyproject.toml", tmp_path)
    shutil.rmtree(tmp_path / "src" / "sparring" / "kinds" / GONE)
    names = tmp_path / "src" / "sparring" / "kinds" / "names.py"
    names.write_text(names.read_text().replace(f'"{GONE}", ', ""))
    parts = kinds.kind_named(GONE).parts
    words = [f'"{part.recipe_name()}"' for part in parts] + [f'"{part.recipe_name()}:' for part in parts]
    words += [f"kinds.{GONE}", "tests.kinds", "bench"]
    files = [
        str(path)
        for folder in QUICK
        for path in sorted((tmp_path / "tests" / folder).rglob("test_*.py"))
        if not any(word in path.read_text() for word in words)
    ]
    assert len(files) > 10
    where = {**os.environ, "PYTHONPATH": str(tmp_path / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
    told = "import sparring, sys; from sparring import kinds; sys.exit(sparring.__file__ + str(len(kinds.kinds())))"
    seen = subprocess.run([sys.executable, "-c", told], env=where, cwd=tmp_path, capture_output=True, text=True)
    assert seen.stderr.strip() == f"{tmp_path / 'src' / 'sparring' / '__init__.py'}{len(kinds.BUILT_IN) - 1}"
    command = [sys.executable, "-m", "pytest", "-n0", "-q", "-x", "-p", "no:cacheprovider", *files]
    ended = subprocess.run(command, env=where, cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 0, ended.stdout[-3000:]
