"""The tenants and APIs of the sample, which both databases refer to without foreign keys."""

import random
import uuid
from dataclasses import dataclass
from datetime import datetime, timedelta

from lifeboat.sample.scales import Scale

SUPER_TENANT = -1234
_FIRST_TIME = datetime(2026, 3, 2, 6, 0, 0, 123456)
_SUBJECTS = ("Weather", "Orders", "Payments", "Inventory", "Shipping", "Customers", "Invoices", "Loyalty")


@dataclass(frozen=True)
class Tenant:
    """A tenant: its number and its domain. The super tenant has no row in UM_TENANT."""

    id: int
    domain: str

    @property
    def administrator(self) -> str:
        return "admin" if self.id == SUPER_TENANT else f"admin@{self.domain}"


TENANTS = (Tenant(SUPER_TENANT, "carbon.super"), Tenant(1, "partners.example"), Tenant(2, "retail.example"))


@dataclass(frozen=True)
class Api:
    """An API: a row in AM_API and an artifact in the registry that carry the same UUID."""

    number: int
    uuid: str
    name: str
    version: str
    tenant: Tenant

    @property
    def provider(self) -> str:
        return self.tenant.administrator.replace("@", "-AT-")

    @property
    def context(self) -> str:
        prefix = "" if self.tenant.id == SUPER_TENANT else f"/t/{self.tenant.domain}"
        return f"{prefix}/{self.name.lower()}/{self.version}"


@dataclass(frozen=True)
class Volume:
    """How much the databases hold: rows by kind, and the bytes of one document or artifact of an API."""

    users: int
    apis: int
    applications: int
    tokens: int
    log_entries: int
    document_bytes: int


VOLUMES: dict[Scale, Volume] = {
    "small": Volume(users=60, apis=40, applications=40, tokens=400, log_entries=400, document_bytes=2_000),
    "reference": Volume(
        users=5_000,
        apis=2_500,
        applications=2_500,
        tokens=100_000,
        log_entries=100_000,
        document_bytes=200_000,
    ),
}


def sample_apis(volume: Volume, seed: int) -> list[Api]:
    """Given a volume and a seed, return the APIs of the sample, spread over the tenants."""
    choose = random.Random(f"{seed}:apis")
    return [
        Api(
            number=number,
            uuid=random_uuid(choose),
            name=f"{_SUBJECTS[number % len(_SUBJECTS)]}API{number}",
            version=f"v{1 + number % 3}.0.0",
            tenant=TENANTS[number % len(TENANTS)],
        )
        for number in range(1, volume.apis + 1)
    ]


def random_uuid(choose: random.Random) -> str:
    """Return a UUID that is random, but the same for the same generator."""
    return str(uuid.UUID(int=choose.getrandbits(128), version=4))


def time_after(minutes: int) -> datetime:
    """Return a time so many minutes after the sample deployment was set up."""
    return _FIRST_TIME + timedelta(minutes=minutes)
