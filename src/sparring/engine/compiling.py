"""Networks compiled by PyTorch's compiler, as one of the ways a run may be computed."""

from __future__ import annotations

import os
import shutil
import warnings
from typing import Any

import torch
from torch import Tensor, nn

BACKEND = "inductor"


def can_compile(device: str) -> bool:
    """Whether there is what compiling asks for: a C++ compiler for a CPU, Triton for a GPU."""
    if device == "cuda":
        from torch.utils._triton import has_triton

        return bool(has_triton())
    return device == "cpu" and shutil.which(os.environ.get("CXX", "g++")) is not None


class Compiled(nn.Module):
    """Calls a network compiled while it trains, and as it is where a compiled one cannot be called: compiled passes
    have no gradient of a gradient, which terms take by samples that they ask for one of. What only measures (eval mode)
    is too rare to compile for."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net
        # PyTorch's compiler looks at the gradients of its inputs, and warns of itself
        warnings.filterwarnings("ignore", message="The .grad attribute of a Tensor that is not a leaf", module="torch")
        self._compiled = torch.compile(net, dynamic=False, backend=BACKEND)

    def forward(self, *inputs: Any, **options: Any) -> Any:
        tensors = [x for x in inputs if isinstance(x, Tensor)]
        inner = torch.is_grad_enabled() and any(x.requires_grad and x.is_leaf for x in tensors)
        plain = inner or bool(options) or not self.net.training  # options ask for something else than a pass
        return (self.net if plain else self._compiled)(*inputs, **options)
