import numpy as np

from sidecar.batches import Batch, Queue
from sidecar.parameters import Parameters
from sidecar.request import Item, Request
from sidecar.vad import Speech
from sidecar.windows import Window

SILENCE = np.zeros(0, np.int16)


class Plain:
    """A request's wording, as far as the queue looks at it."""

    def __init__(self, previous_length: int = 0):
        self.previous_length = previous_length


def request(*, beam_size: int = 5, previous: int = 0) -> Request:
    return Request(Parameters(beam_size=beam_size), Plain(previous))


def items(owner: Request, count: int, *, frames: int = 1000, encoded: bool = True) -> list[Item]:
    made = [Item(owner, i, Window(0, 0, (Speech(0, 0),)), SILENCE, "en", frames) for i in range(count)]
    for item in made:
        item.encoded = SILENCE if encoded else None
    return made


def queue(*groups: list[Item], size: int = 4, workers: int = 1, encode_size: int = 1) -> Queue:
    made = Queue(size=size, workers=workers, encode_size=encode_size)
    for group in groups:
        for item in group:
            made.add(item)
    return made


def names(batch: Batch | None, **owners: Request) -> str:
    assert batch is not None
    letters = {id(owner): letter for letter, owner in owners.items()}
    return " ".join(f"{letters[id(item.request)]}{item.place}" for item in batch.items)


def test_requests_take_turns_window_by_window():
    a, b, c = request(), request(), request()
    waiting = queue(items(a, 9), items(b, 9), items(c, 2))
    assert names(waiting.take(), a=a, b=b, c=c) == "a0 b0 c0"
    assert names(waiting.take(), a=a, b=b, c=c) == "a1 b1 c1 a2"
    assert names(waiting.take(), a=a, b=b, c=c) == "b2 a3 b3 a4"


def test_a_first_window_goes_ahead_of_others_later_ones():
    a, b = request(), request()
    waiting = queue(items(a, 20))
    waiting.take()
    waiting.take()
    waiting.add(items(b, 1)[0])
    assert names(waiting.take(), a=a, b=b) == "b0"


def test_a_stream_of_new_requests_starves_nobody():
    a = request()
    waiting = queue(items(a, 3), size=1)
    waiting.take()
    served = []
    for _ in range(12):
        waiting.add(items(request(), 1)[0])
        served += waiting.take().items
    assert sum(item.request is a for item in served) == 2


def test_only_what_one_call_takes_shares_a_batch():
    a, b, greedy, prompted, long = request(), request(), request(beam_size=1), request(previous=7), request()
    waiting = queue(*(items(one, 1) for one in (a, b, greedy, prompted)), items(long, 1, frames=1400))
    batches = [waiting.take() for _ in range(4)]
    assert sorted(len(batch.items) for batch in batches) == [1, 1, 1, 2]
    assert waiting.take() is None


def test_company_is_encoded_before_a_batch_is_decoded_but_a_first_window_waits_for_no_later_one():
    a, b = request(), request()
    waiting = queue(items(a, 3, encoded=False), items(b, 1, encoded=False))
    taken = []
    while (batch := waiting.take()) is not None:
        taken.append((batch.encoding, names(batch, a=a, b=b)))
        for item in batch.items if batch.encoding else []:
            item.encoded = SILENCE
        waiting.done(batch)
        waiting.put_back(batch.items if batch.encoding else [])
    assert taken == [
        (True, "a0"),
        (True, "b0"),
        (False, "a0 b0"),
        (True, "a1"),
        (True, "a2"),
        (False, "a1 a2"),
    ]


def test_a_gpu_encodes_in_batches_of_one_length():
    a, b = request(), request(beam_size=1)
    long = request()
    waiting = queue(
        *(items(owner, 2, encoded=False) for owner in (a, b)), items(long, 1, frames=1400, encoded=False), encode_size=4
    )
    batch = waiting.take()
    assert batch.encoding
    assert names(batch, a=a, b=b) == "a0 b0 a1 b1"


def test_a_few_windows_are_shared_among_the_workers():
    waiting = queue(items(request(), 5)[1:], workers=2)
    assert [len(waiting.take().items), len(waiting.take().items)] == [2, 2]


def test_memory_that_did_not_suffice_for_encoding_makes_smaller_encoding_batches():
    waiting = queue(items(request(), 20, encoded=False)[1:], size=8, encode_size=8)
    waiting.shrink(waiting.take())
    assert [len(waiting.take().items), waiting.take().encoding] == [4, True]


def test_many_beams_make_smaller_batches_and_so_does_memory_that_did_not_suffice():
    assert len(queue(items(request(beam_size=20), 9, frames=3000)[1:], size=8).take().items) == 2
    waiting = queue(items(request(), 20)[1:], size=8)
    waiting.shrink(waiting.take())
    assert len(waiting.take().items) == 4


def test_a_dropped_request_leaves_nothing():
    a, b = request(), request()
    waiting = queue(items(a, 3), items(b, 1), size=1)
    batch = waiting.take()
    a.gone = True
    waiting.drop(a)
    waiting.put_back(batch.items)
    assert len(waiting) == 1


def test_the_express_takes_first_windows_while_later_ones_hold_all_workers():
    long, short = request(), request()
    waiting = queue(items(long, 9)[1:], size=4, workers=1)
    assert waiting.take(express=True) is None
    running = waiting.take()
    waiting.add(items(short, 1)[0])
    express = waiting.take(express=True)
    assert names(express, short=short) == "short0"
    assert waiting.take(express=True) is None
    waiting.done(express)
    waiting.done(running)
    waiting.add(items(request(), 1)[0])
    assert waiting.take(express=True) is None
