"""Reading a table of a database, by SQLAlchemy.

SQLite is opened to read alone. Any other address is followed only where a person has said it: a driver may connect
anywhere, make files, and is given what variables of the environment hold, so that a recipe of somebody else's is not
enough.
"""

from __future__ import annotations

import os
import re
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote, urlsplit

from sparring.base.errors import RequestError, nearest
from sparring.base.paths import beside, given_path

if TYPE_CHECKING:
    import pandas as pd


def is_address(source: object) -> bool:
    """Whether a source is a database's address."""
    return isinstance(source, str) and "://" in source


SQLITE = ("sqlite", "sqlite+pysqlite")
"""What addresses begin with that are read by Python's own SQLite."""
SAID = "SPARRING_DATABASES"
"""The variable of the environment with the addresses that were said, a line each, for processes that train along."""


def say_address(address: str) -> None:
    """Notes that a person said an address, on the command line or to Python."""
    said = os.environ.get(SAID, "").splitlines()
    if address not in said:
        os.environ[SAID] = "\n".join([*said, address])


def check_said(address: str) -> None:
    """Raises RequestError for an address that a recipe holds and nobody said, unless it is SQLite's."""
    if address.partition("://")[0].lower() in SQLITE or address in os.environ.get(SAID, "").splitlines():
        return
    shown = re.sub(r"(?<=://)[^/@]*@", "...@", address)
    raise RequestError(
        f"data: only a recipe names the database {shown}; where you trust that address, say it yourself, by --data"
    )


def read_database(address: str, table: str | None) -> tuple[pd.DataFrame, str]:
    """A table, and its name for messages. Raises RequestError where the database or the table cannot be had."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import SQLAlchemyError
        from sqlalchemy.pool import NullPool
    except ModuleNotFoundError:
        raise RequestError("reading a database needs the package sqlalchemy: pip install 'sparring[tables]'") from None
    import pandas as pd

    try:
        url = sqlalchemy.make_url(address)
    except (SQLAlchemyError, ValueError):
        scheme = address.partition("://")[0]
        raise RequestError(f"{scheme}://...: not a database's address; such as sqlite:///people.db") from None
    shown = url.render_as_string(hide_password=True)
    try:
        if url.drivername in SQLITE:
            file = _file_of(url.database or "", shown)
            engine = sqlalchemy.create_engine("sqlite://", creator=lambda: _read_only(file), poolclass=NullPool)
        else:
            engine = sqlalchemy.create_engine(url)
        try:
            with engine.connect() as connection:
                name, schema = _named(sqlalchemy.inspect(connection), table, shown)
                return pd.read_sql_table(name, connection, schema=schema), f"{shown} {table or name}"
        finally:
            engine.dispose()
    except ModuleNotFoundError as error:
        raise RequestError(f"{shown}: needs the package {error.name}, which is not installed") from None
    except (SQLAlchemyError, OSError, ValueError) as error:
        reason = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        raise RequestError(f"{shown}: cannot be read ({reason})") from None


def _file_of(database: str, shown: str) -> Path:
    """SQLite's file, by its path or a URI of SQLite's, whose options are left out. Raises RequestError where there is
    none."""
    if database.startswith("file:"):
        database = unquote(urlsplit(database).path)
    path = given_path(database, "data")
    if not database or database == ":memory:" or (path.exists() and not path.is_file()):
        raise RequestError(f"{shown}: names no file with tables in it")
    if not path.is_file():
        raise RequestError(f"{shown}: no such file; {nearest(path.name, beside(path))}")
    return path.absolute()


def _read_only(file: Path) -> sqlite3.Connection:
    """A connection that writes nothing: no files beside the database either, as SQLite makes them to read one that
    keeps a log of writes ahead, where that log is empty."""
    with file.open("rb") as opened:
        ahead = opened.read(20)[18:20] == b"\2\2"
    log = file.with_name(f"{file.name}-wal")
    alone = ahead and not (log.exists() and log.stat().st_size)
    return sqlite3.connect(f"file:{quote(str(file))}?mode=ro{'&immutable=1' if alone else ''}", uri=True)


def _named(inspector: Any, table: str | None, shown: str) -> tuple[str, str | None]:
    """The table's name and schema. Raises RequestError where it is not there, or none is named of several."""
    names = [*inspector.get_table_names(), *inspector.get_view_names()]
    if table is None:
        if len(names) == 1:
            return names[0], None
        what = f"which table? data.table.table= one of {', '.join(sorted(names))}" if names else "no tables in it"
        raise RequestError(f"{shown}: {what}")
    if table in names:
        return table, None
    schema, dot, name = table.rpartition(".")
    if dot and schema in inspector.get_schema_names() and name in inspector.get_table_names(schema=schema):
        return name, schema
    raise RequestError(f"{shown}: no table '{table}'; {nearest(table, names)}")
