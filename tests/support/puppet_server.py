"""A Puppet server of three answers: it gives one agent a catalog over TLS, as the real one does, and takes its report.

Debian's puppetserver is a JVM of its own that takes half a minute to start.
"""

import json
import ssl
import threading
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa

AGENT = "agent.example"
_SERVER = "127.0.0.1"
#: An empty directory, as the agent asks for the plugins of modules.
_NO_PLUGINS = {
    "path": "/plugins",
    "relative_path": ".",
    "links": "follow",
    "owner": 0,
    "group": 0,
    "mode": 0o755,
    "checksum": {"type": "ctime", "value": "{ctime}2026-11-20 02:00:00 +0000"},
    "type": "directory",
    "destination": None,
}
_DAY = timedelta(days=1)


class PuppetServer:
    """A running server whose catalog is what `resources` makes of it; `reports` are what the agent sent."""

    def __init__(self, ssldir: Path) -> None:
        self.resources: list[dict[str, Any]] = []
        self.failure = ""
        self.reports: list[dict[str, Any]] = []
        self._make_certificates(ssldir)
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                node = {"name": AGENT, "parameters": {}, "environment": "production"}
                answers = {"node": node, "file_metadata": _NO_PLUGINS, "file_metadatas": [_NO_PLUGINS]}
                self.answer(answers[self.path.split("/")[3]])

            def do_POST(self) -> None:
                self.read()
                if server.failure:
                    self.answer({"message": server.failure, "issue_kind": "RUNTIME_ERROR"}, 500)
                else:
                    self.answer(server.catalog())

            def do_PUT(self) -> None:
                server.reports.append(json.loads(self.read()))
                self.answer([])

            def read(self) -> bytes:
                return self.rfile.read(int(self.headers["Content-Length"]))

            def answer(self, document: Any, status: int = 200) -> None:
                body = json.dumps(document).encode()
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("X-Puppet-Version", "7.23.0")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *arguments: Any) -> None:
                pass

        self._http = ThreadingHTTPServer((_SERVER, 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(ssldir / "server.pem")
        self._http.socket = context.wrap_socket(self._http.socket, server_side=True)
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def settings(self) -> dict[str, str]:
        """Return what leads an agent here."""
        port = str(self._http.server_address[1])
        return {"server": _SERVER, "serverport": port, "certname": AGENT, "certificate_revocation": "false"}

    def catalog(self) -> dict[str, Any]:
        """Return the catalog as the agent gets it."""
        frame = [{"type": "Stage", "title": "main"}, {"type": "Class", "title": "main"}]
        edges = [{"source": "Stage[main]", "target": "Class[main]"}]
        edges += [{"source": "Class[main]", "target": f"{each['type']}[{each['title']}]"} for each in self.resources]
        resources = [
            {"tags": [], "exported": False, "parameters": {}, "file": "/etc/site.pp", "line": 1, **each}
            for each in frame + self.resources
        ]
        about = {"name": AGENT, "version": 1, "environment": "production", "tags": [], "classes": []}
        return {**about, "resources": resources, "edges": edges}

    def stop(self) -> None:
        """Answer nothing any more."""
        self._http.shutdown()
        self._http.server_close()

    def _make_certificates(self, ssldir: Path) -> None:
        """Make an authority, and what it signed for the server and, where the agent looks for it, for the agent."""
        for name in ("certs", "private_keys", "public_keys"):
            (ssldir / name).mkdir(parents=True)
        authority, authority_key = _signed("Puppet CA", None, None)
        agent, agent_key = _signed(AGENT, authority, authority_key)
        server, server_key = _signed(_SERVER, authority, authority_key)
        (ssldir / "certs/ca.pem").write_bytes(_pem(authority))
        (ssldir / f"certs/{AGENT}.pem").write_bytes(_pem(agent))
        (ssldir / f"private_keys/{AGENT}.pem").write_bytes(_pem(agent_key))
        (ssldir / "server.pem").write_bytes(_pem(server_key) + _pem(server))


def _signed(
    name: str, issuer: x509.Certificate | None, issuer_key: rsa.RSAPrivateKey | None
) -> tuple[x509.Certificate, rsa.RSAPrivateKey]:
    """Return a certificate and its key, signed by an issuer, or by itself as an authority."""
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    alternative = x509.IPAddress(ip_address(name)) if name == _SERVER else x509.DNSName(name.replace(" ", "-"))
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([alternative]), critical=False)
    )
    return builder.sign(issuer_key or key, hashes.SHA256()), key


def _pem(thing: x509.Certificate | rsa.RSAPrivateKey) -> bytes:
    if isinstance(thing, x509.Certificate):
        return thing.public_bytes(serialization.Encoding.PEM)
    return thing.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
