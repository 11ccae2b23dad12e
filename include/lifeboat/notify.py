"""Messages to people by Apprise: mail, chat, pagers, and whatever else it knows.

A connection of type `apprise` has in its extra `config` what Airflow's provider for Apprise has there: an object, or a
list of objects, each with the service's URL as `path` and perhaps a `tag`. That provider's own hook does not tell when
a service refused a message; Apprise does, so it is asked here.
"""

import json
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Literal

from lifeboat.connections import Connection, environment_variable
from lifeboat.errors import ConfigurationError, NotifyError

Kind = Literal["failure", "success", "warning", "info"]


@dataclass(frozen=True)
class Message:
    """What people are told."""

    title: str
    body: str
    kind: Kind


def send(connection: Connection, message: Message) -> None:
    """Send a message to every service of a connection. Raise NotifyError for the services that did not take it, and
    ConfigurationError when the connection has none."""
    from apprise import NotifyFormat, NotifyType

    refused = []
    for service in services(connection):
        if not service.notify(
            title=message.title,
            body=message.body,
            notify_type=NotifyType(message.kind),
            body_format=NotifyFormat.TEXT,
        ):
            refused.append(str(service.service_name))
    if refused:
        raise NotifyError(
            f"Connection '{connection.id}': {' and '.join(refused)} did not take the message '{message.title}'.",
            next_step=f"Check the service, and the URL in the extra `config` of connection '{connection.id}'.",
        )


def services(connection: Connection) -> list[Any]:
    """Return the services of Apprise that a connection names; nothing is sent. Raise ConfigurationError when it names
    none that there is. No message ever holds their URLs, which are secrets."""
    from apprise import Apprise

    try:
        found = connection.extra.get("config")
        config = json.loads(found) if isinstance(found, str) else found
        paths = [_path(each) for each in (config if isinstance(config, list) else [config])]
    except (ValueError, TypeError, KeyError):
        paths = []
    with _unheard():
        found_services = [Apprise.instantiate(path) for path in paths]
    if not found_services or None in found_services:
        raise ConfigurationError(
            f"Connection '{connection.id}' names no service that Apprise can reach.",
            next_step=f"Set extra `config` of connection '{connection.id}' in Airflow (Admin, Connections) or in "
            f'{environment_variable(connection.id)} to {{"path": URL}} or a list of such, with a URL such as '
            "mailtos://… or slack://….",
        )
    return found_services


def _path(config: Any) -> str:
    if not isinstance(config, Mapping):
        raise TypeError("no object")
    return str(config["path"])


@contextmanager
def _unheard() -> Iterator[None]:
    """Keep Apprise from logging a URL that it cannot read: there may be a password in it."""
    logger = logging.getLogger("apprise")
    before, logger.disabled = logger.disabled, True
    try:
        yield
    finally:
        logger.disabled = before
