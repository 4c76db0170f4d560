from sidecar.batches import plan
from sidecar.windows import Window


def test_every_window_has_a_place_and_fits_its_batch():
    windows = [Window(0, 16_000 * seconds, ()) for seconds in (3, 14, 7, 1, 9, 2, 12, 5, 30)]
    batches = plan(windows, size=4, workers=2)
    assert sorted(place for _, places in batches for place in places) == list(range(9))
    for frames, places in batches:
        assert len(places) <= 4
        assert all(min(windows[i].seconds + 2, 30) * 100 <= frames <= 3000 for i in places)


def test_a_few_windows_are_shared_among_the_workers():
    windows = [Window(0, 16_000 * 5, ())] * 4
    assert [len(places) for _, places in plan(windows, size=8, workers=2)] == [2, 2]
