"""A deployment at another of its sites: what stands in there for what, and which addresses change with that.

The deployment file describes the home site. `sites.<site>.bindings` says what stands in at another site for its
servers, database servers, trees and hosts. Seen from there, everything that is bound has other connections and paths,
and the site's vault is the one that is worked with; the configuration in homes must then say so, too.
"""

import logging
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import Any

from lifeboat.connections import Connection, ConnectionResolver
from lifeboat.deployment import Binding, BusinessData, DatabaseServer, Deployment, HostSettings, Server
from lifeboat.errors import ConfigurationError
from lifeboat.recovery_documents import Foreign, Rebinding

log = logging.getLogger(__name__)

_LOOPBACK = ("localhost", "127.0.0.1", "::1")


def at_site(deployment: Deployment, site: str) -> Deployment:
    """Given a deployment and one of its sites, return the deployment as it is there: that site is its home site, and
    what is bound there has the site's connections and paths. Raise ConfigurationError for an unknown site."""
    if site not in deployment.sites:
        raise ConfigurationError(
            f"Deployment '{deployment.name}' has no site '{site}'.",
            next_step=f"Its sites are: {', '.join(deployment.sites)}.",
        )
    if site == deployment.home_site():
        return deployment
    bindings = {bound.stands_in_for: bound for bound in deployment.sites[site].bindings.values()}
    hosts = dict(deployment.hosts)
    for name, bound in bindings.items():
        if bound.connection and name in {*deployment.servers, *deployment.business_data}:
            hosts[_own_host(name, site)] = HostSettings(ssh=bound.connection)
        if bound.connection and name in hosts:
            hosts[name] = HostSettings(ssh=bound.connection)
    servers = {
        name: server.model_copy(update=_moved(name, bindings.get(name), site, "home"))
        for name, server in deployment.servers.items()
    }
    trees = {
        name: tree.model_copy(update=_moved(name, bindings.get(name), site, "path"))
        for name, tree in deployment.business_data.items()
    }
    databases = {
        name: database.model_copy(update=_moved_database(database, bindings.get(name), site, servers))
        for name, database in deployment.database_servers.items()
    }
    moved = {
        "sites": {site: deployment.sites[site], **deployment.sites},
        "hosts": hosts,
        "servers": servers,
        "database_servers": databases,
        "business_data": trees,
    }
    return deployment.model_copy(update=moved)


def without_names(deployment: Deployment, site: str, connections: Container[str]) -> Deployment:
    """Given a deployment, one of its sites and connections, return it without the host names that the site's bindings
    with these connections have: what stands behind such a name may be another thing than the connection reaches."""
    settings = deployment.sites[site]
    bindings = {
        name: bound.model_copy(update={"host_name": None}) if bound.connection in connections else bound
        for name, bound in settings.bindings.items()
    }
    changed = settings.model_copy(update={"bindings": bindings})
    return deployment.model_copy(update={"sites": {**deployment.sites, site: changed}})


def _own_host(name: str, site: str) -> str:
    """Return what the host of a server or tree is called that has a connection of its own at a site."""
    return f"{name}-at-{site}"


def _moved(name: str, bound: Binding | None, site: str, place: str) -> dict[str, Any]:
    """Return what is another thing of a server or tree when it is bound at a site."""
    if bound is None:
        return {}
    host = {"host": _own_host(name, site)} if bound.connection else {}
    return {"site": site, **host, **({place: bound.path} if bound.path else {})}


def _moved_database(
    database: DatabaseServer, bound: Binding | None, site: str, servers: Mapping[str, Server]
) -> dict[str, Any]:
    """Return the same of a database server; one in a home moves with that."""
    if database.server:
        where = servers[database.server]
        return {"site": where.site, "host": where.host}
    if bound is None:
        return {}
    # An account of the other site says nothing about who may write here.
    return {"site": site, **({"connection": bound.connection, "admin_connection": None} if bound.connection else {})}


def rebindings(
    deployment: Deployment, site: str, resolve: ConnectionResolver
) -> tuple[tuple[Rebinding, ...], tuple[Foreign, ...]]:
    """Given a deployment, one of its sites, and what resolves connections, return what the configuration of homes says
    at that site instead of what it says elsewhere, and the addresses of other sites that nothing replaces there.

    Raise ConfigurationError when a connection that tells an old address is not set, or when an address is to be
    replaced that comes in the place of another one.
    """
    if site == deployment.home_site():
        return (), _of_other_sites(deployment, resolve)
    bindings = {bound.stands_in_for: (name, bound) for name, bound in deployment.sites[site].bindings.items()}
    found: dict[str, dict[str, str]] = {}
    foreign: dict[str, str] = {}
    for thing, settings in _things(deployment):
        bound = bindings.get(thing)
        if bound is None and not isinstance(settings, HostSettings) and settings.site == site:
            continue
        for old, new in _pairs(deployment, thing, settings, bound[1] if bound else None, resolve):
            if new and bound:
                found.setdefault(old, {}).setdefault(new, bound[0])
            elif not new:
                foreign.setdefault(old, _described(thing, site, bound))
    rules = []
    for old, choices in found.items():
        (new, name), *others = choices.items()
        if others:
            names = ", ".join(f"'{each}'" for each in choices.values())
            foreign[old] = f"the bindings {names} of site '{site}' put different addresses in its place"
        elif new != old:
            rules.append(Rebinding(old=old, new=new, binding=name))
    _refuse_chains(rules, site)
    fine = {each.old for each in rules} | {new for choices in found.values() for new in choices}
    return tuple(rules), tuple(Foreign(address=old, of=of) for old, of in foreign.items() if old not in fine)


def _refuse_chains(rules: Sequence[Rebinding], site: str) -> None:
    """Raise ConfigurationError when an address is replaced that comes in the place of another one: whoever reads it in
    a configuration cannot tell which of the two it is."""
    new = {each.new: each.binding for each in rules}
    for each in rules:
        if each.old in new:
            raise ConfigurationError(
                f"'{each.old}' is replaced by binding '{each.binding}' of site '{site}', and is what binding "
                f"'{new[each.old]}' puts in the place of another address.",
                next_step="Give one of the two another host_name, such as an alias in the site's name service.",
            )


def _of_other_sites(deployment: Deployment, resolve: ConnectionResolver) -> tuple[Foreign, ...]:
    """Return the addresses of what stands in at other sites, as far as it is known here: at home they are foreign."""
    own = {old for thing, settings in _things(deployment) for old in _known(deployment, thing, settings, resolve)}
    found: dict[str, str] = {}
    for site in deployment.other_sites():
        for name, bound in deployment.sites[site].bindings.items():
            there = _resolved(bound.connection, resolve)
            for host, port in ((bound.host_name or "", None), (there.host, there.port) if there else ("", None)):
                for address, _ in _endpoints(host, port, "", None):
                    found.setdefault(address, f"binding '{name}' of site '{site}'")
    return tuple(Foreign(address=address, of=of) for address, of in found.items() if address not in own)


def _known(deployment: Deployment, thing: str, settings: Any, resolve: ConnectionResolver) -> Iterator[str]:
    try:
        yield from (old for old, _ in _pairs(deployment, thing, settings, None, resolve))
    except ConfigurationError as error:
        log.warning("What %s is called here is not known: %s", thing, error)


def _resolved(connection_id: str | None, resolve: ConnectionResolver) -> Connection | None:
    try:
        return resolve(connection_id) if connection_id else None
    except ConfigurationError as error:
        log.warning("An address of another site is not known: %s", error)
        return None


def _things(deployment: Deployment) -> Iterator[tuple[str, Server | DatabaseServer | BusinessData | HostSettings]]:
    groups: tuple[Mapping[str, Any], ...] = (
        deployment.database_servers,
        deployment.servers,
        deployment.business_data,
        deployment.hosts,
    )
    for group in groups:
        yield from group.items()


def _pairs(
    deployment: Deployment, thing: str, settings: Any, bound: Binding | None, resolve: ConnectionResolver
) -> Iterator[tuple[str, str]]:
    """Yield the addresses of a thing at its own site, each with what comes in its place, or with an empty text."""
    there = resolve(bound.connection) if bound and bound.connection else None
    new_host = (bound.host_name if bound else None) or (there.host if there else "")
    for old in bound.replaces if bound else ():
        yield old, (bound.path or "") if bound and old.startswith("/") else new_host
    if isinstance(settings, DatabaseServer):
        if not settings.server:
            known = resolve(settings.connection)
            yield from _endpoints(known.host, known.port, new_host, there.port if there else None)
        return
    if not isinstance(settings, HostSettings):
        path = settings.home if isinstance(settings, Server) else settings.path
        if bound and bound.path:
            yield path, bound.path
        settings = deployment.hosts.get(settings.host)
    if settings is not None and settings.ssh:
        yield from _endpoints(resolve(settings.ssh).host, None, new_host, None)


def _endpoints(host: str, port: int | None, new_host: str, new_port: int | None) -> Iterator[tuple[str, str]]:
    """Yield a host's addresses with those that replace them. A loopback address means another machine on each, so it
    counts with its port only."""
    if host and not host.startswith("/"):
        names = _LOOPBACK[:2] if host in _LOOPBACK else (host,)
        if port:
            for name in names:
                yield f"{name}:{port}", f"{new_host}:{new_port or port}" if new_host else ""
        if host not in _LOOPBACK:
            yield host, new_host


def _described(thing: str, site: str, bound: tuple[str, Binding] | None) -> str:
    if bound:
        return f"{thing}: binding '{bound[0]}' of site '{site}' has neither host_name nor connection"
    return f"{thing}, for which no binding of site '{site}' stands in"
