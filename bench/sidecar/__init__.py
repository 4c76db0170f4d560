"""How fast the sidecar is, and how right, beside faster-whisper in one process: `python -m bench.sidecar`."""
