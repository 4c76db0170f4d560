"""The log line of a failure."""

import pytest
from starlette.requests import Request

from sidecar.errors import RequestError
from sidecar.http.error_response import log_failure

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("traceparent", "message"),
    [
        (TRACEPARENT, f"the model broke (traceparent {TRACEPARENT})"),
        ("of my own making", "the model broke"),
        (None, "the model broke"),
    ],
)
def test_a_server_failure_is_logged_with_the_traceparent_of_its_request(
    caplog: pytest.LogCaptureFixture, traceparent: str | None, message: str
) -> None:
    headers = [] if traceparent is None else [(b"traceparent", traceparent.encode())]
    request = Request({"type": "http", "headers": headers})
    log_failure(request, RequestError(424, "generation", "the model broke"))
    log_failure(request, RequestError(422, "validation", "no audio"))
    assert caplog.messages == [message]
