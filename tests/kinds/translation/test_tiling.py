"""Tiles: exact where a network sees only so far, without seams elsewhere."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch
from torch import Tensor, nn

from sparring.kinds.translation.tiling import LEAST_BYTES, pad_to, pixel_bytes, tile_for, tiled


def picture(height: int, width: int, channels: int = 3) -> Tensor:
    return torch.rand(1, channels, height, width, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def plain() -> nn.Module:
    """Three zero-padded convolutions, with biases: reach 1 + 2 + 1."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1),
        nn.Tanh(),
        nn.Conv2d(8, 8, 5, padding=2),
        nn.Tanh(),
        nn.Conv2d(8, 2, 3, padding=1),
    )


@pytest.fixture
def halving() -> nn.Module:
    """Down by 4 and up again: step 4, reach 1 + 2 * (1 + 1) + 4 * 1 and what upsampling adds, below 16."""
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3, 2, 1), nn.Tanh(), nn.Conv2d(4, 4, 3, 2, 1), nn.Tanh(),
        nn.ConvTranspose2d(4, 4, 4, 2, 1), nn.Tanh(), nn.ConvTranspose2d(4, 3, 4, 2, 1),
    )  # fmt: skip


@pytest.mark.parametrize("size", [(40, 40), (37, 61), (64, 15), (16, 100)])
@pytest.mark.parametrize("tile", [9, 16, 33])
def test_exact_tiles_are_the_whole(plain: nn.Module, size: tuple[int, int], tile: int) -> None:
    image = picture(*size)
    whole = plain(image).detach()
    assert torch.allclose(tiled(plain, image, tile, reach=4), whole, atol=1e-5)


@pytest.mark.parametrize("size", [(64, 64), (48, 100)])
def test_exact_tiles_of_a_halving_network_are_the_whole(halving: nn.Module, size: tuple[int, int]) -> None:
    image = picture(*size)
    assert torch.allclose(tiled(halving, image, 48, step=4, reach=15), halving(image).detach(), atol=1e-5)


def test_too_short_a_reach_shows(plain: nn.Module) -> None:
    image = picture(40, 40)
    assert not torch.allclose(tiled(plain, image, 16, reach=1), plain(image).detach(), atol=1e-3)


def test_odd_sizes_are_padded_to_the_step_and_cropped(halving: nn.Module) -> None:
    image = picture(45, 71)
    whole = halving(pad_to(image, 4))[..., :45, :71].detach()
    assert torch.allclose(tiled(halving, image, 1000, step=4), whole, atol=1e-6)
    assert torch.allclose(tiled(halving, image, 48, step=4, reach=15), whole, atol=1e-5)
    assert tiled(halving, image, 24, 8, 4).shape == (1, 3, 45, 71)


@pytest.mark.parametrize("size", [(1, 1), (2, 7), (3, 100)])
def test_images_smaller_than_a_step(halving: nn.Module, size: tuple[int, int]) -> None:
    image = picture(*size)
    assert tiled(halving, image, 16, 4, 4).shape == (1, 3, *size)
    padded = pad_to(image, 4)
    assert torch.equal(padded[..., : size[0], : size[1]], image)
    assert padded.shape[2] % 4 == padded.shape[3] % 4 == 0


def test_a_tile_larger_than_the_image_is_the_whole_in_one_call(plain: nn.Module) -> None:
    image, seen = picture(30, 20), []

    def act(part: Tensor) -> Tensor:
        seen.append(part.shape)
        return plain(part)

    assert torch.equal(tiled(act, image, 64, 16), plain(image).detach())
    assert seen == [image.shape]


@pytest.mark.parametrize(
    ("size", "tile", "overlap", "step"), [(100, 32, 8, 1), (101, 32, 31, 1), (96, 40, 12, 8), (64, 33, 0, 1)]
)
def test_blended_tiles_of_the_identity_are_the_image(size: int, tile: int, overlap: int, step: int) -> None:
    image = picture(size, size + 13)
    assert torch.allclose(tiled(lambda part: part, image, tile, overlap, step), image, atol=1e-6)


def test_no_tile_is_larger_than_asked_and_all_are_aligned() -> None:
    image = torch.arange(200.0).expand(1, 1, 104, 200)
    seen = []

    def act(part: Tensor) -> Tensor:
        seen.append((part.shape[2], part.shape[3], int(part[0, 0, 0, 0])))
        return part

    tiled(act, image, 50, 12, 8)
    assert {shape[:2] for shape in seen} == {(48, 48)}
    assert all(left % 8 == 0 for *_, left in seen)
    lefts = sorted({left for *_, left in seen})
    assert all(after - before <= 48 - 12 for before, after in pairwise(lefts))


def test_a_constant_stays_constant() -> None:
    image = torch.full((1, 1, 90, 70), 0.37)
    assert torch.allclose(tiled(lambda part: part * 2, image, 32, 8), torch.full((1, 1, 90, 70), 0.74), atol=1e-6)


def test_tiles_that_differ_leave_no_seam() -> None:
    """Each tile is shifted by its own mean, as an instance norm does; the result's slopes stay small."""
    ramp = torch.linspace(0, 1, 144).expand(1, 1, 144, 144).contiguous()

    def act(part: Tensor) -> Tensor:
        return part - part.mean()

    def steepest(result: Tensor) -> float:
        return float((result[..., 1:] - result[..., :-1]).abs().max())

    blended, cut = tiled(act, ramp, 48, 16), tiled(act, ramp, 48, 0)
    assert steepest(cut) > 0.2
    assert steepest(blended) < 0.05


def test_wrong_numbers_are_refused() -> None:
    for tile, overlap, step in ((0, 0, 1), (8, 8, 1), (8, -1, 1), (8, 0, 0)):
        with pytest.raises(ValueError, match="must be"):
            tiled(lambda part: part, picture(20, 20), tile, overlap, step)


def test_tiles_fit_the_limit() -> None:
    assert tile_for(4000 * 100**2, 4000) == 100
    assert tile_for(4000 * 100**2, 4000, step=16) == 96
    assert tile_for(10, 4000, step=16) == 16
    assert tile_for(10, 4000, step=4, reach=9) == 48


def test_memory_is_measured() -> None:
    def hungry(image: Tensor) -> Tensor:
        return image.repeat(1, 2500, 1, 1).cos().mean(1, keepdim=True)

    found = pixel_bytes(hungry, 1, "cpu")
    assert 10_000 < found < 50_000  # 2,500 values of four bytes, twice
    assert pixel_bytes(lambda image: image, 1, "cpu") == LEAST_BYTES
