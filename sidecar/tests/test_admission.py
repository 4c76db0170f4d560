from collections.abc import Callable

import pytest

from sidecar.errors import RequestError
from sidecar.http.admission import Admission
from sidecar.http.throughput import Throughput


@pytest.fixture
def admission() -> Admission:
    return Admission(requests=3, seconds=100, size=1000, throughput=Throughput())


def refused(call: Callable[[], object], named: str) -> RequestError:
    with pytest.raises(RequestError) as error:
        call()
    assert (error.value.status, error.value.error_type) == (429, "overloaded")
    assert named in error.value.message
    return error.value


def enter(admission: Admission, declared: int = 0) -> None:
    with admission.permit(declared=declared):
        pass


def test_requests_over_the_limit_are_refused_until_another_ends(admission: Admission) -> None:
    with admission.permit(declared=0), admission.permit(declared=0):
        with admission.permit(declared=0):
            refused(lambda: enter(admission), "MAX_CONCURRENT_REQUESTS")
        enter(admission)


def test_bytes_are_counted_by_content_length_and_on_arrival(admission: Admission) -> None:
    with admission.permit(declared=600) as first, admission.permit(declared=0) as second:
        refused(lambda: enter(admission, 401), "MAX_QUEUED_BYTES")
        second.hold(400)
        refused(lambda: second.hold(401), "MAX_QUEUED_BYTES")
        first.hold(500)
        second.hold(500)
    assert (admission.requests, admission.size) == (0, 0)


def test_a_body_that_is_the_only_one_may_exceed_the_limit(admission: Admission) -> None:
    with admission.permit(declared=5000):
        refused(lambda: enter(admission, 1), "MAX_QUEUED_BYTES")


def test_seconds_count_until_they_are_transcribed(admission: Admission) -> None:
    with admission.permit(declared=0) as first:
        first.set_duration(150)
        refused(lambda: enter(admission), "MAX_QUEUED_SECONDS")
        first.done(60)
        first.done(40)
        with admission.permit(declared=0) as second:
            second.set_duration(20)
            assert admission.seconds == 110
        assert admission.seconds == 90
        first.done(200)
        assert admission.seconds == 0
    assert admission.seconds == 0


def test_a_refused_request_holds_no_bytes(admission: Admission) -> None:
    with admission.permit(declared=900):
        refused(lambda: enter(admission, 900), "MAX_QUEUED_BYTES")
        assert (admission.requests, admission.size) == (1, 900)


def test_retry_after_rises_with_the_queue_and_falls_with_the_speed(admission: Admission) -> None:
    throughput = Throughput()
    admission = Admission(requests=1, seconds=10_000, size=1, throughput=throughput)
    with admission.permit(declared=0) as permit:
        assert refused(lambda: enter(admission), "").retry_after == 1
        permit.set_duration(2000)
        slow = refused(lambda: enter(admission), "").retry_after
        assert slow is not None
        assert slow == pytest.approx(2000 / throughput.speed / 2, abs=1)
        throughput.record(throughput.speed * 9)
        assert refused(lambda: enter(admission), "").retry_after == pytest.approx(slow / 10, abs=1)
