"""What draws images that a generator makes towards others."""

from __future__ import annotations

from typing import ClassVar, Literal

import torch
import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.gan.game import Alike, Likeness, Turn
from sparring.gan.schedules import Schedule
from sparring.gan.terms.base import Term
from sparring.nets import Verdict


class _Distance(Term):
    """How far images are from what they are to be like, value by value."""

    sides: ClassVar[frozenset[str]] = frozenset({"generator"})
    distance: Literal["l1", "l2"] = "l1"
    """The mean of absolute differences, or of squared ones, which blurs more."""

    def __call__(self, turn: Turn) -> Tensor:
        assert self.likeness is not None
        found = [self._apart(pair) for pair in turn.duel.game.likenesses(turn, self.likeness)]
        return torch.stack(found).sum()

    def _apart(self, pair: Alike) -> Tensor:
        made, wanted = pair.made.float(), pair.wanted.float()
        apart = (made - wanted).abs() if self.distance == "l1" else (made - wanted).square()
        if pair.share is None:
            return apart.mean()
        share = pair.share.expand_as(apart)
        # Row by row, so that a small hole counts as a large one does
        weighed: Tensor = (apart * share).flatten(1).sum(1) / share.flatten(1).sum(1).clamp_min(1e-6)
        return weighed.mean()


class Reconstruction(_Distance):
    """The distance of what was made of an input from what belongs to it (Isola et al. 2017,
    https://arxiv.org/abs/1611.07004)."""

    likeness: ClassVar[Likeness | None] = "target"
    weight: Schedule = 10.0


class Cycle(_Distance):
    """The distance of images that went to the other side and back from what they were, summed over both ways (Zhu et
    al. 2017, https://arxiv.org/abs/1703.10593).

    The paper sums squared errors of two discriminators, and the objective `least_squares` is the mean over both of half
    of these: a quarter. So the paper's weight of 10 is 2.5 here, with other objectives, which are not halved, 5."""

    likeness: ClassVar[Likeness | None] = "cycle"
    weight: Schedule = 2.5


class Identity(_Distance):
    """The distance of what a generator makes of images that are of its own side already from these (Taigman et al.
    2016, https://arxiv.org/abs/1611.02200). CycleGAN's weight of 5 is 1.25 here, for the reasons given at `Cycle`."""

    likeness: ClassVar[Likeness | None] = "identity"
    weight: Schedule = 1.25


class Contrastive(Term):
    """How badly each patch of an output is told, among patches of the input, from all but the one at its own place, by
    features of the generator's own encoder (PatchNCE; Park et al. 2020, https://arxiv.org/abs/2007.15651). Over inputs
    and, as a bound on change, over samples. Beside the paper's squared error the weight is 1; the objective
    `least_squares` is half of that, and so is the weight."""

    sides: ClassVar[frozenset[str]] = frozenset({"generator"})
    likeness: ClassVar[Likeness | None] = "patches"
    weight: Schedule = 0.5
    temperature: float = Field(0.07, gt=0)
    """What similarities, from -1 to 1, are divided by."""

    def __call__(self, turn: Turn) -> Tensor:
        pairs = turn.duel.game.likenesses(turn, "patches")
        return torch.stack([self._confusion(pair) for pair in pairs]).mean()

    def _confusion(self, pair: Alike) -> Tensor:
        """Of features [batch, places, width]; only places of the same image are told apart."""
        logits = pair.made @ pair.wanted.transpose(1, 2) / self.temperature
        own = torch.arange(logits.shape[1], device=logits.device).expand(len(logits), -1)
        return F.cross_entropy(logits.flatten(0, 1), own.flatten())


class LayerMatching(Term):
    """The distance between the discriminator's hidden maps of a fake and of the real sample in its place, each layer's
    mean (Wang et al. 2018, https://arxiv.org/abs/1711.11585). Where samples are augmented, both are judged again,
    equally augmented and without masks."""

    sides: ClassVar[frozenset[str]] = frozenset({"generator"})
    likeness: ClassVar[Likeness | None] = "target"
    weight: Schedule = 10.0

    def __call__(self, turn: Turn) -> Tensor:
        fake, real = (verdict.maps for verdict in self._verdicts(turn))
        if real is None or fake is None:
            raise RequestError("generator.terms: layer_matching needs a discriminator that gives its maps: net=patch")
        apart = [(mine.float() - its.detach().float()).abs().mean() for mine, its in zip(fake, real, strict=True)]
        return torch.stack(apart).mean()

    @staticmethod
    def _verdicts(turn: Turn) -> tuple[Verdict, Verdict]:
        """On the fakes and on the reals."""
        if not turn.duel.augment:
            return turn.on_fake, turn.on_real
        fake = turn.judge(turn.fake, "fake", masks=False)
        with torch.no_grad():
            return fake, turn.judge(turn.real, "fake", masks=False)  # as its fake is augmented, not as `on_real`
