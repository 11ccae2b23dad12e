"""One AWS account: its services by name and region, each call repeated while it may still succeed.

botocore repeats a call some times itself. What is still refused is repeated here until `patience` is over, since a
throttled account or a region in trouble needs minutes, not seconds. Repeating is right for every call that Lifeboat
makes, because each names what it makes, or carries a ClientToken (see `once`).
"""

import logging
import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from botocore.parsers import ResponseParserError

from lifeboat.aws.clock import Clock, spoken
from lifeboat.aws.cloud_errors import Request, is_expired, translated
from lifeboat.errors import CloudBusyError, CloudMissingError, LifeboatError, UnreachableError

log = logging.getLogger(__name__)

_LONGEST_PAUSE = 30.0


@dataclass
class Cloud:
    """One account. `new_session` makes a boto3 session, whose credentials may renew themselves; it is asked for another
    one when AWS calls the credentials expired all the same.

    :param region: the region of calls that name none
    :param endpoint_url: where AWS is instead, for tests and private clouds
    :param patience: how long a call is repeated that is throttled or not answered
    """

    new_session: Callable[[], Any]
    region: str
    endpoint_url: str | None = None
    verify: bool | str | None = None
    patience: timedelta = timedelta(minutes=5)
    retry_mode: str = "standard"
    clock: Clock = field(default_factory=Clock)
    _session: Any = None
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def service(self, name: str, region: str | None = None) -> "Service":
        """Given a service's name, such as rds, and a region, return what calls it."""
        return Service(self, name, region or self.region)

    def account(self) -> str:
        """Return the account's number."""
        return str(self.service("sts").call("get_caller_identity")["Account"])

    def renew(self) -> None:
        """Let go of all credentials: the next call makes a new session."""
        self._session = None
        self._clients.clear()

    def client(self, name: str, region: str) -> Any:
        """Return the client of a service in a region; it is made once."""
        if (name, region) not in self._clients:
            if self._session is None:
                self._session = self.new_session()
            config = Config(
                retries={"mode": self.retry_mode, "total_max_attempts": 4},
                connect_timeout=10,
                read_timeout=60,
                user_agent_extra="lifeboat",
            )
            self._clients[name, region] = self._session.client(
                name, region_name=region, endpoint_url=self.endpoint_url, verify=self.verify, config=config
            )
        return self._clients[name, region]


@dataclass(frozen=True)
class Service:
    """One service of an account in one region."""

    cloud: Cloud
    name: str
    region: str

    def call(self, operation: str, *, settling: str = "", **parameters: Any) -> dict[str, Any]:
        """Call an operation by boto3's name for it, and return the answer. Raise an error of Lifeboat's, a temporary
        one once patience is over.

        :param settling: the name of a thing that was made a moment ago: when AWS calls it missing, it is asked again
        """
        answer: dict[str, Any] = self._patiently(
            operation, lambda client: getattr(client, operation)(**parameters), settling
        )
        return answer

    def pages(self, operation: str, key: str, **parameters: Any) -> list[dict[str, Any]]:
        """Call an operation that answers in pages, and return all that it lists under `key`."""

        def all_pages(client: Any) -> list[dict[str, Any]]:
            pages = client.get_paginator(operation).paginate(**parameters)
            return [each for page in pages for each in page.get(key, [])]

        listed: list[dict[str, Any]] = self._patiently(operation, all_pages)
        return listed

    def one(self, operation: str, key: str, **parameters: Any) -> dict[str, Any] | None:
        """Call an operation that describes things by their names, and return the only one, or None if there is none."""
        try:
            found = self.pages(operation, key, **parameters)
        except CloudMissingError:
            return None
        return found[0] if found else None

    def _patiently(self, operation: str, ask: Callable[[Any], Any], settling: str = "") -> Any:
        clock, began, pause, renewed = self.cloud.clock, self.cloud.clock.seconds(), 1.0, False
        while True:
            try:
                return ask(self.cloud.client(self.name, self.region))
            except (ClientError, BotoCoreError, ResponseParserError) as error:
                if is_expired(error) and not renewed:
                    log.info("The credentials have expired; new ones are fetched.")
                    self.cloud.renew()
                    renewed = True
                    continue
                request = Request(self.name, self.region, _action(operation))
                told, elapsed = translated(error, request), clock.seconds() - began
                if not _may_pass(told, settling) or elapsed + pause > self.cloud.patience.total_seconds():
                    raise told from error
            log.warning("%s Asked again in %s.", told.message, spoken(pause))
            clock.sleep(pause * random.uniform(0.5, 1.0))
            pause = min(2 * pause, _LONGEST_PAUSE)


def _may_pass(error: LifeboatError, settling: str) -> bool:
    if isinstance(error, CloudMissingError):
        return bool(settling) and settling in error.message
    return isinstance(error, CloudBusyError | UnreachableError)


def _action(operation: str) -> str:
    """Given boto3's name of an operation, return AWS's own, as policies name it: create_db_snapshot is
    CreateDBSnapshot."""
    return "".join("DB" if word == "db" else word.capitalize() for word in operation.split("_"))


def tags_of(listed: list[Mapping[str, str]] | None) -> dict[str, str]:
    """Given tags as AWS lists them, return them by name."""
    return {each["Key"]: each.get("Value", "") for each in listed or ()}


def tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    """Given tags by name, return them as AWS takes them."""
    return [{"Key": key, "Value": value} for key, value in tags.items()]
