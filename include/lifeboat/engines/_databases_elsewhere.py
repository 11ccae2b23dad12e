"""The databases of a server, looked into at another address: what was restored of it elsewhere has its accounts."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

from lifeboat.connections import Connection
from lifeboat.deployment import Unit
from lifeboat.engines import load_engine
from lifeboat.runtime import Runtime
from lifeboat.wso2.checks import CheckedDatabase


@contextmanager
def databases_at(
    runtime: Runtime, server: str, address: tuple[str, int] | None
) -> Iterator[Mapping[str, CheckedDatabase]]:
    """Given the name of a database server and another address, or None for its own, yield its databases there for the
    WSO2 checks, by the engine of its vendor. Raise UnreachableError when nobody answers there."""
    settings = runtime.deployment.database_servers[server]

    def resolve(connection_id: str) -> Connection:
        found = runtime.connection(connection_id)
        if address is None or connection_id != settings.connection:
            return found
        return replace(found, host=address[0], port=address[1])

    with Runtime(runtime.deployment, resolve) as elsewhere:
        engine = load_engine(settings.engine)(elsewhere, Unit(kind="database", name=server))
        with engine.live_databases() as databases:
            yield databases
