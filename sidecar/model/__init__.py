"""The model files: download, verification and lookup."""
