"""The HTTP server: requests, limits, responses and metrics."""
