import pytest

from sidecar.inference.hotwords import Hotwords


@pytest.mark.parametrize(
    "text",
    [
        "You go into the comfyui folder.",
        "You go into your Comfy UI folder.",
        "an OPEN-source tool",
        "This is open source.",
        "Die Straße nach Köln.",
        "我们在 北京 见面",
    ],
)
def test_a_hotword_is_heard_in_any_case_and_spelling(text: str) -> None:
    assert Hotwords("ComfyUI, open source; KÖLN, 北京").heard_in(text)


def test_other_words_are_not_hotwords() -> None:
    assert not Hotwords("ComfyUI, a to b, , Köln").heard_in("I go to a confu i folder, or to Bonn.")


def test_words_of_a_text_without_commas_are_hotwords() -> None:
    assert Hotwords("ComfyUI Kubernetes").heard_in("It runs on Kubernetes.")
