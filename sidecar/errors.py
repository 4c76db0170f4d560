"""The errors that a request can get, with text-generation-inference's error types."""


class RequestError(Exception):
    """Sent as `{"error": message, "error_type": error_type}` with `status`.

    retry_after: seconds after which the client may send the same request again, or None.
    """

    def __init__(self, status: int, error_type: str, message: str, retry_after: int | None = None):
        super().__init__(message)
        self.status = status
        self.error_type = error_type
        self.message = message
        self.retry_after = retry_after

    @property
    def body(self) -> dict[str, str]:
        return {"error": self.message, "error_type": self.error_type}


def validation(message: str) -> RequestError:
    """The request is invalid: sending it again cannot help."""
    return RequestError(422, "validation", message)


def too_large(limit: int) -> RequestError:
    return RequestError(413, "validation", f"the body is larger than MAX_INPUT_BYTES ({limit} bytes)")


def too_slow(seconds: int) -> RequestError:
    return RequestError(
        408, "validation", f"the body stalled: no byte arrived for IDLE_SECONDS ({seconds} s)"
    )


def unauthorized() -> RequestError:
    return RequestError(401, "authentication", "send the API key as `Authorization: Bearer <key>`")


def generation(message: str) -> RequestError:
    """The model failed on valid input."""
    return RequestError(424, "generation", message)


def overloaded(reason: str, retry_after: int) -> RequestError:
    return RequestError(429, "overloaded", f"the server is overloaded: {reason}", retry_after)


def unready(message: str) -> RequestError:
    """The model is still loading, or the server is shutting down."""
    return RequestError(503, "healthcheck", message, retry_after=1)


def model_failed(message: str, retry_after: int) -> RequestError:
    """This model cannot be loaded now. Other models of the server can answer."""
    return RequestError(503, "model", message, retry_after)


def shutting_down() -> RequestError:
    return unready("the server is shutting down")


class Cancelled(Exception):
    """The client disconnected; no response can be sent."""
