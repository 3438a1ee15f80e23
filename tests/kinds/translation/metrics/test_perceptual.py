from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.errors import RequestError
from sparring.kinds.scores import metric
from sparring.kinds.translation.metrics import perceptual
from sparring.kinds.translation.metrics.perceptual import LAYERS, Lpips, load_lpips
from tests.kinds.translation.metrics.made import blocks, noisy, pair_views

TRUTH = blocks(6, 1, side=64)
FAKE = noisy(TRUTH, 0.1)


def made_files(folder: Path) -> tuple[Path, Path]:
    """A random AlexNet as torchvision saves it, and heads as the package lpips does."""
    generator = torch.Generator().manual_seed(0)
    features: dict[str, Tensor] = {"classifier.1.bias": torch.zeros(3)}
    heads, inputs = {}, 3
    for number, (place, width, kernel, _, _) in enumerate(LAYERS):
        scale = (2 / (inputs * kernel**2)) ** 0.5
        features[f"features.{place}.weight"] = scale * torch.randn(width, inputs, kernel, kernel, generator=generator)
        features[f"features.{place}.bias"] = 0.1 * torch.randn(width, generator=generator)
        heads[f"lin{number}.model.1.weight"] = torch.rand(1, width, 1, 1, generator=generator)
        inputs = width
    paths = folder / "backbone.pth", folder / "heads.pth"
    for path, state in zip(paths, (features, heads), strict=True):
        torch.save(state, path)
    return paths


def made_net() -> Lpips:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Lpips()
    for head in net.heads:
        head.data.fill_(0.1)
    return net.eval().requires_grad_(False)


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    return made_files(tmp_path)


def by_formula(x: Tensor, y: Tensor, files: tuple[Path, Path]) -> Tensor:
    """Zhang et al.'s equation 1, layer by layer, with AlexNet as torchvision lays it out."""
    features, heads = (torch.load(path, weights_only=True) for path in files)
    mean = torch.tensor([0.485, 0.456, 0.406])[None, :, None, None]  # ImageNet's, of which LPIPS rounds its own
    spread = torch.tensor([0.229, 0.224, 0.225])[None, :, None, None]
    total = torch.zeros(len(x))
    maps = [(images - mean) / spread for images in (x, y)]
    strides = {0: (4, 2), 3: (1, 2), 6: (1, 1), 8: (1, 1), 10: (1, 1)}
    for number, (place, (stride, padding)) in enumerate(strides.items()):
        if place in (3, 6):
            maps = [F.max_pool2d(each, kernel_size=3, stride=2) for each in maps]
        weight, bias = features[f"features.{place}.weight"], features[f"features.{place}.bias"]
        maps = [F.conv2d(each, weight, bias, stride, padding).clamp(min=0) for each in maps]
        one, other = (each / (each.norm(dim=1, keepdim=True) + 1e-10) for each in maps)
        weights = heads[f"lin{number}.model.1.weight"].flatten()
        total += torch.einsum("nchw,c->nhw", (one - other) ** 2, weights).mean((1, 2))
    return total


def test_agrees_with_the_formula(files: tuple[Path, Path]) -> None:
    net = load_lpips(*files)
    assert torch.allclose(net(FAKE, TRUTH), by_formula(FAKE, TRUTH, files), rtol=1e-3)
    assert torch.equal(net(TRUTH, TRUTH), torch.zeros(6))
    x = FAKE.clone().requires_grad_()
    net(x, TRUTH).sum().backward()
    assert x.grad is not None
    assert x.grad.isfinite().all()


def test_the_metric_is_the_mean_with_weights_from_the_cache(
    files: tuple[Path, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path / "cache"))
    for path, name in zip(files, ("BACKBONE", "HEADS"), strict=True):
        place = tmp_path / "cache" / getattr(perceptual, name)
        place.parent.mkdir(exist_ok=True)
        place.write_bytes(path.read_bytes())
        monkeypatch.setattr(perceptual, f"{name}_SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    found = metric("lpips")(pair_views(FAKE, TRUTH))
    assert found.value == pytest.approx(float(load_lpips(*files)(FAKE, TRUTH).mean()), rel=1e-5)
    assert (found.protocol["net"], found.protocol["version"]) == ("alex", "0.1")
    grey = metric("lpips")(pair_views(FAKE[:, :1], TRUTH[:, :1]))
    expected = load_lpips(*files)(FAKE[:, :1].expand(-1, 3, -1, -1), TRUTH[:, :1].expand(-1, 3, -1, -1)).mean()
    assert grey.value == pytest.approx(float(expected), rel=1e-5)


def test_the_published_files_are_pinned() -> None:
    assert f"{perceptual.BACKBONE_SHA256}.pth" in perceptual.BACKBONE
    assert perceptual.BACKBONE_URL.endswith(perceptual.BACKBONE)
    assert len(perceptual.HEADS_SHA256) == 64
    assert perceptual.HEADS_SHA256.startswith(perceptual.HEADS.removesuffix(".pth").split("-")[-1])


def test_without_weights_it_says_where_to_put_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def offline(*_: Any, **__: Any) -> None:
        raise OSError("no network")

    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    monkeypatch.setattr("urllib.request.urlopen", offline)
    with pytest.raises(RequestError, match="alexnet-owt-7be5be79.pth: cannot fetch https.*put the file at") as refused:
        metric("lpips")(pair_views(FAKE, TRUTH))
    assert "\n" not in str(refused.value)
    backbone = tmp_path / perceptual.BACKBONE
    backbone.write_bytes(b"any")
    monkeypatch.setattr(perceptual, "BACKBONE_SHA256", hashlib.sha256(b"any").hexdigest())
    with pytest.raises(RequestError, match="put the file at .*pip download lpips==0.1.4"):
        metric("lpips")(pair_views(FAKE, TRUTH))


def test_other_weights_are_refused_by_their_hash(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SPARRING_CACHE", str(tmp_path))
    (tmp_path / perceptual.BACKBONE).write_bytes(b"something else")
    with pytest.raises(RequestError, match="should begin with 7be5be79"):
        load_lpips()


def test_files_that_hold_no_weights_are_refused(files: tuple[Path, Path], tmp_path: Path) -> None:
    spoilt = tmp_path / "spoilt.pth"
    for spoil in (
        lambda: torch.save({"a": torch.zeros(1)}, spoilt),
        lambda: spoilt.write_bytes(b"none"),
        spoilt.unlink,
    ):
        spoil()
        with pytest.raises(RequestError, match="lpips: .* not hold") as refused:
            load_lpips(spoilt, files[1])
        assert "\n" not in str(refused.value)


def test_what_alexnet_cannot_take_is_refused() -> None:
    two, small = torch.rand(3, 2, 40, 40), torch.rand(3, 3, 30, 64)
    lpips = metric("lpips")
    assert lpips.missing(pair_views(two, two)) == "needs images of 1 or 3 channels, and these have 2"
    assert lpips.missing(pair_views(small, small)) == (
        "needs images of at least 31 pixels a side, and these are 30 x 64"
    )
    least = torch.rand(2, 3, 31, 31)
    assert made_net()(least, 1 - least).isfinite().all()
