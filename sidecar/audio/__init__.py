"""Decoding, speech detection, windows and mel features: everything before the model."""
