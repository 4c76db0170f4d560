import numpy as np

from sidecar.audio.windows import Window
from sidecar.inference.decoding import Decoded
from sidecar.inference.passes import Pass, choose, most_plausible
from sidecar.inference.word_frequencies import WordFrequencies

from .test_decoding import decoded


def hypothesis(text: str, logprob: float) -> Decoded:
    return decoded(tokens=list(range(9)), text=text, logprob=logprob)


def chosen(*hypotheses: Decoded, language: str = "de") -> str:
    frequencies = WordFrequencies()
    return most_plausible(hypotheses, lambda text: frequencies.logarithm(text, language)).text


def test_a_word_that_exists_wins_over_a_slightly_more_probable_one_that_does_not() -> None:
    likely, real = hypothesis("die Rütter", -0.3), hypothesis("die Ritter", -0.35)
    assert chosen(likely, real) == real.text
    assert chosen(likely, hypothesis("die Ritter", -1.2)) == likely.text


def test_passes_with_the_same_text_outvote_one_that_is_a_little_more_probable() -> None:
    rare, twice = (
        hypothesis("ein Haus", -0.30),
        [hypothesis("Ein Hans.", -0.33), hypothesis("ein Hans", -0.33)],
    )
    assert chosen(rare, twice[0], language="th") == rare.text
    assert chosen(rare, *twice, language="th") == twice[0].text


def test_a_text_that_leaves_speech_out_is_not_chosen_for_its_brevity() -> None:
    whole = hypothesis("Ich lebe in der Nähe der Küste und es gibt immer Wind", -0.4)
    assert chosen(whole, hypothesis("Ich lebe", -0.45), hypothesis("", -0.45)) == whole.text


def test_a_loop_of_a_later_pass_is_not_chosen() -> None:
    first, loop = hypothesis("die Kovloomfähre", -0.5), decoded(text="die die die", capped=True, logprob=-0.1)
    passes = [Pass(Window(0, 1, ()), np.zeros(1), np.zeros(1), [text]) for text in (first, loop)]
    assert choose(passes, lambda text: 0.0) == (passes[0], first)
