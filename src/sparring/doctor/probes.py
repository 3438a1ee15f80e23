"""Probes: what is measured of two networks in training, every so many steps, without a trace in them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

from sparring.base.draws import Key
from sparring.doctor.samples import Yardstick, thumbnails
from sparring.doctor.subject import Seen, Subject
from sparring.doctor.weights import Sketch, SpectralNorms, Units, cosine, extremes
from sparring.gan.game import SIDES, Side
from sparring.gan.measuring import gradient_norm
from sparring.gan.sampling import measuring

LETTER: dict[Side, str] = {"discriminator": "d", "generator": "g"}
JUDGED = 128
"""Samples of each kind that the discriminator judges in a reading."""
DRAWN = 256
"""Samples that the generator makes where samples are looked at."""
TRAINING, HELDOUT = 1000, 512
"""Real samples that they are held against, at most."""

Numbers = dict[str, Tensor]


class Probes:
    """Measures a subject. `kept` holds tensors from reading to reading, and is saved with the run."""

    def __init__(
        self,
        subject: Subject,
        key: Key,
        kept: dict[str, Any],
        features: Callable[[Tensor], Tensor] = thumbnails,
        numbers: Callable[[Tensor], Mapping[str, float]] = lambda made: {},
    ) -> None:
        """`features` of samples are what they are compared by; `numbers` of made ones are read beside."""
        self.features, self.numbers = features, numbers
        self.subject = subject
        self.key = key
        self.kept = kept
        self.sketches: dict[Side, Sketch] = {
            side: Sketch(net, key.at("sketch", side)) for side, net in subject.nets.items()
        }
        self.norms = {side: SpectralNorms(net) for side, net in subject.nets.items()}
        self.units = {side: Units(net) for side, net in subject.nets.items()}
        self.yardstick = self._yardstick()

    def _yardstick(self) -> Yardstick | None:
        train = self.subject.reals(False, TRAINING, self.key.at("yardstick"))
        heldout = self.subject.reals(True, HELDOUT, self.key.at("yardstick"))
        if train is None or len(train.samples) < 2:
            return None
        seen = None if heldout is None else self.features(heldout.samples)
        return Yardstick(self.features(train.samples), seen, train.labels)

    def best(self) -> dict[str, float]:
        """What training samples in the fakes' place would give, by names that begin with `best_`."""
        if self.yardstick is None or self.yardstick.judged is self.yardstick.train:
            return {}
        found = self.yardstick.statistics(self.yardstick.train[:DRAWN])
        return {f"best_{name}": float(number) for name, number in found.items() if not name.startswith("copies")}

    def glance(self) -> None:
        """Takes note of where the weights stand; done after each of the two steps before a reading."""
        marks = self.kept.setdefault("marks", {})
        for side, sketch in self.sketches.items():
            marks[side] = [*marks.get(side, []), sketch.take()][-2:]

    def read(self, number: int, *, samples: bool) -> dict[str, float]:
        """The numbers of a reading; those of samples only if they are wanted."""
        nets = self.subject.nets
        found: Numbers = {}
        with measuring(*nets.values()):  # weights too: in training mode a spectral norm moves on when it is read
            for side in SIDES:
                found |= {f"{LETTER[side]}_{name}": tensor for name, tensor in self._of_weights(side).items()}
            found |= self._of_logits(self.key.at("judged", number))
            if samples and self.yardstick is not None:
                found |= self._of_samples(self.yardstick)
        values = torch.stack([tensor.detach().float().reshape(()) for tensor in found.values()]).tolist()
        return dict(zip(found, values, strict=True))

    def _of_weights(self, side: Side) -> Numbers:
        net, sketch = self.subject.nets[side], self.sketches[side]
        found: Numbers = {}
        found["weight"], found["weight_max"] = extremes(net)
        gradient = gradient_norm(net)
        if gradient is not None:
            found["gradient"] = gradient
        found["spectral"] = self.norms[side].read(self.kept.setdefault("spectral", {}).setdefault(side, {}))
        here = sketch.take()
        marks = [mark for mark in self.kept.get("marks", {}).pop(side, []) if mark.shape == here.shape]
        if len(marks) == 2:
            last, before = here - marks[1], marks[1] - marks[0]
            found["update"] = last.norm() / here.norm().clamp(min=1e-30)
            found["cosine"] = cosine(last, before)
        ways = self.kept.setdefault("way", {})
        way = [one for one in ways.get(side, []) if one.shape == here.shape]
        if way:
            moved = here - way[-1]
            found["moved"] = moved.norm() / here.norm().clamp(min=1e-30)
            found["still"] = sketch.still(way[-1], here)
            if len(way) == 2:
                found["turned"] = cosine(moved, way[1] - way[0])
        ways[side] = [*way, here][-2:]
        return found

    def _of_logits(self, key: Key) -> Numbers:
        """What the discriminator says of training, held-out and generated samples, and what the generator hears."""
        subject = self.subject
        with self.units["generator"].listening():
            fake = subject.fakes(JUDGED, key.at("fake"))
        found = {f"g_{name}": tensor for name, tensor in self.units["generator"].read().items()}
        groups: dict[str, Seen | None] = {
            "train": subject.reals(False, JUDGED, key.at("train")),
            "heldout": subject.reals(True, JUDGED, key.at("heldout")),
            "fake": fake,
        }
        logits: Numbers = {}
        slopes: Numbers = {}
        with self.units["discriminator"].listening():
            for name, seen in groups.items():
                if seen is not None:
                    logits[name], slopes[name] = self._judged(seen, slope=name != "heldout")
        found |= {f"d_{name}": tensor for name, tensor in self.units["discriminator"].read().items()}
        found |= _of_verdicts(logits)
        return found | self._of_slopes(logits, slopes)

    def _judged(self, seen: Seen, slope: bool) -> tuple[Tensor, Tensor]:
        """The logits [n] and, if wanted, their gradients by the samples, as lengths [n]."""
        if not slope:
            return self.subject.logits(seen), torch.zeros(())
        with torch.enable_grad():
            samples = seen.samples.detach().requires_grad_()
            logits = self.subject.logits(seen._replace(samples=samples))
            (gradient,) = torch.autograd.grad(logits.sum(), samples, allow_unused=True)
        length = torch.zeros_like(logits) if gradient is None else gradient.float().flatten(1).norm(dim=1)
        return logits.detach(), length.detach()

    def _of_slopes(self, logits: Numbers, slopes: Numbers) -> Numbers:
        """Slopes as logits over the data's radius, and the generator's pull: how its loss changes with a logit."""
        found: Numbers = {}
        for name in ("train", "fake"):
            if name in slopes:
                found[f"slope_{name}"] = slopes[name].square().mean().sqrt()
        with torch.enable_grad():
            fake = logits["fake"].detach().requires_grad_()
            real = logits.get("train", fake.detach())
            count = min(len(real), len(fake))
            loss = self.subject.generator_loss(real[:count], fake[:count])
            if loss is not None:
                (pull,) = torch.autograd.grad(loss.sum(), fake)
                found["pull"] = pull.abs().mean()
                found["loss_gradient"] = (pull.abs() * slopes["fake"]).square().mean().sqrt()
        return found

    def _of_samples(self, yardstick: Yardstick) -> Numbers:
        """How the generator's samples lie beside real ones; the same latents at each reading."""
        key = self.key.at("drawn")
        made = self.subject.fakes(DRAWN, key).samples
        fake = self.features(made)
        averaged = self.subject.averaged(DRAWN, key)
        if not all(bool(torch.isfinite(part).all()) for part in (fake, averaged) if part is not None):
            return {}  # a fall, which who plays the match will notice
        found = yardstick.statistics(fake, full=averaged is None)
        if "drawn" in self.kept and self.kept["drawn"].shape == fake.shape:
            found["motion"] = (fake - self.kept["drawn"]).norm(dim=1).mean() / yardstick.apart
        self.kept["drawn"] = fake
        if averaged is not None:
            seen = yardstick.statistics(self.features(averaged))
            found |= {"live_" + name: tensor for name, tensor in found.items() if name in seen}
            found |= seen
        own = self.numbers(made if averaged is None else averaged)
        return found | {name: torch.tensor(number) for name, number in own.items()}


def _of_verdicts(logits: Mapping[str, Tensor]) -> Numbers:
    """What logits [n] of the three kinds say together."""
    fake = logits["fake"]
    found: Numbers = {"logit_fake": fake.mean(), "fake_right": (fake < 0).float().mean()}
    every = torch.cat(list(logits.values()))
    found["logit_least"], found["logit_most"], found["logit_std"] = every.amin(), every.amax(), every.std()
    for name in ("train", "heldout"):
        if name in logits:
            found[f"logit_{name}"] = logits[name].mean()
            found[f"{name}_right"] = (logits[name] > 0).float().mean()
            found[f"apart_{name}"] = _ranked_above(logits[name], fake)
    if "train" in logits:
        found["sign_train"] = logits["train"].sign().mean()
    if "heldout" in logits and "train" in logits:
        train, heldout = logits["train"], logits["heldout"]
        apart = train.mean() - fake.mean()
        # What it says of the held-out side tells nothing while it does not tell fakes from reals at all
        found["overfit"] = (train.mean() - heldout.mean()) / torch.where(apart.abs() < 1e-6, torch.inf, apart)
        found["memory"] = _ranked_above(train, heldout)
    return found


def _ranked_above(first: Tensor, second: Tensor) -> Tensor:
    """The probability that a logit of the first is above one of the second, ties half."""
    difference = first[:, None] - second[None]
    return (difference > 0).float().mean() + (difference == 0).float().mean() / 2
