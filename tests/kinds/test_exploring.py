"""What a whole run shows of itself: robustness and exploring, for each kind of latent, label and sample."""

from __future__ import annotations

import json
import math
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml
from torch import nn

import sparring
from sparring.base.draws import Key
from sparring.base.errors import RequestError
from sparring.gan.insight import Direction
from sparring.gan.insight.exploring import along
from sparring.kinds import showing
from sparring.metrics import GROUPS
from sparring.metrics.features import Pixels
from sparring.pages.drawing import heat
from sparring.runs.run import Run
from sparring.runs.scoring import networks_of
from tests.conftest import small_fields, write_images
from tests.pages.samples import assert_well_formed_and_offline, read

ROBUST = list(GROUPS["robustness"])
CASES: dict[str, dict[str, Any]] = {
    "plain": {},
    "labels": {"game": {"from_noise": {"latent": {"normal": {"size": 8}}, "labels": "projection", "label_width": 4}}},
    "concat": {"game": {"from_noise": {"latent": {"uniform": {"size": 8}}, "labels": "concat", "label_width": 4}}},
    "truncated": {"game": {"from_noise": {"latent": {"truncated": {"size": 8, "at": 1.0}}}}},
    "noise": {
        "generator": {
            "net": {"dense": {"widths": [16, 16]}},
            "surgery": {"dropout": {"rate": 0.3, "when": "always"}},
        },
        "discriminator": {"net": {"dense": {"widths": [16]}}, "surgery": {"spectral_norm": {}}},
    },
    "convolutions": {
        "generator": {"net": {"r3gan": {"width": 8, "group": 8, "blocks": 1}}},
        "discriminator": {"net": {"resnet": {"width": 8}}},
    },
    "points": {
        "data": {"ring": {"count": 400}},
        "game": {"from_noise": {"latent": {"normal": {"size": 2}}}},
        "generator": {"net": {"dense": {"widths": [16], "output": "linear"}}},
    },
}


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A run of each case, trained when it is first asked for."""
    kept: dict[str, Run] = {}

    def of(case: str) -> Run:
        if case not in kept:
            folder = tmp_path_factory.mktemp(case)
            path = folder / "small.yaml"
            path.write_text(
                yaml.safe_dump(small_fields(**CASES[case]) | {"score": {"metrics": [], "extractor": "pixels"}})
            )
            kept[case] = sparring.train(str(path), out=folder / "run", quiet=True)
        return kept[case]

    return of


@pytest.mark.parametrize("case", CASES)
def test_robustness_is_measured_for_every_kind_of_game(trained: Any, case: str) -> None:
    run = trained(case)
    heldout = len(run.recipe.data.load().heldout)
    before = {name: value.clone() for name, value in run.generator.state_dict().items()}
    found = sparring.evaluate(run, metrics="robustness", device="cpu")["scores"]
    assert list(found) == ROBUST
    for name, one in found.items():
        low, high = one["interval"]
        assert low <= one["value"] <= high
        assert one["better"] == "lower"
        assert one["n"] == (min(100, heldout) if name.startswith("attack") else 100)
        if name != "path_length":
            assert one["protocol"]["worst"] >= 0
            assert one["protocol"]["epsilon"] > 0
    assert found["attack_pgd"]["protocol"]["worst"] >= found["attack_fgsm"]["protocol"]["worst"]
    assert found["latent_change"]["value"] >= 1
    assert all(torch.equal(value, before[name]) for name, value in run.generator.state_dict().items())
    if case in ("labels", "noise"):
        torch.manual_seed(1)
        assert sparring.evaluate(Run(run.path), metrics=ROBUST, device="cpu")["scores"] == found


def test_epsilons_are_parts_of_what_is_typical(trained: Any) -> None:
    for case, norm in (("plain", 8**0.5), ("concat", (8 / 3) ** 0.5)):
        found = sparring.evaluate(trained(case), metrics=["latent_change", "attack_fgsm"], device="cpu")["scores"]
        assert found["latent_change"]["protocol"]["epsilon"] == pytest.approx(0.1 * norm, rel=0.1)
        assert found["latent_change"]["protocol"]["epsilon_of_norm"] == 0.1
        assert found["attack_fgsm"]["protocol"]["epsilon"] == pytest.approx(2 * 8 / 255)


@pytest.mark.parametrize("case", ["plain", "concat", "noise"])
def test_networks_are_those_that_sample_and_judge(trained: Any, case: str) -> None:
    """The functions that metrics see give what the run itself gives, whatever rows come together."""
    run = trained(case)
    data = run.recipe.data.load()
    pair, key = run.trained(), Key("here")
    seen = networks_of(pair, Pixels(64), data.stored(data.heldout), data.labels[data.heldout], key, 20)
    rows = torch.arange(20)
    made = seen.generate(seen.latents, rows)
    assert torch.allclose(seen.generate(seen.latents[5:9], rows[5:9]), made[5:9], atol=1e-6)
    labels = pair.labels(key, 20)
    if case == "plain":
        assert torch.equal(run.codec.decode(made), run.make(seen.latents))
    if case == "concat":
        assert torch.equal(run.codec.decode(made), run.make(seen.latents, labels))
        told = run.discriminator(seen.reals, data.labels[data.heldout][:20]).logits
        assert torch.allclose(seen.judge_reals(seen.reals, rows), told)
        other = run.discriminator(seen.reals, (data.labels[data.heldout][:20] + 1) % 10).logits
        assert not torch.allclose(told, other)
    assert float((seen.unit(made) - run.codec.to_unit(run.codec.decode(made))).abs().max()) <= 0.5 / 255 + 1e-6


@pytest.mark.parametrize("case", CASES)
def test_every_kind_of_run_is_explored(trained: Any, case: str) -> None:
    run = trained(case)
    found = sparring.explore(run, directions=2, device="cpu")
    assert found["page"] == str(run.path / "explore.html")
    tree = read((run.path / "explore.html").read_text())
    assert_well_formed_and_offline(tree)
    assert len(found["sefa"]) == len(found["ganspace"]) == 2
    assert found["layer"] in ("hidden.0", "net.hidden.0", "layers.0.scale")
    size = run.recipe.game.latent.size
    for one in (*found["sefa"], *found["ganspace"]):
        assert len(one["direction"]) == size
        assert 0 < one["share"] <= 1
        assert sum(value**2 for value in one["direction"]) == pytest.approx(1, abs=1e-4)
    if case == "points":
        assert found["attributions"] == {}
        assert len(tree.one("section", id="plane").all("img")) == 5
        return
    for one in found["attributions"].values():
        apart = max(abs(a - b) for a, b in zip(one["logits"], one["baseline"], strict=True))
        assert max(map(abs, one["gap"])) < 0.02 * apart, "parts add up"
    assert len(found["neighbours"]) == 8
    train = set(run.recipe.data.load().train.tolist())
    for near in found["neighbours"]:
        assert set(near["training"]) <= train
        assert near["distances"] == sorted(near["distances"])
    json.dumps(found, allow_nan=False)


def test_exploring_is_the_same_each_time_and_writes_where_it_is_told(trained: Any, tmp_path: Path) -> None:
    run = trained("labels")
    before = {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()}
    first = sparring.explore(run, tmp_path / "new" / "page.html", device="cpu")
    torch.manual_seed(5)
    second = sparring.explore(Run(run.path), tmp_path / "again.html", device="cpu")
    assert (tmp_path / "new" / "page.html").read_text() == (tmp_path / "again.html").read_text()
    assert first | {"page": ""} == second | {"page": ""}
    assert {path: path.read_bytes() for path in run.path.rglob("*") if path.is_file()} == before
    assert (len(first["sefa"]), len(first["neighbours"])) == (6, 8)


def test_the_report_has_a_section_of_it(trained: Any) -> None:
    for case, count in (("plain", 8), ("points", 5)):
        tree = read((trained(case).path / "report.html").read_text())
        assert len(tree.one("section", id="learned").all("img")) == count


def test_what_is_wrong_is_said_in_one_line(trained: Any, tmp_path: Path) -> None:
    run = trained("plain")
    for options, told in (
        ({"to": tmp_path / "page.txt"}, "to: .*page.txt does not end in .html"),
        ({"directions": 9}, "directions: 9; this run's latents have 8 values, so take 1 to 8"),
        ({"directions": 0}, "directions: 0; .* take 1 to 8"),
        ({"to": "/proc/none/page.html"}, "to: /proc/none/page.html cannot be written"),
        ({"device": "gpu"}, "device: 'gpu'"),
    ):
        with pytest.raises(RequestError, match=told):
            sparring.explore(run, **options)  # type: ignore[arg-type]
    with pytest.raises(RequestError, match="no such run"):
        sparring.explore(tmp_path / "none")


def test_without_its_data_a_run_shows_what_it_can(tmp_path: Path) -> None:
    write_images(tmp_path / "photos", 60, (8, 8), "L")
    fields = small_fields(data={"images": {"path": str(tmp_path / "photos")}}) | {"score": {"metrics": []}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(fields))
    run = sparring.train(str(tmp_path / "small.yaml"), out=tmp_path / "run", quiet=True)
    shutil.rmtree(tmp_path / "photos")
    found = sparring.explore(run, device="cpu")
    assert (found["attributions"], found["neighbours"]) == ({}, [])
    assert found["notes"] == ["Without the run’s data there is no baseline for attribution."]
    ids = [section.attributes["id"] for section in read((run.path / "explore.html").read_text()).all("section")]
    assert ids == ["closed-form", "components", "between", "notes"]


class Opaque(nn.Module):
    """A generator that gives no gradients."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(8, 64)

    def forward(self, latents: torch.Tensor) -> torch.Tensor:
        made = self.layer(latents)
        if not self.training:
            made = torch.from_numpy(made.detach().numpy())
        return made.tanh().reshape(-1, 1, 8, 8)


def test_other_data_must_have_the_labels_that_the_discriminator_knows(trained: Any, tmp_path: Path) -> None:
    for name in ("cats", "dogs"):
        write_images(tmp_path / "photos" / name, 60, (8, 8), "L", seed=len(name) + ord(name[0]))
    with pytest.raises(RequestError, match="robustness of networks with labels needs the run's labels"):
        sparring.evaluate(trained("labels"), data=tmp_path / "photos", metrics="fid,robustness", device="cpu")
    found = sparring.evaluate(trained("plain"), data=tmp_path / "photos", metrics="attack_pgd", device="cpu")
    assert found["scores"]["attack_pgd"]["protocol"]["data"] != "digits"


def test_a_network_that_cannot_be_looked_into_ends_neither_training_nor_scores(tmp_path: Path) -> None:
    fields = small_fields() | {"score": {"metrics": ["fid", "robustness"], "extractor": "pixels"}}
    (tmp_path / "small.yaml").write_text(yaml.safe_dump(fields))

    class Stubborn(Opaque):
        def forward(self, latents: torch.Tensor) -> torch.Tensor:
            if latents.requires_grad and not self.training:
                raise RuntimeError("no gradients here")
            return super().forward(latents)

    words, bare = str(tmp_path / "small.yaml"), "score.metrics=[]"
    stubborn = sparring.train(words, bare, out=tmp_path / "other", quiet=True, generator=Stubborn())
    told = read((stubborn.path / "report.html").read_text()).one("section", id="learned").text
    assert "These networks cannot be looked into: no gradients here" in told
    with pytest.raises(RequestError, match="its networks cannot be looked into: no gradients here"):
        sparring.explore(stubborn, device="cpu")
    run = sparring.train(words, out=tmp_path / "run", quiet=True, generator=Opaque())
    assert run.finished
    assert set(run.scores) == {"fid", *ROBUST}
    assert run.scores["path_length"]["note"] == "the samples do not depend on the latent"
    assert sparring.explore(run, device="cpu")["layer"] == "layer"


def test_moving_along_a_direction_sets_its_component_and_nothing_else(trained: Any) -> None:
    pair = trained("plain").trained()
    vector = torch.nn.functional.normalize(torch.arange(1.0, 9.0), dim=0)
    latents = pair.latents(Key(0), 5)
    moved = along(pair, Direction(vector, 1.0), latents, [-1.0, 0.0, 2.0]).reshape(5, 3, 8)
    spread = float(latents.square().mean().sqrt())
    assert torch.allclose(moved @ vector, spread * torch.tensor([-1.0, 0, 2]).expand(5, 3), atol=1e-5)
    rest = latents - (latents @ vector)[:, None] * vector
    assert torch.allclose(moved - (moved @ vector)[..., None] * vector, rest[:, None].expand(5, 3, 8), atol=1e-5)
    uniform = trained("concat").trained()
    corner = along(uniform, Direction(vector, 1.0), uniform.latents(Key(0), 5), [-9.0, 9.0])
    assert float(corner.abs().max()) == 1.0


def test_heat_is_blue_for_and_orange_against() -> None:
    parts = torch.tensor([[[[2.0, 0.0], [-2.0, 1.0]]]])
    colours = heat(parts)[0]
    blue, nothing, orange, half = (colours[:, y, x].tolist() for y, x in ((0, 0), (0, 1), (1, 0), (1, 1)))
    assert nothing == [255, 255, 255]
    assert blue[2] > blue[0]
    assert orange[0] > orange[2]
    assert blue[0] < half[0] < 255
    assert heat(torch.zeros(1, 1, 2, 2)).unique().tolist() == [255]


def test_large_networks_look_for_neighbours_among_fewer_and_say_so(
    trained: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = trained("plain")
    data = run.recipe.data.load()
    quick, slow = Pixels(math.prod(data.shape)), Pixels(math.prod(data.shape))
    slow.slow = True  # type: ignore[attr-defined]
    monkeypatch.setattr(showing, "FEWER_TRAINING", 40)
    whole, part = (showing.neighbours(run.kind, run.trained(), data, one) for one in (quick, slow))
    assert "among" not in whole.by
    assert part.by.endswith(", among 40 of them")
    assert len(part.numbers.unique()) <= 40
    assert bool((part.distances >= whole.distances).all())
    assert float(part.distances.sum()) > float(whole.distances.sum())
