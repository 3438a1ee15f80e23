"""Whether what is made has the fine detail of real images."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.data.codec import ValueCodec
from sparring.doctor import Facts, History, judge, verdict
from sparring.kinds.translation.detail import FLAT, detail

CODEC = ValueCodec("image", (3, 32, 32), "uint8", 0, 255)


def streets(count: int, seed: int) -> Tensor:
    """Grey plans with lines of one pixel, and a patch of another colour, uint8 [count, 3, 32, 32]."""
    source = torch.Generator().manual_seed(seed)
    plans = torch.full((count, 3, 32, 32), 225.0)
    for plan in plans:
        for at in torch.randint(32, (5,), generator=source).tolist():
            plan[:, at] = 255.0
        for at in torch.randint(32, (5,), generator=source).tolist():
            plan[:, :, at] = 255.0
        plan[0, :8, :8] = 120.0
    return plans.to(torch.uint8)


def blurred(images: Tensor, side: int) -> Tensor:
    small = F.adaptive_avg_pool2d(images.float(), side)
    return F.interpolate(small, size=images.shape[2:], mode="bilinear").round().to(torch.uint8)


def test_blank_and_blurred_images_are_flat_and_other_real_ones_are_not() -> None:
    real = streets(12, 0)
    blank = real.float().mean((2, 3), keepdim=True).expand_as(real).to(torch.uint8)
    assert 0.8 < detail(streets(12, 1), real, CODEC)["detail"] < 1.25
    for flat in (blank, blurred(real, 4), blurred(real, 8)):
        assert FLAT.ill(detail(flat, real, CODEC)["detail"])
    assert detail(real, blank, CODEC) == {}, "what is flat itself is no measure"


def test_a_run_that_stays_flat_is_sick_and_one_that_has_only_begun_is_not() -> None:
    for steps, told in ((1000, "sick"), (20_000, "too-early")):
        seen = History(Facts(steps=steps, signs=(FLAT,)))
        for step in range(50, 1001, 50):
            seen.add({"step": step, "detail": 0.1})
        assert verdict(judge(seen), seen) == told
