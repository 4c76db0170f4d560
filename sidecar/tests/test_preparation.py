import numpy as np
import pytest

from sidecar.audio.windows import Window
from sidecar.inference.decoding import PromptBuilder
from sidecar.inference.parameters import Parameters
from sidecar.inference.preparation import Preparation
from sidecar.inference.request import Item, Request
from sidecar.inference.transcribe import Transcriber


def prepare(item: Item) -> None:
    item.mel = np.full(1, item.index)


@pytest.fixture
def prompt_builder(transcriber: Transcriber) -> PromptBuilder:
    return transcriber.prompt_builder(Parameters())


@pytest.mark.parametrize("kind", ["cpu", "cuda"])
def test_items_are_prepared_in_order_on_every_device(kind: str, prompt_builder: PromptBuilder) -> None:
    request = Request(Parameters(), prompt_builder)
    items = [Item(request, index, Window(0, 0, ()), np.zeros(0), "en", 400) for index in range(20)]
    preparation = Preparation(prepare, device=kind)
    prepared = list(preparation.prepared(items))
    preparation.close()
    assert prepared == items
    assert [item.mel for item in prepared] == list(range(20))
