"""The folders depend on each other in one direction (docs/architecture.md)."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDERS = {"http", "inference", "diarization", "audio", "model"}
FORBIDDEN = {
    "audio": {"http", "inference", "diarization", "model"},
    "inference": {"http", "diarization", "model"},
    "diarization": {"http", "inference", "model"},
    "model": {"http", "inference", "diarization", "audio"},
    "": FOLDERS,
}


def imported_folders(source: str, folder: str) -> set[str]:
    """The folders of the package that a module of `folder` (the root: "") imports, by relative imports."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and node.level == (2 if folder else 1):
            names = [node.module] if node.module else [alias.name for alias in node.names]
            found |= {name.partition(".")[0] for name in names} & FOLDERS
    return found


@pytest.mark.parametrize("folder", FORBIDDEN)
def test_a_folder_imports_only_folders_below_it(folder: str) -> None:
    # __main__ is the entry: it starts the HTTP server.
    modules = [path for path in (ROOT / folder).glob("*.py") if path != ROOT / "__main__.py"]
    assert len(modules) > 2
    for path in modules:
        assert imported_folders(path.read_text(), folder).isdisjoint(FORBIDDEN[folder]), path


def test_an_import_in_the_wrong_direction_is_found() -> None:
    assert imported_folders("from ..http.parameters import parse", "inference") == {"http"}
    assert imported_folders("def f():\n    from .. import model, errors", "audio") == {"model"}
    assert imported_folders("from .audio.vad import Speech", "") == {"audio"}
