"""Recipes as text: choices, names, overrides, YAML and back."""

from __future__ import annotations

import ast
import inspect
import textwrap
from pathlib import Path
from typing import Any

import pytest

from sparring.base.errors import RequestError
from sparring.base.part import Part, parts_of, snake, walk
from sparring.base.words import read_yaml
from sparring.gan.objectives import BySides, Hinge, LeastSquares
from sparring.gan.schedules import Linear
from sparring.gan.surgery import Dropout
from sparring.gan.terms import R2
from sparring.kinds import zoo
from sparring.nets import Dense
from sparring.recipe import Recipe, override, to_yaml, validated
from tests.conftest import small_fields


def resolved(**changes: Any) -> Recipe:
    return validated(small_fields(**changes))


def overridden(*texts: str, **changes: Any) -> Recipe:
    return validated(override(small_fields(**changes), texts))


@pytest.mark.parametrize(
    ("name", "wanted"),
    [("LeastSquares", "least_squares"), ("R1", "r1"), ("R3gan", "r3gan"), ("AdamW", "adam_w"), ("L1", "l1"), ("Cifar10", "cifar10")],
)  # fmt: skip
def test_names_in_recipes_are_snake_case(name: str, wanted: str) -> None:
    assert snake(name) == wanted


def test_a_choice_is_a_name_or_a_name_with_fields() -> None:
    assert resolved(objective="hinge").objective == Hinge()
    assert resolved(objective={"least_squares": {"real_target": 0.9}}).objective == LeastSquares(real_target=0.9)
    assert resolved(objective={"hinge": None}).objective == Hinge()
    nested = resolved(objective={"by_sides": {"real": "hinge", "fake": {"minimax": {"real_target": 0.8}}}}).objective
    assert isinstance(nested, BySides)
    assert nested.real == Hinge()


def test_several_parts_by_name_in_the_order_written() -> None:
    options = small_fields()["discriminator"] | {
        "surgery": {"late": {"dropout": {"rate": 0.5}}, "spectral_norm": None, "dropout": {"rate": 0.1}}
    }
    recipe = resolved(discriminator=options)
    assert list(recipe.discriminator.surgery) == ["late", "spectral_norm", "dropout"]
    assert recipe.discriminator.surgery["late"] == Dropout(rate=0.5)


def test_numbers_are_read_as_people_write_them() -> None:
    read = read_yaml("{a: 2e-4, b: 1E5, c: -.5, d: 3, e: 1_000, f: 'x', g: on, h: true, i: 1.5e+3, j: null}", "t")
    assert read == {
        "a": 2e-4,
        "b": 1e5,
        "c": -0.5,
        "d": 3,
        "e": 1000,
        "f": "x",
        "g": "on",
        "h": True,
        "i": 1500.0,
        "j": None,
    }
    assert resolved(generator={"net": "dense", "optimiser": {"adam": {"lr": "2e-4"}}}).generator.optimiser.lr == 2e-4


def test_every_option_survives_the_way_to_yaml_and_back() -> None:
    recipe = overridden(
        "discriminator.surgery.dropout.rate={adaptive: {most: 0.4}}",
        "discriminator.surgery.late={dropout: {rate: [0.1, 0.2], where: hidden.1}}",
        "generator.optimiser.adam.lr={linear: {start: 1e-3, end: 1e-4}}",
        "augment.diff_augment.cutout=0.3",
        "game.from_noise.noise_images={steps: {values: {0: 1.0, 50: 0.0}}}",
        "data={images: {path: 'a b/ü: #x', size: [8, 12]}}",
        "ema=null",
    )
    text = to_yaml(recipe)
    again = validated(read_yaml(text, "text"))
    assert again == recipe
    assert to_yaml(again) == text


OVERRIDES: dict[str, tuple[str, Any]] = {
    "batch=32": ("batch", 32),
    "generator.optimiser.adam.lr=1e-3": ("generator.optimiser.lr", 1e-3),
    "generator.optimiser.lr=1e-3": ("generator.optimiser.lr", 1e-3),
    "generator.optimiser.sgd.momentum=0.9": ("generator.optimiser.momentum", 0.9),
    "generator.net.widths=[4, 5]": ("generator.net.widths", (4, 5)),
    "generator.net.resnet.width=7": ("generator.net.width", 7),
    "discriminator.surgery.dropout.rate=0.3": ("discriminator.surgery.dropout.rate", 0.3),
    "discriminator.surgery.dropout.unit=channel": ("discriminator.surgery.dropout.kind", "channel"),
    "discriminator.terms.r1.weight=2": ("discriminator.terms.r1.weight", 2.0),
    "augment.ada.probability=0.2": ("augment.ada.probability", 0.2),
    "game.from_noise.latent.uniform.size=9": ("game.latent.size", 9),
    "objective=wasserstein": ("objective", "wasserstein"),
    "ema.half_life=5": ("ema.half_life", 5.0),
    "score.metrics=[fid]": ("score.metrics", ("fid",)),
    "data=ring": ("data", "ring"),
    "data.digits.limit=100": ("data.limit", 100),
    "data.limit=100": ("data.limit", 100),
}


@pytest.mark.parametrize("text", OVERRIDES)
def test_overrides_reach_every_place_on_any_recipe(text: str) -> None:
    path, wanted = OVERRIDES[text]
    found: Any = overridden(text)
    for step in path.split("."):
        found = found[step] if isinstance(found, dict) else getattr(found, step)
    assert (found.recipe_name() if isinstance(found, Part) and isinstance(wanted, str) else found) == wanted


def test_later_overrides_win_and_a_named_part_can_be_taken_away() -> None:
    recipe = overridden(
        "discriminator.terms.r1.weight=2", "discriminator.terms.r1.every=4", "discriminator.terms.r2.weight=1",
        "discriminator.terms.r2=null",
    )  # fmt: skip
    assert list(recipe.discriminator.terms) == ["r1"]
    assert recipe.discriminator.terms["r1"].every == 4


def test_an_override_keeps_what_the_recipe_said_of_the_same_part() -> None:
    options = {"net": {"dense": {"widths": [7], "norm": "batch"}}}
    recipe = overridden("generator.net.dense.output=linear", generator=options)
    assert recipe.generator.net == Dense(widths=(7,), norm="batch", output="linear")


def test_an_override_of_one_place_leaves_another_that_shares_its_text() -> None:
    text = """
    data: digits
    objective: hinge
    game: from_noise
    generator: &side {net: {dense: {widths: [8]}}, terms: {}, surgery: {mine: {dropout: {rate: 0.1}}}}
    discriminator: *side
    """
    words = ["discriminator.terms.r1.weight=2", "discriminator.surgery.mine.rate=0.3", "discriminator.net.widths=[4]"]
    recipe = validated(override(read_yaml(text, "text"), words))
    assert recipe.generator.terms == {}
    assert recipe.generator.net == Dense(widths=(8,))
    rates = [side.surgery["mine"].rate for side in (recipe.generator, recipe.discriminator)]  # type: ignore[union-attr]
    assert rates == [0.1, 0.3]
    assert recipe.discriminator.net == Dense(widths=(4,))


def test_a_named_part_can_be_said_anew() -> None:
    recipe = overridden("discriminator.terms.mine={r1: {weight: 2}}", "discriminator.terms.mine={r2: {weight: 3}}")
    assert recipe.discriminator.terms == {"mine": R2(weight=3)}


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        ({"objective": "hing"}, "objective: unknown choice 'hing'; did you mean 'hinge'?"),
        ({"objective": ["hinge"]}, "objective: ['hinge'] is not one of "),
        ({"objective": {"hinge": {"margin": 2}}}, "objective.hinge: unknown key 'margin'"),
        ({"generator": {"net": {"dense": {"widths": []}}}}, "generator.net.dense.widths: "),
        ({"generator": {"net": "dense", "surgery": {"dropout": {"keep_prob": 0.5}}}}, "takes 'rate', the probability to drop"),
        ({"generator": {"net": "dense", "moves": {"linear": {"start": 1}}}}, "generator.moves.linear.end: missing; it has no default"),
        ({"generator": {"net": "dense", "moves": "often"}}, "generator.moves: unknown choice 'often'"),
        ({"generator": {"net": "dense", "terms": {"mine": {"r1": None}}}}, "generator.terms.mine: belongs to the discriminator"),
        ({"score": {"extractor": "vgg"}}, "score.extractor: "),
        ({"seed": -1}, "seed: "),
        ({"generator": None}, "generator.net: missing"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(fields: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError) as caught:
        resolved(**fields)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


def test_walking_finds_every_part_by_its_key() -> None:
    recipe = overridden("generator.optimiser.lr={linear: {start: 1, end: 0}}")
    found = dict(walk(recipe))
    assert found["generator.optimiser.lr"] == Linear(start=1, end=0)
    assert found["data"] is recipe.data
    assert "generator.net.activation" in found


def undocumented(part: type[Part]) -> list[str]:
    """Options without a sentence below them."""
    told: set[str] = set()
    for base in part.__mro__:
        if issubclass(base, Part):
            (node,) = ast.parse(textwrap.dedent(inspect.getsource(base))).body
            assert isinstance(node, ast.ClassDef)
            for field, below in zip(node.body, node.body[1:], strict=False):
                match field, below:
                    case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str())):
                        told.add(name)
    return [f"{part.__name__}.{name}" for name in part.model_fields if name not in told]


def test_parts_are_documented() -> None:
    """Every part has a sentence of its own, and every option of a recipe and its players too."""
    seen: set[type[Part]] = set()

    def collect(part: type[Part]) -> None:
        if part in seen:
            return
        seen.add(part)
        for field in part.model_fields.values():
            for annotation in (field.annotation, *getattr(field.annotation, "__args__", ())):
                for inner in parts_of(annotation).values():
                    collect(inner)

    collect(Recipe)
    assert len(seen) > 40
    assert not [part.__name__ for part in seen if not (part.__doc__ or "").strip() or part.__doc__ == Part.__doc__]
    missing = [name for part in seen for name in undocumented(part)]
    assert not [name for name in missing if name.split(".")[0] in ("Recipe", "PlayerOptions", "Scoring", "Images")]


def test_recipe_files_are_found_by_path(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(
        "data: digits\nobjective: hinge\ngenerator: {net: dense}\ndiscriminator: {net: dense}\n"
    )
    recipe = validated(zoo.read_recipe(str(tmp_path / "mine.yaml")))
    assert (recipe.name, recipe.objective) == ("mine", Hinge())
