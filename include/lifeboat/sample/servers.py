"""The servers of the sample deployment and what tells their product and profile."""

from dataclasses import dataclass, replace

CARBON_VERSION = "4.9.28"
PRODUCT_VERSION = "4.5.0"


@dataclass(frozen=True)
class SampleServer:
    """One WSO2 server: its name (also of its home), server type, product, start script and port offset."""

    name: str
    server_type: str
    product: str
    product_name: str
    script: str
    port_offset: int

    @property
    def host_name(self) -> str:
        return f"{self.name}.sample.example"


def _control_plane(number: int) -> SampleServer:
    return SampleServer(
        name=f"apim-cp-{number}",
        server_type="apim-control-plane",
        product="wso2am-acp",
        product_name="WSO2 API Control Plane",
        script="api-cp.sh",
        port_offset=number - 1,
    )


def _gateway(number: int) -> SampleServer:
    return SampleServer(
        name=f"apim-gw-{number}",
        server_type="apim-gateway",
        product="wso2am-universal-gw",
        product_name="WSO2 Universal Gateway",
        script="gateway.sh",
        port_offset=number + 1,
    )


SERVERS = (_control_plane(1), _control_plane(2), _gateway(1), _gateway(2))
#: A cold standby of the first control plane: installed, and down. Nothing but a person starts it.
STANDBY = replace(_control_plane(1), name="apim-standby", server_type="apim-standby", port_offset=len(SERVERS))
