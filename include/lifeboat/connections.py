"""Connections: where every secret comes from.

Airflow keeps them encrypted; without Airflow the same connections are read from `AIRFLOW_CONN_<ID>`
environment variables, as a URI or as JSON, in Airflow's own two formats.
"""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from lifeboat.errors import ConfigurationError


@dataclass(frozen=True)
class Connection:
    """One Airflow connection. `password` and `extra` may hold secrets and are never shown by `repr`."""

    id: str
    type: str = ""
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: Mapping[str, Any] = field(default_factory=dict, repr=False)

    def require(self, name: str) -> str:
        """Given a field's name, return its value. Raise ConfigurationError if the connection leaves it empty."""
        value = getattr(self, name)
        if not value:
            raise ConfigurationError(
                f"Connection '{self.id}' has no {name}.",
                next_step=f"Set the {name} of connection '{self.id}' in Airflow (Admin, Connections) "
                f"or in {environment_variable(self.id)}.",
            )
        return str(value)


#: Given a connection id, return the connection or raise ConfigurationError.
ConnectionResolver = Callable[[str], Connection]


def environment_variable(connection_id: str) -> str:
    """Given a connection id, return the name of the environment variable that can hold it."""
    return f"AIRFLOW_CONN_{connection_id.upper()}"


def unset_connection(connection_id: str) -> ConfigurationError:
    """Return the error for a connection that is set nowhere."""
    return ConfigurationError(
        f"Connection '{connection_id}' is not set.",
        next_step=f"Create it in Airflow (Admin, Connections) or set {environment_variable(connection_id)}.",
    )


def from_environment(connection_id: str, environment: Mapping[str, str] = os.environ) -> Connection:
    """Given a connection id and an environment, by default our own, return the connection that `AIRFLOW_CONN_<ID>`
    describes there.

    Raise ConfigurationError when the variable is unset or cannot be read; the message never holds its value.
    """
    text = environment.get(environment_variable(connection_id), "").strip()
    if not text:
        raise unset_connection(connection_id)
    try:
        return _from_json(connection_id, text) if text.startswith("{") else _from_uri(connection_id, text)
    except (ValueError, TypeError, AttributeError):
        raise ConfigurationError(
            f"{environment_variable(connection_id)} is neither an Airflow connection URI nor its JSON form.",
            next_step="Write it as type://login:password@host:port/schema?key=value, or as a JSON object.",
        ) from None


def _from_json(connection_id: str, text: str) -> Connection:
    document = json.loads(text)
    extra, port = document.get("extra") or {}, document.get("port")
    return Connection(
        id=connection_id,
        type=_text(document, "conn_type"),
        host=_text(document, "host"),
        port=int(port) if port is not None else None,
        login=_text(document, "login"),
        password=_text(document, "password"),
        schema=_text(document, "schema"),
        extra=_object(json.loads(extra) if isinstance(extra, str) else extra),
    )


def extra_of(text: str) -> Mapping[str, Any]:
    """Given a connection's extra as Airflow stores it, return it; one that is no JSON object says nothing to us."""
    try:
        return _object(json.loads(text)) if text else {}
    except (ValueError, TypeError):
        return {}


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    return "" if value is None else str(value)


def _object(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("extra is no JSON object")
    return value


def _from_uri(connection_id: str, text: str) -> Connection:
    parts = urlsplit(text)
    if not parts.scheme:
        raise ValueError("no scheme")
    extra: dict[str, Any] = dict(parse_qsl(parts.query, keep_blank_values=True))
    if "__extra__" in extra:
        extra = dict(_object(json.loads(extra["__extra__"])))
    return Connection(
        id=connection_id,
        type="postgres" if parts.scheme == "postgresql" else parts.scheme.replace("-", "_"),
        host=unquote(_host_part(parts.netloc)),
        port=parts.port,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=unquote(parts.path.removeprefix("/")),
        extra=extra,
    )


def _host_part(netloc: str) -> str:
    """Given the part of a URI between // and /, return its host with its case kept: it may be a socket's path."""
    host = netloc.rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]
