from pathlib import Path

import pytest

from sidecar.settings import TABLE, SettingError, read

README = Path(__file__).parents[1].joinpath("README.md").read_text()


def test_defaults_are_taken_from_an_empty_environment():
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
        ("MAX_QUEUED_SECONDS", "0", "a whole number from 1 to 1000000000"),
        ("MAX_QUEUED_BYTES", "1.5", "a whole number from 1 to 1125899906842624 (bytes)"),
        ("IDLE_SECONDS", "-1", "a whole number from 1 to 3600"),
        ("MAX_BATCH_SIZE", "many", "a whole number from 1 to 64"),
    ],
)
def test_a_wrong_value_is_named_with_what_it_got_and_takes(name: str, value: str, takes: str):
    with pytest.raises(SettingError) as error:
        read({name: value})
    assert name in str(error.value)
    assert repr(value) in str(error.value)
    assert takes in str(error.value)
    assert "\n" not in str(error.value)


def test_gpus_are_a_list():
    assert read({}).device_index == (0,)
    assert read({"DEVICE_INDEX": "0, 2"}).device_index == (0, 2)


def test_every_setting_has_its_row_in_the_readme():
    assert [setting.name for setting in TABLE if f"| `{setting.name}` |" not in README] == []
