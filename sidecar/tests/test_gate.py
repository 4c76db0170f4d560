"""How models share the workers, by counts of batches."""

import threading
from contextlib import ExitStack

import pytest

from sidecar.inference.gate import Gate

from .test_scheduler import until


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_models_with_work_get_equal_time_and_not_equal_numbers_of_batches(clock: Clock) -> None:
    gate = Gate(1, clock)
    shares = {"s": gate.join(), "f": gate.join()}
    seconds = {"s": 4.0, "f": 1.0}
    batches: list[str] = []

    def serve(name: str) -> None:
        while len(batches) < 20:
            with shares[name].turn():
                # Both models always have more work.
                until(lambda: len(batches) >= 20 or all(share.waiting for share in shares.values()))
                clock.now += seconds[name]
                batches.append(name)

    threads = [threading.Thread(target=serve, args=(name,)) for name in "sfsf"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    order = "".join(batches[:20])
    # However long the queue of one is, the other waits for as much time as it had itself.
    assert order.count("s") == 4
    assert "ss" not in order
    assert "fffff" not in order


def test_a_model_alone_gets_all_workers(clock: Clock) -> None:
    gate = Gate(3, clock)
    alone, _ = gate.join(), gate.join()
    with alone.turn() as first, alone.turn() as second, alone.turn() as third:
        assert first
        assert second
        assert third


def test_time_without_work_is_neither_credit_nor_debt(clock: Clock) -> None:
    gate = Gate(1, clock)
    old, new = gate.join(), gate.join()
    with old.turn():
        clock.now += 1000
    with new.turn():
        clock.now += 5
    with old.turn():
        clock.now += 2
    assert abs(old.served - new.served) < 10


def test_a_first_window_overtakes_only_while_later_windows_of_any_model_hold_all_workers(
    clock: Clock,
) -> None:
    gate = Gate(2, clock)
    long, short = gate.join(), gate.join()
    with ExitStack() as stack:
        one, two = (stack.enter_context(long.turn()) for _ in range(2))
        assert one
        assert two
        assert not short.may_overtake()
        two.later = True
        assert short.may_overtake()
        with short.turn(express=True) as express:
            assert express
            with long.turn(express=True) as another:
                assert another is None
        assert short.may_overtake()
    assert not short.may_overtake()


def test_a_worker_that_becomes_free_waits_until_an_express_batch_is_done(clock: Clock) -> None:
    gate = Gate(1, clock)
    share = gate.join()
    order: list[str] = []

    def serve() -> None:
        with share.turn():
            order.append("worker")

    thread = threading.Thread(target=serve)
    with ExitStack() as stack:
        running = stack.enter_context(share.turn())
        assert running
        running.later = True
        with share.turn(express=True):
            stack.close()
            thread.start()
            until(lambda: share.waiting == 1)
            order.append("express")
        thread.join()
    assert order == ["express", "worker"]


def test_a_model_that_leaves_wakes_its_threads_and_frees_its_worker(clock: Clock) -> None:
    gate = Gate(1, clock)
    leaving, staying = gate.join(), gate.join()
    turns: list[object] = []

    def wait() -> None:
        with leaving.turn() as turn:
            turns.append(turn)

    with staying.turn():
        thread = threading.Thread(target=wait)
        thread.start()
        until(lambda: leaving.waiting == 1)
        leaving.leave()
        thread.join()
    assert turns == [None]
    with staying.turn() as turn:
        assert turn
