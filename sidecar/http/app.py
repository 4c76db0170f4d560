"""The routes, as in text-generation-inference."""

import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from .. import __version__
from ..errors import Cancelled, RequestError
from ..model.diarization import NAMES
from ..processor import backend, detect
from .answer import answer, embedding
from .error_response import ErrorResponse, log_failure
from .exposition import CONTENT_TYPE
from .service import Service
from .stream import Stream
from .work import admitted, authorize

_CLIENT_LEFT = 499


def create_app(service: Service) -> Starlette:
    async def generate(request: Request) -> Response:
        arrived = time.perf_counter()
        async with admitted(request, service) as work:
            started = time.perf_counter()
            timed = await work.run(lambda segments: None)
            content = answer(timed, work.request.parameters, model=work.loaded.model.name)
        ended = time.perf_counter()
        times = {
            "x-compute-type": work.loaded.transcriber.engine.device,
            "x-compute-time": _milliseconds(ended - started),
            "x-queue-time": _milliseconds(timed.queued),
            "x-inference-time": _milliseconds(timed.inference),
            "x-total-time": _milliseconds(ended - arrived),
        }
        return JSONResponse(content, headers=times)

    async def generate_stream(request: Request) -> Stream:
        return Stream(request, service)

    async def voices(request: Request) -> Response:
        async with admitted(request, service) as work:
            voice = await service.embed_voice(work.request)
        return JSONResponse({"embedding": embedding(voice), "seconds": round(voice.seconds, 2), "voices": 1})

    async def health(request: Request) -> Response:
        service.require_ready()
        return JSONResponse({"status": "ok"})

    async def info(request: Request) -> Response:
        authorize(request, service.settings.api_key)
        loaded = service.require_ready()
        engine, settings = loaded.transcriber.engine, service.settings
        cpu = backend(detect()) if engine.device == "cpu" else None
        return JSONResponse(
            {
                "model_id": loaded.model.name,
                "model_sha": loaded.model.revision,
                "model_dtype": engine.compute_type,
                "model_device_type": engine.device,
                "cpu_gemm": cpu.gemm if cpu else None,
                "cpu_isa": cpu.isa if cpu else None,
                "multilingual": engine.multilingual,
                "languages": sorted(loaded.transcriber.languages),
                "max_batch_size": loaded.transcriber.batch_size,
                "max_concurrent_requests": settings.max_concurrent_requests,
                "max_input_bytes": settings.max_input_bytes,
                "max_audio_seconds": settings.max_audio_seconds,
                "max_queued_seconds": settings.max_queued_seconds,
                "max_queued_bytes": settings.max_queued_bytes,
                "diarization": service.diarization.state,
                "diarization_models": NAMES,
                "version": __version__,
            }
        )

    async def metrics(request: Request) -> Response:
        authorize(request, service.settings.api_key)
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})

    return Starlette(
        routes=[
            Route("/", generate, methods=["POST"]),
            Route("/generate", generate, methods=["POST"]),
            Route("/generate_stream", generate_stream, methods=["POST"]),
            Route("/voices", voices, methods=["POST"]),
            Route("/health", health),
            Route("/info", info),
            Route("/metrics", metrics),
        ],
        exception_handlers={
            RequestError: _on_request_error,
            Cancelled: _on_client_left,
            ClientDisconnect: _on_client_left,
            HTTPException: _on_http_exception,
            Exception: _on_defect,
        },
    )


def _milliseconds(seconds: float) -> str:
    return str(round(seconds * 1000))


async def _on_request_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)
    log_failure(request, error)
    return ErrorResponse(request, error)


async def _on_client_left(request: Request, error: Exception) -> Response:
    return ErrorResponse(request, RequestError(_CLIENT_LEFT, "cancelled", "the client disconnected"))


async def _on_http_exception(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    message = f"{request.method} {request.url.path}: {error.detail}"
    return ErrorResponse(request, RequestError(error.status_code, "validation", message))


async def _on_defect(request: Request, error: Exception) -> Response:
    message = "the server failed on this request: see its log"
    return ErrorResponse(request, RequestError(500, "generation", message))
