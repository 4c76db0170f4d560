"""`python -m sidecar [--exit-with-stdin]`"""

import os
import sys

from .processor import detect, environment

# OpenMP and OpenBLAS read these when numpy and CTranslate2 are loaded. A thread that spins while it waits
# takes time from the other threads.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
for name, value in environment(detect()).items():
    os.environ.setdefault(name, value)
# Telemetry of libraries must not report what is transcribed here, or where.
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
    from .http.server import run

    run(settings, with_stdin="--exit-with-stdin" in sys.argv)


if __name__ == "__main__":
    main()
