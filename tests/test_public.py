"""What `import sparring` gives."""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import types

import sparring


def test_all_that_is_public_is_listed_and_known_to_type_checkers() -> None:
    assert set(sparring.__all__) | {"__version__"} <= set(dir(sparring))
    tree = ast.parse(inspect.getsource(sparring))
    checked = next(one for one in tree.body if isinstance(one, ast.If))
    told = {name.name for one in checked.body if isinstance(one, ast.ImportFrom) for name in one.names}
    assert told == set(sparring.__all__)


def test_public_names_stay_what_they_are_whatever_was_imported() -> None:
    """A module of the same name would take a function's place once it is imported."""
    modules = {module.name for module in pkgutil.iter_modules(sparring.__path__)}
    assert modules & set(sparring.__all__) == set()
    for name in sorted(modules - {"__main__"}):
        importlib.import_module(f"sparring.{name}")
    for name in sparring.__all__:
        assert callable(getattr(sparring, name))
        assert not isinstance(getattr(sparring, name), types.ModuleType)
