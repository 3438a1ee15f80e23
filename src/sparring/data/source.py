"""What a recipe says about data: where they are, and how they are read."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar, Self

from pydantic import Field

from sparring.base.errors import RequestError
from sparring.base.part import Part
from sparring.base.paths import given_path
from sparring.data.codec import Codec
from sparring.data.dataset import DataSet


class Source(Part):
    """Where data come from. Its options are what a recipe can say under `data`."""

    kind: ClassVar[str]
    """The kind of data, by its name."""
    places: ClassVar[tuple[str, ...]] = ()
    """The options that say where the data lie, in the order in which `--data` takes them; none for a named set."""
    whole: ClassVar[str] = ""
    """What to do with two places, where one is taken."""
    dated: ClassVar[tuple[str, ...]] = ()
    """Options by which later versions read new data otherwise: a run goes on with its own, whatever is asked."""
    single: ClassVar[bool] = False
    """Whether all samples are cut from one picture, which may be pale or dark altogether."""

    @classmethod
    def named(cls, place: str) -> bool:
        """Whether a place is surely of this source, by its name alone."""
        return not cls.places and place == cls.recipe_name() and not Path(place).exists()

    @classmethod
    def takes(cls, place: str) -> bool:
        """Whether a place may be of this source, as far as its name tells."""
        return bool(cls.places)

    @classmethod
    def at(cls, place: str) -> str:
        """A place as a recipe keeps it."""
        return str(given_path(place, "data").absolute())

    def decided(self) -> tuple[Self, str]:
        """These options with what the data at their place decide written out, as a run that begins has them, and a line
        that tells of it; the same options and nothing where there is nothing to decide."""
        return self, ""

    def trusted(self) -> None:
        """Notes that a person asked for these data, and not somebody else's recipe alone."""

    def load(self) -> DataSet:
        """The data set. Raises RequestError where the data, or the options, are wrong."""
        raise NotImplementedError

    def like(self, codec: Codec) -> DataSet:
        """These data as a run that was trained on others with this codec takes them. Raises RequestError where they
        cannot be."""
        data = self.load()
        if data.shape != codec.shape:
            raise RequestError(f"data: samples of shape {list(data.shape)}; the run makes {list(codec.shape)}")
        return data

    @classmethod
    def spelt(cls, word: str, keys: Sequence[str]) -> str:
        """An override as it was written, or what it is short for with these data; `keys` are the recipe's own."""
        return word


class SourceOptions(Source):
    """Of most data."""

    held_out: float = Field(0.1, ge=0, le=0.25)
    """Part of the samples that is held out for scores, chosen by content hash; at least 20, but a quarter of fewer
    than 80."""
    limit: int | None = Field(None, ge=2)
    """Train on this many samples only."""
