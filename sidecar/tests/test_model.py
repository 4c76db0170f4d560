import functools
import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sidecar.model import diarization
from sidecar.model.catalog import abilities, offers
from sidecar.model.files import Model, locate
from sidecar.model.install import ModelError
from sidecar.model.pinned import BASE, TINY_EN

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
    assert BASE.is_in(directory)
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
    assert pins == {"model": BASE.name, "revision": BASE.revision, "sha256": BASE.sha256}


def test_tiny_en_is_a_pinned_model_for_english_only(tiny_en: Model, model: Model) -> None:
    assert (tiny_en.name, tiny_en.revision) == (TINY_EN.name, TINY_EN.revision)
    assert TINY_EN.is_in(tiny_en.directory)
    able = abilities(tiny_en.directory)
    assert not able.multilingual
    assert able.languages == {"en"}
    assert {"de", "ja"} <= abilities(model.directory).languages


def test_models_are_offered_under_their_names_on_the_hub_and_short_names(model: Model) -> None:
    names = [(offer.name, offer.aliases) for offer in offers([str(model.directory), "tiny.en", "turbo"])]
    assert names == [
        (BASE.name, ("base",)),
        (TINY_EN.name, ("tiny.en",)),
        ("turbo", ("large-v3-turbo", "mobiuslabsgmbh/faster-whisper-large-v3-turbo")),
    ]
    assert [offer.name for offer in offers([])] == [BASE.name]
    with pytest.raises(ModelError, match="two models named Systran/faster-whisper-base"):
        offers(["base", str(model.directory)])


def test_the_diarization_models_come_from_a_url_of_a_zip_archive(
    tmp_path: Path, diarization_models: Path
) -> None:
    def locate_from(archive: Path) -> Path:
        handler = functools.partial(SimpleHTTPRequestHandler, directory=str(tmp_path))
        with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
            threading.Thread(target=server.serve_forever, daemon=True).start()
            try:
                url = f"http://127.0.0.1:{server.server_port}/{archive.name}"
                return diarization.locate(url, tmp_path / "cache", lambda *_: None)
            finally:
                server.shutdown()

    damaged = tmp_path / "damaged.zip"
    with zipfile.ZipFile(damaged, "w") as archive:
        archive.writestr("models/" + diarization.EMBEDDING, b"other weights")
    with pytest.raises(ModelError, match="lack the pinned SHA-256 digests"):
        locate_from(damaged)
    with pytest.raises(ModelError, match="404"):
        locate_from(tmp_path / "missing.zip")
    complete = tmp_path / "complete.zip"
    with zipfile.ZipFile(complete, "w") as archive:
        for name in diarization.SHA256:
            archive.write(diarization_models / name, f"models/{name}")
    directory = locate_from(complete)
    assert sorted(path.name for path in directory.iterdir()) == sorted(diarization.SHA256)
    # A directory of the files is used as it is, and needs no network.
    assert diarization.locate(str(directory), tmp_path, lambda *_: None) == directory


def test_a_directory_without_the_diarization_models_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="DIARIZATION_MODEL"):
        diarization.locate(str(tmp_path), tmp_path, lambda *_: None)


def test_a_model_in_the_hub_clients_own_cache_is_not_downloaded_again(
    tmp_path: Path, model: Model, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = tmp_path / "hub/models--ada--whisper"
    (own / "refs").mkdir(parents=True)
    (own / "refs/main").write_text("abc")
    shutil.copytree(model.directory, own / "snapshots/abc", copy_function=os.link)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    found = locate("ada/whisper", tmp_path / "cache", lambda message, done, total: None)
    assert found == Model(own / "snapshots/abc", "ada/whisper", "abc")
    assert not (tmp_path / "cache").exists()
