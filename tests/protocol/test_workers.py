from __future__ import annotations

import threading
import time

import pytest

from jobs.protocol.workers import batches, side_by_side


@pytest.fixture(params=["1", "3"])
def workers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setenv("P2P_WORKERS", request.param)
    return int(request.param)


def test_results_come_in_the_order_of_the_items_whoever_is_done_first(workers: int) -> None:
    def work(number: int) -> int:
        time.sleep(0.002 * (5 - number))
        return number

    assert list(side_by_side(work, range(6))) == list(range(6))


def test_one_worker_is_the_caller_and_more_are_not(workers: int) -> None:
    found = set(side_by_side(lambda _: threading.current_thread(), range(20)))
    assert (threading.current_thread() in found) == (workers == 1)
    assert len(found) <= workers


def test_several_workers_work_at_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("P2P_WORKERS", "3")
    meeting = threading.Barrier(3, timeout=30)
    assert len(list(side_by_side(lambda _: meeting.wait(), range(3)))) == 3


def test_who_stops_listening_stops_what_has_not_begun(workers: int) -> None:
    begun: list[int] = []

    def work(number: int) -> None:
        begun.append(number)
        time.sleep(0.01)

    results = side_by_side(work, range(1000))
    next(results)
    results.close()  # type: ignore[attr-defined]
    assert len(begun) < 100


def test_a_failure_reaches_the_caller_in_its_turn(workers: int) -> None:
    def work(number: int) -> int:
        if number == 2:
            raise ValueError("the second")
        return number

    results = side_by_side(work, range(4))
    assert [next(results), next(results)] == [0, 1]
    with pytest.raises(ValueError, match="the second"):
        next(results)


def test_a_process_that_may_use_one_core_works_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("P2P_WORKERS", raising=False)
    monkeypatch.setattr("os.sched_getaffinity", lambda _: {3}, raising=False)
    assert set(side_by_side(lambda _: threading.current_thread(), range(8))) == {threading.current_thread()}


def test_work_is_taken_together_up_to_so_many_rows() -> None:
    rows = dict(enumerate((0, 3000, 1999, 1, 4999, 1)))
    assert batches(rows, 5000) == [[0, 1, 2], [3, 4], [5]]
    assert batches({}, 5000) == []
