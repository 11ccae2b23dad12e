"""What a sample server has because it ran: logs, its H2 database, its search index, tenants, its pid."""

import os
from importlib import resources
from pathlib import Path

from lifeboat.sample.content import random_bytes, text
from lifeboat.sample.home_files import make_directory, write_file, write_text
from lifeboat.sample.home_tree import TreeFile
from lifeboat.sample.scales import Scale
from lifeboat.sample.servers import SampleServer

_LOGS = ("wso2carbon.log", "audit.log", "http_access.log", "wso2-apigw-errors.log")
_INDEX_FILES = ("_6k.fdt", "_6k.fdx", "_6k.si", "_6k_Lucene99_0.doc", "_6k_Lucene99_0.tim", "segments_4g")
_TENANT_ARTIFACTS = (
    "synapse-configs/default/sequences/main.xml",
    "synapse-configs/default/sequences/fault.xml",
    "synapse-configs/default/registry.xml",
    "eventpublishers/jmsEventPublisher.xml",
    "userstores/PARTNERS.xml",
)
# Bytes of one log, of the H2 database and of one file of the search index.
_SIZES: dict[Scale, tuple[int, int, int]] = {
    "small": (2_000, 80_000, 2_000),
    "reference": (500_000, 20_000_000, 3_000_000),
}


def shared_state_files(scale: Scale) -> list[TreeFile]:
    """Return the artifacts that all servers have alike: those of deployed APIs and of tenant 1."""
    count = 6 if scale == "small" else 60
    synapse = "repository/deployment/server/synapse-configs/default"
    apis = [f"{synapse}/api/admin--sample{number}_v1.0.0.xml" for number in range(1, count + 1)]
    endpoints = [f"{synapse}/endpoints/sample{number}--v1.0.0.xml" for number in range(1, count + 1)]
    tenant = [f"repository/tenants/1/{path}" for path in _TENANT_ARTIFACTS]
    return [TreeFile(path, 1_500) for path in (*apis, *endpoints, *tenant)]


def write_state(home: Path, server: SampleServer, scale: Scale, seed: int) -> None:
    """Write what differs between servers, and the empty directories, link and pid of a home."""
    log_size, database_size, index_size = _SIZES[scale]
    for name in _LOGS:
        write_file(home, f"repository/logs/{name}", text(f"{server.name}/{name}", log_size, seed))
    write_text(home, "repository/logs/patches.log", _patches_log())
    database = "repository/database/WSO2CARBON_DB.mv.db"
    write_file(home, database, _own_bytes(server, database, database_size, seed))
    for name in _INDEX_FILES:
        path = f"solr/data/index/{name}"
        write_file(home, path, _own_bytes(server, path, index_size, seed))
    for directory in ("tmp", "repository/deployment/server/userstores", "repository/components/servicepacks"):
        make_directory(home / directory)
    os.symlink(server.script, home / "bin/wso2server.sh")
    write_file(home, "wso2carbon.pid", str(4711 + server.port_offset).encode().ljust(100, b"\0"))


def write_server(home: Path, script: str) -> None:
    """Write the stand-ins for the product: a start script, what applies patches, what runs in place of a JVM, and the
    update tools."""
    data = resources.files(__package__).joinpath("data")
    write_file(home, f"bin/{script}", data.joinpath("server.sh").read_bytes())
    write_file(home, "bin/sample-server.py", data.joinpath("server.py").read_bytes())
    patches = resources.files(__package__).joinpath("carbon_patches.py")
    write_file(home, "bin/sample-patches.py", patches.read_bytes())
    write_file(home, "bin/wso2update_linux", data.joinpath("wso2update.py").read_bytes(), 0o755)
    write_file(home, "bin/update_linux", data.joinpath("update_in_place.py").read_bytes(), 0o755)


def _own_bytes(server: SampleServer, path: str, size: int, seed: int) -> bytes:
    return random_bytes(f"{seed}:{server.name}:{path}", size)


def _patches_log() -> str:
    messages = (
        "Patch changes detected",
        "Backed up plugins to patch0000",
        "Applying - patch0001",
        "Patch verification started",
        "Patch verification successfully completed",
    )
    return "".join(f"[2026-03-02 06:00:0{second}] INFO - {text}\n" for second, text in enumerate(messages))
