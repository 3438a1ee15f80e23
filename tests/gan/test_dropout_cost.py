"""The bench of what dropout costs: it measures what it says."""

from __future__ import annotations

import json
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

import pytest
import torch

from sparring.gan.surgery import random_layers
from sparring.kinds.images.sources import Digits

PATH = Path(__file__).parents[2] / "bench" / "dropout_cost.py"


def _bench() -> ModuleType:
    spec = spec_from_file_location("bench_dropout_cost", PATH)
    assert spec is not None
    assert spec.loader is not None
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


bench = _bench()


@pytest.mark.parametrize("network", bench.NETWORKS)
def test_each_case_is_what_it_is_called(network: str) -> None:
    data = Digits().load()
    for case in bench.cases(network):
        match = bench.match_of(network, case, data, "digits", "cpu", steps=10)
        layers = {side: random_layers(net) for side, net in match.nets().items()}
        own = [
            type(one).__name__
            for one in match.discriminator.modules()
            if isinstance(one, torch.nn.modules.dropout._DropoutNd)
        ]
        if case.name.startswith("none"):
            assert not any(layers.values())
        elif case.name.startswith("torch"):
            places = len(
                random_layers(bench.match_of(network, bench.cases(network)[1], data, "digits", "cpu").discriminator)
            )
            assert own == [case.name.removeprefix("torch: ").removesuffix("(0.5)")] * places
            assert not any(layers.values())
        else:
            assert {layer.kind for layer in layers["discriminator"]} == {case.name.partition(",")[0]}
            assert (len(layers["discriminator"]) == 1) == ("alone" in case.name)
            assert bool(layers["generator"]) == ("both" in case.name)


def test_gradients_at_a_rate_of_zero_are_those_without_dropout() -> None:
    data = Digits().load()
    plain, zero, half = (
        bench.match_of("dense", bench.Case("", rate), data, "digits", "cpu", steps=10)
        for rate in (None, {"rate": 0.0}, {"rate": 0.5})
    )
    for side in ("discriminator", "generator"):
        for match in (plain, zero, half):
            match.players["discriminator"].prepare(match.now(0))
        first, second, third = (bench.gradient(match, side, batch=0, masks=1) for match in (plain, zero, half))
        assert torch.equal(first, second)
        assert not torch.equal(first, third)
        assert torch.equal(third, bench.gradient(half, side, batch=0, masks=1))
        assert not torch.equal(third, bench.gradient(half, side, batch=0, masks=2))


def test_comparison_with_a_known_gradient() -> None:
    plain = torch.tensor([3.0, 4.0])
    noise = torch.tensor([[4.0, -3.0], [-4.0, 3.0]])  # at right angles, as long as the gradient itself
    found = bench.compared(plain + noise, plain)
    assert found["norm"] == pytest.approx(2**0.5)
    assert found["spread"] == pytest.approx(2**0.5)  # of two draws: the sum of squares over one
    assert found["cosine"] == pytest.approx(0.5**0.5)
    assert found["cosine_of_mean"] == pytest.approx(1.0)


def test_the_command_prints_tables(capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--networks", "dense", "--seconds", "0.2", "--rounds", "2", "--steps", "5", "--masks", "3"]
    bench.main([*words, "--only", "time,gradients"])
    out = capsys.readouterr().out
    assert "| dense | none |" in out
    assert "| dense | generator | value, rate 0.5 |" in out
    bench.main([*words, "--only", "gradients", "--json"])
    rows = json.loads(capsys.readouterr().out)["gradients"]
    assert all(row["spread"] > 0 for row in rows)
    with pytest.raises(SystemExit):
        bench.main(["--only", "nothing"])
