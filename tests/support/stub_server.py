"""A server that treats every connection the same, for what no real endpoint does on request."""

import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager

RESET = b""


def reply(status: str) -> bytes:
    """Return an HTTP answer of that status and no content."""
    return f"HTTP/1.1 {status}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()


@contextmanager
def stub_server(answer: bytes) -> Iterator[int]:
    """Given an answer, yield the loopback port on which every request gets it; RESET breaks the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def serve() -> None:
            while True:
                try:
                    connection, _ = server.accept()
                except OSError:  # the server was closed
                    return
                with connection:
                    connection.recv(65536)
                    if answer:
                        connection.sendall(answer)
                    else:
                        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

        thread = threading.Thread(target=serve, daemon=True)
        thread.start()
        yield int(server.getsockname()[1])
        server.shutdown(socket.SHUT_RDWR)
