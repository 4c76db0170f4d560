import pytest

from sidecar.pace import Pace


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_only_the_time_at_work_counts_and_requests_side_by_side_count_it_once():
    clock = Clock()
    pace = Pace(clock)
    for _ in range(40):
        with pace.working(), pace.working():
            clock.now += 1
            pace.did(60)
        clock.now += 500
    assert pace.speed == pytest.approx(60, rel=0.05)


def test_a_change_of_speed_is_followed():
    clock = Clock()
    pace = Pace(clock)
    for speed in [100] * 600 + [5] * 600:
        with pace.working():
            clock.now += 1
            pace.did(speed)
    assert pace.speed == pytest.approx(5, rel=0.05)


def test_before_anything_is_measured_there_is_a_guess():
    assert Pace().speed > 0
