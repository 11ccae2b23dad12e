"""What an update would do: which servers, in which order, by which method, and what stands in its way."""

from collections.abc import Iterator

from lifeboat.capture import engine_for
from lifeboat.deployment import Unit
from lifeboat.engines.home import HomeEngine
from lifeboat.errors import ConfigurationError, PreflightError
from lifeboat.patches import update_level
from lifeboat.recovery_journal import refuse_other_recovery
from lifeboat.recovery_plan import refuse_other_workers
from lifeboat.runtime import Runtime
from lifeboat.update_documents import ServerUpdate, UpdatePlan, UpdateRequest
from lifeboat.update_journal import refuse_open
from lifeboat.update_packs import Packs
from lifeboat.wso2.pack_source import product_of
from lifeboat.wso2.patches import PatchInventory
from lifeboat.wso2.server import ServerControl
from lifeboat.wso2.update_method import Target, UpdateMethod
from lifeboat.wso2.update_methods import SOURCES, update_method


def plan_update(runtime: Runtime, request: UpdateRequest, update: str) -> UpdatePlan:
    """Given what a person asks for and the update's id, return what would be done; nothing is changed.

    Raise ConfigurationError for servers or a method that there are not, PreflightError for patches that do not mix with
    the update, and whatever else stands in the way; also an update or a recovery that was left in the middle.
    """
    refuse_open(runtime, update)
    refuse_other_recovery(runtime)
    update_method(request.method)
    names = _chosen(runtime, request)
    refuse_other_workers(runtime.deployment, [Unit(kind="home", name=name) for name in names])
    planned = {name: _server(runtime, request, name) for name in names}
    servers = tuple(found for found in planned.values() if found is not None)
    left = tuple(name for name, found in planned.items() if found is None)
    prepares = request.method in SOURCES and servers
    return UpdatePlan(
        id=update,
        deployment=runtime.deployment.name,
        site=runtime.deployment.home_site(),
        request=request,
        servers=servers,
        left_alone=left,
        warnings=tuple(_warnings(runtime, names)),
        packs=Packs(runtime, request, update, servers).plan() if prepares else (),
    )


def method_for(runtime: Runtime, request: UpdateRequest, server: str, pack: str = "") -> UpdateMethod:
    """Given a request and a server's name, return the method at work on its home; `pack` is the path of the pack that
    was delivered for it, if another than the request's."""
    settings = runtime.deployment.servers[server]
    target = Target(level=request.level, pack=pack or request.pack, wait=request.wait)
    chosen = update_method(request.method)
    return chosen(runtime.host(settings.host), server, settings, runtime.deployment.update, runtime.connection, target)


def home_engine(runtime: Runtime, server: str) -> HomeEngine:
    """Return the engine of a server's home."""
    engine = engine_for(runtime, Unit(kind="home", name=server))
    assert isinstance(engine, HomeEngine)
    return engine


def _chosen(runtime: Runtime, request: UpdateRequest) -> list[str]:
    """Return the servers in start order: the first one is the canary. Without a choice it is every server that
    Lifeboat can stop."""
    servers = runtime.deployment.servers
    types = {server.type for server in servers.values()}
    unknown = [*(set(request.servers) - servers.keys()), *(set(request.types) - types)]
    if unknown:
        raise ConfigurationError(
            f"Deployment '{runtime.deployment.name}' has no server or type {', '.join(sorted(unknown))}.",
            next_step=f"It has servers {', '.join(servers)} of types {', '.join(sorted(types))}.",
        )
    everything = not (request.servers or request.types)
    wanted = [
        name
        for name, server in servers.items()
        if name in request.servers or server.type in request.types or (everything and server.control is not None)
    ]
    return sorted(wanted, key=lambda name: (servers[name].start_order, name))


def _server(runtime: Runtime, request: UpdateRequest, name: str) -> ServerUpdate | None:
    """Return what happens to one server, or None for one that is at the level already."""
    settings = runtime.deployment.servers[name]
    if settings.control is None:
        raise ConfigurationError(
            f"Server '{name}' has no `control` in the deployment file, so it cannot be stopped for an update.",
            next_step=f"Add control.unit or control.script to servers.{name}.",
        )
    ServerControl.of(runtime, name).preflight()
    held, identity = home_engine(runtime, name).read_patches()
    if request.level is not None and identity.update_level == request.level:
        return None
    patches = _patches(request, name, held)
    notes = method_for(runtime, request, name).preflight(identity)
    if patches:
        notes.append(f"{name}: its patches go, and plugins become as patch0000: {', '.join(patches)}")
    return ServerUpdate(
        server=name,
        type=settings.type,
        level=update_level(identity),
        patches=patches,
        notes=tuple(notes),
        product=product_of(identity),
    )


def _patches(request: UpdateRequest, name: str, held: PatchInventory | None) -> tuple[str, ...]:
    """Return the patches that go before the update. Raise PreflightError when they would mix with it: its next change
    of patches would copy patch0000 over what the update brought."""
    found = tuple(each.name for each in (*held.patches, *held.service_packs) if each.kind == "d") if held else ()
    if not found or request.method == "script":
        return ()
    if not request.remove_patches:
        raise PreflightError(
            f"Server '{name}' has Carbon patches ({', '.join(found)}), which do not mix with an update.",
            next_step="Ask WSO2 for a level that contains them; then update with --remove-patches.",
        )
    if held is not None and held.baseline is None:
        raise PreflightError(
            f"Server '{name}' has patches but no patch0000, so plugins cannot be made again without them.",
            next_step="Replace the pack instead, or bring patch0000 back: `lifeboat patches restore`.",
        )
    return found


def _warnings(runtime: Runtime, names: list[str]) -> Iterator[str]:
    others = [name for name in runtime.deployment.servers if name not in names]
    if others:
        yield f"{', '.join(others)} stay at their level: servers of one cluster must not stay at different levels."
    if runtime.deployment.database_servers:
        yield "Databases are in the snapshot; a rollback leaves them as they are, and says if their schema changed."
