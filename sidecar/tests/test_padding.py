import numpy as np

from sidecar.audio.windows import USUAL
from sidecar.inference.padding import SIZES, Padding, lengthened, positions
from sidecar.inference.quality import BALANCED


def test_silence_follows_a_window_up_to_30_s() -> None:
    padding = Padding(silence=1.5)
    assert padding.frames(2.4, SIZES) == 400
    assert padding.frames(2.6, SIZES) == 550
    assert padding.frames(29.0, SIZES) == 3000


def test_the_encoder_gets_more_silence_after_a_single_word() -> None:
    padding = Padding(silence=1.5, briefest=10.0)
    assert [padding.frames(seconds, SIZES) for seconds in (1.0, 2.4)] == [1000, 400]


def test_the_decoder_gets_a_longer_input_than_the_encoder() -> None:
    assert [positions(frames) for frames in (400, 1450, 1600, 3000)] == [725, 725, 850, 1500]


def test_all_usual_windows_share_two_lengths_of_the_decoder() -> None:
    lengths = {positions(BALANCED.padding.frames(seconds, SIZES)) for seconds in np.arange(0.1, USUAL, 0.1)}
    assert lengths == {725, 850}


def test_only_silence_is_repeated() -> None:
    speech, silence = np.full((125, 2), 7, np.float32), np.zeros((75, 2), np.float32)
    found = lengthened(np.concatenate([speech, silence]), 725)
    assert found.shape == (725, 2)
    assert (found[:125] == 7).all()
    assert not found[125:].any()


def test_an_input_that_is_long_enough_stays_as_it_is() -> None:
    encoded = np.arange(20, dtype=np.float32).reshape(10, 2)
    assert lengthened(encoded, 8) is encoded
