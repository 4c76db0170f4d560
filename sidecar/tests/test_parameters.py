import pytest

from sidecar.errors import RequestError
from sidecar.parameters import Parameters, parse


def test_nothing_given_detects_the_language_and_transcribes():
    assert parse({}) == Parameters()


@pytest.mark.parametrize("given", ["fr", "FR", "French", "<|fr|>"])
def test_a_language_may_be_a_code_a_name_or_a_token(given: str):
    assert parse({"language": given}).language == "fr"


def test_hugging_face_clients_nest_the_models_own_parameters():
    for name in ("generate_kwargs", "generation_parameters"):
        asked = parse({"return_timestamps": True, name: {"language": "de", "task": "translate", "num_beams": 2}})
        assert asked == Parameters(language="de", task="translate", timestamps="segment", beam_size=2)


def test_words_as_chunks_are_words():
    assert parse({"return_timestamps": "word"}) == Parameters(timestamps="word", words=True)


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"language": "klingon"}, "klingon"),
        ({"task": "sing"}, "task"),
        ({"beam_size": "0"}, "beam_size"),
        ({"words": "perhaps"}, "words"),
        ({"lnaguage": "en"}, "lnaguage"),
        ({"generate_kwargs": {"colour": "red"}}, "colour"),
        ({"generate_kwargs": "red"}, "generate_kwargs"),
    ],
)
def test_what_is_wrong_is_named(given: dict, named: str):
    with pytest.raises(RequestError) as error:
        parse(given)
    assert (error.value.status, error.value.error_type) == (422, "validation")
    assert named in error.value.message


def test_what_hugging_face_knows_and_the_server_decides_is_passed_over():
    assert parse({"temperature": 0.3, "chunk_length_s": 30, "language": None}) == Parameters()
