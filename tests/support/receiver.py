"""A service that takes messages over HTTP, as Apprise's `json://` sends them, and remembers what it took."""

import json
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class Receiver:
    """Listens on a port of the loopback address. While `refuses`, it answers 503 and takes nothing."""

    def __init__(self) -> None:
        self.taken: list[Mapping[str, Any]] = []
        self.refuses = False
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                content = self.rfile.read(int(self.headers["Content-Length"]))
                if not receiver.refuses:
                    receiver.taken.append(json.loads(content))
                self.send_response(503 if receiver.refuses else 200)
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self._server.server_port}/"

    def url_with(self, login: str, password: str) -> str:
        """Return its URL for who logs in, which it lets everybody do."""
        return self.url.replace("://", f"://{login}:{password}@")

    def titles(self) -> list[str]:
        """Return the titles of what was taken, in order."""
        return [message["title"] for message in self.taken]

    def stop(self) -> None:
        self._server.shutdown()
        self._server.server_close()
