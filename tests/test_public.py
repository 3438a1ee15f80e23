"""What `import sparring` gives."""

from __future__ import annotations

import importlib
import pkgutil
import types

import sparring


def test_public_names_stay_what_they_are_whatever_was_imported() -> None:
    """A module of the same name would take a function's place once it is imported."""
    modules = {module.name for module in pkgutil.iter_modules(sparring.__path__)}
    assert modules & set(sparring.__all__) == set()
    for name in sorted(modules - {"__main__"}):
        importlib.import_module(f"sparring.{name}")
    for name in sparring.__all__:
        assert callable(getattr(sparring, name))
        assert not isinstance(getattr(sparring, name), types.ModuleType)
