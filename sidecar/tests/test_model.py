import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sidecar.model import ModelError, is_default, locate

from .process import ROOT

QUIET = {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": "", "HF_HUB_OFFLINE": "1"}


def fetch(directory: Path, **environment: str) -> tuple[int, list[dict]]:
    done = subprocess.run(
        [sys.executable, "-m", "sidecar.model", "fetch", str(directory)],
        cwd=ROOT,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
    )
    return done.returncode, [json.loads(line) for line in done.stdout.splitlines()]


def test_a_fetch_survives_being_killed_and_then_needs_no_network(tmp_path):
    directory = tmp_path / "model"
    command = [sys.executable, "-m", "sidecar.model", "fetch", str(directory)]
    killed = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL, start_new_session=True)
    while not (tmp_path / "model.partial").exists() and killed.poll() is None:
        time.sleep(0.01)
    os.killpg(killed.pid, signal.SIGKILL)
    killed.wait()
    assert not directory.exists()

    code, told = fetch(directory)
    assert (code, told[-1]) == (0, {"event": "done", "path": str(directory)})
    assert {"event", "step", "message", "bytes", "total"} == set(told[0])
    assert is_default(directory)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["model", "model.lock"]
    assert fetch(directory, **QUIET) == (0, [told[-1]])


def test_a_damaged_file_is_noticed_and_a_failure_is_one_sentence(tmp_path, model):
    directory = tmp_path / "model"
    shutil.copytree(model.directory, directory)
    (directory / "config.json").write_text("{}")
    code, told = fetch(directory, **QUIET)
    assert (code, told[-1]["event"]) == (1, "error")
    assert "could not be fetched" in told[-1]["message"]
    assert "\n" not in told[-1]["message"]
    assert not (tmp_path / "model.partial").exists()


def test_a_directory_is_a_model_if_it_holds_one(tmp_path, model):
    found = locate(str(model.directory), tmp_path, lambda *_: None)
    assert (found.directory, found.name, found.revision) == (model.directory, model.name, model.revision)
    with pytest.raises(ModelError, match="no directory"):
        locate("./nowhere", tmp_path, lambda *_: None)
    with pytest.raises(ModelError, match=r"no model\.bin"):
        locate(str(tmp_path), tmp_path, lambda *_: None)
