from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from sparring.kinds.translation.metrics import mae, psnr, ssim, ssim_map
from sparring.metrics.pictures.ms_ssim import ms_ssim

SETTINGS = {"gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False, "data_range": 1.0}


def pair(side: tuple[int, int] = (24, 31), channels: int = 3, noise: float = 0.1) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(3)
    truth = torch.rand(3, channels, *side, generator=generator, dtype=torch.float64)
    return (truth + noise * torch.randn(truth.shape, generator=generator, dtype=torch.float64)).clamp(0, 1), truth


def as_array(image: Tensor) -> np.ndarray:
    return image.permute(1, 2, 0).numpy()


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("side", [(11, 11), (24, 31), (64, 64)])
@pytest.mark.parametrize("noise", [0.02, 0.3])
def test_agrees_with_scikit_image(side: tuple[int, int], channels: int, noise: float) -> None:
    fake, truth = pair(side, channels, noise)
    values, ratios, every = ssim(fake, truth), psnr(fake, truth), ssim_map(fake, truth)
    for number in range(len(fake)):
        one, other = as_array(truth[number]), as_array(fake[number])
        mean, full = structural_similarity(one, other, channel_axis=2, full=True, **SETTINGS)
        assert float(values[number]) == pytest.approx(mean, abs=1e-5)
        assert np.allclose(as_array(every[number]), full, atol=1e-5)
        expected = peak_signal_noise_ratio(one, other, data_range=1.0)
        assert float(ratios[number]) == pytest.approx(expected, abs=1e-5)


def test_single_precision_is_close() -> None:
    fake, truth = pair()
    assert torch.allclose(ssim(fake.float(), truth.float()).double(), ssim(fake, truth), atol=1e-4)


def test_in_the_hole_nothing_else_counts() -> None:
    fake, truth = pair(noise=0.2)
    holes = torch.zeros(3, 1, 24, 31, dtype=torch.bool)
    holes[:, :, 5:12, 20:31] = True
    inside = (slice(None), slice(None), slice(5, 12), slice(20, 31))
    assert torch.allclose(mae(fake, truth, holes), (fake - truth)[inside].abs().mean((1, 2, 3)))
    error = (fake - truth)[inside].square().mean((1, 2, 3))
    assert torch.allclose(psnr(fake, truth, holes), -10 * error.log10())
    assert torch.allclose(ssim(fake, truth, holes.float()), ssim_map(fake, truth)[inside].mean((1, 2, 3)))
    far = fake.clone()
    far[:, :, :, :8] = 0.5
    for compare in (mae, psnr, ssim):
        assert torch.allclose(compare(far, truth, holes), compare(fake, truth, holes))
        assert compare(fake, truth, torch.zeros_like(holes)).isnan().all()
    whole = torch.ones_like(holes)
    for compare in (mae, psnr):
        assert torch.allclose(compare(fake, truth, whole), compare(fake, truth))


def test_equal_images_get_the_best() -> None:
    _, truth = pair()
    assert torch.allclose(ssim(truth, truth), torch.ones(3, dtype=torch.float64))
    assert torch.equal(psnr(truth, truth), torch.full((3,), 100.0, dtype=torch.float64))
    assert float(psnr(torch.zeros(1, 1, 2, 2), torch.ones(1, 1, 2, 2))) == 0
    assert torch.equal(mae(truth, truth), torch.zeros(3, dtype=torch.float64))


def test_smaller_images_than_the_window_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 11 pixels a side, not \\[10, 40\\]"):
        ssim(torch.rand(1, 1, 10, 40), torch.rand(1, 1, 10, 40))


@pytest.mark.parametrize("compare", [ssim, ms_ssim, psnr, mae])
def test_have_right_gradients(compare: object) -> None:
    assert callable(compare)
    fake, truth = pair((12, 12), 1)
    assert torch.autograd.gradcheck(lambda x: compare(x, truth[:1]), fake[:1].clone().requires_grad_(), atol=1e-4)


@pytest.mark.parametrize("compare", [ssim, ms_ssim])
def test_gradients_are_finite_everywhere(compare: object) -> None:
    assert callable(compare)
    _, truth = pair((24, 24))
    for start in (truth, 1 - truth, torch.zeros_like(truth), torch.ones_like(truth)):
        x = start.clone().requires_grad_()
        compare(x, truth).sum().backward()
        assert x.grad is not None
        assert x.grad.isfinite().all()


def test_following_the_gradient_of_ssim_leads_to_the_truth() -> None:
    _, truth = pair((16, 16), 1)
    x = torch.full_like(truth, 0.5).requires_grad_()
    optimiser = torch.optim.Adam([x], lr=0.05)
    for _ in range(200):
        optimiser.zero_grad()
        (-ssim(x, truth).sum()).backward()
        optimiser.step()
    assert float(ssim(x.detach(), truth).min()) > 0.95
