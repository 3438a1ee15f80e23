"""A finished or resting run, loaded for use."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparring.build import operated_net
from sparring.data import Formats, Pairs, Pictures, Sides, TableCodec, ValueCodec, codec_from_json
from sparring.draws import Key
from sparring.errors import RequestError, nearest
from sparring.game import Side
from sparring.games import Cycle, FromImages
from sparring.match import draw_labels
from sparring.recipe import Recipe, validated
from sparring.remaking import translation
from sparring.rowsampling import samples_of
from sparring.rundir import RunDir, read_lines
from sparring.sampling import draw
from sparring.schedules import Now
from sparring.surgery import random_layers
from sparring.translating import Translation
from sparring.zoo import read_yaml


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
        self._state = self.dir.load(saved[-1] if newest else _checkpoint(step, saved, self.path))
        if step == "best":
            if self.best_step is None:
                raise RequestError(f"step: best, and {self.path} was not scored while it trained; say score.every")
            if self.best_step != saved[-1]:
                self._state = self.dir.load(_checkpoint(self.best_step, saved, self.path))
        self._own = dict(own or {})
        self._nets: dict[str, nn.Module] = {}
        data = self._state["data"]
        self.codec = codec_from_json(data["codec"])
        inputs = data.get("inputs")  # which runs of the first versions do not say
        self.inputs = None if inputs is None else codec_from_json(inputs)
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
        """Versions, devices and the execution plan, as recorded."""
        found: dict[str, Any] = json.loads(self.dir.environment.read_text()) if self.dir.environment.exists() else {}
        return found

    @property
    def log(self) -> list[dict[str, Any]]:
        """The numbers of the training, one object a logged step."""
        return self.dir.read_log()

    @property
    def scores(self) -> dict[str, Any]:
        """The newest scores of this checkpoint, by name; where it has none, of the last one that was scored."""
        lines = read_lines(self.dir.scores)
        found: dict[str, Any] = {}
        scored = any(line["step"] == self.step for line in lines)
        for line in lines:
            if line["step"] == (self.step if scored else lines[-1]["step"]):
                found |= line["scores"]
        return found

    def sample(
        self,
        count: int,
        seed: int = 0,
        label: str | int | None = None,
        device: str = "cpu",
        where: Sequence[str] = (),
        balance: str | None = None,
    ) -> Any:
        """New samples in the data's own format: images [count, height, width, channels] (grey: [count, height, width])
        of the data's type, points [count, values], or rows as a pandas DataFrame with the columns and types of the
        table. Equal seeds give equal samples.

        Of a table, `where` are conditions that every row meets (`income='>50K'`, `age>60`), and of the column `balance`
        each choice comes equally often."""
        samples, _ = self.draw(count, seed, label, device, where, balance)
        array: NDArray[Any] = samples.numpy()
        if isinstance(self.codec, TableCodec):
            from sparring.data.tables.writing import to_frame

            return to_frame(self.codec.columns, array, self.codec.dialect, seed=seed)
        if self.codec.kind == "points":
            return array
        array = array.transpose(0, 2, 3, 1)
        array = array.astype(np.uint16) if self.codec.depth == "uint16" else array
        return array[..., 0] if array.shape[-1] == 1 else array

    def rows(
        self,
        count: int,
        seed: int = 0,
        where: Sequence[str] = (),
        balance: str | None = None,
        device: str = "cpu",
    ) -> NDArray[np.float64]:
        """New rows of a table as numbers, float64 [count, columns] as `sparring.data.tables.column.Column` says."""
        if count < 1:
            raise RequestError(f"count: {count} is no number of samples")
        if not isinstance(self.codec, TableCodec):
            raise RequestError(f"{self.path}: makes {self.codec.kind}s, not rows of a table")
        key, place = Key(seed, "samples"), torch.device(device)
        net, counts = self.generator.to(place), self.label_counts
        made = samples_of(self.recipe.game, net, self.codec, counts, self.recipe, count, key, place, where, balance)
        values: NDArray[np.float64] = made.numpy()
        return values

    def draw(
        self,
        count: int,
        seed: int = 0,
        label: str | int | None = None,
        device: str = "cpu",
        where: Sequence[str] = (),
        balance: str | None = None,
    ) -> tuple[Tensor, Tensor | None]:
        """Samples in the data's own format [count, ...], and their labels, where the game has any: of a table the
        rows, of which `label` is one condition more."""
        if isinstance(self.codec, TableCodec):
            words = where if label is None else [*where, str(label)]
            return torch.from_numpy(self.rows(count, seed, words, balance, device)), None
        if where or balance:
            raise RequestError(
                f"{'where' if where else 'balance'}: is for tables; {self.path} makes {self.codec.kind}s"
            )
        if self.recipe.game.translates:
            raise RequestError(f"{self.path}: makes images of images; sparring translate {self.path} INPUT --to OUTPUT")
        if count < 1:
            raise RequestError(f"count: {count} is no number of samples")
        key, place = Key(seed, "samples"), torch.device(device)
        labels = self._labels(count, key, label)
        net = self.generator.to(place)
        return draw(self.recipe.game, net, self.codec, count, key, labels, place), labels

    def translation(self, direction: str | None = None, seed: int = 0, device: str = "cpu") -> Translation:
        """What the run does to pictures, for `sparring.translating`: the way it was trained, or of the game `cycle` in
        either `direction`, a2b or b2a."""
        game = self.recipe.game
        if not isinstance(game, FromImages):
            raise RequestError(f"{self.path}: makes samples from noise; sparring sample {self.path} --to OUTPUT")
        codecs = (self.codec if self.inputs is None else self.inputs), self.codec
        assert isinstance(codecs[0], ValueCodec)  # `FromImages.check` has seen to it
        assert isinstance(codecs[1], ValueCodec)
        back = self._turned(direction)
        place = torch.device(device)
        way = (codecs[1], codecs[0]) if back else (codecs[0], codecs[1])
        found = translation(game, self.generator.to(place), way, place, Key(seed, "translation"), back=back)
        return replace(found, framed=isinstance(self.recipe.data, Pictures))

    def _turned(self, direction: str | None) -> bool:
        """Whether a direction is the other one than that of training."""
        data = self.recipe.data
        if direction is None:
            return False
        if direction not in ("a2b", "b2a"):
            raise RequestError(f"direction: '{direction}' is none; say a2b or b2a")
        if not isinstance(data, Pairs | Sides):
            raise RequestError(f"direction: {direction}, and {self.path} knows one way only; leave it out")
        if direction == data.direction:
            return False
        if not isinstance(self.recipe.game, Cycle):
            way = f"train with data.{data.recipe_name()}.direction={direction}"
            raise RequestError(f"direction: {direction}, and {self.path} was trained {data.direction}; {way}")
        return True

    def make(self, latents: Tensor, labels: Tensor | None = None) -> Tensor:
        """Samples in the data's own format for given latents [n, latent]."""
        with torch.no_grad():
            made = self.generator(latents) if labels is None else self.generator(latents, labels)
        return self.codec.decode(made)

    def _labels(self, count: int, key: Key, label: str | int | None) -> Tensor | None:
        if self.recipe.game.labels == "none":
            if label is not None:
                raise RequestError(f"label: {label}, and the run was trained without labels")
            return None
        if label is not None:
            return torch.full((count,), self.label_number(label))
        if self.label_counts is None:
            raise RequestError(f"{self.path}: its checkpoint holds no labels")
        return draw_labels(self.label_counts, key, torch.arange(count))

    def label_number(self, label: str | int) -> int:
        """A label's number, from its name or the number itself. Raises RequestError with the nearest name."""
        if str(label) in self.label_names:
            return self.label_names.index(str(label))
        if str(label).isdigit() and int(label) < len(self.label_names):
            return int(label)
        raise RequestError(f"label: '{label}' is not known; {nearest(str(label), self.label_names)}")

    def _net(self, side: Side, state: dict[str, Tensor]) -> nn.Module:
        if side not in self._nets:
            net = operated_net(self.recipe, side, self.formats, self._own)
            try:
                net.load_state_dict(state)
            except RuntimeError as error:
                raise RequestError(
                    f"{side}: {type(net).__name__} does not take the run's weights: {_first(error)}"
                ) from None
            for path, adaptive in self.recipe.controllers().items():
                adaptive.set(self._state["controllers"][path])
            for layer in random_layers(net):
                layer.set_rate(Now(self.step, self.step * self.recipe.batch, self.recipe.steps))
            self._nets[side] = net.eval().requires_grad_(False)
        return self._nets[side]


def _checkpoint(step: int | str | None, saved: list[int], path: Path) -> int:
    """A finished checkpoint's step. Raises RequestError where there is none such."""
    if not str(step).isdigit():
        raise RequestError(f"step: '{step}' is no step; write a number, or best")
    if int(str(step)) not in saved:
        raise RequestError(f"{path}: has no checkpoint of step {step}; there are {', '.join(map(str, saved))}")
    return int(str(step))


def read_recipe_of(run: RunDir) -> Recipe:
    """The resolved recipe of a run."""
    fields = read_yaml(run.recipe.read_text(), str(run.recipe))
    if not isinstance(fields, dict):
        raise RequestError(f"{run.recipe}: damaged; not a mapping")
    try:
        return validated(fields)
    except RequestError as error:
        raise RequestError(f"{run.recipe}: {error}") from None


def _first(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[min(1, len(lines) - 1)][:160]
