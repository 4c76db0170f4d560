import asyncio

import pytest
from starlette.requests import Request
from starlette.types import Message

from sidecar import settings
from sidecar.http import body
from sidecar.http.admission import Admission
from sidecar.http.throughput import Throughput
from sidecar.inference.parameters import Parameters


def received(headers: dict[str, str]) -> Parameters:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"audio"}

    async def read() -> Parameters:
        raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"", "headers": raw}
        request = Request(scope, receive)
        head = body.read_head(request, limit=100)
        admission = Admission(requests=1, seconds=100, size=1000, throughput=Throughput())
        with admission.permit(declared=0) as permit:
            found = await body.read(request, head, permit, settings.read({}))
        with found.audio:
            assert found.audio.read() == b"audio"
        return found.parameters

    return asyncio.run(read())


@pytest.mark.parametrize(("headers", "hurried"), [({}, True), ({"X-Unhurried": "true"}, False)])
def test_a_header_says_whether_somebody_waits_for_the_text(headers: dict[str, str], hurried: bool) -> None:
    assert received(headers).hurried == hurried


def test_requests_with_the_same_header_share_their_turns() -> None:
    assert received({"X-Share": "user 1"}).share == "user 1"
    assert received({"X-Share": ""}).share is None
