"""What of a failure is written into the log."""

import pytest
from starlette.requests import Request

from sidecar.errors import RequestError
from sidecar.problem import report

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (TRACEPARENT, f"the model broke (traceparent {TRACEPARENT})"),
        ("of my own making", "the model broke"),
        (None, "the model broke"),
    ],
)
def test_a_failure_of_the_server_names_whose_request_it_was(caplog, given, told):
    headers = [] if given is None else [(b"traceparent", given.encode())]
    request = Request({"type": "http", "headers": headers})
    report(request, RequestError(424, "generation", "the model broke"))
    report(request, RequestError(422, "validation", "no audio"))
    assert caplog.messages == [told]
