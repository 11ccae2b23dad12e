"""Whether what a deployment file names is there in the file. Works on plain data, so that these problems are told
together with all others of the file."""

from collections.abc import Iterator
from typing import Any

_GROUPS = ("servers", "database_servers", "business_data", "rds", "images")
_IN_CLOUD = {"rds": "places", "images": "launches"}


def reference_problems(document: Any) -> Iterator[tuple[tuple[str, ...], str]]:
    """Given a deployment as plain data, right or wrong in other ways, yield the place and the problem of every
    name in it that refers to nothing."""
    sites, hosts = _mapping(document, "sites"), _mapping(document, "hosts")
    groups = {name: _mapping(document, name) for name in _GROUPS}
    for group, things in groups.items():
        for name, thing in things.items():
            site, host = _text(thing, "site", "main"), _text(thing, "host", "worker")
            if site is not None and site not in sites:
                yield (group, name, "site"), f"'{site}' is not one of sites ({', '.join(map(str, sites))})"
            if host not in (None, "worker", *hosts):
                yield (group, name, "host"), f"'{host}' is not one of hosts ({', '.join(map(str, ('worker', *hosts)))})"
    host = _text(_mapping(document, "update"), "pack_host", "worker")
    if host not in (None, "worker", *hosts):
        yield ("update", "pack_host"), f"'{host}' is not one of hosts ({', '.join(map(str, ('worker', *hosts)))})"
    yield from _embedded_problems(groups)
    yield from _cloud_problems(groups, sites)
    known = {*hosts, *(name for things in groups.values() for name in things)}
    for site_name, site_thing in sites.items():
        for name, binding in _mapping(site_thing, "bindings").items():
            bound = _text(binding, "stands_in_for", None)
            if bound is not None and bound not in known:
                yield ("sites", site_name, "bindings", name, "stands_in_for"), f"'{bound}' is unknown"
        yield from _takeover_problems(site_name, site_thing, groups)
    if not any(groups.values()):
        yield (), f"nothing to back up: give at least one of {', '.join(_GROUPS)}"


def _embedded_problems(groups: dict[str, dict[str, Any]]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with the servers in whose homes databases are: a task of theirs runs where the home is."""
    servers = groups["servers"]
    for name, thing in groups["database_servers"].items():
        named = _text(thing, "server", None)
        if named is None:
            continue
        if named not in servers:
            yield ("database_servers", name, "server"), f"'{named}' is not one of servers ({', '.join(servers)})"
            continue
        for key, default in (("host", "worker"), ("site", "main")):
            own, its = _text(thing, key, default), _text(servers[named], key, default)
            if own != its:
                yield ("database_servers", name, key), f"is '{own}', but that of server '{named}' is '{its}'"


def _cloud_problems(groups: dict[str, dict[str, Any]], sites: dict[str, Any]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with what is in a cloud: its sites must be there, and its own must have an account."""
    for group, places in _IN_CLOUD.items():
        for name, thing in groups[group].items():
            site = _text(thing, "site", "main")
            if site in sites and not (_text(sites[site], "account", None) and _text(sites[site], "region", None)):
                yield (group, name, "site"), f"site '{site}' has no account and region"
            server = _text(thing, "database_server", None)
            if server is not None and server not in groups["database_servers"]:
                yield (group, name, "database_server"), f"'{server}' is not one of database_servers"
            for place in _mapping(thing, places):
                if place not in sites:
                    yield (group, name, places, place), f"is not one of sites ({', '.join(map(str, sites))})"


def _takeover_problems(
    site: str, thing: Any, groups: dict[str, dict[str, Any]]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield what is wrong with how a site takes over: what is made there is known, and something reaches it."""
    place, takeover = ("sites", site, "takeover"), _mapping(thing, "takeover")
    bindings = _mapping(thing, "bindings")
    databases, machines = _mapping(takeover, "databases"), _mapping(takeover, "machines")
    if (databases or machines) and not (_text(thing, "account", None) and _text(thing, "region", None)):
        yield place, f"site '{site}' has no account and region"
    bound = {_text(each, "stands_in_for", None) for each in bindings.values() if _text(each, "connection", None)}
    for name in databases:
        server = _text(groups["rds"].get(name), "database_server", None)
        if name not in groups["rds"]:
            yield (*place, "databases", name), f"is not one of rds ({', '.join(map(str, groups['rds']))})"
        elif server not in bound:
            what = f"rds.{name} needs a database_server, and that a binding of site '{site}' with a connection"
            yield (*place, "databases", name), what
    connected = [name for name, each in bindings.items() if _text(each, "connection", None)]
    for name, machine in machines.items():
        image = _text(machine, "image", None)
        if image is not None and image not in groups["images"]:
            yield (*place, "machines", name, "image"), f"'{image}' is not one of images"
        for binding in (each for each in _texts(machine, "bindings") if each not in connected):
            what = f"'{binding}' is not a binding of site '{site}' with a connection"
            yield (*place, "machines", name, "bindings"), what
    yield from _shared_connections((*place, "machines"), bindings, machines)
    yield from _switch_problems((*place, "switch"), takeover, databases, machines)


def _shared_connections(
    place: tuple[str, ...], bindings: dict[str, Any], machines: dict[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    """Yield the machines whose connection is another one's already: it can have one address only."""
    users: dict[str, str] = {}
    for name, machine in machines.items():
        for connection in {_text(bindings.get(each), "connection", None) for each in _texts(machine, "bindings")}:
            if connection is not None and (other := users.setdefault(connection, name)) != name:
                yield (*place, name), f"connection '{connection}' is that of machine '{other}' already"


def _switch_problems(
    place: tuple[str, ...], takeover: dict[str, Any], databases: dict[str, Any], machines: dict[str, Any]
) -> Iterator[tuple[tuple[str, ...], str]]:
    switches = takeover.get("switch")
    for number, switch in enumerate(switches if isinstance(switches, list) else ()):
        for machine in (each for each in _texts(switch, "machines") if each not in machines):
            yield (*place, str(number)), f"'{machine}' is not one of machines"
        database = _text(switch, "database", None)
        if database is not None and database not in databases:
            yield (*place, str(number)), f"'{database}' is not one of databases"


def _texts(document: Any, key: str) -> list[str]:
    """Return those of a list's items that are texts; what else is there is another problem."""
    found = document.get(key) if isinstance(document, dict) else None
    return [each for each in found if isinstance(each, str)] if isinstance(found, list) else []


def _mapping(document: Any, key: str) -> dict[str, Any]:
    found = document.get(key) if isinstance(document, dict) else None
    return found if isinstance(found, dict) else {}


def _text(document: Any, key: str, default: str | None) -> str | None:
    """Return a text or its default, or None when what is there is no text, which is another problem."""
    found = document.get(key, default) if isinstance(document, dict) else None
    return found if isinstance(found, str) else None
