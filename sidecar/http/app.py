"""The routes, as in text-generation-inference."""

import time

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import Cancelled, RequestError
from .answer import answer
from .error_response import ErrorResponse, log_failure
from .exposition import CONTENT_TYPE
from .info import info
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

    async def health(request: Request) -> Response:
        service.require_ready()
        service.models.require_healthy()
        return JSONResponse({"status": "ok"})

    async def describe(request: Request) -> Response:
        authorize(request, service.settings.api_key)
        return JSONResponse(info(service))

    async def metrics(request: Request) -> Response:
        authorize(request, service.settings.api_key)
        return Response(service.metrics.text(), headers={"content-type": CONTENT_TYPE})

    return Starlette(
        routes=[
            Route("/", generate, methods=["POST"]),
            Route("/generate", generate, methods=["POST"]),
            Route("/generate_stream", generate_stream, methods=["POST"]),
            Route("/health", health),
            Route("/info", describe),
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
