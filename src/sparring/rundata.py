"""A run as it was asked for, and its data or others like them."""

from __future__ import annotations

from sparring.asking import Place
from sparring.data import DataSet, Table, TableCodec, options_of
from sparring.errors import RequestError
from sparring.recipe import validated
from sparring.run import Run


def loaded_run(run: Place | Run, step: int | str | None = None) -> Run:
    if not isinstance(run, Run):
        return Run(run, step)
    return run if step is None else run.at(step)


def data_of(loaded: Run, other: Place | None = None) -> DataSet:
    """The run's own data, unchanged since, or other data of the same shape."""
    recipe = loaded.recipe
    if other is None:
        data = recipe.data.load()
        if data.fingerprint != loaded.fingerprint:
            raise RequestError(
                f"data: {data.name} has changed since {loaded.path} was trained on it; give it by --data"
            )
        return data
    fields = recipe.model_dump(mode="json")
    fields["data"] = options_of(str(other), fields["data"])
    if isinstance(loaded.codec, TableCodec):
        options = validated(fields).data
        if not isinstance(options, Table):
            raise RequestError(f"data: {other} is no table, and {loaded.path} makes rows; take a .csv or .parquet")
        return options.like(loaded.codec)
    (kind,) = fields["data"]
    if kind in ("images", "pairs", "sides") and loaded.codec.kind == "image":
        fields["data"][kind] |= {"size": list(loaded.codec.shape[1:])}
    data = validated(fields).data.load()
    if data.shape != loaded.codec.shape:
        raise RequestError(f"data: samples of shape {list(data.shape)}; the run makes {list(loaded.codec.shape)}")
    return data
