from sidecar.segments import Piece, pieces, rest_of, spoken_bounds
from sidecar.vad import Speech
from sidecar.windows import Window

RATE = 16_000
WINDOW = Window(10 * RATE, 20 * RATE, (Speech(10 * RATE + 3200, 14 * RATE), Speech(15 * RATE, 20 * RATE - 3200)))


def test_text_is_cut_at_its_timestamps(transcriber):
    from sidecar.parameters import Parameters

    tokenizer = transcriber.wording(Parameters()).tokenizer("en")
    zero = tokenizer.timestamp_begin
    one, two = tokenizer.encode(" one"), tokenizer.encode(" two")
    assert pieces([zero, *one, zero + 50, zero + 60, *two], tokenizer) == [Piece(0.0, 1.0, one), Piece(1.2, None, two)]
    assert pieces([zero, zero + 50, tokenizer.eot], tokenizer) == []


def test_a_segment_is_trimmed_to_speech_and_stays_in_its_window():
    assert spoken_bounds(Piece(0, 4.5, []), WINDOW, after=0) == (10.2, 14.0)
    assert spoken_bounds(Piece(4.5, None, []), WINDOW, after=0) == (15.0, 19.8)
    start, end = spoken_bounds(Piece(25, 28, []), WINDOW, after=19.0)
    assert 19.0 <= start < end <= 20.0


def test_a_segment_does_not_begin_before_the_one_before_it_ends():
    assert spoken_bounds(Piece(0, 2, []), WINDOW, after=11.0)[0] == 11.0


def test_speech_after_the_last_timestamp_is_left_to_decode():
    rest = rest_of(WINDOW, [Piece(0, 4.2, [1])], least=1.0)
    assert rest is not None
    assert (rest.start, rest.end) == (15 * RATE - 3200, 20 * RATE)
    assert rest_of(WINDOW, [Piece(0, 9.2, [1])], least=1.0) is None
    assert rest_of(WINDOW, [Piece(0, None, [1])], least=1.0) is None
