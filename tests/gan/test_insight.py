"""Directions and attributions against closed forms and independent computations."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm

from sparring.base.draws import Key
from sparring.gan.insight import FirstLayer, first_layer, ganspace, integrated_gradients, sefa
from sparring.gan.insight.layers import outputs_of
from sparring.nets import Dcgan, Dense, R3gan, Resnet, initialise
from sparring.nets.labels import LabelledGenerator

SIZE = 6


def latents(count: int = 4, size: int = SIZE, seed: int = 0) -> Tensor:
    return torch.randn(count, size, generator=torch.Generator().manual_seed(seed))


def first_of(net: nn.Module, some: Tensor | None = None) -> FirstLayer:
    net = initialise(net, Key(0)).eval().requires_grad_(False)
    found = first_layer(net, lambda z, rows: net(z), latents() if some is None else some)
    assert found is not None
    return found


def gram(weight: Tensor) -> Tensor:
    return weight.double().T @ weight.double()


class Reshaped(nn.Module):
    """As DCGAN's authors have it: a transposed convolution of a latent that is an image of one pixel."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.ConvTranspose2d(SIZE, 5, 4), nn.ReLU(), nn.ConvTranspose2d(5, 1, 3))

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.body(z[:, :, None, None])
        return made


class Equalised(nn.Module):
    """A layer of a user's own, scaled, with its activation inside."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(latents(9, SIZE, 3))

    def forward(self, z: Tensor) -> Tensor:
        return torch.nn.functional.leaky_relu(z @ self.weight.T * 0.5 + 1, 0.2)


class Normalised(nn.Module):
    """Latents on the sphere before the first layer; an embedding and a layer that takes no latent come before."""

    def __init__(self) -> None:
        super().__init__()
        self.constant, self.first, self.last = nn.Linear(2, 3), nn.Linear(SIZE, 7), nn.Linear(7, 3)

    def forward(self, z: Tensor) -> Tensor:
        other = self.constant(torch.ones(len(z), 2))
        made: Tensor = self.last(torch.relu(self.first(z / z.norm(dim=1, keepdim=True)))) + other
        return made


def test_the_first_layer_is_found_in_every_network() -> None:
    image = (1, 8, 8)
    dense = Dense(widths=(12,)).generator(SIZE, (2,))
    found = first_of(dense)
    assert (found.name, type(found.watched).__name__) == ("hidden.0", "LeakyReLU")
    assert torch.allclose(found.gram, gram(dense.hidden[0].weight))
    dcgan, resnet = Dcgan(widths=(8, 4)).generator(SIZE, image), Resnet(width=8).generator(SIZE, image)
    for net in (dcgan, resnet):
        found = first_of(net)
        assert found.name == "first"
        assert torch.allclose(found.gram, gram(net.first.weight), rtol=1e-4, atol=1e-6)
        assert type(found.watched).__name__ in ("ReLU", "LeakyReLU")
    r3gan = R3gan(width=16, group=16).generator(SIZE, image)
    found = first_of(r3gan)
    assert (found.name, found.watched) == ("layers.0.scale", r3gan.layers[0].scale)
    assert torch.allclose(found.gram, gram(r3gan.layers[0].scale.weight), rtol=1e-4)


def test_labels_beside_the_latent_are_left_out() -> None:
    inner = Dense(widths=(12,)).generator(SIZE + 5, (2,))
    net = initialise(LabelledGenerator(inner, 3, 5), Key(0)).eval().requires_grad_(False)
    labels = torch.tensor([0, 1, 2, 0])
    found = first_layer(net, lambda z, rows: net(z, labels[rows]), latents())
    assert found is not None
    assert found.name == "net.hidden.0"
    assert torch.allclose(found.gram, gram(inner.hidden[0].weight[:, :SIZE]), rtol=1e-4, atol=1e-6)


def test_spectral_norm_counts_in_the_weight() -> None:
    net = Dense(widths=(12,)).generator(SIZE, (2,))
    spectral_norm(net.hidden[0], n_power_iterations=50)
    found = first_of(net)
    assert torch.allclose(found.gram, gram(net.hidden[0].weight), rtol=1e-4, atol=1e-6)
    assert float(torch.linalg.eigvalsh(found.gram)[-1]) == pytest.approx(1.0, rel=1e-3)


def test_networks_of_a_users_own() -> None:
    reshaped = Reshaped()
    found = first_of(reshaped)
    assert found.name == "body.0"
    assert torch.allclose(found.gram, gram(reshaped.body[0].weight.flatten(1).T), rtol=1e-4, atol=1e-6)
    equalised = nn.Sequential(Equalised(), nn.Linear(9, 2))
    assert torch.allclose(first_of(equalised).gram, gram(equalised[0].weight), rtol=1e-4, atol=1e-6)
    normalised, some = Normalised(), latents(5)
    found = first_of(normalised, some)
    assert found.name == "first"
    jacobians = [torch.func.jacrev(lambda z: normalised.first(z / z.norm()))(z).double() for z in some]
    assert torch.allclose(found.gram, sum(j.T @ j for j in jacobians) / 5, rtol=1e-4, atol=1e-7)


class Modulated(nn.Module):
    """A layer that takes two inputs, before one that takes the latent."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(3, 5, 2))

    def forward(self, x: Tensor, style: Tensor) -> Tensor:
        return torch.einsum("ni,nj,kij->nk", x, style, self.weight)


class Styled(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.modulated, self.last = Modulated(), nn.Linear(SIZE, 2)

    def forward(self, z: Tensor) -> Tensor:
        made: Tensor = self.modulated(z[:, :5], z[:, 4:]).sum(1, keepdim=True) + self.last(z)
        return made


def test_layers_that_take_more_than_one_input_are_passed_over() -> None:
    net = Styled()
    found = first_of(net)
    assert found.name == "last"
    assert torch.allclose(found.gram, gram(net.last.weight))


def test_a_network_that_ignores_its_latent_has_no_first_layer() -> None:
    layer = nn.Linear(2, 3).requires_grad_(False)
    assert first_layer(layer, lambda z, rows: layer(torch.ones(len(z), 2)), latents()) is None


def test_looking_leaves_nothing_behind() -> None:
    net = Dense(widths=(12,)).generator(SIZE, (2,)).eval().requires_grad_(False)
    some = latents()
    first = first_layer(net, lambda z, rows: net(z), some)
    assert first is not None
    outputs = outputs_of(first.watched, lambda z, rows: net(z), some, at_once=3)
    assert torch.allclose(outputs, net.hidden(some))
    assert not some.requires_grad
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in net.modules())


def test_closed_form_directions_are_the_right_singular_vectors() -> None:
    net = Dense(widths=(12,)).generator(SIZE, (2,))
    directions = sefa(first_of(net), 4)
    _, sizes, vectors = np.linalg.svd(net.hidden[0].weight.detach().double().numpy())
    for number, (vector, share) in enumerate(directions):
        assert abs(float(vector.double() @ torch.from_numpy(vectors[number]))) == pytest.approx(1.0, abs=1e-5)
        assert share == pytest.approx(sizes[number] ** 2 / (sizes**2).sum(), rel=1e-4)
        assert float(vector[vector.abs().argmax()]) > 0
    assert len(sefa(first_of(net), 100)) == SIZE


def test_components_are_those_of_an_independent_analysis() -> None:
    from sklearn.decomposition import PCA
    from sklearn.linear_model import LinearRegression

    z = latents(300)
    activations = torch.relu(z @ latents(20, SIZE, 5).T)
    directions = ganspace(activations, z, 3)
    analysis = PCA(3).fit(activations.numpy())
    back = LinearRegression().fit(analysis.transform(activations.numpy()), z.numpy()).coef_
    for number, (vector, share) in enumerate(directions):
        assert share == pytest.approx(analysis.explained_variance_ratio_[number], rel=1e-3)
        cosine = float(vector @ torch.from_numpy(back[:, number]).float()) / np.linalg.norm(back[:, number])
        assert abs(cosine) == pytest.approx(1.0, abs=1e-3)


def test_components_of_a_linear_layer_are_the_closed_form() -> None:
    weight = torch.diag(torch.tensor([5.0, 3.0, 2.0, 1, 1, 1]))
    found = ganspace(latents(20_000) @ weight.T, latents(20_000), 3)
    for number, (vector, share) in enumerate(found):
        assert float(vector[number]) == pytest.approx(1.0, abs=0.01)
        assert share == pytest.approx(float(weight[number, number]) ** 2 / 41, rel=0.05)


def test_activations_that_never_change_have_no_components() -> None:
    assert ganspace(torch.ones(30, 4), latents(30), 3) == []
    assert len(ganspace(latents(30, 2) @ latents(2, 9), latents(30), 6)) == 2


def judge_net() -> nn.Module:
    layers = [nn.Conv2d(1, 6, 3, padding=1), nn.LeakyReLU(0.2), nn.Conv2d(6, 8, 3, 2), nn.SiLU(), nn.Flatten()]
    return initialise(nn.Sequential(*layers, nn.Linear(72, 1)), Key(1)).eval()


def test_parts_of_a_linear_logit_are_known() -> None:
    weight, samples, baseline = latents(1, 10)[0], latents(7, 10, 1), latents(1, 10, 2)[0]
    found = integrated_gradients(lambda x, rows: x @ weight + 3, samples, baseline, steps=3)
    assert torch.allclose(found.parts, weight * (samples - baseline), atol=1e-6)
    assert torch.allclose(found.logits, samples @ weight + 3)
    assert torch.allclose(found.baseline, (baseline @ weight + 3).expand(7))


def test_parts_add_up_to_the_logit_less_the_baselines() -> None:
    net, samples = judge_net(), 2 * torch.rand(9, 1, 8, 8, generator=torch.Generator().manual_seed(0)) - 1
    offsets = torch.arange(9.0)

    def judge(x: Tensor, rows: Tensor) -> Tensor:
        logits: Tensor = net(x)[:, 0] * (1 + 0.1 * offsets[rows])
        return logits

    found = integrated_gradients(judge, samples, torch.zeros(1, 8, 8), steps=64)
    change = found.logits - found.baseline
    assert torch.allclose(found.logits, judge(samples, torch.arange(9)), atol=1e-6)
    assert float(found.gap.abs().max()) < 2e-3 * float(change.abs().max())
    assert torch.allclose(found.parts.flatten(1).sum(1) + found.gap, change, atol=1e-6)
    rough = integrated_gradients(judge, samples, torch.zeros(1, 8, 8), steps=1)
    assert float(rough.gap.abs().max()) > 10 * float(found.gap.abs().max())
    parts = integrated_gradients(judge, samples, torch.zeros(1, 8, 8), steps=64, at_once=37)
    assert torch.allclose(parts.parts, found.parts, atol=1e-5)
    assert all(weight.grad is None for weight in net.parameters())


def test_what_a_logit_ignores_gets_no_part_and_what_it_treats_alike_gets_the_same() -> None:
    samples = latents(5, 4, 1)
    samples[:, 1] = samples[:, 0]
    found = integrated_gradients(lambda x, rows: (x[:, 0] + x[:, 1]).square() + x[:, 2].exp(), samples, torch.zeros(4))
    assert torch.equal(found.parts[:, 3], torch.zeros(5))
    assert torch.allclose(found.parts[:, 0], found.parts[:, 1])
    assert torch.allclose(found.parts[:, :2].sum(1), (2 * samples[:, 0]).square(), rtol=1e-3)
