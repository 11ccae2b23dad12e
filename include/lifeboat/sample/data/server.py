"""Stands in for the JVM of a WSO2 server in a sample home: `sample-server.py -Dcarbon.home=HOME`.

There is no product to run, so this does what the outside sees of one. It writes its PID padded with NULs, logs that it
started some time after it was, listens on 9763 plus the offset of its deployment.toml, and ends some time after it was
asked to. Its health is that of its databases: it logs in to both, as deployment.toml says, and reads from them; with
`healthy = false` under `[sample]` it is unhealthy.
"""

import http.server
import json
import os
import signal
import subprocess
import sys
import threading
import time
import tomllib
from pathlib import Path
from urllib.parse import urlsplit

START_SECONDS = 0.4
STOP_SECONDS = 0.3
QUERY_SECONDS = 8
QUERIES = {
    "apim_db": "SELECT count(*) FROM am_api",
    "shared_db": "SELECT count(*) FROM reg_path WHERE reg_path_value LIKE '/_system/governance/apimgt/%'",
}


class Server:
    """One running server of a home."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.settings = tomllib.loads((home / "repository/conf/deployment.toml").read_text())
        self.stopping = threading.Event()

    def run(self) -> int:
        pid_file = self.home / "wso2carbon.pid"
        pid_file.write_bytes(str(os.getpid()).encode().ljust(100, b"\0"))
        signal.signal(signal.SIGTERM, lambda number, frame: self.stopping.set())
        began = time.monotonic()
        self.log("Starting WSO2 Carbon...")
        if not self.stopping.wait(START_SECONDS):
            port = 9763 + self.settings["server"].get("offset", 0)
            try:
                listener = http.server.ThreadingHTTPServer(("127.0.0.1", port), self.handler())
            except OSError as error:
                self.log(f"Port {port} cannot be used: {error.strerror}", "FATAL")
                return 1
            threading.Thread(target=listener.serve_forever, daemon=True).start()
            self.log(f"WSO2 Carbon started in {time.monotonic() - began:.0f} sec")
            self.stopping.wait()
            self.log("Shutdown hook triggered....")
            time.sleep(STOP_SECONDS)
            listener.server_close()
        self.log("Halting JVM")
        pid_file.unlink(missing_ok=True)
        return 0

    def log(self, message: str, level: str = "INFO") -> None:
        with (self.home / "repository/logs/wso2carbon.log").open("a") as file:
            stamp = time.strftime("%Y-%m-%d %H:%M:%S,000")
            file.write(f"TID: [-1234] [] [{stamp}] {level:>5} {{org.wso2.carbon}} - {message}\n")

    def health(self) -> tuple[int, dict[str, object]]:
        """Return the status and body of the health check: what each database answers."""
        found: dict[str, object] = {}
        errors: dict[str, str] = {}
        if not self.settings.get("sample", {}).get("healthy", True):
            errors["sample"] = "deployment.toml says so"
        for name, query in QUERIES.items():
            try:
                found[name] = self.query(self.settings["database"][name], query)
            except (OSError, KeyError, ValueError, subprocess.SubprocessError) as error:
                errors[name] = str(getattr(error, "stderr", "") or error).strip()
        return (503, {"errors": errors}) if errors else (200, {"health": found})

    def query(self, database: dict[str, str], statement: str) -> int:
        url = urlsplit(database["url"].removeprefix("jdbc:"))
        login = {
            "PGHOST": url.hostname or "",
            "PGPORT": str(url.port or 5432),
            "PGDATABASE": url.path.removeprefix("/"),
            "PGUSER": database["username"],
            "PGPASSWORD": database["password"],
            "PGCONNECT_TIMEOUT": "3",
        }
        done = subprocess.run(
            ["psql", "-XAtqw", "-v", "ON_ERROR_STOP=1", "-c", statement],
            env={**os.environ, **login},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=QUERY_SECONDS,
            check=True,
        )
        return int(done.stdout)

    def version(self) -> str:
        return (self.home / "bin/version.txt").read_text().strip().replace(" v", "-")

    def handler(self) -> type[http.server.BaseHTTPRequestHandler]:
        server = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                if self.path == "/services/Version":
                    body = f"<ns:getVersionResponse><return>{server.version()}</return></ns:getVersionResponse>"
                    self.answer(200, "text/xml", body)
                elif self.path == "/api/health-check/v1.0/health":
                    status, found = server.health()
                    self.answer(status, "application/json", json.dumps(found))
                else:
                    self.answer(404, "text/plain", "Not found")

            def answer(self, status: int, kind: str, body: str) -> None:
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body.encode())))
                self.end_headers()
                self.wfile.write(body.encode())

            def log_message(self, format: str, *arguments: object) -> None:
                """Keep quiet; nobody reads the output of a server."""

        return Handler


if __name__ == "__main__":
    (home,) = (word.partition("=")[2] for word in sys.argv[1:] if word.startswith("-Dcarbon.home="))
    sys.exit(Server(Path(home)).run())
