"""What a request can be told went wrong, in text-generation-inference's words."""


class RequestError(Exception):
    """Answered as `{"error": message, "error_type": error_type}` with `status`.

    retry_after: seconds after which the same request may be sent again, or None.
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
    """The request itself is wrong; sending it again cannot help."""
    return RequestError(422, "validation", message)


def too_large(limit: int) -> RequestError:
    return RequestError(413, "validation", f"the body is larger than MAX_INPUT_BYTES ({limit} bytes)")


def too_slow(seconds: int) -> RequestError:
    return RequestError(408, "validation", f"no byte of the body came for IDLE_SECONDS ({seconds} s)")


def unauthorized() -> RequestError:
    return RequestError(401, "authentication", "send the API key as `Authorization: Bearer <key>`")


def generation(message: str) -> RequestError:
    """The model failed on an input that was in order."""
    return RequestError(424, "generation", message)


def overloaded(why: str, retry_after: int) -> RequestError:
    return RequestError(429, "overloaded", f"the server is overloaded: {why}", retry_after)


def unready(message: str) -> RequestError:
    """The model is still loading, or the server is shutting down."""
    return RequestError(503, "healthcheck", message, retry_after=1)


def shutting_down() -> RequestError:
    return unready("the server is shutting down")


class Cancelled(Exception):
    """The client has left; nobody waits for the answer."""
