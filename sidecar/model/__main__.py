"""`python -m sidecar.model fetch DIR | pins`

`fetch` puts the default model into DIR and reports progress as JSON lines on stdout. `pins` prints the
default model's name, revision and SHA-256 digests as one JSON object.
"""

import json
import sys
from pathlib import Path

from .. import events
from .files import DEFAULT, REVISION, SHA256, fetch_default
from .install import ModelError


def main(arguments: list[str]) -> int:
    match arguments:
        case ["fetch", directory]:
            return _fetch(Path(directory))
        case ["pins"]:
            print(json.dumps({"model": DEFAULT, "revision": REVISION, "sha256": SHA256}, sort_keys=True))
            return 0
        case _:
            print("usage: python -m sidecar.model fetch DIR | pins", file=sys.stderr)
            return 2


def _fetch(directory: Path) -> int:
    try:
        fetch_default(directory, events.model_progress)
    except ModelError as error:
        events.emit("error", message=str(error))
        return 1
    events.emit("done", path=str(directory.absolute()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
