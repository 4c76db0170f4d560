import pytest

from sidecar.http.throughput import Throughput


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_busy_time_counts_and_concurrent_requests_count_it_once() -> None:
    clock = Clock()
    throughput = Throughput(clock)
    for _ in range(40):
        with throughput.working(), throughput.working():
            clock.now += 1
            throughput.record(60)
        clock.now += 500
    assert throughput.speed == pytest.approx(60, rel=0.05)


def test_a_change_of_speed_is_measured() -> None:
    clock = Clock()
    throughput = Throughput(clock)
    for speed in [100] * 600 + [5] * 600:
        with throughput.working():
            clock.now += 1
            throughput.record(speed)
    assert throughput.speed == pytest.approx(5, rel=0.05)


def test_the_speed_before_any_measurement_is_an_estimate() -> None:
    assert Throughput().speed > 0
