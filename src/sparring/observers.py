"""Observers read each step and write nothing to the training. (Controllers, too, only read: what they set are
schedules, which the training reads.)"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from sparring import ranks
from sparring.draws import Key
from sparring.game import Losses
from sparring.loop import Step
from sparring.machine import peak_memory
from sparring.match import Match, make, measuring, probe_batch
from sparring.nets import Verdict
from sparring.rundir import RunDir, append_line, read_lines
from sparring.schedules import Adaptive, value
from sparring.terms import R1

SATURATED = "controller_saturated"
PROBE_PASSES = 4
"""Batches over which batch-norm statistics are estimated for a measurement, where a recipe asks for it."""


class Observer(Protocol):
    """Is shown every step."""

    def observe(self, match: Match, step: Step) -> None: ...


class Log:
    """Writes a line of numbers every so many steps, to `log.jsonl` and the tracker."""

    def __init__(self, run: RunDir | None, every: int, show: Callable[[dict[str, Any]], None] | None = None) -> None:
        self.run = run
        self.every = every
        self.show = show
        self._last: tuple[float, int] | None = None

    def observe(self, match: Match, step: Step) -> None:
        if step.number % self.every and step.number + 1 != match.steps:
            return
        line = self.line(match, step)
        if self.run is not None:
            append_line(self.run.log, line)
            match.engine.track({k: v for k, v in line.items() if isinstance(v, float)}, match.step)
        if self.show is not None:
            self.show(line)

    def line(self, match: Match, step: Step) -> dict[str, Any]:
        """The numbers of a step; those that cannot be had in it (no move, say) are left out."""
        now = match.now(step.number)
        line: dict[str, Any] = {
            "step": match.step,
            "images": match.step * match.batch,
            "attempt": match.attempt,
            "seconds": round(match.seconds, 3),
            "images_per_s": self._speed(match),
            "memory_mb": round(peak_memory(match.engine.device) / 2**20, 1),
        }
        for side, moves in (("discriminator", step.discriminator), ("generator", step.generator)):
            player = match.players[side]
            for name, number in _mean(moves).items():
                line[f"{side}_{name}"] = number
            line[f"{side}_lr"] = value(player.rate, now)
            if moves:
                norm = gradient_norm(player.net)
                line[f"{side}_gradient"] = None if norm is None else float(norm)
            for layer in player.random[:1]:
                line[f"{side}_dropout"] = float(layer.rate.float().mean())
        for path, adaptive in match.controllers.items():
            line[f"adaptive/{path}"] = adaptive.at(now)
        line |= heldout_logits(match, Key(match.seed, "probes", step.number))
        return {name: number for name, number in line.items() if number is not None and math.isfinite(number)}

    def _speed(self, match: Match) -> float | None:
        here = (time.perf_counter(), match.step)
        last, self._last = self._last, here
        if last is None or here[1] <= last[1]:
            return None
        return round((here[1] - last[1]) * match.batch / (here[0] - last[0]), 2)


class Controllers:
    """Moves the values that follow the discriminator's overfitting (`sparring.schedules.Adaptive`), and says where one
    has come to its upper bound and that does not suffice."""

    every = 4
    smoothing = 0.9
    """What the old average counts at each reading."""
    patience = 50
    """Readings at the upper bound, with the signal above its target in all, after which it is told."""

    def __init__(self, run: RunDir | None = None, say: Callable[[str], None] | None = None) -> None:
        self.run = run
        self.say = say

    def observe(self, match: Match, step: Step) -> None:
        if not match.controllers or step.number % self.every:
            return
        notes = match.notes.setdefault("controllers", {})
        key = Key(match.seed, "controllers", step.number)
        readings = ranks.from_first(lambda: overfitting(match, key))
        for name, number in readings.items():
            notes[name] = self.smoothing * notes.get(name, number) + (1 - self.smoothing) * number
        ranked = match.players["discriminator"].objective.differences_alone
        for path, adaptive in match.controllers.items():
            signal, target = self.signal(adaptive, notes, ranked)
            adaptive.nudge(signal > target, self.every * match.batch, match.steps * match.batch)
            if self._saturated(match, path, adaptive.at_most and signal > target, step.number):
                self._tell(match, path, {"signal": round(signal, 4), "target": target})

    @staticmethod
    def signal(adaptive: Adaptive, notes: dict[str, float], ranked: bool) -> tuple[float, float]:
        """The signal's level and its target; `ranked` where only differences of logits mean something."""
        target = adaptive.target
        if adaptive.signal == "sign" or "heldout" not in notes:
            return notes["sign"], 0.5 if target is None else target
        if ranked:
            return notes["gap"], 0.1 if target is None else target
        apart = notes["train"] - notes["fake"]
        ratio = (notes["train"] - notes["heldout"]) / apart if apart > 1e-6 else 0.0
        return ratio, 0.6 if target is None else target

    def _saturated(self, match: Match, path: str, high: bool, step: int) -> bool:
        """Whether this is the reading at which it is to be told; kept across a resume."""
        since = match.notes.setdefault("saturated", {})
        if not high:
            since.pop(path, None)
            return False
        return bool(step - since.setdefault(path, step) == self.every * self.patience)

    def _tell(self, match: Match, path: str, evidence: dict[str, float]) -> None:
        """A line, and a finding where the run has none of the same yet."""
        since, most = match.notes["saturated"][path], match.controllers[path].upper
        remedy = against_overfitting(match, path)
        if self.say is not None:
            self.say(
                f"{path} has been at its maximum {most:g} since step {since:,}: the discriminator still overfits; "
                f"try {', '.join(remedy[:-1])} or {remedy[-1]}"
            )
        if self.run is None or any(
            one.get("symptom") == SATURATED and one.get("evidence", {}).get("schedule") == path
            for one in read_lines(self.run.findings)
        ):
            return
        finding = {"symptom": SATURATED, "since_step": since, "confidence": 1.0}
        told = {"schedule": path, "most": most, **evidence}
        append_line(self.run.findings, finding | {"evidence": told, "remedy": remedy})


def against_overfitting(match: Match, path: str) -> list[str]:
    """What helps a discriminator that still overfits with the value at `path` at its most, two things or more."""
    remedy = []
    if match.data.codec.kind == "image" and not match.duel.augment:
        remedy.append("augment.diff_augment.cutout=0.5")
    slopes = {name: term for name, term in match.players["discriminator"].terms.items() if isinstance(term, R1)}
    heavier = {name: term.weight for name, term in slopes.items() if isinstance(term.weight, float) and term.weight > 0}
    if not slopes:
        remedy.append("discriminator.terms.r1.weight=1")
    remedy += [f"discriminator.terms.{name}.weight={2 * weight:g}" for name, weight in heavier.items()]
    if not match.players["discriminator"].random:
        remedy.append("discriminator.surgery.dropout.rate=0.3")
    return [*(remedy or [f"a higher {path}.adaptive.most"]), "a narrower discriminator"]


class Pictures:
    """Shows samples of the averaged generator every so many steps, always of the same latents."""

    def __init__(self, every: int, draw: Callable[[Match], None]) -> None:
        self.every = every
        self.draw = draw

    def observe(self, match: Match, step: Step) -> None:
        if match.step % self.every == 0 or match.step == match.steps:
            self.draw(match)


def heldout_logits(match: Match, key: Key) -> dict[str, float]:
    """The discriminator's mean logits, in eval mode, of held-out samples and, beside them, of training ones."""
    found = {}
    match.fit("generator", "discriminator", passes=PROBE_PASSES)
    with measuring(match.duel.discriminator):
        for name, rows in (("train", match.batches.rows), ("heldout", match.heldout)):
            if len(rows):
                found[f"logits_{name}"] = float(_verdict(match, rows, key.at(name)).logits.float().mean())
    return found


def overfitting(match: Match, key: Key) -> dict[str, float]:
    """Means of the discriminator's logits of training, held-out and fake samples, all in eval mode; how often it ranks
    the first above fakes more than the second (`gap`); the mean sign of the first (`sign`)."""
    match.fit("generator", "discriminator", passes=PROBE_PASSES)
    with measuring(match.duel.discriminator, match.duel.generator):
        train = _verdict(match, match.batches.rows, key.at("train")).logits.float()
        batch = probe_batch(match.batches.rows, match.chunk, key.at("fake"))
        fakes = make(match.game, match.duel.generator, key.at("fake"), batch.rows, match.game.asked(batch))
        fake = match.game.show(match.duel.discriminator, fakes, batch).logits.float()
        found = {"train": train.mean(), "fake": fake.mean(), "sign": train.sign().mean()}
        if len(match.heldout):
            heldout = _verdict(match, match.heldout, key.at("heldout")).logits.float()
            found["heldout"] = heldout.mean()
            found["gap"] = _ranked_above(train, fake) - _ranked_above(heldout, fake)
    return {name: float(number) for name, number in found.items()}


def _verdict(match: Match, rows: Any, key: Key) -> Verdict:
    batch = probe_batch(rows, match.chunk, key)
    return match.game.show(match.duel.discriminator, batch.samples, batch)


def _ranked_above(first: Tensor, second: Tensor) -> Tensor:
    """The probability that a logit of the first is above one of the second."""
    return (first.flatten()[:, None] > second.flatten()[None]).float().mean()


def _mean(moves: list[Losses]) -> dict[str, float]:
    """The mean over a step's moves."""
    names = {name: None for move in moves for name in move}
    return {n: float(torch.stack([move[n] for move in moves if n in move]).mean()) for n in names}


def gradient_norm(net: nn.Module) -> Tensor | None:
    """The norm of the gradient that the last move left, a scalar; None where it left none."""
    gradients = [parameter.grad for parameter in net.parameters() if parameter.grad is not None]
    if not gradients:
        return None
    norm: Tensor = torch.linalg.vector_norm(torch.stack(torch._foreach_norm(gradients)))
    return norm
