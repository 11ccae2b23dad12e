"""A server is not started with a switch that destroys data, and without a URL its health is asked by product."""

import http.server
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lifeboat.errors import ServerError
from lifeboat.host import Host, LocalHost
from tests.support.certificates import make_certificate
from tests.support.wso2_server import SCRIPT, DoubleHome

HERE = LocalHost("here")


@pytest.mark.parametrize("place", ["script", "another script", "environment", "profile"])
def test_dangerous_switches(host: Host, home: DoubleHome, place: str) -> None:
    environment = {}
    expected = {
        "script": f"{home.home / SCRIPT}:2: -Dsetup",
        "another script": f"{home.home}/bin/setenv.sh:2: --cleanRegistry",
        "environment": "$JAVA_OPTS: -Dcarbon.registry.clean",
        "profile": "$JAVA_TOOL_OPTIONS: -Dmigrate",
    }[place]
    if place == "script":
        home.rewrite(SCRIPT, "#!/bin/sh\n", "#!/bin/sh\nset -- start -Dsetup\n")
    elif place == "another script":
        (home.home / "bin/setenv.sh").write_text('#!/bin/sh\nexport JAVA_OPTS="--cleanRegistry"\n')
    else:
        name = expected.partition(":")[0].removeprefix("$")
        environment = {name: f"-Xmx1g {expected.rpartition(' ')[2]}=true"}
    control = home.control(host, environment=environment)
    for act in (control.preflight, control.start):
        with pytest.raises(ServerError, match="with a switch that destroys data") as caught:
            act()
        assert f": {expected}." in caught.value.message
        assert "Take the switch out" in caught.value.next_step
    assert home.processes() == []


@contextmanager
def answers(port: int, status: int, certificate: Path | None = None) -> Iterator[list[str]]:
    """Listen on a port and answer every GET so, by TLS with a certificate; yield the paths that were asked for."""
    asked: list[str] = []

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, format: str, *arguments: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler) as server:
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield asked
        server.shutdown()


def test_a_gateway_is_asked_over_tls_with_a_certificate_that_nobody_signed(home: DoubleHome, tmp_path: Path) -> None:
    (home.home / "updates/product.txt").write_text("wso2am-universal-gw-4.5.0")
    control = home.control(HERE, health_url=None)
    control.start()
    with answers(home.port - 9763 + 9443, 200, make_certificate(tmp_path)) as asked:
        assert control.health().endswith("/api/am/gateway/v2/server-startup-healthcheck")
    assert asked == ["/api/am/gateway/v2/server-startup-healthcheck"]


def test_a_product_whose_url_nobody_serves_is_asked_by_its_port(home: DoubleHome) -> None:
    home.rewrite("bin/sample-server.py", '"/services/Version"', '"/services/Nothing"')
    control = home.control(HERE, health_url=None, start_timeout="1s")
    control.start()
    with pytest.raises(ServerError, match=r"is not healthy after 1s: .*/services/Version says: no answer"):
        control.health()
    with answers(home.port - 9763 + 9443, 200) as asked:
        assert control.health().endswith("/services/Version")
    assert asked == []


def test_a_url_of_the_deployment_file_has_the_last_word(home: DoubleHome) -> None:
    url = "http://localhost:{http}/no/such/page"
    control = home.control(HERE, health_url=url, start_timeout="1s")
    control.start()
    with answers(home.port - 9763 + 9443, 200), pytest.raises(ServerError, match=r"no/such/page says: 404"):
        control.health()
