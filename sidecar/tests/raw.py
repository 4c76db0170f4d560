"""Requests written byte by byte, for clients that HTTP libraries cannot imitate."""

import socket

from .process import Process


def connect(server: Process) -> socket.socket:
    return socket.create_connection(("127.0.0.1", server.port), timeout=60)


def head(path: str, *headers: str) -> bytes:
    lines = [f"POST {path} HTTP/1.1", "host: sidecar", "content-type: audio/wav", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def request(path: str, body: bytes) -> bytes:
    return head(path, f"content-length: {len(body)}") + body


def read_until(client: socket.socket, text: bytes) -> bytes:
    got = b""
    while text not in got:
        more = client.recv(65_536)
        assert more, f"the connection ended before {text!r} came, after {got!r}"
        got += more
    return got
