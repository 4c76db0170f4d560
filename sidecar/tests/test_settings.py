from pathlib import Path

import pytest

from sidecar.settings import TABLE, SettingError, read


def test_defaults_are_taken_from_an_empty_environment():
    settings = read({})
    assert (settings.port, settings.host, settings.device, settings.model) == (8080, "0.0.0.0", "auto", None)
    assert settings.max_concurrent_requests == 128


@pytest.mark.parametrize(
    ("name", "value", "takes"),
    [
        ("PORT", "70000", "a whole number from 0 to 65535"),
        ("DEVICE", "tpu", "auto, cpu or cuda"),
        ("COMPUTE_TYPE", "int4", "int8"),
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


def test_every_setting_has_its_row_in_the_readme():
    readme = Path(__file__).parents[1].joinpath("README.md").read_text()
    assert [setting.name for setting in TABLE if f"| `{setting.name}` |" not in readme] == []
