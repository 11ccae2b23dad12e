"""A fake AWS in this process: moto, with time that things take, and faults between boto3 and it.

Every request passes `FakeCloud`, which counts it, carries it out or not, and answers or not. What was made a moment ago
is not seen, then being made, then ready, by a clock whose pauses take no time.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from types import SimpleNamespace
from typing import Any, Literal
from urllib.parse import parse_qs

import boto3
import botocore.endpoint
import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError
from moto import mock_aws
from moto.core.botocore_stubber import BotocoreStubber, MockRawResponse

from lifeboat.aws.cloud import Cloud
from tests.support.fake_clock import FakeClock
from tests.support.strict_moto import be_strict

HOME, OTHER = "eu-west-1", "us-east-1"

#: How a request can fail. `lost`: carried out, and the answer is lost; botocore asks again. `killed`: carried out, and
#: then the process ends. `down`: nothing answers for an hour, and the request is not carried out.
Fault = Literal["throttled", "broken", "lost", "killed", "down", "expired", "denied", "quota"]

_REFUSALS: dict[str, tuple[int, str]] = {
    "throttled": (400, "Throttling"),
    "broken": (503, "ServiceUnavailable"),
    "expired": (403, "ExpiredToken"),
    "denied": (403, "AccessDenied"),
    "quota": (400, "SnapshotQuotaExceeded"),
    "not yet": (400, "InvalidDBInstanceState"),
}
_DOWN_SECONDS = 3600.0

#: What AWS takes its time to make: its list in an answer, the name of one, how it is identified, where its state is.
_SLOW = {
    "DBSnapshots": ("DBSnapshotIdentifier", "Status", "creating"),
    "DBClusterSnapshots": ("DBClusterSnapshotIdentifier", "Status", "creating"),
    "DBInstances": ("DBInstanceIdentifier", "DBInstanceStatus", "creating"),
    "DBClusters": ("DBClusterIdentifier", "Status", "creating"),
    "Images": ("ImageId", "State", "pending"),
}


class Killed(BaseException):
    """The process was killed here."""


@dataclass
class FakeCloud:
    """The fake cloud, and what is to go wrong in it."""

    clock: FakeClock
    #: The operations that were asked, in their order; also those that failed.
    asked: list[str] = field(default_factory=list)
    #: The number of a request to which something happens, and what.
    fault: tuple[int, Fault] | None = None
    #: How long what is made stays unseen, and is being made then, in seconds.
    unseen: float = 0.0
    slow: float = 0.0
    #: The state that new things end in instead of being ready, by their list, and how many of them do.
    failing: dict[str, tuple[str, int]] = field(default_factory=dict)
    sessions: int = 0
    _born: dict[tuple[str, str], float] = field(default_factory=dict)
    _failed: set[tuple[str, str]] = field(default_factory=set)
    _down_until: float = 0.0
    _expired: bool = False
    _killed: bool = False
    _clients: dict[tuple[str, str], Any] = field(default_factory=dict)

    def cloud(self, region: str = HOME, **settings: Any) -> Cloud:
        """Return an account of this cloud, with this clock."""
        return Cloud(self._session, region, clock=self.clock.clock, **settings)

    def other_account(self, number: str, region: str) -> Cloud:
        """Return another account of this cloud."""
        role = {"RoleArn": f"arn:aws:iam::{number}:role/lifeboat", "RoleSessionName": "lifeboat"}
        given = self.client("sts").assume_role(**role)["Credentials"]
        keys = (given["AccessKeyId"], given["SecretAccessKey"], given["SessionToken"])
        return Cloud(lambda: self.watched(boto3.Session(*keys)), region, clock=self.clock.clock)

    @contextmanager
    def failing_at(self, number: int, fault: Fault) -> Iterator[None]:
        """Let the request of this number, counted from now, meet a fault."""
        self.fault = (len(self.asked) + number, fault)
        try:
            yield
        finally:
            self.fault, self._down_until, self._expired, self._killed = None, 0.0, False, False

    def client(self, service: str, region: str = HOME) -> Any:
        """Return a client for setting up and looking; its requests are counted, too."""
        key = (service, region)
        if key not in self._clients:
            self._clients[key] = self._session().client(service, region_name=region)
        return self._clients[key]

    def _session(self) -> Any:
        self.sessions += 1
        self._expired = False
        session = botocore.session.Session()
        session.register_component("data_loader", _loader())
        session.set_credentials("key", "secret")
        return self.watched(boto3.Session(botocore_session=session, region_name=HOME))

    def watched(self, session: Any) -> Any:
        """Given a boto3 session, return it with what it is answered as it would be if things took their time."""
        session.events.register("after-call", self._in_its_time)
        return session

    def answer(self, carry_out: Any, event_name: str, request: Any) -> Any:
        """Answer one request, or let it fail."""
        _, service, operation = event_name.split(".")
        if self._killed:  # so what a `finally` would still do is not done either
            raise Killed(operation)
        number = len(self.asked)
        self.asked.append(operation)
        fault = self.fault[1] if self.fault and self.fault[0] == number else None
        if fault == "down":
            self._down_until = self.clock.passed + _DOWN_SECONDS
        if self.clock.passed < self._down_until:
            raise EndpointConnectionError(endpoint_url=request.url)
        if fault == "expired":
            self._expired = True
        if self._expired:
            return _refusal("expired", service, request.url)
        if fault in _REFUSALS:
            return _refusal(fault, service, request.url)
        if service == "rds" and self._is_made(operation, request):
            return _refusal("not yet", service, request.url)
        response = carry_out()
        if fault == "lost":
            raise ReadTimeoutError(endpoint_url=request.url)
        if fault == "killed":
            self._killed = True
            raise Killed(operation)
        return response

    def _is_made(self, operation: str, request: Any) -> bool:
        """Return whether what is to be changed or removed is a database that is being made."""
        if not operation.startswith(("Modify", "Delete")):
            return False
        asked = parse_qs(request.body if isinstance(request.body, str) else request.body.decode())
        born = [
            self._born.get((listed, asked.get(name, [""])[0]))
            for listed, (name, _, _) in _SLOW.items()
            if operation.endswith(listed[:-1])
        ]
        return any(each is not None and self.clock.passed - each < self.unseen + self.slow for each in born)

    def _in_its_time(self, parsed: dict[str, Any], model: Any, **_: Any) -> None:
        """Change an answer to what it would be if things took their time."""
        for listed, (name, state, making) in _SLOW.items():
            for alone in (listed[:-1], listed):
                found = parsed.get(alone)
                if isinstance(found, dict) and model.name.startswith(("Create", "Copy", "Restore", "Delete")):
                    self._forget(listed, found[name])
                if isinstance(found, dict) and not model.name.startswith("Delete"):
                    self._look(listed, found, name, state, making)
                elif isinstance(found, list):
                    found[:] = [each for each in found if self._look(listed, each, name, state, making)]
        if model.name in ("CreateImage", "CopyImage") and "ImageId" in parsed:
            self._age("Images", parsed["ImageId"])

    def _look(self, listed: str, found: dict[str, Any], name: str, state: str, making: str) -> bool:
        """Give a thing the state that it has by now, and return whether it is seen."""
        age = self._age(listed, found[name])
        if age < self.unseen:
            return False
        if age < self.unseen + self.slow:
            found[state] = making
            if listed != "Images":
                found["PercentProgress"] = int(100 * (age - self.unseen) / self.slow)
        elif (listed, found[name]) in self._failed:
            found[state] = self.failing[listed][0]
            found["StateReason"] = {"Message": "the disk was on fire"}
            found["StatusInfos"] = [{"Message": "the disk was on fire"}]
        return True

    def _age(self, listed: str, name: str) -> float:
        """Return for how many seconds there has been a thing; one that is new may be one that fails."""
        key = (listed, name)
        if key not in self._born:
            self._born[key] = self.clock.passed
            ends, times = self.failing.get(listed, ("", 0))
            if times:
                self.failing[listed] = (ends, times - 1)
                self._failed.add(key)
        return self.clock.passed - self._born[key]

    def _forget(self, listed: str, name: str) -> None:
        """Let a name be that of a new thing: the old one is gone, perhaps without an answer that said so."""
        self._born.pop((listed, name), None)
        self._failed.discard((listed, name))


@cache
def _loader() -> Any:
    """Return what reads botocore's large files, once for all sessions."""
    return botocore.session.Session().get_component("data_loader")


def _refusal(fault: str, service: str, url: str) -> AWSResponse:
    status, code = _REFUSALS[fault]
    error = f"<Error><Code>{code}</Code><Message>an injected fault</Message></Error>"
    body = f"<Response><Errors>{error}</Errors></Response>" if service == "ec2" else f"<R>{error}</R>"
    return AWSResponse(url, status, {}, MockRawResponse(body))


@contextmanager
def fake_cloud(patch: pytest.MonkeyPatch) -> Iterator[FakeCloud]:
    """Yield a fake cloud that has nothing in it."""
    patch.setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false")  # reading them takes a second for each test
    with mock_aws():
        be_strict(patch)
        fake = FakeCloud(FakeClock())
        carry_out = BotocoreStubber.__call__

        def answered(stubber: Any, event_name: str, request: Any, **more: Any) -> Any:
            if not stubber.enabled:
                return None
            return fake.answer(lambda: carry_out(stubber, event_name, request, **more), event_name, request)

        patch.setattr(BotocoreStubber, "__call__", answered)
        patch.setattr(botocore.endpoint, "time", SimpleNamespace(sleep=fake.clock.sleep))
        yield fake
