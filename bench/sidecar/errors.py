"""Word error rates in per cent: `python -m bench.sidecar.errors`, with JSON `[[references, texts], …]` on
stdin."""

import json
import sys

from .measure import word_errors

if __name__ == "__main__":
    print(json.dumps([word_errors(references, texts) for references, texts in json.load(sys.stdin)]))
