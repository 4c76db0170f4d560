import pytest

from sidecar.errors import RequestError
from sidecar.http.parameters import parse
from sidecar.inference.parameters import Parameters
from sidecar.inference.quality import POLICIES


def test_no_parameters_mean_detect_the_language_and_transcribe() -> None:
    assert parse({}) == Parameters()


@pytest.mark.parametrize("value", ["fr", "FR", "French", "<|fr|>"])
def test_language_accepts_a_code_a_name_or_a_token(value: str) -> None:
    assert parse({"language": value}).language == "fr"


def test_a_language_can_be_a_hint() -> None:
    assert parse({"language": "de", "language_hint": "true"}) == Parameters("de", language_hint=True)
    assert parse({"language": "de"}).language_hint is False


def test_candidate_languages_are_a_text_or_a_list() -> None:
    assert parse({"languages": "en, German,en", "language": "auto"}).languages == ("en", "de")
    assert parse({"generate_kwargs": {"languages": ["fr"]}}).languages == ("fr",)


def test_nested_parameters_of_hugging_face_clients_are_read() -> None:
    for name in ("generate_kwargs", "generation_parameters"):
        parameters = parse(
            {"return_timestamps": True, name: {"language": "de", "task": "translate", "num_beams": 2}}
        )
        assert parameters == Parameters(language="de", task="translate", timestamps="segment", beam_size=2)


def test_a_quality_has_its_own_beam_size_unless_the_request_names_one() -> None:
    assert parse({"quality": "best"}).policy == POLICIES["best"]
    assert parse({"quality": "best"}).beam_size == POLICIES["best"].beam_size
    assert parse({"quality": "best", "beam_size": "3"}).beam_size == 3
    assert parse({"quality": "balanced"}) == Parameters()


def test_return_timestamps_word_enables_words() -> None:
    assert parse({"return_timestamps": "word"}) == Parameters(timestamps="word", words=True)


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({"language": "klingon"}, "klingon"),
        ({"task": "sing"}, "task"),
        ({"beam_size": "0"}, "beam_size"),
        ({"quality": "high"}, "quality is 'high'; it takes fast, balanced, best"),
        ({"words": "perhaps"}, "words"),
        ({"language_hint": "perhaps"}, "language_hint"),
        ({"languages": "en,klingon"}, "languages"),
        ({"languages": "en", "language": "en"}, "languages needs the language auto"),
        ({"speakers": "3"}, "speakers"),
        ({"context_before": "31"}, "context_before"),
        ({"context_after": "nan"}, "context_after"),
        ({"lnaguage": "en"}, "lnaguage"),
        ({"generate_kwargs": {"colour": "red"}}, "colour"),
        ({"generate_kwargs": "red"}, "generate_kwargs"),
    ],
)
def test_an_invalid_parameter_is_refused_by_name(fields: dict[str, object], named: str) -> None:
    with pytest.raises(RequestError) as error:
        parse(fields)
    assert (error.value.status, error.value.error_type) == (422, "validation")
    assert named in error.value.message


def test_hugging_face_parameters_that_the_server_decides_are_ignored() -> None:
    assert parse({"temperature": 0.3, "chunk_length_s": 30, "language": None}) == Parameters()
