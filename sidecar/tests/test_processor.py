import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from sidecar.model.files import Model
from sidecar.processor import Backend, Processor, backend, detect, environment

from .process import ROOT

AVX512 = "avx avx2 fma avx512f avx512bw avx512cd avx512dq avx512vl"


def processor(vendor: str, flags: str) -> Processor:
    return Processor(vendor, frozenset(flags.split()))


@pytest.mark.parametrize(
    ("vendor", "flags", "wanted"),
    [
        ("GenuineIntel", AVX512 + " avx512_vnni amx_int8", {"CT2_FORCE_CPU_ISA": "AVX512"}),
        ("AuthenticAMD", AVX512, {"CT2_FORCE_CPU_ISA": "AVX512"}),
        ("AuthenticAMD", "avx avx2 fma", {}),
        # The Xeon Phi has AVX-512, but not all the parts that CTranslate2 needs.
        ("GenuineIntel", "avx avx2 avx512f avx512cd avx512er avx512pf", {}),
        ("", "", {}),
    ],
)
def test_the_instruction_set_is_chosen_by_the_cpu_flags(
    vendor: str, flags: str, wanted: dict[str, str]
) -> None:
    assert environment(processor(vendor, flags)) == wanted


def test_detect_reads_the_first_processor_that_the_kernel_lists(tmp_path: Path) -> None:
    listed = tmp_path / "cpuinfo"
    entry = "processor\t: {}\nvendor_id\t: AuthenticAMD\npower management:\nflags\t\t: fpu avx avx2\n"
    listed.write_text(entry.format(0) + "\n" + entry.format(1))
    assert detect(listed) == processor("AuthenticAMD", "fpu avx avx2")
    listed.write_text("processor\t: 0\nFeatures\t: fp asimd\n")
    assert detect(listed) == detect(tmp_path / "nowhere") == processor("", "")


def test_the_operators_variables_select_the_back_end() -> None:
    intel, amd = processor("GenuineIntel", AVX512), processor("AuthenticAMD", "avx")
    assert backend(intel, {}) == Backend("MKL", "AVX2")
    assert backend(intel, {"CT2_USE_MKL": "0", "CT2_FORCE_CPU_ISA": "AVX512"}) == Backend("oneDNN", "AVX512")
    assert backend(amd, {"CT2_USE_MKL": "", "CT2_FORCE_CPU_ISA": ""}) == Backend("oneDNN", "AVX")
    assert backend(amd, {"CT2_USE_MKL": "true", "CT2_FORCE_CPU_ISA": "GENERIC"}) == Backend("MKL", "GENERIC")
    assert backend(processor("", ""), {}) is None


@pytest.mark.skipif(not detect().flags, reason="not an x86 processor under Linux")
@pytest.mark.parametrize("forced", [{}, {"CT2_USE_MKL": "0", "CT2_FORCE_CPU_ISA": "GENERIC"}])
def test_the_back_end_equals_the_one_that_ctranslate2_logs(model: Model, forced: dict[str, str]) -> None:
    code = "import ctranslate2, sys; ctranslate2.models.Whisper(sys.argv[1], device='cpu')"
    environ = {**os.environ, **forced, "CT2_VERBOSE": "1"}
    command = [sys.executable, "-c", code, str(model.directory)]
    log = subprocess.run(command, cwd=ROOT, env=environ, stderr=subprocess.PIPE, text=True, check=True).stderr
    [library] = re.findall(r"GEMM_S8 backend: (\w+)", log)[:1]
    [isa] = re.findall(r"Selected ISA: (\w+)", log)[:1]
    assert backend(detect(), environ) == Backend({"DNNL": "oneDNN"}.get(library, library), isa)
