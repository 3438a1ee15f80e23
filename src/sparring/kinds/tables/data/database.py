"""Reading a table of a database, by SQLAlchemy."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparring.base.errors import RequestError, nearest
from sparring.base.paths import beside, given_path

if TYPE_CHECKING:
    import pandas as pd


def is_address(source: object) -> bool:
    """Whether a source is a database's address."""
    return isinstance(source, str) and "://" in source


def read_database(address: str, table: str | None) -> tuple[pd.DataFrame, str]:
    """A table, and its name for messages. Raises RequestError where the database or the table cannot be had."""
    try:
        import sqlalchemy
        from sqlalchemy.exc import SQLAlchemyError
    except ModuleNotFoundError:
        raise RequestError("reading a database needs the package sqlalchemy: pip install 'sparring[tables]'") from None
    import pandas as pd

    try:
        url = sqlalchemy.make_url(address)
    except (SQLAlchemyError, ValueError):
        scheme = address.partition("://")[0]
        raise RequestError(f"{scheme}://...: not a database's address; such as sqlite:///people.db") from None
    shown = url.render_as_string(hide_password=True)
    _file_there(url, shown)
    try:
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


def _file_there(url: Any, shown: str) -> None:
    """Raises RequestError where SQLite's file is missing, which SQLite itself would make."""
    if url.get_backend_name() != "sqlite" or not url.database or url.database == ":memory:":
        return
    path = Path(url.database) if url.database.startswith("file:") else given_path(url.database, "data")
    if not path.is_file() and not url.database.startswith("file:"):
        raise RequestError(f"{shown}: no such file; {nearest(path.name, beside(path))}")


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
