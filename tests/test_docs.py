"""README and docs name what is there."""

from __future__ import annotations

import pkgutil
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

import sparring

ROOT = Path(__file__).parents[1]
PACKAGE = Path(sparring.__file__).parent
README = ROOT / "README.md"
PAGES = [README, *sorted((ROOT / "docs").glob("*.md"))]
LONGEST = 9_000
"""Bytes of the README."""

FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
MODULE = re.compile(r"\bsparring(?:\.[A-Za-z_]\w*)+")
OF_REPOSITORY = re.compile(r"(?<![\w./-])(?:src|tests|bench|docs)/[\w./-]*\w")
IN_CODE = re.compile(r"`([^`\n]+)`")
TREE = re.compile(r"^```\nsrc/sparring/\n(.*?)^```", re.MULTILINE | re.DOTALL)
BRANCH = re.compile(r"( +)(\w+)/ +\S")

every_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def test_the_readme_is_short() -> None:
    assert len(README.read_bytes()) <= LONGEST


@pytest.mark.parametrize("command", ["make digits", "make test"])
def test_the_readme_names_both_commands(command: str) -> None:
    assert re.search(rf"^{command} ", README.read_text(), re.MULTILINE)
    assert re.search(rf"^{command.removeprefix('make ')}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


@every_page
def test_links_lead_somewhere(page: Path) -> None:
    relative = [link.partition("#")[0] for link in LINK.findall(page.read_text()) if "://" not in link]
    assert [link for link in relative if link and not (page.parent / link).exists()] == []


@every_page
def test_modules_and_what_is_in_them_are_there(page: Path) -> None:
    assert [name for name in MODULE.findall(page.read_text()) if not resolves(name)] == []


@every_page
def test_files_and_folders_are_there(page: Path) -> None:
    text = page.read_text()
    missing = [path for path in OF_REPOSITORY.findall(text) if not (ROOT / path).exists()]
    missing += [path for path in paths_in_code(text) if not ((ROOT / path).exists() or (PACKAGE / path).exists())]
    assert missing == []


def test_the_architecture_draws_each_folder_of_the_package_and_no_other() -> None:
    drawn, there = drawn_folders(), folders()
    assert sorted(there - drawn) == []
    assert sorted(drawn - there) == []


def resolves(name: str) -> bool:
    try:
        pkgutil.resolve_name(name)
    except (ImportError, AttributeError):
        return False
    return True


def paths_in_code(text: str) -> Iterator[str]:
    """What is set as code within sentences and is a Python file, or a folder below one of the package's."""
    tops = {path.split("/")[0] for path in folders()}
    for code in IN_CODE.findall(FENCED.sub("", text)):
        folder = code.endswith("/") and code.split("/")[0] in tops
        if re.fullmatch(r"[\w./-]+", code) and (folder or code.endswith(".py")):
            yield code


def folders() -> set[str]:
    """The package's folders that hold a file."""
    found: set[str] = set()
    for path in PACKAGE.rglob("*"):
        if path.is_file() and "__pycache__" not in path.parts:
            found.update(folder.as_posix() for folder in path.relative_to(PACKAGE).parents if folder.name)
    return found


def drawn_folders() -> set[str]:
    """The folders in the tree of docs/architecture.md, where each has a line that says what it is for."""
    tree = TREE.search((ROOT / "docs" / "architecture.md").read_text())
    assert tree
    found: set[str] = set()
    above = {0: ""}
    for line in tree[1].splitlines():
        branch = BRANCH.match(line)
        assert branch, f"no folder with what it is for: {line}"
        indent = len(branch[1])
        above[indent] = f"{above[indent - 2]}{branch[2]}/"
        found.add(above[indent].removesuffix("/"))
    return found
