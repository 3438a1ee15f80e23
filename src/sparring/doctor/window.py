"""The losses of every step between two readings, kept where they are computed: no step waits for a number."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from sparring.gan.loop import Step


class Window:
    """Takes in each step's losses, and gives means, scatter and autocorrelation of the last `size` steps."""

    def __init__(self, size: int) -> None:
        self.size = size
        self._made: tuple[int, tuple[str | None, ...], list[list[Tensor]]] | None = None

    def take(self, kept: dict[str, Any], step: Step) -> None:
        """Notes a step's losses, of each player's last move. `kept` is saved with the run."""
        discriminator = step.discriminator[-1] if step.discriminator else {}
        generator = step.generator[-1] if step.generator else {}
        losses = [*discriminator.values(), *generator.values()]
        if not losses:
            return
        places = self._places(kept, (*discriminator, None, *generator), losses[0].device)
        torch._foreach_copy_(places[step.number % self.size], losses)

    def _places(self, kept: dict[str, Any], names: tuple[str | None, ...], device: torch.device) -> list[list[Tensor]]:
        """For each row of the window, where losses of these names go; made once, for it takes longer than to copy."""
        rows = kept.setdefault("losses", {})
        if self._made is None or self._made[:2] != (id(rows), names):
            middle = names.index(None)
            full = [f"{'d' if place < middle else 'g'}_{name}" for place, name in enumerate(names) if name is not None]
            for name in full:
                if name not in rows or rows[name].shape != (self.size,) or not rows[name].is_floating_point():
                    rows[name] = torch.full((self.size,), torch.nan, device=device)
            self._made = (id(rows), names, [list(row) for row in zip(*(rows[n].unbind() for n in full), strict=True)])
        return self._made[2]

    def read(self, kept: dict[str, Any]) -> dict[str, float]:
        """The numbers of the window, which is empty after."""
        names: dict[str, Tensor] = kept.get("losses", {})
        if not names:
            return {}
        table = torch.stack(list(names.values())).double().cpu()
        found: dict[str, float] = {}
        size: dict[str, float] = {}
        for name, row in zip(names, table, strict=True):
            values = row[torch.isfinite(row)]
            if not len(values):
                continue
            side, _, what = name.partition("_")
            size[name] = float(values.abs().mean())
            if what in ("loss", "logits_real", "logits_fake"):
                found[name] = float(values.mean())
            if what == "loss" and len(values) > 3:
                found[f"{name}_std"] = float(values.std())
                found[f"{name}_lag"] = autocorrelation(values)
        for side in ("d", "g"):
            terms = [
                n
                for n in size
                if n.startswith(f"{side}_") and n[2:] not in ("loss", "adversarial", "logits_real", "logits_fake")
            ]
            whole = size.get(f"{side}_adversarial", 0.0) + sum(size[name] for name in terms)
            found |= {f"{side}_share_{name[2:]}": size[name] / whole for name in terms if whole > 0}
        for row in names.values():
            row.fill_(torch.nan)
        return found


def autocorrelation(values: Tensor) -> float:
    """Of each value with the next, in [-1, 1]; 0 where they do not vary."""
    centred = values - values.mean()
    variance = float(centred.square().sum())
    return float((centred[1:] * centred[:-1]).sum()) / variance if variance > 0 else 0.0
