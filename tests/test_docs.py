"""The README's tree is the tree."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FILES = sorted(
    path.relative_to(ROOT)
    for folder in ("src/sparring", "bench", "docs")
    for path in (ROOT / folder).rglob("*")
    if path.suffix in (".py", ".md", ".yaml", ".html") and path.name != "__init__.py"
)


def tree() -> str:
    return (ROOT / "README.md").read_text().split("## The tree")[1]


@pytest.mark.parametrize("path", FILES, ids=str)
def test_the_readme_names_each_file(path: Path) -> None:
    assert path.name in tree() or f" {path.stem}," in tree() or f" {path.stem}\n" in tree()


def test_what_the_readme_names_is_there() -> None:
    there = {path.name for path in ROOT.rglob("*") if ".venv" not in path.parts}
    named = [word for line in tree().splitlines() for word in line.split()[:1] if "." in word]
    assert [name for name in named if name.endswith((".py", ".yaml", ".md", ".toml")) and name not in there] == []
