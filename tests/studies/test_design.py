"""Designs: arms, their names, budgets, ready-made studies, and what cannot be studied."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sparring.base.errors import RequestError
from sparring.engine import Engine, choose_plan
from sparring.kinds import zoo
from sparring.recipe import override
from sparring.recipe.build import build, fitted
from sparring.studies.baseline import own_first
from sparring.studies.design import Arm, Design, StudyFile, cells, differs, made, names, parse_vary, product, read
from tests.conftest import small_fields

RATE = "discriminator.surgery.dropout.rate"
R1 = "discriminator.terms.r1.weight"


def small_design(*vary: str, **changes: Any) -> Design:
    return made("small", small_fields(), product(parse_vary(vary or (f"{RATE}=0,0.5",))), **changes)


def test_arms_are_all_combinations_named_by_their_last_words_that_say_something() -> None:
    arms = product(parse_vary([f"{RATE}=0,0.25", f"{R1}=0.3,null"]))
    assert [arm.name for arm in arms] == [
        "rate=0, r1=0.3", "rate=0, r1=none", "rate=0.25, r1=0.3", "rate=0.25, r1=none"
    ]  # fmt: skip
    assert arms[2].overrides == (f"{RATE}=0.25", f"{R1}=0.3")
    assert arms[3].overrides[1] == f"{R1}=null"
    assert arms[0].slug == "rate=0,r1=0.3"


def test_words_that_two_keys_share_are_told_apart() -> None:
    arms = product(parse_vary([f"{RATE}=0,0.25", "generator.surgery.dropout.rate=0"]))
    assert arms[1].name == "discriminator.surgery.dropout.rate=0.25, generator.surgery.dropout.rate=0"


def test_values_are_yaml_choices_with_their_fields_included() -> None:
    arms = product(parse_vary([f"{RATE}=0.5,{{adaptive: {{}}}},{{linear: {{start: 0, end: 0.5}}}}", "objective=hinge"]))
    assert [arm.name for arm in arms] == [
        "rate=0.5, objective=hinge",
        "rate=adaptive, objective=hinge",
        "rate=linear(start=0 end=0.5), objective=hinge",
    ]
    design = made("small", small_fields(), arms)
    assert design.recipe(arms[1], 0).discriminator.surgery["dropout"].rate.recipe_name() == "adaptive"  # type: ignore[union-attr]
    assert design.recipe(arms[2], 0).discriminator.surgery["dropout"].rate.end == 0.5  # type: ignore[union-attr]


def test_named_arms_combine_with_values() -> None:
    arms = product({R1: (0, 0.3)}, {"plain": [], "dropped": [f"{RATE}=0.5"]})
    assert [arm.name for arm in arms] == ["plain, r1=0", "plain, r1=0.3", "dropped, r1=0", "dropped, r1=0.3"]
    assert arms[3].overrides == (f"{RATE}=0.5", f"{R1}=0.3")


def test_all_arms_see_the_same_images_whatever_their_batch() -> None:
    design = small_design("batch=16,32").measured(960)
    steps = [design.recipe(arm, 0).steps for arm in design.arms]
    assert steps == [60, 30]
    marks = [design.marks(design.recipe(arm, 0)) for arm in design.arms]
    assert [[16 * mark for mark in marks[0]], [32 * mark for mark in marks[1]]] == [[160, 320, 480, 640, 800, 960]] * 2


def test_arms_of_equal_time_see_what_their_speed_allows() -> None:
    design = small_design("batch=16,32", budget="2m-cpu", equal="time")
    assert "lengths" in design.to_json()
    timed = design.timed([960, 330])
    assert [timed.images_of(arm) for arm in timed.arms] == [960, 320]
    assert [timed.recipe(arm, 0).steps for arm in timed.arms] == [60, 10]
    turned = timed.in_order([arm.name for arm in reversed(timed.arms)])
    assert [(arm.overrides, turned.images_of(arm)) for arm in turned.arms] == [
        (("batch=32",), 320),
        (("batch=16",), 960),
    ]
    with pytest.raises(RequestError, match="take 64img or more"):
        design.timed([960, 40])
    assert differs(small_design("batch=16,32", budget="2m-cpu").to_json(), design.to_json()) is not None
    for budget in (None, "300kimg"):
        with pytest.raises(RequestError, match="equal: time, and the length is .*; say a time, as --for 15m-cpu"):
            small_design("batch=16,32", budget=budget, equal="time")


def test_seeds_change_nothing_else() -> None:
    design = small_design().measured(960)
    one, other = (design.recipe(design.arms[1], seed) for seed in (0, 7))
    assert one.model_copy(update={"seed": 7}) == other


@pytest.mark.parametrize("name", names())
def test_every_arm_of_every_ready_made_study_can_be_played(name: str) -> None:
    file = read(name)
    assert file.about
    data: dict[str, Any] = {}
    for cell in cells(file):
        fields = override(zoo.read_recipe(file.recipe), [*file.base, *cell.overrides])
        design = made(name, fields, product(file.vary, file.arms), seeds=file.seeds, budget=file.budget)
        assert design.screened
        for arm in design.arms:
            recipe = design.recipe(arm, 0)
            key = repr(recipe.data)
            data[key] = data.get(key) or recipe.data.load()
            match = build(fitted(recipe, data[key], {}), data[key], Engine(choose_plan("cpu", "fp32", images=True)))
            next(match.play())


def test_what_tells_designs_apart_is_named() -> None:
    there = small_design(budget="1kimg").to_json()
    assert differs(there, there) is None
    assert differs(there, there | {"seeds": 12}) is None  # more seeds go on
    assert differs(there, there | {"seeds": 2}) == "with seeds=8, not 2"
    assert differs(there, there | {"for": "2kimg"}) == 'with for="1kimg", not "2kimg"'
    other = small_design(f"{RATE}=0,0.25", budget="1kimg").to_json()
    assert differs(there, other) in ("with the arm 'rate=0.5'", "without the arm 'rate=0.25'")


@pytest.mark.parametrize(
    ("vary", "changes", "told"),
    [
        ([f"{RATE}=0,1"], {}, f"vary: {RATE}=1: discriminator.surgery.dropout.rate: rate 1 is not in [0, 1)"),
        (["discriminator.surgery.dropout.ratte=0,0.5"], {}, "unknown key 'ratte'; did you mean 'rate'?"),
        (["discriminator.surgry.dropout.rate=0,0.5"], {}, "unknown key 'surgry'; did you mean 'surgery'?"),
        ([f"{RATE}=0.5"], {}, "vary: one arm leaves nothing to compare; give two or more values"),
        ([f"{RATE}=0,0.5,0"], {}, "vary: 'rate=0' and 'rate=0' are the same arm"),
        ([f"{RATE}=0,0.5"], {"seeds": 1}, "seeds: 1 shows no spread to judge differences by; take at least 2"),
        ([f"{RATE}=0,0.5"], {"seeds": 2000}, "seeds: 2000 is more than 1000"),
        ([f"{RATE}=0,0.5"], {"budget": "soon"}, "for: 'soon' is no budget"),
        ([f"{RATE}=0,0.5"], {"screen": True, "points": 2}, "points: 2; screening stops arms at a third"),
        (["seed=0,1"], {}, "vary: seed=0: seed is the study's own; say --seeds"),
        (["steps=10,20"], {}, "vary: steps=10: steps is the study's own; say --for"),
        (["data.digits.held_out=0.1,0.2"], {}, "vary: held_out=0.2 changes what arms are scored on"),
        (["data=digits,ring"], {}, "vary: data=ring changes what arms are scored on"),
        (["rate"], {}, "vary: 'rate' is not key=a,b,c"),
        ([f"{RATE}="], {}, "is not key=a,b,c"),
        ([f"{RATE}=0,0.5", f"{RATE}=0.1"], {}, f"vary: {RATE} is given twice"),
        ([f"{RATE}=[0,0.5"], {}, f"vary {RATE}:"),
    ],
)
def test_what_cannot_be_studied_is_said_in_one_line(vary: list[str], changes: dict[str, Any], told: str) -> None:
    with pytest.raises(RequestError) as error:
        small_design(*vary, **changes)
    assert told in str(error.value)
    assert "\n" not in str(error.value)


def test_a_budget_too_small_to_score_twice_is_refused() -> None:
    with pytest.raises(RequestError, match="for: 20 images are 1 step of 16, .* take 32img or more"):
        small_design().measured(20)
    assert small_design().measured(48).points == 3  # as often as there are steps


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("digits", "study: digits is a recipe; say what to vary"),
        ("dropuot", "study: 'dropuot' is none; did you mean 'dropout'?"),
        ("gone.yaml", "study: no such file: gone.yaml"),
    ],
)
def test_studies_that_are_not_there(name: str, told: str) -> None:
    with pytest.raises(RequestError) as error:
        read(name)
    assert told in str(error.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- 1", "not a study: a mapping of"),
        ("arm: {}", "unknown key 'arm'; did you mean 'arms'?"),
        ("seeds: many", "seeds: "),
        ("vary: {objective: [hinge]}\nvary: {}", "key 'vary' is given twice"),
        ("generator: {}\ndiscriminator: {}", "is a recipe; say what to vary"),
        ("screen_seeds: 0", "screen_seeds: "),
    ],
)
def test_files_that_are_no_studies(tmp_path: Path, text: str, told: str) -> None:
    (tmp_path / "study.yaml").write_text(text)
    with pytest.raises(RequestError) as error:
        read(str(tmp_path / "study.yaml"))
    assert told in str(error.value)


def test_a_file_says_all_that_the_command_line_can(tmp_path: Path) -> None:
    (tmp_path / "study.yaml").write_text(
        "recipe: ring\nbase: [batch=16]\nvary: {objective: [hinge, relativistic]}\nseeds: 3\nfor: 2kimg\n"
        "metric: fid\npoints: 4\nscreen: true\nscreen_seeds: 3\nmargin: 0.1\n"
    )
    file = read(str(tmp_path / "study.yaml"))
    assert (file.recipe, file.seeds, file.budget, file.metric, file.points) == ("ring", 3, "2kimg", "fid", 4)
    arms = product(file.vary, file.arms)
    design = made(
        "x",
        small_fields(),
        arms,
        seeds=file.seeds,
        screen=file.screen,
        screen_seeds=file.screen_seeds,
        points=file.points,
    )
    assert list(design.screen_seeds) == [9000, 9001, 9002]
    assert not set(design.screen_seeds) & set(range(design.seeds))
    assert StudyFile().seeds == 8


def test_long_names_have_short_folders() -> None:
    widths = [[8] * 200, [8] * 199 + [9]]
    arms = product({"discriminator.net.dense.widths": widths})
    assert len({arm.slug for arm in arms}) == 2
    assert max(len(arm.slug) for arm in arms) < 120


def test_arms_that_say_the_same_in_other_words_are_refused() -> None:
    with pytest.raises(RequestError, match="'rate=0' and 'rate=0.0' are the same arm"):
        small_design(f"{RATE}=0,0.0")


def test_an_arm_without_overrides_is_the_base() -> None:
    arms = (Arm("plain", ()), Arm("hinge", ("objective=hinge",)))
    design = made("small", small_fields(), arms)
    assert design.recipe(arms[0], 3).objective.recipe_name() == "non_saturating"
    assert design.recipe(arms[1], 3).objective.recipe_name() == "hinge"


def first(vary: dict[str, tuple[Any, ...]], arms: dict[str, tuple[str, ...]] | None = None, **changes: Any) -> str:
    """The arm that the others would be compared with."""
    return product(*own_first(small_fields(**changes), vary, arms or {}))[0].name


def test_the_recipes_own_value_comes_first_wherever_it_stands() -> None:
    assert first({"batch": (8, 32, 16)}) == "batch=16"
    assert first({"objective": ("hinge", "non_saturating"), "batch": (8, 16)}) == "objective=non_saturating, batch=16"
    assert first({"batch": (8, 16), R1: (0.3, 1)}) == "batch=16, r1=0.3", "of R1 the recipe has no value among these"
    assert first({"batch": (8, 32)}) == "batch=8"
    assert first({"batch": (64, 16)}, batch=64) == "batch=64"
    arms = {"wide": ("generator.net.dense.widths=[32]",), "as it is": (), "more": ("batch=32",)}
    assert first({}, arms) == "as it is"
    assert first({"batch": (8, 16)}, arms) == "as it is, batch=16"
    assert first({"batch": ("many", 16)}) == "batch=16", "what is wrong is said when arms are looked at"
    with pytest.raises(RequestError, match="batch"):
        made("small", small_fields(), product(*own_first(small_fields(), {"batch": ("many", 16)}, {})))


def test_ready_made_studies_keep_their_first_arm() -> None:
    for name in names():
        file = read(name)
        fields = override(zoo.read_recipe(file.recipe), [*file.base, *cells(file)[0].overrides])
        assert product(*own_first(fields, file.vary, file.arms))[0] == product(file.vary, file.arms)[0]
