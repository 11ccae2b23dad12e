"""Where a server says that it is healthy, by product; used when the deployment file gives no `health_url`.

Sources: the probes of WSO2's Helm charts and Kubernetes files, and the documentation of API Manager and Micro
Integrator. Recent versions of some products do not deploy `/services/Version`, and others can switch their
endpoint off: then the port alone tells.
"""

from dataclasses import dataclass

from lifeboat.deployment import Server
from lifeboat.wso2.identity import ProductIdentity
from lifeboat.wso2.layout import LayoutKind

HTTPS, HTTP = 9443, 9763
_MICRO_INTEGRATOR_HTTP, _MICRO_INTEGRATOR_HEALTH = 8280, 9191
_MICRO_INTEGRATOR_OFFSET = 10

_GATEWAY = "https://127.0.0.1:{https}/api/am/gateway/v2/server-startup-healthcheck"
_IDENTITY = "https://127.0.0.1:{https}/oauth2/token/.well-known/openid-configuration"
_VERSION = "http://127.0.0.1:{http}/services/Version"


@dataclass(frozen=True)
class HealthCheck:
    """A URL to ask, or none to try the port alone. When nobody serves the URL, the port decides, unless it was
    given in the deployment file (`certain`)."""

    url: str
    port: int
    certain: bool = False

    def __str__(self) -> str:
        return self.url or f"port {self.port}"


def port_offset(server: Server, layout: LayoutKind | None) -> int:
    """Given a server and its layout, return the offset of its ports."""
    if server.port_offset is not None:
        return server.port_offset
    return _MICRO_INTEGRATOR_OFFSET if layout is LayoutKind.MICRO_INTEGRATOR else 0


def main_port(server: Server, layout: LayoutKind | None) -> int:
    """Given a server and its layout, return the port that every server of that kind listens on."""
    base = _MICRO_INTEGRATOR_HTTP if layout is LayoutKind.MICRO_INTEGRATOR else HTTPS
    return base + port_offset(server, layout)


def health_check(server: Server, layout: LayoutKind | None, identity: ProductIdentity) -> HealthCheck:
    """Given a server, its layout and identity, return how its health is asked for."""
    offset, port = port_offset(server, layout), main_port(server, layout)
    if server.health_url:
        return HealthCheck(_with_ports(server.health_url, offset), port, certain=True)
    if layout is LayoutKind.MICRO_INTEGRATOR:
        return HealthCheck(f"http://127.0.0.1:{_MICRO_INTEGRATOR_HEALTH + offset}/healthz", port)
    return HealthCheck(_with_ports(_product_url(identity), offset), port)


def _product_url(identity: ProductIdentity) -> str:
    product = identity.product or ""
    if product in ("wso2am", "wso2am-universal-gw") and _major(identity) >= 4:
        return _GATEWAY
    return _IDENTITY if product.startswith("wso2is") else _VERSION


def _major(identity: ProductIdentity) -> int:
    first = (identity.version or "").partition(".")[0]
    return int(first) if first.isdigit() else 0


def _with_ports(url: str, offset: int) -> str:
    return url.replace("{https}", str(HTTPS + offset)).replace("{http}", str(HTTP + offset))
