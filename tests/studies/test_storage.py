"""The queue of tasks: shared by several, in any of Optuna's storages."""

from __future__ import annotations

from pathlib import Path

import pytest

from sparring.studies.sequence import Task
from sparring.studies.storage import PATIENCE_S, Queue
from tests.studies.test_design import small_design
from tests.studies.test_sequence import record

TASKS = [Task("rate=0", seed, "final", 6) for seed in range(3)]


@pytest.fixture(params=["sqlite:///{}/queue.db", "journal:{}/queue.log"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return str(request.param).format(tmp_path)


def by_age(task: Task) -> int:
    return 0


def claimed(queue: Queue) -> tuple[int, Task]:
    found = queue.claim(by_age)
    assert found is not None
    return found


def test_each_task_goes_to_one(url: str) -> None:
    one, other = Queue(url, "s", "one"), Queue(url, "s", "other")
    one.add(TASKS)
    other.add(TASKS)
    taken = [claimed(queue)[1] for queue in (one, other, one)]
    assert taken == TASKS
    assert one.claim(by_age) is None
    assert other.claim(by_age) is None


def test_a_task_put_in_twice_at_once_is_played_once(url: str) -> None:
    one, other = Queue(url, "s", "one"), Queue(url, "s", "other")
    one.add(TASKS[:1])
    with other._explained():  # as if it had looked just before
        other._storage.create_new_trial(other._study, other._waiting(TASKS[0]))
    number, _ = claimed(one)
    assert other.claim(by_age) is None
    design = small_design()
    one.finish(number, record(design, TASKS[0], 3.0))
    assert one.claim(by_age) is None
    assert list(other.done()) == TASKS[:1]


def test_what_is_given_up_can_be_had_again_and_what_failed_cannot(url: str) -> None:
    queue, design = Queue(url, "s", "one"), small_design()
    queue.add(TASKS)
    number, task = claimed(queue)
    queue.give_up(number)
    assert queue.done() == {}
    queue.add(TASKS)
    again = [claimed(queue) for _ in TASKS]
    assert {one for _, one in again} == set(TASKS)
    failed = record(design, task, None, failed=True)
    queue.finish(next(number for number, one in again if one == task), failed)
    queue.add(TASKS)
    assert queue.claim(by_age) is None
    assert queue.done() == {task: failed}


def test_the_tasks_of_one_who_is_not_heard_of_any_more_are_given_to_others(url: str) -> None:
    dead, alive = Queue(url, "s", "dead"), Queue(url, "s", "alive")
    dead.add(TASKS[:1])
    number, _ = claimed(dead)
    clock = [0.0]
    alive._clock = lambda: clock[0]

    def look(*times: float) -> None:
        for clock[0] in times:
            alive.reclaim()

    look(0.0, PATIENCE_S - 1)
    dead._beat(number)
    look(PATIENCE_S + 1, 2 * PATIENCE_S)  # it has been heard of in between
    alive.add(TASKS[:1])
    assert alive.claim(by_age) is None
    look(2 * PATIENCE_S + 2)
    alive.add(TASKS[:1])
    assert claimed(alive)[1] == TASKS[0]
    dead.finish(number, record(small_design(), TASKS[0], 3.0))  # it was only slow; nothing is lost or twice
    assert alive.claim(by_age) is None


def test_what_an_earlier_process_of_a_directory_had_is_taken_back_at_once(url: str) -> None:
    before, other, after = Queue(url, "s", "here"), Queue(url, "s", "there"), Queue(url, "s", "here")
    before.add(TASKS[:2])
    claimed(before)
    claimed(other)
    after.take_back()
    after.add(TASKS[:2])
    assert claimed(after)[1] == TASKS[0]
    assert after.claim(by_age) is None


def test_claims_follow_the_order_asked_for(url: str) -> None:
    queue = Queue(url, "s", "one")
    queue.add(TASKS)
    found = queue.claim(lambda task: -task.seed)
    assert found is not None
    assert found[1] == TASKS[-1]


def test_studies_in_one_storage_do_not_mix(url: str) -> None:
    one, other = Queue(url, "one", "me"), Queue(url, "other", "me")
    one.add(TASKS)
    assert other.claim(by_age) is None
    assert one.agreed("protocol", {"hash": "a"}) == {"hash": "a"}
    assert Queue(url, "one", "you").agreed("protocol", {"hash": "b"}) == {"hash": "a"}
    assert other.agreed("protocol", {"hash": "b"}) == {"hash": "b"}
