"""The CPU, and CTranslate2's back end for it.

CTranslate2 reads its environment once, when it is loaded, so this module does not import it. By default
(src/cpu/backend.cc, src/cpu/cpu_isa.cc) it multiplies matrices with MKL on Intel processors and with oneDNN
on others, and uses at most AVX2 for everything else, even if there is AVX-512.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

_AVX512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}
_TRUE = {"1", "true", "TRUE"}


@dataclass(frozen=True)
class Processor:
    """An x86 processor under Linux. On any other machine `vendor` and `flags` are empty."""

    vendor: str
    flags: frozenset[str]


@dataclass(frozen=True)
class Backend:
    """`gemm`: the library for matrix products. `isa`: the instruction set for everything else."""

    gemm: str
    isa: str


def detect(cpuinfo: Path = Path("/proc/cpuinfo")) -> Processor:
    """Reads the first processor's entry: the kernel lists the same flags for all."""
    try:
        first = cpuinfo.read_text().partition("\n\n")[0]
    except OSError:
        first = ""
    pairs = (line.split(":", 1) for line in first.splitlines() if ":" in line)
    entry = {name.strip(): value.strip() for name, value in pairs}
    return Processor(entry.get("vendor_id", ""), frozenset(entry.get("flags", "").split()))


def environment(processor: Processor) -> dict[str, str]:
    """The variables with which CTranslate2 is fastest on this processor. The operator's own values win."""
    return {"CT2_FORCE_CPU_ISA": "AVX512"} if processor.flags >= _AVX512 else {}


def backend(processor: Processor, environ: Mapping[str, str] = os.environ) -> Backend | None:
    """The back end that CTranslate2 uses under `environ`; None if the processor is unknown."""
    if not processor.flags:
        return None
    mkl = environ.get("CT2_USE_MKL")
    with_mkl = mkl in _TRUE if mkl else processor.vendor == "GenuineIntel"
    own = next((isa for isa in ("AVX2", "AVX") if isa.lower() in processor.flags), "GENERIC")
    return Backend("MKL" if with_mkl else "oneDNN", environ.get("CT2_FORCE_CPU_ISA") or own)
