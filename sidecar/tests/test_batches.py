import numpy as np

from sidecar.audio.vad import Speech
from sidecar.audio.windows import Window
from sidecar.inference.batches import Batch, Queue
from sidecar.inference.decoding import PromptBuilder
from sidecar.inference.parameters import Parameters
from sidecar.inference.request import Item, Request, Turns

SILENCE = np.zeros(0, np.int16)


class FixedPrompt(PromptBuilder):
    """Has a prompt of a given length, and no vocabulary: the queue reads only the length."""

    def __init__(self, previous_length: int):
        self._previous_tokens = [0] * previous_length


def request(*, beam_size: int = 5, previous: int = 0, hurried: bool = True) -> Request:
    return Request(Parameters(beam_size=beam_size, hurried=hurried), FixedPrompt(previous))


def items(owner: Request, count: int, *, frames: int = 1500, encoded: bool = True) -> list[Item]:
    made = [Item(owner, i, Window(0, 0, (Speech(0, 0),)), SILENCE, "en", frames) for i in range(count)]
    for item in made:
        item.encoded = SILENCE if encoded else None
    return made


def queue(
    *groups: list[Item], size: int = 4, workers: int = 1, encode_size: int = 1, spread: bool = False
) -> Queue:
    made = Queue(size=size, workers=workers, encode_size=encode_size, spread=spread)
    for group in groups:
        for item in group:
            made.add(item)
    return made


def take(waiting: Queue, *, express: bool = False) -> Batch:
    batch = waiting.take(express=express)
    assert batch is not None
    return batch


def names(batch: Batch, **owners: Request) -> str:
    letters = {id(owner): letter for letter, owner in owners.items()}
    return " ".join(f"{letters[id(item.request)]}{item.index}" for item in batch.items)


def test_requests_alternate_window_by_window() -> None:
    a, b, c = request(), request(), request()
    waiting = queue(items(a, 9), items(b, 9), items(c, 2))
    assert names(take(waiting), a=a, b=b, c=c) == "a0 b0 c0"
    assert names(take(waiting), a=a, b=b, c=c) == "a1 b1 c1 a2"
    assert names(take(waiting), a=a, b=b, c=c) == "b2 a3 b3 a4"


def test_requests_of_one_share_alternate_with_others_as_one() -> None:
    turns = Turns()
    share = [request() for _ in range(3)]
    for one in share:
        one.turns = turns
    other = request()
    waiting = queue(*(items(one, 1) for one in share), size=1)
    assert take(waiting).items[0].request is share[0]
    waiting.add(items(other, 1)[0])
    assert [take(waiting).items[0].request for _ in range(3)] == [other, *share[1:]]


def test_earlier_requests_of_a_share_go_ahead_of_later_ones() -> None:
    turns = Turns()
    turns.requests = 2
    first, second = request(hurried=False), request(hurried=False)
    for number, one in enumerate((first, second)):
        one.turns, one.number = turns, number
    other = request(hurried=False)
    mixed = [item for pair in zip(items(second, 3), items(first, 3), strict=True) for item in pair]
    waiting = queue(mixed, items(other, 1), size=4)
    assert names(take(waiting), a=first, b=second, o=other) == "a0 o0 a1 a2"


def test_the_only_request_of_a_share_does_not_wait_until_a_batch_of_another_is_full() -> None:
    turns = Turns()
    turns.requests = 6
    many = [request() for _ in range(6)]
    for one in many:
        one.turns = turns
    waiting = queue(*(items(one, 1, encoded=False) for one in many), size=4)
    take(waiting)
    only = request()
    waiting.add(items(only, 1)[0])
    assert names(take(waiting), only=only) == "only0"


def test_a_batch_has_the_windows_whose_length_is_nearest_to_the_first() -> None:
    made = items(request(), 6)[1:]
    for item, seconds in zip(made, (2, 9, 3, 8, 1), strict=True):
        item.window = Window(0, seconds, ())
    assert [item.window.end for item in take(queue(made, size=3)).items] == [2, 3, 1]


def test_a_first_window_goes_ahead_of_later_windows_of_other_requests() -> None:
    a, b = request(), request()
    waiting = queue(items(a, 20))
    waiting.take()
    waiting.take()
    waiting.add(items(b, 1)[0])
    assert names(take(waiting), a=a, b=b) == "b0"


def test_a_first_window_for_which_nobody_waits_shares_a_batch_with_later_windows() -> None:
    a, b = request(), request(hurried=False)
    waiting = queue(items(b, 1), items(a, 3)[1:])
    assert not waiting.has_first()
    assert names(take(waiting), a=a, b=b) == "b0 a1 a2"


def test_a_stream_of_new_requests_does_not_starve_an_old_one() -> None:
    a = request()
    waiting = queue(items(a, 3), size=1)
    waiting.take()
    served: list[Item] = []
    for _ in range(12):
        waiting.add(items(request(), 1)[0])
        served += take(waiting).items
    assert sum(item.request is a for item in served) == 2


def test_only_windows_that_one_engine_call_takes_share_a_batch() -> None:
    a, b, greedy, prompted, long = request(), request(), request(beam_size=1), request(previous=7), request()
    waiting = queue(*(items(one, 1) for one in (a, b, greedy, prompted)), items(long, 1, frames=2100))
    batches = [take(waiting) for _ in range(4)]
    assert sorted(len(batch.items) for batch in batches) == [1, 1, 1, 2]
    assert waiting.take() is None


def test_short_windows_of_different_lengths_share_a_batch() -> None:
    brief, short = items(request(), 1, frames=400), items(request(), 1, frames=1000)
    assert len(take(queue(brief, short)).items) == 2


def test_windows_are_encoded_before_their_batch_is_decoded_but_first_windows_do_not_wait() -> None:
    a, b = request(), request()
    waiting = queue(items(a, 3, encoded=False), items(b, 1, encoded=False))
    batches = []
    while (batch := waiting.take()) is not None:
        batches.append((batch.encoding, names(batch, a=a, b=b)))
        for item in batch.items if batch.encoding else []:
            item.encoded = SILENCE
        waiting.done(batch)
        waiting.put_back(batch.items if batch.encoding else [])
    assert batches == [
        (True, "a0"),
        (True, "b0"),
        (False, "a0 b0"),
        (True, "a1"),
        (True, "a2"),
        (False, "a1 a2"),
    ]


def test_a_gpu_encodes_windows_of_equal_length_in_one_batch() -> None:
    a, b = request(), request(beam_size=1)
    long = request()
    waiting = queue(
        *(items(owner, 2, encoded=False) for owner in (a, b)),
        items(long, 1, frames=2100, encoded=False),
        encode_size=4,
    )
    batch = take(waiting)
    assert batch.encoding
    assert names(batch, a=a, b=b) == "a0 b0 a1 b1"


def test_few_windows_are_divided_among_the_workers() -> None:
    waiting = queue(items(request(), 5)[1:], workers=2)
    assert [len(take(waiting).items), len(take(waiting).items)] == [2, 2]


def test_on_a_cpu_a_worker_leaves_long_windows_to_one_that_takes_short_ones_first() -> None:
    long, short = items(request(), 9, frames=2400)[1:], items(request(), 5)[1:]
    waiting = queue(long, short, size=8, workers=2, spread=True)
    batches = [take(waiting) for _ in range(3)]
    assert [(len(batch.items), batch.items[0].frames) for batch in batches] == [
        (6, 2400),
        (4, 1500),
        (1, 2400),
    ]


def test_running_out_of_memory_while_encoding_halves_encoding_batches() -> None:
    waiting = queue(items(request(), 20, encoded=False)[1:], size=8, encode_size=8)
    waiting.shrink(take(waiting))
    assert [len(take(waiting).items), take(waiting).encoding] == [4, True]


def test_many_beams_and_running_out_of_memory_make_smaller_batches() -> None:
    assert len(take(queue(items(request(beam_size=20), 9, frames=3000)[1:], size=8)).items) == 2
    waiting = queue(items(request(), 20)[1:], size=8)
    waiting.shrink(take(waiting))
    assert len(take(waiting).items) == 4


def test_a_dropped_request_leaves_no_item_in_the_queue() -> None:
    a, b = request(), request()
    waiting = queue(items(a, 3), items(b, 1), size=1)
    batch = take(waiting)
    a.abandoned = True
    waiting.drop(a)
    waiting.put_back(batch.items)
    assert len(waiting) == 1


def test_an_express_batch_has_only_first_windows() -> None:
    long, short = request(), request()
    waiting = queue(items(long, 9)[1:], size=4)
    assert not waiting.has_first()
    assert waiting.take(express=True) is None
    waiting.add(items(short, 1)[0])
    assert waiting.has_first()
    assert names(take(waiting, express=True), short=short) == "short0"
