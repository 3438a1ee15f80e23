"""Budgets of time, by a clock of the tests' own: held while the machine's speed changes, and played again to the bits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

import sparring
from sparring.base import clock
from sparring.base.errors import RequestError
from sparring.base.progress import Limit, TooLong, heard_by, through
from sparring.base.rundir import RunDir
from sparring.gan.match import Match
from sparring.gan.schedules import Course, Linear
from sparring.recipe import validated
from sparring.recipe.clocked import Clocked
from sparring.runs.pace import Paced
from sparring.runs.planning import Budget, _wanted, parse_budget
from sparring.runs.scoring import Scorer
from tests.conftest import small_fields
from tests.runs.test_training import assert_same_state, final_state, recipe_file

FALLING = {"adam": {"lr": {"linear": {"start": 2e-3, "end": 1e-5}}}}


class Ticking:
    """A clock that goes on whenever it is read, and at each step of a training by what that takes then."""

    def __init__(self, step_s: Callable[[int], float]) -> None:
        self.step_s = step_s
        self.at = 1000.0
        self.last: int | None = None
        self.ended = 0.0

    def now(self) -> float:
        self.at += 1e-4
        return self.at

    def took(self, match: Match) -> None:
        """Lets the time of a step pass."""
        self.at += self.step_s(match.step)


@pytest.fixture
def ticking(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[int], float]], Ticking]:
    def put(step_s: Callable[[int], float]) -> Ticking:
        found = Ticking(step_s)
        taken = Match.take

        def take(self: Match, step: Any) -> None:
            taken(self, step)
            found.took(self)

        monkeypatch.setattr(Match, "take", take)
        monkeypatch.setattr(clock, "now", found.now)
        monkeypatch.setattr(clock, "processor", found.now)
        monkeypatch.setattr("sparring.runs.pace.free_threads", lambda most: 1 if found.at > 1040 else most)
        return found

    return put


def small(folder: Path, **changes: Any) -> str:
    options = {
        "plan": "plain",
        "score": {"metrics": []},
        "generator": {"net": {"dense": {"widths": [8]}}, "optimiser": FALLING},
    }
    return recipe_file(folder, **(options | changes))


def trained(folder: Path, name: str = "run", for_: str | None = "100s", recipe: str = "") -> Any:
    return sparring.train(recipe or small(folder), out=folder / name, for_=for_, device="cpu", quiet=True)


SPEEDS: dict[str, Callable[[int], float]] = {
    "steady": lambda step: 1.0,
    "another program comes": lambda step: 1.0 if step < 30 else 5.0,
    "and goes": lambda step: 4.0 if step < 10 else 0.6,
    "now and then": lambda step: 5.0 if step // 9 % 2 else 0.6,
}


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_time_is_held_whatever_the_speed_does(tmp_path: Path, ticking: Any, speed: str) -> None:
    passing = ticking(SPEEDS[speed])
    began = passing.at
    run = trained(tmp_path)
    assert run.finished
    assert passing.at - began == pytest.approx(100, abs=10)
    last = run.log[-1]
    assert last["generator_lr"] == pytest.approx(1e-5, abs=3e-4)  # a step before the end of its schedule
    assert run.recipe.clocked is not None
    assert run.recipe.steps == run.step == run.recipe.clocked.steps


def test_schedules_go_on_where_they_stood_when_a_length_changes(tmp_path: Path, ticking: Any) -> None:
    ticking(SPEEDS["another program comes"])
    run = trained(tmp_path, recipe=small(tmp_path, log_every=1))
    rates = [line["generator_lr"] for line in run.log]
    assert rates == sorted(rates, reverse=True)
    falls = [one - other for one, other in pairwise(rates)]
    assert len(run.recipe.clocked.lengths) > 1  # type: ignore[union-attr]
    assert max(falls) < 0.15 * rates[0]  # no jump


def test_what_the_clock_decided_is_played_again_to_the_bits(tmp_path: Path, ticking: Any) -> None:
    ticking(SPEEDS["now and then"])
    torch.set_num_threads(2)
    adaptive = {"surgery": {"dropout": {"rate": {"adaptive": {"target": -1}}}}, "net": {"dense": {"widths": [16]}}}
    run = trained(tmp_path, recipe=small(tmp_path, discriminator=adaptive))
    torch.set_num_threads(1)
    assert run.recipe.clocked.threads  # others came
    assert len(run.recipe.clocked.lengths) > 2
    ticking(SPEEDS["steady"])
    again = sparring.train(str(run.path / "recipe.yaml"), out=tmp_path / "again", device="cpu", quiet=True)
    assert again.recipe.budget is None
    assert_same_state(final_state(run.path), final_state(again.path))


def test_a_replay_that_was_cut_off_goes_on_to_the_same_bits(tmp_path: Path, ticking: Any) -> None:
    ticking(SPEEDS["and goes"])
    run = trained(tmp_path)
    words = [str(run.path / "recipe.yaml"), "save_every=10"]
    out = tmp_path / "again"
    sparring.train(*words, out=out, device="cpu", quiet=True)
    directory = RunDir(out)
    for step in directory.saved_steps()[1:]:
        if step > run.step // 2:
            for file in directory.checkpoint(step).iterdir():
                file.unlink()
            directory.checkpoint(step).rmdir()
    sparring.train(*words, out=out, device="cpu", quiet=True)
    assert_same_state(final_state(run.path), final_state(out))


def test_a_run_goes_on_with_what_is_left_of_its_budget(tmp_path: Path, ticking: Any) -> None:
    passing = ticking(SPEEDS["steady"])
    first = trained(tmp_path, for_="60s")
    began = passing.at
    longer = trained(tmp_path, for_="200s")
    assert passing.at - began == pytest.approx(140, abs=10)
    assert longer.step > first.step
    began = passing.at
    trained(tmp_path, for_="200s")
    trained(tmp_path, for_="90s")
    assert passing.at - began < 1  # both are spent
    steps = sparring.train(out=tmp_path / "run", for_=f"{longer.step + 7}steps", quiet=True)
    assert steps.step == longer.step + 7
    assert steps.recipe.budget is None


def test_processor_time_is_of_the_steps_alone(tmp_path: Path, ticking: Any) -> None:
    ticking(SPEEDS["steady"])
    run = trained(tmp_path, for_="2m-cpu", recipe=small(tmp_path, score={"metrics": ["diversity"]}))
    assert final_state(run.path)["processor"] == pytest.approx(120, abs=3)
    assert run.scores


def test_a_clock_that_stands_still_ends_nothing_late(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now", lambda: 5.0)
    monkeypatch.setattr(clock, "processor", lambda: 5.0)
    monkeypatch.setattr("sparring.runs.planning.MOST_PROBED", 20)
    monkeypatch.setattr("sparring.runs.planning.STANDING_S", 0.1)
    assert trained(tmp_path, for_="4s").finished


def test_a_clock_never_runs_backwards(monkeypatch: pytest.MonkeyPatch) -> None:
    before = clock.now()
    monkeypatch.setattr("time.monotonic", lambda: before - 3600.0)
    assert clock.now() >= before
    assert clock.now() == clock.now()


def test_a_command_has_its_time_and_leaves_none_behind() -> None:
    """As when several are run by one process."""
    with clock.command():
        began = clock.began()
        assert clock.began() == began <= clock.now()
    assert clock.began() > began


def test_scores_that_do_not_fit_are_left_out_in_one_line(
    tmp_path: Path, ticking: Any, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    passing = ticking(SPEEDS["steady"])
    began = passing.at
    monkeypatch.setattr("sparring.runs.timing.NETWORK_SHARE", 0.0)
    monkeypatch.setattr("sparring.base.progress.SHORT_S", 0.0)
    recipe = small(tmp_path, score={"extractor": "selfsup"})
    run = sparring.train(recipe, out=tmp_path / "run", for_="100s", device="cpu")
    said = capfd.readouterr().err
    assert said.count("no scores: the feature network alone takes about") == 1
    assert "sparring evaluate" in said
    assert not run.scores
    assert passing.at - began == pytest.approx(100, abs=10)


@pytest.mark.parametrize(("each_s", "count"), [(0.001, None), (0.02, None), (0.1, 250), (0.26, None)])
def test_to_find_out_what_scores_take_costs_little(
    tmp_path: Path, ticking: Any, monkeypatch: pytest.MonkeyPatch, each_s: float, count: int | None
) -> None:
    passing = ticking(SPEEDS["steady"])
    spent = []

    def rehearse(self: Scorer, trained: object, number: int) -> None:
        spent.append(number * each_s)
        passing.at += number * each_s

    monkeypatch.setattr(Scorer, "rehearse", rehearse)
    monkeypatch.setattr(Scorer, "most", lambda self, trained: 500)
    run = sparring.train(
        small(tmp_path, score={"extractor": "pixels", "metrics": ["fid"]}),
        out=tmp_path / "run",
        for_="100s",
        quiet=True,
    )
    assert sum(spent) <= 26
    assert run.step > 30
    assert bool(run.scores) == (each_s < 0.26)  # which are of fewer samples where they would take too long
    if count:
        assert next(iter(run.scores.values()))["n"] <= count


def test_without_held_out_samples_a_budget_is_held_without_scores(tmp_path: Path, ticking: Any) -> None:
    passing = ticking(SPEEDS["steady"])
    began = passing.at
    recipe = small(tmp_path, data={"digits": {"held_out": 0.0}}, score={"extractor": "pixels"})
    assert not trained(tmp_path, recipe=recipe).scores
    assert passing.at - began == pytest.approx(100, abs=10)


def by_hand(monkeypatch: pytest.MonkeyPatch, threads: int, after_s: float, took: list[float]) -> tuple[Any, Clocked]:
    """A match that made steps of such seconds under a budget of 100, while one core is free, and what the clock said."""
    at = [0.0]
    monkeypatch.setattr(clock, "now", lambda: at[0])
    monkeypatch.setattr("sparring.runs.pace.free_threads", lambda most: 1)
    plan = SimpleNamespace(threads=threads, device="cpu")
    engine = SimpleNamespace(plan=plan, use_threads=lambda number: setattr(plan, "threads", number))
    match: Any = SimpleNamespace(step=0, steps=100, spent=0.0, processor=0.0, engine=engine)
    pace = Paced(Budget(100.0, "s"), 0.0, 1.0, after_s)
    pace.begin(match)
    assert pace.clocked is not None
    for seconds in took:
        at[0] += seconds
        match.step += 1
        match.steps = pace.clocked.steps
        pace.look(match)
        if match.step >= pace.clocked.steps:
            break  # as the trainer does
    return match, pace.clocked


def test_steps_that_were_slow_among_too_many_threads_do_not_end_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    match, clocked = by_hand(monkeypatch, 2, 5.0, [*[1.0] * 30, 30.0])  # others took the cores
    assert match.engine.plan.threads == 1
    assert clocked.steps >= match.step + 5  # at twice the second that a step took among two threads


def test_a_moment_of_a_busy_machine_does_not_end_a_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Scores that take 30 seconds do not take 90 since one step took ten."""
    _, clocked = by_hand(monkeypatch, 1, 30.0, [*[1.0] * 30, 10.0, *[1.0] * 5])
    assert clocked.steps == pytest.approx(55, abs=8)  # 100 less 30, which may become a little more, less the ten


@pytest.mark.parametrize(
    ("counted", "spent_s", "seconds", "wanted"),
    [(0, 9.0, 0.0, True), (4, 5.0, 2.0, True), (4, 6.5, 2.0, False), (12, 1.5, 2.0, True), (12, 2.5, 2.0, False)],
)
def test_ten_steps_are_timed_unless_they_take_far_longer(
    counted: int, spent_s: float, seconds: float, wanted: bool
) -> None:
    assert _wanted(counted, spent_s, seconds) is wanted


def test_work_that_takes_too_long_ends_once_that_shows(ticking: Any) -> None:
    passing = ticking(SPEEDS["steady"])
    done = []

    def work() -> None:
        for number in through(range(100), "work", 100):
            passing.at += 1.0
            done.append(number)

    with heard_by(Limit(50.0)), pytest.raises(TooLong) as told:
        work()
    assert len(done) == 10
    assert told.value.seconds == pytest.approx(100, abs=1)


def test_a_course_goes_on_where_it_stood() -> None:
    course = Course({0: 100}).changed(50, 250)
    assert [course.now(step, 1).done for step in (0, 25, 50, 150, 250)] == [0, 0.25, 0.5, 0.75, 1.0]
    rate = Linear(start=1.0, end=0.0)
    assert [rate.at(course.now(step, 1)) for step in (50, 150, 250)] == [0.5, 0.25, 0.0]
    assert course.changed(150, 150).now(150, 1).steps == 150
    assert Course({0: 7}).now(3, 2) == (3, 6, 7, (0, 0.0))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("90s", (90, "s")),
        ("1.5h", (5400, "s")),
        ("15m-cpu", (900, "cpu")),
        ("7steps", (7, "steps")),
        ("2kimg", (2000, "images")),
    ],
)
def test_budgets_in_words(text: str, found: tuple[float, str]) -> None:
    assert parse_budget(text) == found


@pytest.mark.parametrize("text", ["5steps-cpu", "10", "m", "-3s", "0s", "٣s", "1e3s", "5 cpu"])
def test_what_is_no_budget_is_refused(text: str) -> None:
    with pytest.raises(RequestError, match="is no budget; write 90s"):
        parse_budget(text)


def test_decisions_and_steps_must_agree() -> None:
    with pytest.raises(RequestError, match="by `clocked` the run came to 12; say clocked=null too"):
        validated(small_fields(steps=13, clocked={"lengths": {0: 10, 5: 12}}))
    decided = Clocked(lengths={0: 10, 5: 12, 9: 11}, threads={7: 1})
    assert decided.until(6).lengths == {0: 10, 5: 12}
    assert decided.until(6).lasting(20, 6).steps == 20
    assert decided.until(6).threads == {}
