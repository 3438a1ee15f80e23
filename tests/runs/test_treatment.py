"""Treating a run: what is chosen, what is kept and what is undone, and that a kill at any moment loses nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import sparring
from sparring.base.errors import RequestError, TrainingError
from sparring.base.files import read_lines
from sparring.base.rundir import RunDir
from sparring.doctor import Finding, attend, facts_of
from sparring.doctor.remedies import calm, overrides_of, remedies
from sparring.gan.match import Match
from sparring.recipe import Recipe, to_yaml, validated
from sparring.runs import session, treatment
from sparring.runs.treatment import Measure, Treat, chosen, treated_recipe
from tests.conftest import small_fields
from tests.states import same

SLOW = "generator.optimiser.adam.lr=0.000001"
SYMPTOMS = [
    "diverged",
    "explosion",
    "vanishing_gradient",
    "bounded_logits",
    "discriminator_too_weak",
    "discriminator_overfitting",
    "mode_collapse",
    "mode_dropping",
    "oscillation",
    "penalty_not_working",
    "penalty_dominates",
    "memorisation",
    "dead_activations",
    "noisy_gradient",
    "poor_samples",
]


def recipe(*overrides: str) -> Recipe:
    fields = small_fields(steps=300, save_every=50, batch=32)
    fields["generator"]["optimiser"] = {"adam": {"lr": 1e-3}}
    fields["discriminator"]["optimiser"] = {"adam": {"lr": 1e-3}}
    return treated_recipe(validated(fields), list(overrides))


def ill(symptom: str = "vanishing_gradient", confidence: float = 0.9, since: int = 120) -> Finding:
    return Finding(symptom, since, confidence)


# What is chosen -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symptom", SYMPTOMS)
@pytest.mark.parametrize(
    "made",
    [
        (),
        ("objective=minimax",),
        ("objective=wasserstein", "discriminator.terms.gradient_penalty.weight=10"),
        ("discriminator.terms.r1.weight=1000", "batch=4"),
        ("discriminator.surgery.dropout.rate=0.9", "generator.surgery.dropout.rate=0.9"),
        ("generator.optimiser.adam.lr={linear: {start: 0.1, end: 0.01}}", "discriminator.optimiser=sgd"),
        ("discriminator.optimiser.adam.betas=[0.9,0.999]", "generator.surgery.freeze.where=hidden.0.*"),
    ],
)
def test_every_remedy_is_a_valid_recipe_that_differs(symptom: str, made: tuple[str, ...]) -> None:
    before = recipe(*made)
    for overrides in (overrides_of(remedies(ill(symptom), before)), calm(before)):
        if overrides:
            assert treated_recipe(before, overrides) != before


@pytest.mark.parametrize(
    ("symptom", "made", "wanted"),
    [
        ("vanishing_gradient", (SLOW,), "generator.optimiser.adam.lr=0.001"),
        ("vanishing_gradient", ("objective=minimax",), "objective=non_saturating"),
        ("discriminator_too_weak", ("discriminator.optimiser.adam.lr=1e-6",), "discriminator.optimiser.adam.lr=0.002"),
        ("vanishing_gradient", ("generator.moves={steps: {values: {0: 0, 100: 1}}}",), "generator.moves=1"),
        ("oscillation", ("generator.optimiser.adam.betas=[0.9,0.99]",), "generator.optimiser.adam.betas=[0,0.99]"),
        ("noisy_gradient", ("batch=2",), "batch=64"),
        ("penalty_dominates", ("discriminator.terms.r1.weight=1000",), "discriminator.terms.r1.weight=0.3"),
        ("penalty_not_working", (), "discriminator.terms.r1.weight=0.3"),
        ("penalty_not_working", ("objective=wasserstein",), "discriminator.terms.gradient_penalty.weight=1"),
        (
            "discriminator_too_weak",
            ("discriminator.surgery.dropout.rate=0.9",),
            "discriminator.surgery.dropout.rate=0.2",
        ),
        ("evaluation_fault", ("generator.surgery.dropout.rate=0.9",), "generator.surgery.dropout.rate=0"),
        ("frozen_weights", ("generator.surgery.freeze.where=hidden.0.*",), "generator.surgery.freeze=null"),
        ("discriminator_overfitting", (), "augment.diff_augment.cutout=0.5"),
    ],
)
def test_the_remedy_meets_the_cause(symptom: str, made: tuple[str, ...], wanted: str) -> None:
    assert wanted in remedies(ill(symptom), recipe(*made))


def test_one_of_two_rates_is_moved_where_they_are_apart_and_the_other_stays() -> None:
    def rates(discriminator: float, generator: float) -> list[str]:
        made = recipe(f"discriminator.optimiser.adam.lr={discriminator}", f"generator.optimiser.adam.lr={generator}")
        return [word for word in remedies(ill("vanishing_gradient"), made) if ".lr=" in word]

    assert rates(4e-3, 1e-3) == rates(1e-3, 2e-3) == []  # a lead of four, and of a half
    assert rates(0.1, 1e-3) == ["discriminator.optimiser.adam.lr=0.002"]
    assert rates(4e-3, 0.1) == ["generator.optimiser.adam.lr=0.001"]
    assert rates(1e-6, 1e-4) == ["discriminator.optimiser.adam.lr=0.0002"]  # a slow game stays slow
    both_off = ["discriminator.optimiser.adam.lr=0.002", "generator.optimiser.adam.lr=0.001"]
    assert rates(1e-5, 0.05) == rates(0.1, 1e-6) == both_off  # none is raised beyond what is usual


def test_calming_brings_rates_together_too() -> None:
    made = recipe("discriminator.optimiser.adam.lr=1e-4")
    words = [word for word in remedies(ill("oscillation"), made) if ".lr=" in word]
    assert words == ["discriminator.optimiser.adam.lr=0.0004", "generator.optimiser.adam.lr=0.0002"]


def test_a_generator_is_set_going_only_where_it_stood_still() -> None:
    def words(moves: str) -> list[str]:
        made = recipe(f"generator.moves={moves}", "game.from_noise.noise_images={steps: {values: {0: 1, 9: 0}}}")
        return [
            word for word in remedies(ill("vanishing_gradient"), made) if ".lr=" not in word and "terms" not in word
        ]

    assert words("{steps: {values: {0: 0, 9: 1}}}") == ["generator.moves=1", "game.from_noise.noise_images=0"]
    assert words("{linear: {start: 1, end: 3}}") == words("0.7") == []


def test_dropout_that_is_the_generators_noise_stays() -> None:
    made = recipe("generator.surgery.dropout={rate: 0.9, when: always}", "discriminator.surgery.dropout.rate=0.9")
    words = calm(made)
    assert "discriminator.surgery.dropout.rate=0.2" in words
    assert not any("generator.surgery" in word for word in words)
    assert facts_of(made).generator_dropout == 0
    assert facts_of(recipe("generator.surgery.dropout.rate=0.9")).generator_dropout == 0.9


def test_no_batch_is_larger_than_the_data() -> None:
    found = chosen([ill("noisy_gradient")], recipe("batch=2"), [], 40)
    assert found is not None
    assert found[1] == ["batch=40"]


def test_a_critic_that_no_penalty_held_is_given_up_at_last() -> None:
    words = calm(recipe("objective=wasserstein", "discriminator.terms.gradient_penalty.weight=1"))
    assert {"objective=non_saturating", "discriminator.terms.gradient_penalty=null"} <= set(words)


def test_points_are_not_augmented() -> None:
    fields = small_fields(data={"ring": {}})
    assert not any(word.startswith("augment") for word in remedies(ill("memorisation"), validated(fields)))


def test_the_surest_is_treated_and_what_is_unsure_or_only_to_know_is_not() -> None:
    made = recipe(SLOW)
    assert chosen([ill()], made, [], 1000) is not None
    assert chosen([ill(confidence=0.6)], made, [], 1000) is None
    assert chosen([ill("slowing_down"), ill("converged"), replace(ill(), harmless=True)], made, [], 1000) is None


def test_nothing_new_is_begun_on_trial_nor_after_three_and_nothing_twice() -> None:
    made = recipe(SLOW, "generator.surgery.dropout.rate=0.9")
    first = chosen([ill()], made, [], 1000)
    assert first is not None
    begun = {"event": "treated", "overrides": first[1]}
    assert chosen([ill()], made, [begun], 1000) is None
    second = chosen([ill()], made, [begun, {"event": "undone"}], 1000)
    assert second is not None
    assert second[1] == calm(made) != first[1]
    done = [begun, {"event": "undone"}, {"event": "treated", "overrides": second[1]}, {"event": "undone"}]
    assert chosen([ill()], made, done, 1000) is None
    assert chosen([ill("noisy_gradient")], recipe("batch=2"), [begun, {"event": "kept"}] * 3, 1000) is None


def test_better_is_better_by_enough_and_of_the_same_score() -> None:
    before = Measure("fid", 100.0, "lower")
    assert Measure("fid", 90.0, "lower").improves(before)
    assert not Measure("fid", 99.0, "lower").improves(before)
    assert not Measure("kid", 9.0, "lower").improves(before)
    assert Measure("coverage", 0.9, "higher").improves(Measure("coverage", 0.5, "higher"))
    assert not Measure("coverage", 0.5, "higher").improves(Measure("coverage", 0.9, "higher"))


def test_rates_that_rise_are_lowered_as_a_whole() -> None:
    for start, wanted in ((0.0, "0"), (1e-4, "5e-06")):
        made = recipe(f"generator.optimiser.adam.lr={{linear: {{start: {start}, end: 0.02}}}}")
        words = remedies(ill("explosion"), made)
        assert f"generator.optimiser.adam.lr.linear.start={wanted}" in words or start == 0
        assert "generator.optimiser.adam.lr.linear.end=0.001" in words


def test_other_optimisers_are_slowed_too() -> None:
    words = remedies(ill("explosion"), recipe("discriminator.optimiser.sgd.lr=1.0"))
    assert "discriminator.optimiser.sgd.lr=0.2" in words


def test_a_heavier_penalty_is_never_lighter() -> None:
    for weight in (10, 100):
        words = remedies(ill("memorisation"), recipe(f"discriminator.terms.r1.weight={weight}"))
        assert not any("r1" in word for word in words)


# What becomes of a run ------------------------------------------------------------------------------------------------


class World:
    """A doctor who finds one illness from step 150 on, while the generator is slow, and scores that are told."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, treated: float) -> None:
        self.treated = treated
        monkeypatch.setattr(attend, "judge", lambda history: self.found(history.step, history.facts.rates[1]))
        monkeypatch.setattr(session, "_measure", lambda scorer, doctor, match: self.measure(match))
        monkeypatch.setattr(treatment.Treating, "_pressing", lambda treating, match: treating.doctor.found)

    def found(self, step: int, rate: float) -> list[Finding]:
        return [ill()] if rate < 1e-4 and step >= 150 else []

    def measure(self, match: Match) -> Measure:
        slow = match.players["generator"].optimiser.param_groups[0]["lr"] < 1e-4
        return Measure("fid", 100.0 if slow else self.treated, "lower")


@pytest.fixture
def play(tmp_path: Path) -> Callable[..., Path]:
    file = tmp_path / "slow.yaml"
    file.write_text(to_yaml(recipe(SLOW)))

    def played(name: str, *overrides: str, **options: Any) -> Path:
        sparring.train(str(file), "score.metrics=[]", *overrides, out=tmp_path / name, quiet=True, **options)
        return tmp_path / name

    return played


def final(path: Path) -> dict[str, Any]:
    run = RunDir(path)
    return run.load(run.saved_steps()[-1])


def test_a_remedy_that_helps_is_kept(play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch, treated=50.0)
    path = play("kept", "doctor=treat")
    events = treatment.events_of(RunDir(path))
    assert [(line["event"], line["at_step"]) for line in events] == [("treated", 150), ("kept", 150)]
    assert events[0]["back_to_step"] == 100  # the last checkpoint before the onset, 120
    assert "lr: 0.001" in (path / "recipe.yaml").read_text().split("discriminator:")[0]
    state = final(path)
    assert (state["step"], state["attempt"]) == (300, 1)
    plain = play("never")
    assert not same(state["nets"], final(plain)["nets"])


def test_it_goes_back_to_before_the_first_of_all_illnesses(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    world = World(monkeypatch, treated=50.0)
    early = ill("poor_samples", confidence=0.6, since=70)  # not sure enough to be treated itself
    monkeypatch.setattr(world, "found", lambda step, rate: [ill(), early] if rate < 1e-4 and step >= 150 else [])
    events = treatment.events_of(RunDir(play("early", "doctor=treat")))
    assert [(line["event"], line.get("back_to_step")) for line in events] == [("treated", 50), ("kept", None)]


def test_after_one_that_was_undone_the_next_begins_anew(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=120.0)
    path = play("anew", "doctor=treat", "generator.surgery.dropout.rate=0.9")  # of which only the second is rid
    events = treatment.events_of(RunDir(path))
    assert [line["event"] for line in events] == ["treated", "undone"] * 3
    assert [line["back_to_step"] for line in events] == [100, 100, 0, 0, 0, 0]
    first, again, other = (line["overrides"] for line in events if line["event"] == "treated")
    assert first == again != other


def test_one_that_began_with_the_first_checkpoint_there_is_is_not_tried_again(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=120.0)
    play("late", "steps=200", "save_every=200", "keep=1")  # which leaves none from before
    path = play("late", "doctor=treat", "steps=300", "keep=1")
    events = treatment.events_of(RunDir(path))
    assert [(line["event"], line["back_to_step"]) for line in events] == [("treated", 200), ("undone", 200)]


def test_one_that_does_not_is_undone_to_the_bit(play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    plain = play("plain")
    World(monkeypatch, treated=120.0)
    path = play("undone", "doctor=treat")
    kinds = [line["event"] for line in treatment.events_of(RunDir(path))]
    assert kinds == ["treated", "undone"] * 2  # again from the first step; what else calms is in the recipe
    assert same(final(path)["nets"], final(plain)["nets"])
    assert same(final(path)["optimisers"], final(plain)["optimisers"])
    told = [(path / "recipe.yaml").read_text(), (plain / "recipe.yaml").read_text()]
    assert told[0].replace("doctor: treat", "doctor: advise") == told[1]


def test_a_healthy_run_keeps_its_bits(play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attend, "judge", lambda history: [])
    one, other, off = (
        play("treat", "doctor=treat", "steps=200"),
        play("advise", "steps=200"),
        play("off", "steps=200", "doctor=off"),
    )
    assert same(final(one)["nets"], final(other)["nets"])
    assert same(final(one)["nets"], final(off)["nets"])
    assert not (off / "probes.jsonl").exists()


@pytest.mark.parametrize("moment", ["settle", "discard", "undo", "play"])
def test_killed_at_any_moment_it_comes_to_the_same(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, moment: str
) -> None:
    World(monkeypatch, treated=120.0 if moment == "undo" else 50.0)
    whole = play("whole", "doctor=treat")
    with monkeypatch.context() as cut:
        _cut_at(cut, moment)
        with pytest.raises(RuntimeError, match="killed"):
            play("cut", "doctor=treat")
    path = play("cut", "doctor=treat")
    assert same(final(path)["nets"], final(whole)["nets"])
    assert (path / "recipe.yaml").read_text() == (whole / "recipe.yaml").read_text()
    kinds = [[line["event"] for line in treatment.events_of(RunDir(one))] for one in (path, whole)]
    assert kinds[0] == kinds[1]


def _cut_at(cut: pytest.MonkeyPatch, moment: str) -> None:
    def killed(*args: Any, **options: Any) -> None:
        raise RuntimeError("killed")

    if moment == "settle":  # decided, and nothing done
        cut.setattr(treatment, "settle", killed)
    elif moment == "discard":  # the recipe is written, checkpoints are as they were
        cut.setattr(treatment, "_discard", killed)
    elif moment == "undo":  # decided that it did not help, and nothing done
        settle, calls = treatment.settle, []
        cut.setattr(treatment, "settle", lambda run: killed() if len(calls) else (calls.append(1), settle(run))[1])
    else:  # on trial
        again = session._again
        cut.setattr(session, "_again", lambda job: (again(job), killed())[0])


def test_after_an_undone_treatment_nothing_later_is_lost(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=120.0)
    path = play("undone", "doctor=treat")
    saved = RunDir(path).saved_steps()
    treatment.settle(RunDir(path))
    assert RunDir(path).saved_steps() == saved
    play("undone", "doctor=treat", for_="400steps")
    play("undone", "doctor=treat", for_="400steps")
    assert final(path)["step"] == 400
    assert sparring.load(path).recipe.steps == 400


def test_the_best_checkpoint_comes_back_with_the_untreated_run(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=120.0)
    kept = treatment.begin

    def begun(run: RunDir, match: Match, order: Treat) -> dict[str, Any]:
        match.notes["best_step"] = 150
        run.save(150, match.state())
        return kept(run, match, order)

    monkeypatch.setattr(treatment, "begin", begun)
    path = play("best", "doctor=treat", "keep=1")
    assert 150 in RunDir(path).saved_steps()


def test_a_treatment_that_falls_is_undone(play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    plain = play("plain")
    World(monkeypatch, treated=50.0)
    trained = session._trained

    def falls(job: Any, match: Match, observers: Any, pace: Any) -> bool:
        if treatment.on_trial(job.run):
            raise TrainingError("diverged again and again")
        return trained(job, match, observers, pace)

    monkeypatch.setattr(session, "_trained", falls)
    path = play("falls", "doctor=treat")
    assert [line["event"] for line in treatment.events_of(RunDir(path))] == ["treated", "undone"] * 2
    assert same(final(path)["nets"], final(plain)["nets"])


def test_a_treatment_on_trial_stays_where_nobody_is_to_judge_it(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=50.0)
    with monkeypatch.context() as cut:
        _cut_at(cut, "play")
        with pytest.raises(RuntimeError, match="killed"):
            play("left", "doctor=treat")
    path = play("left", "doctor=advise")
    assert [line["event"] for line in treatment.events_of(RunDir(path))] == ["treated", "kept"]
    assert final(path)["step"] == 300


def test_killed_while_a_second_treatment_is_prepared(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=120.0)
    monkeypatch.setattr(treatment, "calm", lambda recipe: ["batch=64"])
    whole = play("whole", "doctor=treat")
    write, calls = treatment.write_state, list[int]()

    def killed_at_the_second(folder: Path, state: dict[str, Any]) -> None:
        calls.append(1)
        if len(calls) == 2:
            raise RuntimeError("killed")
        write(folder, state)

    with monkeypatch.context() as cut:
        cut.setattr(treatment, "write_state", killed_at_the_second)
        with pytest.raises(RuntimeError, match="killed"):
            play("cut", "doctor=treat")
    path = play("cut", "doctor=treat")
    kinds = [[line["event"] for line in treatment.events_of(RunDir(one))] for one in (path, whole)]
    assert kinds[0] == kinds[1] == ["treated", "undone"] * 3
    assert same(final(path)["nets"], final(whole)["nets"])


def test_a_treated_run_can_be_gone_on_with_by_the_same_words(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    World(monkeypatch, treated=50.0)
    path = play("longer", "doctor=treat")
    play("longer", "doctor=treat", for_="350steps")
    assert final(path)["step"] == 350
    assert sparring.load(path).recipe.steps == 350
    with pytest.raises(RequestError, match="batch"):
        play("longer", "batch=16")


def test_the_first_checkpoint_and_the_last_healthy_one_stay(
    play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(treatment, "MOST", 0)
    World(monkeypatch, treated=50.0)
    path = play("stay", "doctor=treat", "keep=1")
    assert RunDir(path).saved_steps() == [0, 100, 300]


def test_several_processes_are_refused(play: Callable[..., Path]) -> None:
    with pytest.raises(RequestError, match="doctor: treat works with one process"):
        play("many", "doctor=treat", devices=2)


def test_treat_tells_what_it_is_about() -> None:
    order = Treat(ill(), ["batch=64"], Measure("fid", 1.0, "lower"), 100)
    assert order.args == ("vanishing_gradient", ["batch=64"])


def test_events_are_not_findings(play: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    World(monkeypatch, treated=50.0)
    path = play("kept", "doctor=treat")
    assert all(
        "confidence" not in line for line in read_lines(RunDir(path).findings) if line["event"] in treatment.EVENTS
    )
    assert treatment.active(RunDir(path)) == ["generator.optimiser.adam.lr=0.001", "discriminator.terms.r1.weight=0.3"]
