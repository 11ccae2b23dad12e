"""The environment of a rescued Lifeboat: what its `.env` held, with the places that it names moved to the new ones.

Two files are written beside what came back, both for a shell and for this account alone: `environment`, with which
Airflow is started, and `connections`, what Airflow keeps encrypted in its database, for the command line alone: in
Airflow's own environment it would hide what is changed there later.
"""

import configparser
import json
import re
import shlex
from collections.abc import Iterable, Mapping
from pathlib import Path

from dotenv import dotenv_values

from lifeboat.connections import Connection, environment_variable

FILE = ".env"
#: Airflow's own settings, which it writes with absolute paths: of its database among them.
SETTINGS = "airflow.cfg"
ENVIRONMENT, CONNECTIONS = "environment", "connections"
#: Where Airflow's encryption key may stand, the name in docker-compose's `.env` last.
_FERNET_KEYS = ("AIRFLOW__CORE__FERNET_KEY", "AIRFLOW_FERNET_KEY")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


def captured_environment(trees: Iterable[Path]) -> dict[str, str]:
    """Given the roots of trees that came back, return what the `.env` files in them set; of several the later wins.

    Values are taken as they stand: what looks like a variable in them may be a part of a password.
    """
    found: dict[str, str] = {}
    for root in trees:
        file = root / FILE
        if file.is_file():
            found |= {name: value or "" for name, value in dotenv_values(file, interpolate=False).items()}
    return found


def fernet_keys(trees: Iterable[Path], *environments: Mapping[str, str]) -> str:
    """Given the roots of trees that came back, and environments, return Airflow's encryption key: the first one that an
    environment holds, or that of an `airflow.cfg`, or an empty text."""
    found = (environment.get(name, "") for environment in environments for name in _FERNET_KEYS)
    return next(filter(None, (*found, *map(_configured_key, trees))), "")


def _configured_key(root: Path) -> str:
    settings = configparser.ConfigParser(interpolation=None, strict=False)
    settings.read(root / SETTINGS, encoding="utf-8")
    return settings.get("core", "fernet_key", fallback="")


def moved(environment: Mapping[str, str], places: Mapping[str, str]) -> dict[str, str]:
    """Given an environment and the new place of each old path, return it with the new places wherever an old path, or
    a path below one, stands in a value."""
    return {name: _moved(value, places) for name, value in environment.items()}


def move_settings(trees: Iterable[Path], places: Mapping[str, str]) -> None:
    """Given the roots of trees that came back, do the same in the `airflow.cfg` files in them: an Airflow that is
    started from there must not look for the database of the lost one."""
    for file in filter(Path.is_file, (root / SETTINGS for root in trees)):
        text = file.read_text(encoding="utf-8")
        file.write_text(_moved(text, places), encoding="utf-8")


def _moved(text: str, places: Mapping[str, str]) -> str:
    old = sorted(places, key=len, reverse=True)
    if not old:
        return text
    # A path ends where a name cannot go on: `/srv/air` is no part of `/srv/airflow`.
    pattern = re.compile(rf"(?<![\w.-])(?:{'|'.join(map(re.escape, old))})(?![\w.-])")
    return pattern.sub(lambda found: places[found[0]], text)


def as_variables(connections: Iterable[Connection]) -> dict[str, str]:
    """Given connections, return the variables by which the command line finds them."""
    return {environment_variable(connection.id): _as_json(connection) for connection in connections}


def _as_json(connection: Connection) -> str:
    fields = {
        "conn_type": connection.type,
        "host": connection.host,
        "port": connection.port,
        "login": connection.login,
        "password": connection.password,
        "schema": connection.schema,
        "extra": dict(connection.extra),
    }
    return json.dumps({name: value for name, value in fields.items() if value})


def write_shell_file(file: Path, variables: Mapping[str, str]) -> None:
    """Write a new file, for this account alone, that exports these variables when a shell reads it. What no shell can
    name is left out."""
    file.touch(mode=0o600, exist_ok=False)
    lines = [f"export {name}={shlex.quote(value)}\n" for name, value in variables.items() if _NAME.fullmatch(name)]
    file.write_text("".join(lines), encoding="utf-8")
