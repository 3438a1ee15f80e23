"""Augmentations: differentiable twice, the same for reals and fakes, functions of key and row."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sparring import kinds
from sparring.base.draws import Key
from sparring.gan.augment import Ada, Augmentation, DiffAugment, InstanceNoise, shift, warp
from sparring.gan.schedules import Now

NOW = Now(0, 0, 100)
SETTINGS = {
    "diff_augment": DiffAugment(),
    "color": DiffAugment(translation=0, cutout=0),
    "ada": Ada(probability=0.9),
    "ada of pixels": Ada(probability=1.0, geometry=False, color=False),
    "instance_noise": InstanceNoise(sigma=0.3),
}


def test_every_augmentation_is_tried_here() -> None:
    assert {type(one).recipe_name() for one in SETTINGS.values()} == set(kinds.parts(Augmentation))


@pytest.fixture(params=SETTINGS)
def augmentation(request: pytest.FixtureRequest) -> Augmentation:
    return SETTINGS[request.param]


def images(count: int = 6, channels: int = 3, height: int = 8, width: int = 8) -> Tensor:
    return torch.rand(count, channels, height, width, generator=torch.Generator().manual_seed(1)) * 2 - 1


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 9, 7), (4, 6, 10), (2, 8, 8)])
def test_shape_is_kept_and_a_sample_depends_on_its_row_alone(
    augmentation: Augmentation, shape: tuple[int, ...]
) -> None:
    x, rows = images(6, *shape), torch.arange(6)
    whole = augmentation(x, NOW, Key(1), rows)
    assert whole.shape == x.shape
    torch.testing.assert_close(augmentation(x[2:4], NOW, Key(1), rows[2:4]), whole[2:4])
    assert not torch.equal(whole, x)
    assert not torch.equal(augmentation(x, NOW, Key(2), rows), whole)


def test_input_is_not_changed(augmentation: Augmentation) -> None:
    x = images()
    before = x.clone()
    augmentation(x, NOW, Key(1), torch.arange(6))
    assert torch.equal(x, before)


def test_gradients_of_first_and_second_order_match_finite_differences(augmentation: Augmentation) -> None:
    x = images(2, 3, 5, 5).double().requires_grad_()
    rows = torch.arange(2)

    def changed(x: Tensor) -> Tensor:
        return augmentation(x, NOW, Key(4), rows)

    assert torch.autograd.gradcheck(changed, (x,), atol=1e-5)
    # a penalty's way: the squared gradient of a nonlinear score of the augmented image, differentiated again
    weight = torch.linspace(-1, 1, x[0].numel(), dtype=torch.float64)

    def penalty(x: Tensor) -> Tensor:
        score = torch.tanh(changed(x).flatten(1) * weight).sum()
        (slope,) = torch.autograd.grad(score, x, create_graph=True)
        return slope.square().sum()

    assert torch.autograd.gradcheck(penalty, (x,), atol=1e-4)


def test_a_probability_of_zero_changes_nothing() -> None:
    x = images()
    assert Ada(probability=0.0)(x, NOW, Key(0), torch.arange(6)) is x
    assert InstanceNoise(sigma=0.0)(x, NOW, Key(0), torch.arange(6)) is x


def test_ada_changes_about_as_many_images_as_it_says() -> None:
    """Only the brightness and contrast of one-channel images: left alone with (1 - p)^2."""
    x, rows = images(4000, 1, 4, 4), torch.arange(4000)
    out = Ada(probability=0.3, blit=False, geometry=False)(x, NOW, Key(5), rows)
    same = (out == x).flatten(1).all(1).float().mean()
    assert float(same) == pytest.approx(0.49, abs=0.03)


def test_shift_moves_whole_pixels_and_fills_with_zero() -> None:
    x = images(2, 1, 4, 5)
    moved = shift(x, torch.tensor([1, -2]), torch.tensor([0, 3]))
    torch.testing.assert_close(moved[0, :, 1:], x[0, :, :-1])
    assert float(moved[0, :, 0].abs().max()) == 0
    torch.testing.assert_close(moved[1, :, :2, 3:], x[1, :, 2:, :2])
    assert float(moved[1, :, 2:].abs().max()) == 0


def test_translation_covers_its_range_evenly() -> None:
    x = torch.zeros(3000, 1, 16, 16)
    x[:, :, 8, 8] = 1
    moved = DiffAugment(color=False, cutout=0, translation=0.125)(x, NOW, Key(3), torch.arange(3000))
    places = moved.sum((0, 1)).nonzero()
    assert places.min(0).values.tolist() == [6, 6]
    assert places.max(0).values.tolist() == [10, 10]
    assert float(moved.sum((0, 1)).max()) < 2 * 3000 / 25


def test_cutout_takes_a_square_of_half_the_side() -> None:
    out = DiffAugment(color=False, translation=0, cutout=0.5)(torch.ones(500, 1, 8, 8), NOW, Key(3), torch.arange(500))
    areas = (out == 0).flatten(1).sum(1)
    assert int(areas.max()) == 16
    assert int(areas.min()) >= 4


def test_warp_is_pytorchs_sampling() -> None:
    x = images(3)
    affine = torch.randn(3, 2, 3) * 0.5
    grid = F.affine_grid(affine, list(x.shape), align_corners=False)
    wanted = F.grid_sample(x, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    assert torch.equal(warp(x, affine), wanted)


def test_rotation_keeps_shapes_in_images_that_are_not_square() -> None:
    """A quarter turn by the geometry of a wide image: a dot right of the middle goes above or below it, as far."""
    import math

    ada = Ada(probability=1.0, blit=False, color=False)
    x = torch.zeros(1, 1, 21, 41)
    x[0, 0, 10, 26] = 1  # 6 pixels right of the middle
    found = []
    for seed in range(300):
        out = ada(x, NOW, Key(seed), torch.arange(1))[0, 0]
        if float(out.sum()) > 0.5:
            weight = out / out.sum()
            down = float((weight.sum(1) * torch.arange(21)).sum())
            right = float((weight.sum(0) * torch.arange(41)).sum())
            found.append((down - 10, right - 20))
    reach = [math.hypot(*one) for one in found]
    assert 4 < sorted(reach)[len(reach) // 2] < 9  # scaling and shifts aside, the distance stays
    assert max(abs(down) for down, _ in found) > 4


def test_hue_turns_colours_about_grey() -> None:
    """A turn about the grey axis leaves grey alone, and each pixel's distance from grey too."""
    from sparring.gan.augment import _turn_of_colors

    turns = _turn_of_colors(torch.linspace(-3, 3, 7)[:, None]).double()
    identity = torch.eye(3).double().expand(7, 3, 3)
    torch.testing.assert_close(turns @ turns.transpose(1, 2), identity, atol=1e-6, rtol=0)
    torch.testing.assert_close(turns @ torch.ones(3).double(), torch.ones(7, 3).double(), atol=1e-6, rtol=0)
    assert float((turns[1] - identity[1]).abs().max()) > 0.5


GROUPED = [(3, 3, 1), (1, 3, 0), (2, 0, 2)]
"""Channels of two images side by side, and of a mask after them."""


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_one_image_of_all_channels_is_what_no_groups_are(augmentation: Augmentation, channels: int) -> None:
    x, rows = images(6, channels), torch.arange(6)
    assert torch.equal(augmentation(x, NOW, Key(1), rows, (channels,)), augmentation(x, NOW, Key(1), rows))


@pytest.mark.parametrize("setting", [DiffAugment(), Ada(probability=0.9)], ids=["diff_augment", "ada"])
@pytest.mark.parametrize("sizes", GROUPED)
def test_each_image_is_changed_as_it_were_alone(setting: Augmentation, sizes: tuple[int, int, int]) -> None:
    """By the same amounts; of a mask only the places change."""
    x, rows, (first, second, mask) = images(6, sum(sizes)), torch.arange(6), sizes
    groups = tuple(size for size in (first, second) if size)
    together = setting(x, NOW, Key(1), rows, groups)
    *wanted, places = torch.split(x, [*groups, mask], 1)
    alone = [setting(image, NOW, Key(1), rows) for image in wanted]
    if mask:
        alone.append(setting.model_copy(update={"color": False})(places, NOW, Key(1), rows))
    torch.testing.assert_close(together, torch.cat(alone, 1))


@pytest.mark.parametrize("setting", SETTINGS)
def test_no_gradient_passes_from_one_image_to_another(setting: str) -> None:
    x = images(6, 7).requires_grad_()
    seen = SETTINGS[setting](x, NOW, Key(1), torch.arange(6), (3, 3))
    (slope,) = torch.autograd.grad(seen[:, 3:6].square().sum(), x)
    assert bool(slope[:, 3:6].any())
    assert not bool(slope[:, :3].any())
    assert not bool(slope[:, 6:].any())


def test_noise_leaves_masks_and_differs_between_images() -> None:
    x = torch.zeros(4, 7, 8, 8)
    noise = InstanceNoise(sigma=0.3)(x, NOW, Key(1), torch.arange(4), (3, 3))
    assert not bool(noise[:, 6:].any())
    assert not torch.equal(noise[:, :3], noise[:, 3:6])
    assert float(noise[:, :6].std()) == pytest.approx(0.3, abs=0.03)
