"""What two trained networks know: directions in latent space, and where in a sample the discriminator looks."""

from __future__ import annotations

from sparring.gan.insight.attribution import Attribution, integrated_gradients
from sparring.gan.insight.directions import Direction, ganspace, sefa
from sparring.gan.insight.layers import FirstLayer, first_layer

__all__ = [
    "Attribution",
    "Direction",
    "FirstLayer",
    "first_layer",
    "ganspace",
    "integrated_gradients",
    "sefa",
]
