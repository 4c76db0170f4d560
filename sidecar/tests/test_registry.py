"""The life of models: loading, sharing of memory, unloading. With a loader whose models are strings."""

import asyncio
import threading
from collections.abc import Awaitable, Callable

import pytest

from sidecar.model.catalog import Offer
from sidecar.model.install import ModelError
from sidecar.model.registry import Entry, ModelBusy, Registry, UnknownModel

SIZES = {"a": 50, "b": 30, "c": 40, "huge": 101}


class Loader:
    """`open`: loading ends only while it is set. `problem`: the error of the next attempts."""

    def __init__(self) -> None:
        self.open = threading.Event()
        self.open.set()
        self.problem: Exception | None = None
        self.done: list[str] = []

    def size(self, offer: Offer) -> int:
        return SIZES[offer.name]

    def load(self, offer: Offer) -> str:
        self.open.wait()
        self.done.append(f"+{offer.name}")
        if self.problem:
            raise self.problem
        return offer.name.upper()

    def unload(self, loaded: str) -> None:
        self.done.append(f"-{loaded.lower()}")

    def unloaded(self) -> None: ...


Case = Callable[[Registry[str], Loader], Awaitable[None]]


def with_registry(
    case: Case, *, memory: int | None = None, idle: float = 0, wait: float = 30, names: str = "abc"
) -> None:
    async def main() -> None:
        loader = Loader()
        models = [Offer(name, name, (f"{name}-alias",)) for name in (*names, "huge")]
        await case(Registry(models, loader, idle_seconds=idle, memory=memory, wait_seconds=wait), loader)

    asyncio.run(main())


async def use(models: Registry[str], name: str) -> str:
    async with models.lease(models.require(name)) as loaded:
        return loaded


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(30):
        while not true():
            await asyncio.sleep(0.005)


def entry(models: Registry[str], name: str) -> Entry[str]:
    return models.require(name)


def test_first_requests_at_once_load_a_model_once_and_others_do_not_wait() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        assert await use(models, "a") == "A"
        loader.open.clear()
        waiting = [asyncio.create_task(use(models, name)) for name in ("b", "b-alias", "b")]
        await until(lambda: entry(models, "b").users == 3)
        assert await use(models, "a") == "A"
        loader.open.set()
        assert await asyncio.gather(*waiting) == ["B", "B", "B"]
        assert loader.done == ["+a", "+b"]

    with_registry(case)


def test_an_unknown_model_is_refused_with_the_names_of_all() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        assert models.require(None) is models.default
        with pytest.raises(UnknownModel, match=r"'x'.*a or a-alias, b or b-alias"):
            models.require("x")

    with_registry(case)


def test_memory_is_taken_from_the_model_that_is_idle_for_longest() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        for name in ("a", "b", "a", "c"):
            await use(models, name)
        assert loader.done == ["+a", "+b", "-b", "+c"]
        assert models.size == SIZES["a"] + SIZES["c"]
        # The default model is no exception: both can answer, in turn.
        await use(models, "c")
        await use(models, "b")
        assert loader.done[4:] == ["-a", "+b"]

    with_registry(case, memory=100)


def test_a_request_waits_for_memory_until_a_model_is_idle() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        async with models.lease(entry(models, "a")), models.lease(entry(models, "b")):
            waiting = asyncio.create_task(use(models, "c"))
            await until(lambda: entry(models, "c").task is not None)
            assert await use(models, "b") == "B"
            assert not waiting.done()
        assert await waiting == "C"

    with_registry(case, memory=100)


def test_a_request_is_refused_if_no_model_becomes_idle() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        async with models.lease(entry(models, "a")), models.lease(entry(models, "b")):
            with pytest.raises(ModelBusy):
                await use(models, "c")
        await until(lambda: entry(models, "c").task is None)
        # The next request does not wait for a time to pass.
        assert await use(models, "c") == "C"

    with_registry(case, memory=100, wait=0.05)


def test_a_model_that_is_larger_than_the_memory_is_refused_with_both_sizes() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        await use(models, "a")
        with pytest.raises(ModelError, match=r"about 101 bytes.*MODEL_MEMORY_BYTES is 100"):
            await use(models, "huge")
        assert loader.done == ["+a"]

    with_registry(case, memory=100)


def test_a_request_does_not_wait_forever_for_a_model_that_loads() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        loader.open.clear()
        with pytest.raises(ModelBusy, match="is being loaded"):
            await use(models, "b")
        loader.open.set()
        await until(lambda: entry(models, "b").loaded is not None)
        assert loader.done == ["+b"]

    with_registry(case, wait=0.05)


def test_an_idle_model_is_unloaded_except_the_default_and_loaded_again() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        await use(models, "a")
        async with models.lease(entry(models, "b")):
            await use(models, "b")
            await use(models, "c")
            await until(lambda: "-c" in loader.done)
            assert entry(models, "b").loaded == "B"
        await until(lambda: "-b" in loader.done)
        assert models.size == SIZES["a"]
        assert await use(models, "b") == "B"
        assert loader.done == ["+a", "+b", "+c", "-c", "-b", "+b"]

    with_registry(case, idle=0.02)


def test_a_failure_concerns_one_model_and_is_repeated_only_after_a_while() -> None:
    async def case(models: Registry[str], loader: Loader) -> None:
        await use(models, "a")
        loader.problem = RuntimeError("no such file")
        for _ in range(2):
            with pytest.raises(ModelError, match="b cannot be loaded: no such file"):
                await use(models, "b")
        loader.problem = None
        assert await use(models, "c") == "C"
        assert loader.done == ["+a", "+b", "+c"]
        assert models.size == SIZES["a"] + SIZES["c"]
        entry(models, "b").retry_at = 0
        assert await use(models, "b") == "B"

    with_registry(case)


def test_the_process_does_not_wait_for_a_model_that_loads() -> None:
    loader_opened = threading.Event()

    async def case(models: Registry[str], loader: Loader) -> None:
        loader.open = loader_opened
        waiting = asyncio.create_task(use(models, "b"))
        await until(lambda: entry(models, "b").task is not None)
        assert not waiting.done()

    with_registry(case)
    assert not loader_opened.is_set()
    loader_opened.set()
