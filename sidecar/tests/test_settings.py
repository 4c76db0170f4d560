from pathlib import Path

import pytest

from sidecar.settings import TABLE, SettingError, read

README = Path(__file__).parents[1].joinpath("README.md").read_text()


def test_an_empty_environment_means_the_defaults() -> None:
    settings = read({})
    assert (settings.port, settings.host, settings.device, settings.model) == (8080, "0.0.0.0", "auto", None)
    assert settings.max_concurrent_requests == 128


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("PORT", "70000", "a whole number from 0 to 65535"),
        ("DEVICE", "tpu", "auto, cpu or cuda"),
        ("DEVICE_INDEX", "0,0", "one GPU's number, or several as 0,1"),
        ("DEVICE_INDEX", "0,", "one GPU's number, or several as 0,1"),
        ("COMPUTE_TYPE", "int4", "int8"),
        ("DIARIZATION", "yes", "auto, on or off"),
        ("MAX_QUEUED_SECONDS", "0", "a whole number from 1 to 1000000000"),
        ("MAX_QUEUED_BYTES", "1.5", "a whole number from 1 to 1125899906842624 (bytes)"),
        ("IDLE_SECONDS", "-1", "a whole number from 1 to 3600"),
        ("MAX_BATCH_SIZE", "many", "a whole number from 1 to 64"),
    ],
)
def test_an_invalid_value_is_reported_with_what_the_setting_takes(name: str, value: str, takes: str) -> None:
    with pytest.raises(SettingError) as error:
        read({name: value})
    assert name in str(error.value)
    assert repr(value) in str(error.value)
    assert takes in str(error.value)
    assert "\n" not in str(error.value)


def test_device_index_accepts_several_gpus() -> None:
    assert read({}).device_index == (0,)
    assert read({"DEVICE_INDEX": "0, 2"}).device_index == (0, 2)


def test_the_readme_lists_every_setting() -> None:
    assert [setting.name for setting in TABLE if f"| `{setting.name}` |" not in README] == []
