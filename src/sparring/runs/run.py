"""A finished or resting run, loaded for use."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from math import prod
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from sparring import kinds
from sparring.base.checking import Damaged
from sparring.base.draws import Key
from sparring.base.errors import RequestError, nearest
from sparring.base.numbers import whole
from sparring.base.part import Part, parse
from sparring.base.rundir import RunDir
from sparring.data import DataSet, Formats, Source
from sparring.engine.budget import check_memory
from sparring.gan.game import Side
from sparring.gan.surgery import random_layers
from sparring.gan.trained import Trained
from sparring.kinds.kind import Kind, Made, Wish
from sparring.recipe import Recipe, validated
from sparring.recipe.arguments import checked
from sparring.recipe.build import operated_net
from sparring.recipe.recorded import read_recipe_of
from sparring.recipe.request import Place, options_of
from sparring.runs.loading import codec_of, load_state


class Run:
    """A run's networks and records. Loading executes nothing that the run directory holds."""

    def __init__(
        self, path: str | Path, step: int | str | None = None, own: Mapping[str, nn.Module] | None = None
    ) -> None:
        """`step` is a checkpoint's, or `best` for the one of the best score; the newest by default."""
        self.dir = RunDir(path).must_exist()
        self.path = self.dir.path
        self.recipe: Recipe = read_recipe_of(self.dir)
        saved = self.dir.saved_steps()
        if not saved:
            raise RequestError(f"{self.path}: has no checkpoint yet; sparring train --out {self.path} goes on with it")
        newest = step is None or step == "best"
        self._state = load_state(self.dir, saved[-1] if newest else _checkpoint(step, saved, self.path))
        if step == "best":
            if self.best_step is None:
                raise RequestError(f"step: best, and {self.path} was not scored while it trained; say score.every")
            if self.best_step != saved[-1]:
                self._state = load_state(self.dir, _checkpoint(self.best_step, saved, self.path))
        self._own = dict(own or {})
        self._nets: dict[str, nn.Module] = {}
        data = self._state["data"]
        self.codec = codec_of(self.dir, self.step, data["codec"])
        inputs = data.get("inputs")  # which runs of the first versions do not say
        self.inputs = None if inputs is None else codec_of(self.dir, self.step, inputs)
        """The codec of the images that samples are made from, where they are."""
        self.label_names: list[str] = data["label_names"]
        self.data_name: str = data["name"]
        self.fingerprint: str = data["fingerprint"]
        self.label_counts = None if data["label_counts"] is None else torch.tensor(data["label_counts"])
        """How frequent each label is in the training data, int64 [classes]."""

    @property
    def formats(self) -> Formats:
        """What the networks fit."""
        return Formats(self.codec, len(self.label_names), self.inputs)

    def at(self, step: int | str) -> Run:
        """The same run at another checkpoint, or the `best`."""
        return Run(self.path, step, self._own)

    @property
    def best_step(self) -> int | None:
        """The step of the best first score while training, up to this checkpoint; that one's is kept."""
        found: int | None = self._state["notes"].get("best_step")
        return found

    @property
    def step(self) -> int:
        """Of the checkpoint that was loaded."""
        return int(self._state["step"])

    @property
    def generator(self) -> nn.Module:
        """The generator that samples (the averaged one), in eval mode: latents [n, latent] to samples [n, ...] in the
        range of the recipe; with labels, also int64 [n]."""
        return self._net("generator", self._state["average"] or self._state["nets"]["generator"])

    @property
    def discriminator(self) -> nn.Module:
        """The discriminator, in eval mode: samples to a verdict."""
        return self._net("discriminator", self._state["nets"]["discriminator"])

    @property
    def finished(self) -> bool:
        """Whether it came to its last step, or to the end of its patience."""
        return self.step >= self.recipe.steps or self.recipe.score.ended(
            self._state["notes"], self.step, self.recipe.steps
        )

    @property
    def seconds(self) -> float:
        """Training time up to this checkpoint."""
        return float(self._state["seconds"])

    @property
    def environment(self) -> dict[str, Any]:
        """Versions, devices and the execution plan, as recorded; nothing where that cannot be read."""
        try:
            return self.dir.read_environment()
        except Damaged as error:
            self.dir.damage[self.dir.environment] = str(error)
            return {}

    @property
    def log(self) -> list[dict[str, Any]]:
        """The numbers of the training, one object a logged step."""
        return self.dir.read_log()

    @property
    def scores(self) -> dict[str, Any]:
        """The newest scores of this checkpoint, by name; where it has none, of the last one that was scored."""
        lines = self.dir.score_lines()
        found: dict[str, Any] = {}
        scored = any(line["step"] == self.step for line in lines)
        for line in lines:
            if line["step"] == (self.step if scored else lines[-1]["step"]):
                found |= line["scores"]
        return found

    @property
    def kind(self) -> Kind:
        """The kind of its data."""
        return kinds.of(self.recipe.game, self.recipe.data)

    def trained(self, device: str = "cpu") -> Trained:
        """Its networks on a device, with all that drawing from them takes."""
        place = torch.device(device)
        return Trained(
            name=str(self.path),
            source=self.recipe.data,
            game=self.recipe.game,
            generator=self.generator.to(place),
            discriminator=self.discriminator.to(place),
            formats=self.formats,
            label_names=self.label_names,
            label_counts=self.label_counts,
            step=self.step,
        )

    @checked
    def sample(
        self,
        count: int,
        seed: int = 0,
        label: str | int | None = None,
        device: str = "cpu",
        where: str | Sequence[str] = (),
        balance: str | None = None,
    ) -> Any:
        """New samples in the data's own format: images [count, height, width, channels] (grey: [count, height, width])
        of the data's type, points [count, values], or rows as a pandas DataFrame with the columns and types of the
        table. Equal seeds give equal samples.

        Of a table, `where` are conditions that every row meets (`income='>50K'`, `age>60`), and of the column `balance`
        each choice comes equally often."""
        return self.kind.given(self.draw(count, seed, label, device, where=where, balance=balance), seed)

    def draw(self, count: int, seed: int = 0, label: str | int | None = None, device: str = "cpu", **wish: Any) -> Made:
        """The same as tensors: samples as they are stored [count, ...], and their labels, where the game has any."""
        bytes_each = 4.0 * prod(self.codec.shape)
        check_memory(2 * count * bytes_each, f"count: {count:,} samples at once")
        return self.kind.make(self.trained(device), Wish(count, label, **wish), Key(seed, "samples"))

    def make(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Samples in the data's own format for given latents [n, latent]."""
        with torch.no_grad():
            made = self.generator(latents) if labels is None else self.generator(latents, labels)
        return self.codec.decode(made)

    def _net(self, side: Side, state: dict[str, Tensor]) -> nn.Module:
        if side not in self._nets:
            net = operated_net(self.recipe, side, self.formats, self._own)
            try:
                net.load_state_dict(state)
            except RuntimeError as error:
                raise RequestError(
                    f"{self.path}: {side}: {type(net).__name__} does not take the run's weights: {_first(error)}"
                ) from None
            for path, adaptive in self.recipe.controllers().items():
                if path not in self._state["controllers"]:
                    raise self.dir.damaged(self.step, f"controllers.{path}: missing")
                adaptive.set(self._state["controllers"][path])
            for layer in random_layers(net):
                layer.set_rate(self.recipe.course().now(self.step, self.recipe.batch))
            self._nets[side] = net.eval().requires_grad_(False)
        return self._nets[side]


def _checkpoint(step: int | str | None, saved: list[int], path: Path) -> int:
    """A finished checkpoint's step. Raises RequestError where there is none such."""
    number = whole(step)
    if number is None:
        raise RequestError(f"step: '{step:.60}' is no step; write a number, or best")
    if number not in saved:
        raise RequestError(f"{path}: has no checkpoint of step {step}; there are {', '.join(map(str, saved))}")
    return number


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)][:160]


def loaded_run(run: Place | Run, step: int | str | None = None) -> Run:
    if not isinstance(run, Run):
        return Run(run, step)
    return run if step is None else run.at(step)


def data_of(loaded: Run, other: Place | None = None) -> DataSet:
    """The run's own data, unchanged since, or other data of the same shape; where these are at the run's own place and
    unchanged, they are its own."""
    recipe = loaded.recipe
    if other is None:
        data = recipe.data.load()
        if data.fingerprint != loaded.fingerprint:
            raise RequestError(
                f"data: {data.name} has changed since {loaded.path} was trained on it; give it by --data"
            )
        return data
    options = _asked(loaded, other)
    if options == recipe.data:
        data = options.load()
        if data.fingerprint == loaded.fingerprint:
            return data
    if options.kind != recipe.data.kind and loaded.codec.plays != "from_noise":
        raise RequestError(
            f"data: {other} is no {recipe.data.recipe_name()}, and {loaded.path} makes {loaded.kind.unit}"
        )
    return options.like(loaded.codec)


def is_own(loaded: Run, other: Place | None, data: DataSet) -> bool:
    """Whether data that were read from a place are the run's own: no other place was said, and they are unchanged."""
    return other is None or (_asked(loaded, other) == loaded.recipe.data and data.fingerprint == loaded.fingerprint)


def _asked(loaded: Run, other: Place) -> Source:
    """The run's source of data at another place."""
    fields = loaded.recipe.model_dump(mode="json")
    fields["data"] = options_of(str(other), fields["data"])
    return validated(fields).data


def kind_of(run: Place) -> Kind:
    """The kind of a run's data, by its recipe alone."""
    recipe = read_recipe_of(RunDir(run).must_exist())
    return kinds.of(recipe.game, recipe.data)


def check_options(kind: Kind, verb: Callable[..., Any], given: Mapping[str, Any]) -> None:
    """Raises RequestError for what is no option that a kind has of its own for a verb, with the nearest that there
    is."""
    asks, name = kind.asks.get(verb.__name__), verb.__name__
    own = [] if asks is None else asks.option_names()
    for word in given:
        if word not in own:
            known = {*own, *inspect.signature(verb).parameters} - {word, "options"}
            raise RequestError(f"{word}: {name} of {kind.name} has no such option; {nearest(word, known)}")


def own_options(kind: Kind, verb: Callable[..., Any], given: Mapping[str, Any]) -> Part | None:
    """The options that a kind has of its own for a verb; None where it has none. Raises RequestError for others."""
    check_options(kind, verb, given)
    asks = kind.asks.get(verb.__name__)
    return None if asks is None else parse(lambda: asks.model_validate(dict(given)))
