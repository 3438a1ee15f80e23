"""Templates of a package, filled. Everything that is not marked as HTML is escaped by the template engine."""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from typing import TYPE_CHECKING, Any

from sparring.pages import glossary, wording

if TYPE_CHECKING:
    from jinja2 import Environment

OWN = "sparring.pages"
"""The package whose templates all others may use."""


def filled(template: str, /, package: str = OWN, **values: Any) -> str:
    """A template of the package's `templates` folder, or else of this one's."""
    html: str = _environment(package).get_template(template).render(**values)
    # JSON can hold halves of characters, which no file can
    return html.encode("utf-8", "replace").decode("utf-8")


def part(template: str, macro: str, *values: Any) -> str:
    """What a macro of one of this package's templates gives: HTML."""
    html: str = getattr(_environment(OWN).get_template(template).module, macro)(*values)
    return html


@cache
def _environment(package: str) -> Environment:
    from jinja2 import ChoiceLoader, Environment, PackageLoader, StrictUndefined  # not before a page is written

    loader = ChoiceLoader([PackageLoader(one) for one in dict.fromkeys((package, OWN))])
    environment = Environment(
        loader=loader,
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    script = loader.get_source(environment, "page.js")[0]
    environment.globals.update(
        script=script,
        # The page may run this one script and nothing else, whatever a run's files hold
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        style=loader.get_source(environment, "page.css")[0],
    )
    helpers: dict[str, Any] = {
        "number": wording.number,
        "interval": wording.interval,
        "printable": lambda entries: [(name, wording.plain(value)) for name, value in entries.items()],
        "meaning": glossary.meaning,
        "yardstick": glossary.yardstick,
        "remark": glossary.remark,
    }
    environment.filters.update(helpers)
    return environment
