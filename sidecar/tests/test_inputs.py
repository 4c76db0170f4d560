import base64
import io
import json

import pytest

from sidecar.errors import RequestError
from sidecar.http.inputs import Inputs

AUDIO = bytes(range(256)) * 400


def read(body: bytes, *, block: int, limit: int = 10**6) -> tuple[bytes, dict[str, object]]:
    file = io.BytesIO()
    inputs = Inputs(file, limit=limit)
    for begin in range(0, len(body), block):
        inputs.feed(body[begin : begin + block])
    parameters = inputs.finish()
    assert inputs.size == len(file.getvalue())
    return file.getvalue(), parameters


def refused(body: object, **options: int) -> RequestError:
    with pytest.raises(RequestError) as error:
        read(body if isinstance(body, bytes) else json.dumps(body).encode(), **{"block": 65_536, **options})
    return error.value


@pytest.mark.parametrize("block", [1, 7, 4096, 65_536, 10**6])
@pytest.mark.parametrize("audio", [AUDIO, AUDIO[:1], AUDIO[:100_001]])
def test_audio_is_decoded_from_base64_whatever_the_block_size(audio: bytes, block: int) -> None:
    parameters = {"initial_prompt": 'say "\\" and \u00e9', "language": "en"}
    encoded = base64.b64encode(audio).decode()
    for body in (
        json.dumps({"inputs": encoded, "parameters": parameters}),
        json.dumps({"parameters": parameters, "inputs": encoded}, ensure_ascii=False, indent=1),
        json.dumps({"inputs": "data:audio/wav;base64," + encoded, "parameters": parameters}),
        json.dumps({"inputs": encoded, "parameters": parameters}).replace("/", r"\/"),
    ):
        assert read(body.encode(), block=block) == (audio, parameters)


def test_an_invalid_body_is_refused_with_the_reason() -> None:
    long = base64.b64encode(AUDIO).decode()
    assert "not JSON" in refused(b'{"inputs": "' + long.encode()).message
    assert "not JSON" in refused(b"[" * 500_000).message
    assert "inputs" in refused({"parameters": {}}).message
    assert "inputs" in refused({"inputs": 5}).message
    assert "empty" in refused({"inputs": ""}).message
    assert "colour" in refused({"inputs": long, "colour": "red"}).message
    assert "`parameters` takes" in refused({"inputs": long, "parameters": [1]}).message
    assert "64 KiB" in refused({"inputs": "QUJD", "parameters": {"initial_prompt": long}}).message
    assert "64 KiB" in refused({"inputs": long, "parameters": {"initial_prompt": long}}, block=1000).message
    assert "1 MiB" in refused(b'{"inputs":' + b" " * 1_100_000 + b'"QUJD"}').message
    for wrong in ("%%%", "QUJ", "QQ==QUJD", long + "!", long[:80_000] + "=" + long, long[:-1] + "\n"):
        assert "base64" in refused({"inputs": wrong}, block=1001).message


def test_audio_over_the_limit_is_refused_in_long_and_short_strings() -> None:
    encoded = base64.b64encode(AUDIO).decode()
    assert read(json.dumps({"inputs": encoded}).encode(), block=999, limit=len(AUDIO))[0] == AUDIO
    assert refused({"inputs": encoded}, limit=len(AUDIO) - 1).status == 413
    assert refused({"inputs": "QUJD"}, limit=2).status == 413
