"""`python -m sidecar [--exit-with-stdin]`"""

import os
import sys
from pathlib import Path

_AVX512 = {"avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"}


def _has_avx512() -> bool:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return False
    return any(line.startswith("flags") and set(line.split()) >= _AVX512 for line in lines)


# Read by OpenMP and OpenBLAS when numpy and CTranslate2 load: threads that spin while they wait cost the others.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
# CTranslate2 knows these instructions, but by itself uses them on Intel's processors only.
if _has_avx512():
    os.environ.setdefault("CT2_FORCE_CPU_ISA", "AVX512")
# Nothing about what is transcribed here, or where, is anyone else's business.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")


def main() -> None:
    from .settings import SettingError, read

    unknown = [argument for argument in sys.argv[1:] if argument != "--exit-with-stdin"]
    if unknown:
        sys.exit(f"unknown argument {unknown[0]!r}; usage: python -m sidecar [--exit-with-stdin]")
    try:
        settings = read(os.environ)
    except SettingError as error:
        sys.exit(str(error))
    from .server import run

    run(settings, with_stdin="--exit-with-stdin" in sys.argv)


if __name__ == "__main__":
    main()
