import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from sidecar.model.files import DEFAULT, REVISION, SHA256, Model, is_default, locate
from sidecar.model.install import ModelError

from .process import ROOT

QUIET = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "HF_HUB_OFFLINE": "1"}


def fetch(directory: Path, **environment: str) -> tuple[int, list[dict[str, Any]]]:
    done = subprocess.run(
        [sys.executable, "-m", "sidecar.model", "fetch", str(directory)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_killed_download_can_be_repeated_and_then_needs_no_network(tmp_path: Path) -> None:
    directory = tmp_path / "model"
    command = [sys.executable, "-m", "sidecar.model", "fetch", str(directory)]
    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    while not (tmp_path / "model.partial").exists() and killed.poll() is None:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not directory.exists()

    code, events = fetch(directory)
    assert (code, events[-1]) == (0, {"event": "done", "path": str(directory)})
    assert {"event", "step", "message", "bytes", "total"} == set(events[0])
    assert is_default(directory)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.lock"]
    assert fetch(directory, **QUIET) == (0, [events[-1]])


def test_a_damaged_file_is_detected_and_a_failure_is_one_sentence(tmp_path: Path, model: Model) -> None:
    directory = tmp_path / "model"
    shutil.copytree(model.directory, directory)
    (directory / "config.json").write_text("{}")
    code, events = fetch(directory, **QUIET)
    assert (code, events[-1]["event"]) == (1, "error")
    assert "could not be fetched" in events[-1]["message"]
    assert "\n" not in events[-1]["message"]
    assert not (tmp_path / "model.partial").exists()


def test_a_directory_is_accepted_only_if_it_holds_a_model(tmp_path: Path, model: Model) -> None:
    located = locate(str(model.directory), tmp_path, lambda *_: None)
    assert (located.directory, located.name, located.revision) == (
        model.directory,
        model.name,
        model.revision,
    )
    with pytest.raises(ModelError, match="not a directory"):
        locate("./nowhere", tmp_path, lambda *_: None)
    with pytest.raises(ModelError, match=r"no model\.bin"):
        locate(str(tmp_path), tmp_path, lambda *_: None)


def test_pins_name_the_default_model_and_its_digests() -> None:
    command = [sys.executable, "-m", "sidecar.model", "pins"]
    pins = json.loads(subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout)
    assert pins == {"model": DEFAULT, "revision": REVISION, "sha256": SHA256}
