"""The doctor in a training loop of your own."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.doctor.cases import follow
from sparring.doctor.checks import LOOKED_AT, of_samples
from sparring.doctor.diagnosis import Diagnosis
from sparring.doctor.findings import Finding
from sparring.doctor.heard import Given, Heard
from sparring.doctor.history import Facts, History, is_number
from sparring.doctor.judge import judge
from sparring.doctor.probes import Probes
from sparring.doctor.view import event_line, page
from sparring.doctor.window import Window
from sparring.gan.loop import Step
from sparring.gan.objectives import Hinge, LeastSquares, Minimax, NonSaturating, Objective, Relativistic, Wasserstein

OBJECTIVES = {
    one.recipe_name(): one for one in (Minimax, NonSaturating, LeastSquares, Wasserstein, Hinge, Relativistic)
}


class Doctor:
    """Watches two networks that a loop of your own trains, and says what is wrong, with evidence.

    ```
    doctor = Doctor(steps=20_000, objective="non_saturating", heldout=validation_images)
    doctor.watch(discriminator, generator)
    for real in loader:
        ...                                  # your step, as it is
        doctor.step(d_loss, g_loss)          # prints a line when a finding opens or closes
    print(doctor)
    ```

    Networks are watched by forward hooks, and run again, in eval mode and without gradients by weights, every `every`
    steps; nothing of the training changes. The generator is called as it was last called, and the discriminator gives
    logits, or a tuple that begins with them; its inputs that the generator did not make, and that ask for no gradient,
    are taken for real. Where others come too (augmented or noised samples, interpolates, fakes kept from before), give
    real ones as `real`. Where the networks cannot be run again so, it says that once and stops, and the loop goes on.
    """

    def __init__(
        self,
        *,
        real: Given = None,
        heldout: Given = None,
        steps: int | None = None,
        batch: int | None = None,
        objective: str | None = None,
        every: int = 50,
        seed: int = 0,
        say: Callable[[str], None] | None = print,
    ) -> None:
        """`real` and `heldout` are samples [n, ...] as the discriminator sees them, or tuples of samples and what else
        it is given with each (labels [n]); without held-out ones overfitting cannot be seen. `steps` is the length of
        the training, `objective` the loss's name in recipes (`non_saturating`, `wasserstein`, ...), where known. Raises
        RequestError for another objective."""
        if objective is not None and objective not in OBJECTIVES:
            raise RequestError(f"objective: '{objective}' is unknown; there are {', '.join(OBJECTIVES)}")
        if every < 3:
            raise RequestError(f"every: {every} steps are too few between readings; take 3 or more")
        self.objective: Objective | None = OBJECTIVES[objective]() if objective is not None else None
        self.every, self.say, self.steps = every, say, steps
        self.number = 0
        """Steps so far."""
        self._real, self._heldout = real, heldout
        self._key = Key(seed, "doctor")
        self._heard: Heard | None = None
        self._probes: Probes | None = None
        self._window, self._kept = Window(every), dict[str, Any]()
        self._cases: dict[str, Any] = {}
        self._remarks: list[str] = []
        self._stopped = False
        taken = self.objective
        self.history = History(
            Facts(
                steps=steps,
                batch=batch,
                zero_is_undecided=taken is None or taken.zero_is_undecided,
                differences_alone=taken is not None and taken.differences_alone,
                needs_bound=objective == "wasserstein",
                saturates=objective == "minimax",
                takes_sigmoid=taken is not None and taken.applies_sigmoid,
            )
        )

    def watch(self, discriminator: nn.Module, generator: nn.Module) -> Doctor:
        """Begins to listen to the networks. Call it once."""
        if self._heard is not None:
            raise RequestError("watch: this doctor watches two networks already; make another for others")
        self._heard = Heard(discriminator, generator, self._real, self._heldout, self.objective)
        return self

    def step(self, d_loss: Tensor | float | None = None, g_loss: Tensor | float | None = None) -> list[Finding]:
        """To be called after each step of the loop, with its losses where you like; gives what is found at this step,
        the surest first: nothing but at every `every`th."""
        if self._heard is None:
            raise RequestError("step: nothing is watched yet; call watch(discriminator, generator) first")
        self.number += 1
        self._window.take(self._kept, _as_step(self.number - 1, d_loss, g_loss))
        if self._stopped:
            return []
        try:
            return self._visit(self._heard, self.number % self.every)
        except (RuntimeError, TypeError, ValueError, IndexError, AssertionError) as error:
            # Whatever the user's networks may raise when they are run again: their training goes on
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            self._stopped = True
            self._remark(f"stopped at step {self.number:,}: the networks could not be run again as they were: {told}")
            return []

    def _visit(self, heard: Heard, place: int) -> list[Finding]:
        if place in (self.every - 2, self.every - 1) and self._ready(heard):
            assert self._probes is not None
            self._probes.glance()
        return self._read(heard) if place == 0 and self._ready(heard) else []

    def _ready(self, heard: Heard) -> bool:
        """Whether a measurement can be made; prepares it when it first can."""
        if self._probes is None and heard.ready:
            with self._apart(heard):
                self._probes = Probes(heard, self._key, {})
                seen = heard.reals(False, LOOKED_AT, self._key.at("data"))
                if seen is not None:
                    bounds = _bounds(heard.nets["generator"])
                    image = seen.samples.ndim == 4 and bounds is not None
                    self.history.add(of_samples(seen.samples, bounds or (-1.0, 1.0), image) | self._probes.best())
            for name in heard.unused:
                self._remark(f"{name} is not used: give it as a tuple with what the discriminator gets beside samples")
        return self._probes is not None

    @contextmanager
    def _apart(self, heard: Heard) -> Iterator[None]:
        """Runs the networks without being heard, and without a trace in PyTorch's random numbers."""
        devices = {part.device for net in heard.nets.values() for part in net.parameters()}
        heard.listening = False
        try:
            with torch.random.fork_rng([device for device in devices if device.type == "cuda"]):
                torch.manual_seed(self._key.at("noise", self.number).seed)
                yield
        finally:
            heard.listening = True

    def _remark(self, text: str) -> None:
        self._remarks.append(text)
        if self.say is not None:
            self.say(f"doctor: {text}")

    def _read(self, heard: Heard) -> list[Finding]:
        assert self._probes is not None
        with self._apart(heard):
            line = self._window.read(self._kept) | self._probes.read(self.number, samples=True)
        if not all(math.isfinite(line.get(name, 0.0)) for name in ("d_weight", "g_weight")):
            self.history.falls = (*self.history.falls, {"symptom": "diverged", "since_step": self.number})
        self.history.add({name: value for name, value in line.items() if is_number(value)} | {"step": self.number})
        found = judge(self.history)
        for event in follow(self._cases, found):
            if self.say is not None:
                self.say(event_line(self.number, event))
        return found

    def diagnosis(self) -> Diagnosis:
        """What is found at the end of what was read so far."""
        remarks = (*self._remarks, *(() if self.history.steps else ("nothing was read yet",)))
        whole = self.steps or self.number
        return Diagnosis(
            "this training", self.number, whole, self.number >= whole, tuple(judge(self.history)), self.history, remarks
        )

    def close(self) -> None:
        """Takes the hooks off the networks."""
        if self._heard is not None:
            self._heard.close()

    def __enter__(self) -> Doctor:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def __str__(self) -> str:
        return page(self.diagnosis())


def _as_step(number: int, d_loss: Tensor | float | None, g_loss: Tensor | float | None) -> Step:
    """Losses as the loop of Sparring records them."""

    def record(loss: Tensor | float | None) -> list[dict[str, Tensor]]:
        return [] if loss is None else [{"loss": torch.as_tensor(loss).detach().float().mean()}]

    return Step(number, None, record(d_loss), record(g_loss))


def _bounds(generator: nn.Module) -> tuple[float, float] | None:
    """The range of the generator's outputs, by its last layer; None where that does not tell."""
    last = [module for module in generator.modules() if not list(module.children())][-1:]
    kinds = {nn.Tanh: (-1.0, 1.0), nn.Hardtanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0), nn.Hardsigmoid: (0.0, 1.0)}
    return next((bounds for kind, bounds in kinds.items() if last and isinstance(last[0], kind)), None)
