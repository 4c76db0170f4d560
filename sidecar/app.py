"""The routes, in text-generation-inference's manner."""

import hmac
import logging
import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from . import __version__, body
from .answer import answer
from .errors import Cancelled, RequestError, unauthorized
from .languages import NAMES
from .service import Service

log = logging.getLogger("sidecar")

_CLIENT_LEFT = 499


def create_app(service: Service) -> Starlette:
    async def generate(request: Request) -> Response:
        _authorize(request, service.settings.api_key)
        arrived = time.perf_counter()
        async with service.admitted() as loaded:
            asked = await body.read(request, limit=service.settings.max_input_bytes)
            with asked.audio:
                begun = time.perf_counter()
                timed = await service.transcribe(
                    asked.audio, asked.parameters, client_left=lambda: _disconnected(request)
                )
            content = answer(timed.transcript, asked.parameters, model=loaded.model.name)
        ended = time.perf_counter()
        times = {
            "x-compute-type": loaded.transcriber.engine.device,
            "x-compute-time": _milliseconds(ended - begun),
            "x-queue-time": _milliseconds(timed.queued),
            "x-inference-time": _milliseconds(timed.inference),
            "x-total-time": _milliseconds(ended - arrived),
        }
        return JSONResponse(content, headers=times)

    async def health(request: Request) -> Response:
        service.require_ready()
        return JSONResponse({"status": "ok"})

    async def info(request: Request) -> Response:
        _authorize(request, service.settings.api_key)
        loaded = service.require_ready()
        engine, settings = loaded.transcriber.engine, service.settings
        return JSONResponse(
            {
                "model_id": loaded.model.name,
                "model_sha": loaded.model.revision,
                "model_dtype": engine.compute_type,
                "model_device_type": engine.device,
                "multilingual": engine.multilingual,
                "languages": sorted(NAMES) if engine.multilingual else ["en"],
                "max_batch_size": loaded.transcriber.batch_size,
                "max_concurrent_requests": settings.max_concurrent_requests,
                "max_input_bytes": settings.max_input_bytes,
                "max_audio_seconds": settings.max_audio_seconds,
                "version": __version__,
            }
        )

    return Starlette(
        routes=[
            Route("/", generate, methods=["POST"]),
            Route("/generate", generate, methods=["POST"]),
            Route("/health", health),
            Route("/info", info),
        ],
        exception_handlers={
            RequestError: _refused,
            Cancelled: _left,
            ClientDisconnect: _left,
            HTTPException: _unrouted,
            Exception: _defect,
        },
    )


def _authorize(request: Request, key: str | None) -> None:
    if key is None:
        return
    scheme, _, given = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not hmac.compare_digest(given.strip().encode(), key.encode()):
        raise unauthorized()


async def _disconnected(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


def _problem(status: int, error_type: str, message: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"error": message, "error_type": error_type}, status, headers)


async def _refused(request: Request, error: RequestError) -> Response:
    if error.status == 424:
        log.error("%s", error.message, exc_info=error.__cause__)
    retry = {} if error.retry_after is None else {"retry-after": str(error.retry_after)}
    return _problem(error.status, error.error_type, error.message, retry)


async def _left(request: Request, error: Exception) -> Response:
    return _problem(_CLIENT_LEFT, "cancelled", "the client left, or the server stopped")


async def _unrouted(request: Request, error: HTTPException) -> Response:
    return _problem(error.status_code, "validation", f"{request.method} {request.url.path}: {error.detail}")


async def _defect(request: Request, error: Exception) -> Response:
    return _problem(500, "generation", "the server failed on this request; its log says why")
