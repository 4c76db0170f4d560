"""From windows of audio to timed text: scheduling, decoding and assembling in order."""
