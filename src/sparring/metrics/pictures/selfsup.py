"""`selfsup`: features of a small network trained once on the training samples, without labels.

Two tasks at a time. How an image was turned: by quarter turns (Gidaris et al. 2018, https://arxiv.org/abs/1803.07728),
or mirrored where it is not square. And which image it was: of two changed views of each image in a batch, to find each
other among all others (NT-Xent: Chen et al. 2020, https://arxiv.org/abs/2002.05709). Both views of an image are turned
alike, so that the second task does not unlearn the first.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from sparring.base.draws import Key, integers
from sparring.base.errors import RequestError
from sparring.metrics.pictures.small_net import SmallNet, TrainedExtractor, working_size
from sparring.metrics.pictures.training import BatchesOf, Plan, fit, new_net, spread
from sparring.nets import Shape

VERSION = "1"
"""Part of a kept network's name: raised when training changes, so that old ones are not taken for new ones."""
TEMPERATURE = 0.2
TURNS, PROJECTED = 4, 64


def train_selfsup(
    batches_of: BatchesOf, count: int, shape: Shape, seed: int = 0, device: torch.device | str = "cpu"
) -> TrainedExtractor:
    """Trains on `count` samples of a shape [channels, height, width]; fewer than two are a RequestError."""
    if count < 2:
        raise RequestError(f"extractor: selfsup needs at least 2 training samples, not {count}; use pixels")
    device, key = torch.device(device), Key("extractor", "selfsup", seed)
    net = new_net(shape, {"turn": TURNS, "project": PROJECTED}, "selfsup", key, device)
    square = net.size[0] == net.size[1]

    def loss(index: Tensor, draws: Key) -> Tensor:
        return _loss(net, batches_of(index).to(device), draws, square)

    plan = Plan(steps=min(500, max(200, count * 12 // 64)), batch=64, rate=2e-3)
    fit(net, loss, torch.arange(count), plan, key)
    details = {
        "trained_on": count,
        "task": f"{'quarter turns' if square else 'mirroring'} and instance discrimination",
        "steps": plan.steps,
        "extractor_seed": seed,
    }
    return TrainedExtractor("selfsup", net, details, device=device)


def _loss(net: SmallNet, x: Tensor, draws: Key, square: bool) -> Tensor:
    if tuple(x.shape[2:]) != net.size:
        x = F.interpolate(x, working_size(x.shape[1:]), mode="area")
    turns = integers(draws.at("turn"), torch.arange(len(x)), TURNS).to(x.device)
    x = turned(x, turns, square)
    views = torch.cat([changed(x, draws.at("view", number)) for number in range(2)])
    features = net(views)
    which_turn = F.cross_entropy(net.head("turn", features), turns.repeat(2))
    return which_turn + nt_xent(net.head("project", features))


def turned(x: Tensor, turns: Tensor, square: bool) -> Tensor:
    """Each image in one of four positions, int64 [batch] in [0, 4): by quarter turns where it is square, mirrored
    sideways (1), upside down (2) or both (3) else."""
    kinds = [x.rot90(quarter, (2, 3)) for quarter in (1, 2, 3)] if square else [x.flip(3), x.flip(2), x.flip((2, 3))]
    for place, kind in enumerate(kinds, start=1):
        x = torch.where((turns == place)[:, None, None, None], kind, x)
    return x


def changed(x: Tensor, key: Key) -> Tensor:
    """A view of each image: a crop of 60 to 100 % of each side brought back to size, brightness, contrast and colour
    changed. No noise is added and nothing blurred, so that features go on telling noise and blur."""
    n, channels = x.shape[:2]
    scale = spread(key.at("scale"), n, 0.6, 1.0, (2,))
    middle = spread(key.at("middle"), n, -1.0, 1.0, (2,)) * (1 - scale)
    affine = torch.cat((torch.diag_embed(scale), middle[:, :, None]), 2).to(x.device)
    x = F.grid_sample(
        x, F.affine_grid(affine, list(x.shape), align_corners=False), padding_mode="reflection", align_corners=False
    )
    contrast = spread(key.at("contrast"), n, 0.6, 1.4, (1, 1, 1)).to(x.device)
    brightness = spread(key.at("brightness"), n, -0.2, 0.2, (1, 1, 1)).to(x.device)
    color = spread(key.at("color"), n, -0.1, 0.1, (channels, 1, 1)).to(x.device)
    mean = x.mean((1, 2, 3), keepdim=True)
    return (x - mean) * contrast + mean + brightness + color


def nt_xent(projected: Tensor) -> Tensor:
    """The mean cross-entropy of finding each row's partner, half the rows further on, by cosine similarity among all
    other rows, [2 batch, width]."""
    rows = F.normalize(projected, dim=1)
    similarity = (rows @ rows.T / TEMPERATURE).fill_diagonal_(-torch.inf)
    partner = torch.arange(len(rows), device=rows.device).roll(len(rows) // 2)
    return F.cross_entropy(similarity, partner)
