"""Adversarial losses: each a pair, one side for the discriminator and one for the generator.

All take logits of any shape [batch, ...] and give unreduced losses of that shape; the player takes the mean.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Annotated, ClassVar

import torch.nn.functional as F
from pydantic import Field
from torch import Tensor

from sparring.base.part import OneOf, Part


class _Pair(Part):
    """The two sides of a game."""

    generator_sees_real: ClassVar[bool] = False
    """Whether the generator's side reads the logits of real samples."""
    zero_is_undecided: ClassVar[bool] = True
    """Whether a logit of 0 means "as likely real as fake"."""
    differences_alone: ClassVar[bool] = False
    """Whether nothing but differences of logits means anything, so that overfitting shows in how they rank."""
    applies_sigmoid: ClassVar[bool] = False
    """Whether the loss takes the sigmoid of logits, or of their differences, itself."""

    @abstractmethod
    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        """The discriminator's loss from its logits of real and fake samples."""

    @abstractmethod
    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        """The generator's loss; `real` is None unless `generator_sees_real`."""


class _Separable(_Pair):
    """A pair whose discriminator's loss is a sum of a loss on reals and a loss on fakes."""

    @abstractmethod
    def on_real(self, logits: Tensor) -> Tensor:
        """The discriminator's loss on reals."""

    @abstractmethod
    def on_fake(self, logits: Tensor) -> Tensor:
        """The discriminator's loss on fakes."""

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return self.on_real(real) + self.on_fake(fake)


class _CrossEntropy(_Separable):
    applies_sigmoid: ClassVar[bool] = True
    real_target: float = Field(1.0, gt=0.5, le=1.0)
    """The probability that the discriminator is taught for reals; 0.9 is one-sided label smoothing (Salimans et al.
    2016, https://arxiv.org/abs/1606.03498)."""

    def on_real(self, logits: Tensor) -> Tensor:
        # -t log s(x) - (1 - t) log(1 - s(x)) = softplus(-x) + (1 - t) x
        return F.softplus(-logits) + (1 - self.real_target) * logits

    def on_fake(self, logits: Tensor) -> Tensor:
        return F.softplus(logits)


class Minimax(_CrossEntropy):
    """The game as first written, whose generator minimises log(1 - D) (Goodfellow et al. 2014,
    https://arxiv.org/abs/1406.2661); its gradient vanishes where the discriminator is sure."""

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -F.softplus(fake)


class NonSaturating(_CrossEntropy):
    """Cross-entropy whose generator maximises log D (Goodfellow et al. 2014, https://arxiv.org/abs/1406.2661)."""

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return F.softplus(-fake)


class LeastSquares(_Separable):
    """Half squared errors to 1 for real and 0 for fake (Mao et al. 2016, https://arxiv.org/abs/1611.04076). Where a
    paper has whole ones (CycleGAN, CUT), what it weights other summands with is halved beside these."""

    zero_is_undecided: ClassVar[bool] = False
    real_target: float = Field(1.0, gt=0.5, le=1.0)
    """What the discriminator is taught for reals; 0.9 is one-sided label smoothing."""

    def on_real(self, logits: Tensor) -> Tensor:
        return (logits - self.real_target).square() / 2

    def on_fake(self, logits: Tensor) -> Tensor:
        return logits.square() / 2

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return (fake - 1).square() / 2


class Wasserstein(_Separable):
    """Difference of means; needs a critic of bounded slope: a gradient penalty, spectral norm or clipped weights
    (Arjovsky et al. 2017, https://arxiv.org/abs/1701.07875)."""

    zero_is_undecided: ClassVar[bool] = False
    differences_alone: ClassVar[bool] = True

    def on_real(self, logits: Tensor) -> Tensor:
        return -logits

    def on_fake(self, logits: Tensor) -> Tensor:
        return logits

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake


class Hinge(_Separable):
    """Margins of 1 for the discriminator, difference of means for the generator (Lim and Ye 2017,
    https://arxiv.org/abs/1705.02894)."""

    def on_real(self, logits: Tensor) -> Tensor:
        return F.relu(1 - logits)

    def on_fake(self, logits: Tensor) -> Tensor:
        return F.relu(1 + logits)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return -fake


class Relativistic(_Pair):
    """Each real is judged against one fake (paired form: Jolicoeur-Martineau 2018, https://arxiv.org/abs/1807.00734;
    with R1 and R2 the R3GAN objective, Huang et al. 2025, https://arxiv.org/abs/2501.05441)."""

    generator_sees_real: ClassVar[bool] = True
    zero_is_undecided: ClassVar[bool] = False
    differences_alone: ClassVar[bool] = True
    applies_sigmoid: ClassVar[bool] = True

    def discriminator(self, real: Tensor, fake: Tensor) -> Tensor:
        return F.softplus(fake - real)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        if real is None:
            raise ValueError("the relativistic generator needs the logits of reals")
        return F.softplus(real - fake)


Side = Annotated[Minimax | NonSaturating | LeastSquares | Wasserstein | Hinge, OneOf()]


class BySides(_Separable):
    """An objective put together from three: what the discriminator learns on reals, on fakes, and the generator's."""

    real: Side = LeastSquares()
    """Whose loss on reals."""
    fake: Side = NonSaturating()
    """Whose loss on fakes."""
    of_generator: Side = NonSaturating()
    """Whose generator side."""

    @property
    def zero_is_undecided(self) -> bool:  # type: ignore[override]
        """Whether a logit of zero means that it may be either: where it does on both sides."""
        return self.real.zero_is_undecided and self.fake.zero_is_undecided

    @property
    def differences_alone(self) -> bool:  # type: ignore[override]
        """Whether only differences of logits mean something: where both sides have it so."""
        return self.real.differences_alone and self.fake.differences_alone

    @property
    def applies_sigmoid(self) -> bool:  # type: ignore[override]
        """Whether one of the three takes the sigmoid itself."""
        return any(side.applies_sigmoid for side in (self.real, self.fake, self.of_generator))

    def on_real(self, logits: Tensor) -> Tensor:
        return self.real.on_real(logits)

    def on_fake(self, logits: Tensor) -> Tensor:
        return self.fake.on_fake(logits)

    def generator(self, real: Tensor | None, fake: Tensor) -> Tensor:
        return self.of_generator.generator(real, fake)


Objective = Annotated[Minimax | NonSaturating | LeastSquares | Wasserstein | Hinge | Relativistic | BySides, OneOf()]
