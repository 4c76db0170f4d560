"""Two models in one sidecar: shares under load, memory, loading."""
