"""The sidecar's speed and accuracy, compared with faster-whisper's: `python -m bench.sidecar`."""
