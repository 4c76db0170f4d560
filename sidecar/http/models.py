"""The models of the server, with the errors that requests for them can get."""

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from time import monotonic

import anyio.to_thread

from ..errors import RequestError, model_failed, overloaded, unready, validation
from ..inference.parameters import Parameters
from ..model import catalog
from ..model.catalog import Offer
from ..model.install import ModelError
from ..model.registry import RETRY_SECONDS, Entry, ModelBusy, Registry, UnknownModel
from ..settings import Settings
from .body import TranscribeRequest
from .loaded import Loaded
from .loader import Known, Loader
from .metrics import Metrics

_WAIT_SECONDS = 30.0
"""How long a request waits while its model is loaded, or for memory for it."""
_BUSY_RETRY_SECONDS = 5


class Models:
    """Its states: loading the default model, ready. `unloaded`: called after a model was unloaded."""

    def __init__(self, settings: Settings, metrics: Metrics, *, unloaded: Callable[[], None]):
        self._settings = settings
        self.loader = Loader(settings, metrics, unloaded=unloaded)
        self._registry: Registry[Loaded] | None = None

    @property
    def entries(self) -> Sequence[Entry[Loaded]]:
        """The default model first. Empty until it is loaded."""
        return self._registry.entries if self._registry else []

    def known(self, offer: Offer) -> Known:
        return self.loader.known(offer)

    async def load(self) -> str:
        """Loads the default model. Returns its name. Raises ModelError."""
        registry = Registry(
            await anyio.to_thread.run_sync(self._offers, abandon_on_cancel=True),
            self.loader,
            idle_seconds=self._settings.model_idle_seconds,
            memory=self._settings.model_memory_bytes,
            wait_seconds=_WAIT_SECONDS,
        )
        await registry.preload()
        self._registry = registry
        return registry.default.offer.name

    def _offers(self) -> list[Offer]:
        offers = catalog.offers(self._settings.models)
        self.loader.look(offers)
        return offers

    def require_ready(self) -> Registry[Loaded]:
        """Raises a `healthcheck` RequestError until the default model was loaded."""
        if self._registry is None:
            raise unready("the model is loading")
        return self._registry

    def require_healthy(self) -> None:
        """Raises a `healthcheck` RequestError also if the default model was unloaded and cannot be loaded
        again."""
        default = self.require_ready().default
        if default.failure and monotonic() < default.retry_at:
            raise unready(str(default.failure))

    def require(self, name: str | None) -> Entry[Loaded]:
        """The model of this name, or the default model. Raises a `validation` RequestError."""
        try:
            return self.require_ready().require(name)
        except UnknownModel as error:
            raise validation(str(error)) from None

    @asynccontextmanager
    async def lease(self, request: TranscribeRequest) -> AsyncIterator[Loaded]:
        """The request's model, which stays loaded while the block runs. Raises RequestError."""
        registry, named = self.require_ready(), request.parameters.model
        suggested = request.suggested_model if named is None else None
        entry = (suggested and registry.find(suggested)) or self.require(named)
        self._check_abilities(request.parameters, entry.offer)
        async with AsyncExitStack() as stack:
            try:
                loaded = await stack.enter_async_context(registry.lease(entry))
            except (ModelBusy, ModelError) as error:
                raise _refusal(error) from None
            # Its files may just have been downloaded.
            self._check_abilities(request.parameters, entry.offer)
            yield loaded

    def _check_abilities(self, parameters: Parameters, offer: Offer) -> None:
        """Raises a `validation` RequestError for what the model is known not to do."""
        able = self.known(offer).abilities
        if able is not None and not able.multilingual:
            _require_english(parameters, offer.name)


def _refusal(error: ModelBusy | ModelError) -> RequestError:
    if isinstance(error, ModelBusy):
        return overloaded(str(error), _BUSY_RETRY_SECONDS)
    return model_failed(str(error), RETRY_SECONDS)


def _require_english(parameters: Parameters, model: str) -> None:
    if parameters.language not in (None, "en"):
        raise validation(f"language is {parameters.language!r}; the model {model} supports English only")
    if parameters.languages and "en" not in parameters.languages:
        raise validation(f"languages has no en; the model {model} supports English only")
    if parameters.task == "translate":
        raise validation(f"task is 'translate'; the model {model} only transcribes English")
