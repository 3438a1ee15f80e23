"""`in_key`: how many melodies keep to one key."""

from __future__ import annotations

import torch
from torch import Tensor

from sparring.metrics import Metric, Reading, Views, needs
from sparring.metrics.intervals import wilson
from sparring.pages.glossary import Meaning, learn
from sparring_melodies.data import END, REST

MAJOR = (0, 2, 4, 5, 7, 9, 11)
KEYS = torch.tensor([[note >= REST or (note - key) % 12 in MAJOR for note in range(END + 1)] for key in range(12)])
"""Which notes belong to each major key, bool [keys, notes]; rests belong to all."""


def in_key(shares: Tensor) -> float:
    """The share of melodies, [n, length, notes], whose notes all belong to one major key."""
    return float(KEYS[:, shares.argmax(2)].all(2).any(0).float().mean())


def _read(views: Views) -> Reading:
    value, real = in_key(views.fake.samples), in_key(views.heldout.samples)
    return Reading(value, wilson(value, len(views.fake)), {"interval": "Wilson", "real_value": real})


IN_KEY = Metric("in_key", "higher", (0.0, 1.0), _read, (needs.kept_samples,), sets="unequal")
about = "Share of melodies whose notes all belong to one major key. More than of held-out ones is no merit."
learn(IN_KEY.name, Meaning(about, capped_by="real_value", against=("held-out data", "real_value")))
