"""A proxy in front of PostgreSQL that does what tells a connection pooler: it gives sessions numbers of its own."""

import re
import socket
import socketserver
import struct
import threading

#: What a server tells a session about itself: message K, length 12, process number and key.
_BACKEND_KEY = re.compile(rb"K\x00\x00\x00\x0c.{8}", re.DOTALL)


class Pooler(socketserver.ThreadingTCPServer):
    """Listens on a port of the loopback and passes on to PostgreSQL's. Use it as a context."""

    daemon_threads = True

    def __init__(self, port: int) -> None:
        super().__init__(("127.0.0.1", 0), _Session)
        self.target = port

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def __enter__(self) -> "Pooler":
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        return self

    def __exit__(self, *error: object) -> None:
        self.shutdown()
        self.server_close()


class _Session(socketserver.BaseRequestHandler):
    server: Pooler

    def handle(self) -> None:
        with socket.create_connection(("127.0.0.1", self.server.target)) as upstream:
            threading.Thread(target=_pass_on, args=(self.request, upstream, False), daemon=True).start()
            _pass_on(upstream, self.request, True)


def _pass_on(source: socket.socket, target: socket.socket, renumber: bool) -> None:
    try:
        while data := source.recv(65536):
            own = b"K" + struct.pack("!iii", 12, 1, 1)
            target.sendall(_BACKEND_KEY.sub(own, data) if renumber else data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        source.close()
