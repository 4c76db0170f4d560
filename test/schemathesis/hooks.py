"""Registers media types whose bodies are plain bytes."""

import schemathesis

schemathesis.serializer.alias(["audio/*", "application/offset+octet-stream"], "application/octet-stream")
