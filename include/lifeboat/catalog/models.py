"""The catalog's tables: an index over the manifests and evidence of the vaults, who uses which point now, and what
people were told."""

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import DateTime, Dialect, ForeignKey, Index, Text, TypeDecorator
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class UtcDateTime(TypeDecorator[datetime]):
    """A time with its zone, kept as UTC in databases that know no zones."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value is not None else None

    def process_result_value(self, value: Any | None, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value is not None else None


class Base(DeclarativeBase):
    """The base of all tables."""


class Point(Base):
    """A sealed restore point; `document` is the manifest's signed payload, from which the rest comes."""

    __tablename__ = "point"
    __table_args__ = (Index("point_by_time", "deployment", "sealed_at"),)

    deployment: Mapped[str] = mapped_column(primary_key=True)
    id: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    instant: Mapped[datetime] = mapped_column(UtcDateTime)
    sealed_at: Mapped[datetime] = mapped_column(UtcDateTime)
    size_bytes: Mapped[int]
    manifest_sha256: Mapped[str] = mapped_column(unique=True)
    document: Mapped[str] = mapped_column(Text)


class Evidence(Base):
    """Evidence about a restore point; `document` is its signed payload."""

    __tablename__ = "evidence"

    id: Mapped[str] = mapped_column(primary_key=True)
    manifest_sha256: Mapped[str] = mapped_column(ForeignKey("point.manifest_sha256", ondelete="CASCADE"), index=True)
    type: Mapped[str]
    site: Mapped[str]
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)
    complete: Mapped[bool]
    passed: Mapped[bool]
    document: Mapped[str] = mapped_column(Text)


class Lease(Base):
    """That an operation uses a restore point until a time: retention leaves the point alone meanwhile."""

    __tablename__ = "lease"

    deployment: Mapped[str] = mapped_column(primary_key=True)
    point: Mapped[str] = mapped_column(primary_key=True)
    what: Mapped[str] = mapped_column(primary_key=True)
    until: Mapped[datetime] = mapped_column(UtcDateTime)


class Going(Base):
    """That a restore point is being deleted: nobody takes a lease on it any more."""

    __tablename__ = "going"

    deployment: Mapped[str] = mapped_column(primary_key=True)
    point: Mapped[str] = mapped_column(primary_key=True)
    why: Mapped[str]
    since: Mapped[datetime] = mapped_column(UtcDateTime)


class Upkeep(Base):
    """A run of housekeeping; `document` is its signed payload."""

    __tablename__ = "upkeep"
    __table_args__ = (Index("upkeep_by_time", "deployment", "finished_at"),)

    id: Mapped[str] = mapped_column(primary_key=True)
    deployment: Mapped[str]
    finished_at: Mapped[datetime] = mapped_column(UtcDateTime)
    passed: Mapped[bool]
    document: Mapped[str] = mapped_column(Text)


class Watch(Base):
    """Since when a deployment's objectives are looked at, and when that was done last to tell people."""

    __tablename__ = "watch"

    deployment: Mapped[str] = mapped_column(primary_key=True)
    since: Mapped[datetime] = mapped_column(UtcDateTime)
    looked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


class Alert(Base):
    """A message about a subject to the people behind a connection.

    One about a breached objective (`stands`) stays while that lasts, so that it is told once; all others go as soon as
    they are sent. `kind` is that of a Message. `sent_at` is when the message was sent last, None while it was not;
    `due_at` is when it is to be sent next.
    """

    __tablename__ = "alert"

    deployment: Mapped[str] = mapped_column(primary_key=True)
    subject: Mapped[str] = mapped_column(primary_key=True)
    connection: Mapped[str] = mapped_column(primary_key=True)
    kind: Mapped[str]
    stands: Mapped[bool]
    title: Mapped[str] = mapped_column(Text)
    body: Mapped[str] = mapped_column(Text)
    sent_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    due_at: Mapped[datetime] = mapped_column(UtcDateTime)
