import os
import struct
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
from faster_whisper.feature_extractor import FeatureExtractor

from sidecar.audio.features import FULL, mel
from sidecar.inference.encoder import Encoder, is_chosen, is_quantized, memory_bytes
from sidecar.inference.engine import CTranslate2
from sidecar.inference.observer import NullObserver
from sidecar.inference.transcribe import Transcriber
from sidecar.inference.weights import WeightsError
from sidecar.model.files import Model
from sidecar.processor import Processor

from .process import ROOT
from .test_transcribe import TEXT, run, words

# An import here would report itself (see the last test).
pytestmark = pytest.mark.skipif(find_spec("openvino") is None, reason="only on x86 processors under Linux")

AMX = Processor("GenuineIntel", frozenset({"avx2", "amx_bf16"}))
AVX512_BF16 = Processor("AuthenticAMD", frozenset({"avx2", "avx512_bf16"}))
OLDER = Processor("GenuineIntel", frozenset({"avx2", "avx512f"}))


@pytest.fixture(scope="module")
def encoder(model: Model) -> Encoder:
    return Encoder(model.weights, workers=2, threads=1)


@pytest.fixture(scope="module")
def mels(speech: np.ndarray) -> list[np.ndarray]:
    extractor = FeatureExtractor(feature_size=80)
    return [mel(extractor, speech, frames) for frames in (700, 1450, FULL)]


def model_file(path: Path, dtype: int) -> Path:
    """A `model.bin` of one variable, a matrix of the type of that number."""

    def text(value: str) -> bytes:
        return struct.pack("<H", len(value) + 1) + value.encode() + b"\0"

    variable = (
        text("encoder/layer_0/ffn/linear_0/weight") + struct.pack("<BIIBI", 2, 1, 2, dtype, 4) + bytes(4)
    )
    path.write_bytes(struct.pack("<I", 6) + text("WhisperSpec") + struct.pack("<II", 3, 1) + variable)
    return path


def test_its_output_is_closer_to_float32_than_that_of_int8(
    model: Model, encoder: Encoder, mels: list[np.ndarray]
) -> None:
    exact, rounded = (
        CTranslate2(model.directory, device="cpu", compute_type=compute_type, workers=1, threads=1).encode(
            mels
        )
        for compute_type in ("float32", "int8")
    )
    for features, wanted, int8 in zip(mels, exact, rounded, strict=True):
        found = encoder.encode(features)
        assert found.shape == wanted.shape
        assert 2 * np.abs(found - wanted).mean() < np.abs(int8 - wanted).mean()


def test_threads_get_the_output_of_their_own_input(encoder: Encoder, mels: list[np.ndarray]) -> None:
    alone = [encoder.encode(features) for features in mels]
    with ThreadPoolExecutor(6) as pool:
        together = list(pool.map(encoder.encode, mels * 4))
    for found, wanted in zip(together, alone * 4, strict=True):
        assert np.array_equal(found, wanted)


def test_a_lone_input_has_the_same_output(encoder: Encoder, mels: list[np.ndarray]) -> None:
    for features in mels:
        assert np.array_equal(encoder.encode(features, lone=True), encoder.encode(features))


def test_a_second_copy_for_lone_inputs_counts_as_memory(model: Model) -> None:
    assert memory_bytes(model.weights, workers=2) == 2 * memory_bytes(model.weights, workers=1)


def test_ctranslate2_encodes_where_openvino_is_not_chosen(model: Model, speech: np.ndarray) -> None:
    engine = CTranslate2(model.directory, device="cpu", compute_type="int8", workers=1, threads=1)
    transcriber = Transcriber(engine, model.directory, batch_size=2, workers=1, observer=NullObserver())
    try:
        assert words(run(transcriber, speech).text) == TEXT
    finally:
        transcriber.close()


@pytest.mark.parametrize(
    ("setting", "compute_type", "processor", "wanted"),
    [
        ("auto", "int8", AMX, True),
        ("auto", "int8", AVX512_BF16, True),
        ("auto", "int8", OLDER, False),
        ("auto", "float32", AMX, False),
        ("ctranslate2", "int8", AMX, False),
        ("openvino", "float32", OLDER, True),
    ],
)
def test_the_setting_the_type_and_the_processor_choose_the_encoder(
    model: Model, setting: str, compute_type: str, processor: Processor, wanted: bool
) -> None:
    assert is_chosen(setting, model.weights, compute_type, processor) == wanted


def test_a_model_that_openvino_cannot_use_is_left_to_ctranslate2(tmp_path: Path) -> None:
    float16, int8 = model_file(tmp_path / "float16", 4), model_file(tmp_path / "int8", 1)
    unknown = tmp_path / "unknown"
    unknown.write_bytes(b"PK\x03\x04")
    assert not is_quantized(float16)
    for file in (int8, unknown):
        assert not is_chosen("auto", file, "int8", AMX)
        with pytest.raises(WeightsError):
            Encoder(file, workers=1, threads=1)


def test_openvino_reports_nothing_to_its_makers(model: Model, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from sidecar.inference.encoder import Encoder\n"
        "Encoder(Path(sys.argv[1]), workers=1, threads=1)\n"
        "print([name for name, module in sys.modules.items() if module and 'openvino_telemetry' in name])"
    )
    environ = {**os.environ, "HOME": str(tmp_path)}
    command = [sys.executable, "-c", code, str(model.weights)]
    done = subprocess.run(command, cwd=ROOT, env=environ, stdout=subprocess.PIPE, text=True, check=True)
    assert done.stdout.strip() == "[]"
    # Where it keeps the number by which it knows a user.
    assert list(tmp_path.iterdir()) == []


def test_a_missing_package_has_a_remedy(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ModuleNotFoundError, match="set ENCODER=auto"):
        Encoder(model.weights, workers=1, threads=1)
