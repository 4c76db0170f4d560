import pytest

from sidecar.admission import Admission
from sidecar.errors import RequestError
from sidecar.pace import Pace


@pytest.fixture
def admission() -> Admission:
    return Admission(requests=3, seconds=100, size=1000, pace=Pace())


def refused(call, named: str) -> RequestError:
    with pytest.raises(RequestError) as error:
        call()
    assert (error.value.status, error.value.error_type) == (429, "overloaded")
    assert named in error.value.message
    return error.value


def enter(admission: Admission, declared: int = 0):
    with admission.place(declared=declared):
        pass


def test_requests_over_the_limit_are_refused_until_one_leaves(admission):
    with admission.place(declared=0), admission.place(declared=0):
        with admission.place(declared=0):
            refused(lambda: enter(admission), "MAX_CONCURRENT_REQUESTS")
        enter(admission)


def test_bytes_are_counted_by_length_and_as_they_come(admission):
    with admission.place(declared=600) as one, admission.place(declared=0) as other:
        refused(lambda: enter(admission, 401), "MAX_QUEUED_BYTES")
        other.hold(400)
        refused(lambda: other.hold(401), "MAX_QUEUED_BYTES")
        one.hold(500)
        other.hold(500)
    assert (admission.requests, admission.size) == (0, 0)


def test_a_body_with_nothing_beside_it_may_be_larger(admission):
    with admission.place(declared=5000):
        refused(lambda: enter(admission, 1), "MAX_QUEUED_BYTES")


def test_seconds_are_counted_until_they_are_done(admission):
    with admission.place(declared=0) as one:
        one.measured(150)
        refused(lambda: enter(admission), "MAX_QUEUED_SECONDS")
        one.done(60)
        one.done(40)
        with admission.place(declared=0) as other:
            other.measured(20)
            assert admission.seconds == 110
        assert admission.seconds == 90
        one.done(200)
        assert admission.seconds == 0
    assert admission.seconds == 0


def test_a_place_that_is_refused_holds_nothing(admission):
    with admission.place(declared=900):
        refused(lambda: enter(admission, 900), "MAX_QUEUED_BYTES")
        assert (admission.requests, admission.size) == (1, 900)


def test_retry_after_grows_with_the_queue_and_falls_with_the_speed(admission):
    pace = Pace()
    admission = Admission(requests=1, seconds=10_000, size=1, pace=pace)
    with admission.place(declared=0) as place:
        assert refused(lambda: enter(admission), "").retry_after == 1
        place.measured(2000)
        slow = refused(lambda: enter(admission), "").retry_after
        assert slow == pytest.approx(2000 / pace.speed / 2, abs=1)
        pace.did(pace.speed * 9)
        assert refused(lambda: enter(admission), "").retry_after == pytest.approx(slow / 10, abs=1)
