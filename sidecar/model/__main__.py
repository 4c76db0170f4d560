"""`python -m sidecar.model fetch DIR [NAME] | pins`

`fetch` puts a pinned model (the default model, or `tiny.en`) into DIR and reports progress as JSON lines on
stdout. `pins` prints the default model's name, revision and SHA-256 digests as one JSON object.
"""

import json
import sys
from pathlib import Path

from .. import events
from .files import fetch, pinned_as
from .install import ModelError
from .pinned import DEFAULT, PINNED


def main(arguments: list[str]) -> int:
    match arguments:
        case ["fetch", directory]:
            return _fetch(Path(directory), None)
        case ["fetch", directory, name]:
            return _fetch(Path(directory), name)
        case ["pins"]:
            pins = {"model": DEFAULT.name, "revision": DEFAULT.revision, "sha256": DEFAULT.sha256}
            print(json.dumps(pins, sort_keys=True))
            return 0
        case _:
            print("usage: python -m sidecar.model fetch DIR [NAME] | pins", file=sys.stderr)
            return 2


def _fetch(directory: Path, name: str | None) -> int:
    pinned = pinned_as(name)
    if pinned is None:
        events.emit("error", message=f"The model {name} is not one of {', '.join(PINNED)}.")
        return 1
    try:
        fetch(pinned, directory, events.model_progress)
    except ModelError as error:
        events.emit("error", message=str(error))
        return 1
    events.emit("done", path=str(directory.absolute()))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
