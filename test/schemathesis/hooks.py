"""What Schemathesis does not know of by itself: bodies that are bytes, whatever their type is called."""

import schemathesis

schemathesis.serializer.alias(["audio/*", "application/offset+octet-stream"], "application/octet-stream")
