"""The deployment file: one WSO2 installation as one YAML file.

The models below are the schema: validation, the reference table of keys and the forms in the UI come from
them. Reading a file checks only the file; `lifeboat.preflight` checks that the world has what it names.
"""

import os
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import Field, model_validator

from lifeboat.deployment_cloud import MachineImage, RdsDatabase
from lifeboat.deployment_model import Model
from lifeboat.deployment_puppet import Puppet
from lifeboat.deployment_references import reference_problems
from lifeboat.deployment_takeover import Takeover
from lifeboat.deployment_values import (
    AbsolutePath,
    Address,
    ConnectionId,
    Cron,
    Duration,
    EmbeddedName,
    EngineName,
    Glob,
    HealthUrl,
    HostName,
    Name,
    RelativePath,
    Size,
    Timezone,
    UnitName,
    format_duration,
    parse_duration,
)
from lifeboat.deployment_vault import Vault

__all__ = [
    "BusinessData",
    "Control",
    "Database",
    "DatabaseServer",
    "Deployment",
    "Duration",
    "HostSettings",
    "Notifications",
    "Objectives",
    "Puppet",
    "Replication",
    "RetentionSettings",
    "Schedules",
    "Server",
    "Site",
    "Unit",
    "UpdateSettings",
    "Vault",
    "deployments_directory",
    "format_duration",
    "parse_duration",
]

SCHEMA_VERSION = 1


class Objectives(Model):
    """What the deployment must keep."""

    rpo: Duration = Field(timedelta(hours=24), description="The most work, as time, that may be lost.")
    site_rpo: Duration | None = Field(
        None, description="The most work that may be lost together with the home site; by default `rpo`."
    )
    rto: Duration = Field(timedelta(hours=4), description="The longest that a recovery may take.")
    drill_age: Duration = Field(timedelta(days=7), description="The greatest age of the newest passing drill.")
    good_age: Duration | None = Field(
        None, description="The greatest age of the last known good; by default `drill_age` and `rpo` together."
    )
    check_age: Duration = Field(
        timedelta(days=3), description="The greatest age of the newest check of the vault's data by housekeeping."
    )
    growth_per_day: Size | None = Field(
        None, description="The most that the vault may grow in a day, as 500M or 20G, as a mean of a week."
    )

    def rpo_at_sites(self) -> timedelta:
        """Return the greatest age of the newest restore point that is whole at another site."""
        return self.site_rpo or self.rpo

    def longest_good_age(self) -> timedelta:
        """Return the greatest age of the last known good."""
        return self.good_age or self.drill_age + self.rpo


class Schedules(Model):
    """When the DAGs run by themselves."""

    timezone: Timezone = Field("UTC", description="The zone that the cron expressions are read in.")
    system_backup: Cron | None = Field("0 2 * * *", description="When restore points are made; null for by hand.")
    restore_drill: Cron | None = Field("0 4 * * *", description="When drills run besides after each backup.")
    housekeeping: Cron | None = Field("0 6 * * *", description="When housekeeping runs; null for by hand.")
    replication: Cron | None = Field(
        "30 * * * *",
        description="When points are copied to other sites, if there are any, besides after backups.",
    )
    drills_per_run: int = Field(3, ge=1, le=100, description="The most restore points that one drill run covers.")
    drill_after_backup: bool = Field(True, description="Whether each new restore point starts a drill run.")
    objectives: Cron | None = Field(
        "*/15 * * * *", description="When the objectives are looked at, if there are `notifications`."
    )

    def zone(self) -> ZoneInfo:
        """Return the zone that the cron expressions are read in."""
        return ZoneInfo(self.timezone)


class Notifications(Model):
    """Who is told when an objective is breached, a run fails, or one takes too long."""

    connections: list[ConnectionId] = Field(
        [],
        description="Connections of type apprise: mail, Slack and a hundred others; one for each service, so that each "
        "message is sent again only to the one that failed. Empty for no notices.",
    )
    repeat: Duration = Field(
        timedelta(hours=24), description="How often a breach that lasts is told again after the first notice."
    )
    backup_limit: Duration = Field(
        timedelta(hours=2), description="How long a run of system_backup may take before that is told."
    )
    drill_limit: Duration = Field(
        timedelta(hours=6), description="How long a run of restore_drill may take before that is told."
    )

    @model_validator(mode="after")
    def _each_once(self) -> "Notifications":
        if len(set(self.connections)) < len(self.connections):
            raise ValueError("connections names one twice")
        return self


class RetentionSettings(Model):
    """What stays in the vault, and how housekeeping works. Whatever the numbers say, the last known good stays, the
    newest point, what is on hold, and what an operation uses."""

    last: int = Field(
        7, ge=0, le=10_000, description="So many of the newest points of backups and before upgrades stay."
    )
    daily: int = Field(
        14, ge=0, le=10_000, description="So many days keep a point: the newest good one, or the newest."
    )
    weekly: int = Field(8, ge=0, le=10_000, description="The same for weeks, which begin on Mondays.")
    monthly: int = Field(12, ge=0, le=10_000, description="The same for months.")
    yearly: int = Field(3, ge=0, le=10_000, description="The same for years.")
    swapped_out: Duration = Field(
        timedelta(days=14),
        description="How long what a recovery swapped out stays beside what is live. So long safety points stay as "
        "well, and points from before an upgrade.",
    )
    orphans_after: Duration = Field(
        timedelta(days=1),
        description="When what failed backups left is removed; longer than the longest backup takes.",
    )
    check_parts: int = Field(
        30,
        ge=1,
        le=256,
        description="Each run reads one of so many parts of the vault's data, and so all of it in turn.",
    )
    prune_at_most: Size = Field(
        "5G", description="The most that one run writes anew to free space, as 500M or 5G; captures wait meanwhile."
    )
    prune_time: Duration = Field(
        timedelta(minutes=8), description="The longest that freeing space may take; captures wait for ten minutes."
    )


class RecoverySettings(Model):
    """Who lets a recovery go ahead, and for how long it waits for them."""

    approvals: int = Field(1, ge=0, le=2, description="How many people approve a recovery; 2 must be two people.")
    approvers: list[str] = Field(
        [], description="Airflow users who may approve, by user id; empty for everybody who may run the DAG."
    )
    approval_timeout: Duration = Field(timedelta(hours=24), description="How long a recovery waits for an approval.")


class UpdateSettings(Model):
    """How servers are updated."""

    connection: ConnectionId | None = Field(
        None, description="Connection whose login and password WSO2's update tools get."
    )
    backup_directory: AbsolutePath = Field(
        "/var/backups/wso2-updates",
        description="Where WSO2 Updates 2.0 keeps its own backups on each server's host: outside every home, never "
        "touched by anybody else, for the tool refuses to revert from a changed one.",
    )
    channel: str = Field("full", description="The channel that updates come from.")
    timeout: Duration = Field(timedelta(hours=2), description="The longest that an update tool may take.")
    conflict_timeout: Duration = Field(
        timedelta(hours=4), description="How long an update waits for a person who resolves conflicts."
    )
    environment: dict[str, str] = Field(
        {}, description="Environment of the update tools, such as HTTPS_PROXY. No secrets."
    )
    script: list[str] = Field(
        [],
        description="Command (argv) of your own that updates a home, for the method `script`; it gets "
        "LIFEBOAT_HOME, LIFEBOAT_SERVER and LIFEBOAT_TARGET_LEVEL, and ends with 0, or 2 to be run again.",
    )
    pack_host: Name = Field(
        "worker",
        description="The host, from `hosts`, on which the methods `distribute` and `wum` make packs ready. With "
        "several workers name one that is reached over SSH.",
    )
    pack_run_as: str | None = Field(None, description="Account that makes packs ready there; for `wum` its own.")
    pack_directory: AbsolutePath = Field(
        "/var/tmp/lifeboat-packs",
        description="Where packs are made ready there. It needs four times the pack and 500 MB; what an update puts "
        "there goes when it has succeeded, or with the next update.",
    )
    carry_over: list[Glob] = Field(
        [], description="Further globs in the home that belong to the installation when its pack is replaced."
    )


class Binding(Model):
    """What stands at this site for something of another site."""

    stands_in_for: Name = Field(description="The server, database server, tree or host of the other site.")
    connection: ConnectionId | None = Field(
        None, description="The connection to use here: of SSH for a server or host, of the database server otherwise."
    )
    path: AbsolutePath | None = Field(None, description="The path of the home or tree here.")
    host_name: HostName | None = Field(
        None, description="The host name that configuration must carry here; by default that of the connection."
    )
    replaces: list[Address] = Field(
        [],
        description="Further addresses of the other site in whose place `host_name` comes, or `path` if it is a path: "
        "names that no connection knows, such as that of a load balancer.",
    )


class Replication(Model):
    """How restore points are copied to a site. What restic reaches by file paths alone is not limited."""

    limit_upload: Size | None = Field(
        None, description="The most that copying to this site writes in a second, as 500K or 10M."
    )
    limit_download: Size | None = Field(
        None, description="The most that it reads in a second: the other vault to copy it, this one to verify it."
    )
    drills: bool = Field(True, description="Whether drill runs also restore the newest copy from this site's vault.")


class Site(Model):
    """A region or data centre with a vault of its own."""

    vault: Vault = Field(description="The vault of the site.")
    scratch: AbsolutePath = Field(
        "/var/tmp/lifeboat-scratch", description="Where drills restore to on the worker; emptied after each."
    )
    replication: Replication = Field(
        Replication(), description="How restore points are copied here; every site but the first one gets them."
    )
    region: str | None = Field(None, description="The cloud region, if the site is one.")
    account: ConnectionId | None = Field(None, description="The AWS connection of the site, if it is in a cloud.")
    kms_key: str | None = Field(None, description="KMS key of that region, for snapshots and images that come here.")
    transit_kms_key: str | None = Field(
        None,
        description="KMS key of that account in the region of the database: a snapshot that comes from another account "
        "and region is copied in two steps.",
    )
    bindings: dict[Name, Binding] = Field({}, description="What stands in here for things of other sites.")
    takeover: Takeover | None = Field(None, description="How this site takes over when the home site is lost.")


class HostSettings(Model):
    """A machine that holds homes or reaches databases: over SSH, behind a queue, or this worker."""

    ssh: ConnectionId | None = Field(None, description="Airflow connection of type ssh; its host key is enforced.")
    queue: str | None = Field(None, description="Airflow queue whose one worker is this host.")

    @model_validator(mode="after")
    def _one_way(self) -> "HostSettings":
        if self.ssh and self.queue:
            raise ValueError("ssh and queue exclude each other: a host is reached in one way")
        return self


class Control(Model):
    """How the server is stopped and started: by a systemd unit or by its own script, never both."""

    unit: UnitName | None = Field(
        None,
        description="systemd unit, such as wso2am.service. An account other than root needs sudo for systemctl.",
    )
    script: RelativePath | None = Field(
        None,
        description="Start script inside the home, such as bin/api-cp.sh, run in a login shell of `run_as`.",
    )
    environment: dict[str, str] = Field(
        {}, description="Environment for the script, such as JAVA_HOME; a unit has its own. No secrets."
    )
    stop_timeout: Duration = Field(timedelta(minutes=5), description="The longest that the server may take to end.")
    start_timeout: Duration = Field(
        timedelta(minutes=10),
        description="The longest until its log says that it started, and from then until it is healthy.",
    )

    @model_validator(mode="after")
    def _one_way(self) -> "Control":
        if bool(self.unit) == bool(self.script):
            raise ValueError("give either unit or script, not both and not neither")
        if self.unit and self.environment:
            raise ValueError("environment is for a script; put it into the unit")
        return self


class Server(Model):
    """One WSO2 product home."""

    type: Name = Field(description="Server type: product and profile, such as apim-gateway. Patches follow it.")
    home: AbsolutePath = Field(description="CARBON_HOME on its host.")
    site: Name = Field("main", description="The site that it belongs to.")
    host: Name = Field("worker", description="The host that it is on, from `hosts`; `worker` is this machine.")
    run_as: str | None = Field(None, description="Account that owns the home; commands run under it.")
    control: Control | None = Field(
        None, description="How it is stopped and started; without it Lifeboat never stops the server."
    )
    puppet: Puppet | None = Field(None, description="How Puppet manages the server, if it does.")
    start_order: int = Field(0, ge=0, description="Servers start in this order, lowest first, and stop in reverse.")
    port_offset: int | None = Field(
        None, ge=0, description="Carbon's port offset; by default that of the product: 0, Micro Integrator 10."
    )
    health_url: HealthUrl | None = Field(
        None,
        description="URL that answers 200 when the server is healthy, asked on its host; certificates are not "
        "verified. `{http}` and `{https}` stand for Carbon's ports: 9763 and 9443 plus the offset. By default one "
        "that the product has.",
    )
    drain: list[str] = Field(
        [], description="Command (argv), run on its host before it stops, that takes it out of its load balancer."
    )
    undrain: list[str] = Field([], description="Command (argv), run when it is healthy again, that puts it back.")
    exclude: list[Glob] = Field([], description="Further globs inside the home that are not captured.")
    recreated_databases: list[EmbeddedName] = Field(
        [],
        description="Embedded H2 databases, such as WSO2CARBON_DB, that the server makes anew: not captured, and left "
        "behind when a recovery exchanges the home.",
    )
    external_links: list[RelativePath] = Field(
        [],
        description="Symbolic links out of the home that are known: the link is captured, its target is not.",
    )


class Database(Model):
    """One database of a database server."""

    role: Literal["shared", "apim", "identity", "registry", "user", "other"] = Field(
        "other", description="What WSO2 keeps in it; decides which WSO2 checks run."
    )


class DatabaseServer(Model):
    """One RDBMS server: all its databases are captured at one instant."""

    engine: EngineName = Field(description="The vendor's engine, such as postgres.")
    connection: ConnectionId = Field(description="Connection of an account that may read everything.")
    admin_connection: ConnectionId | None = Field(
        None,
        description="Connection of an account that may create and rename databases, for recoveries; by default "
        "the same one.",
    )
    databases: dict[str, Database] = Field(min_length=1, description="The databases to capture, by name.")
    site: Name = Field("main", description="The site that it belongs to.")
    host: Name = Field("worker", description="The host through which the server is reached.")
    server: Name | None = Field(
        None, description="For embedded databases (h2): the server in whose home they are; `host` is its host."
    )
    while_running: Literal["refuse", "skip"] = Field(
        "refuse",
        description="For embedded databases (h2): what a capture does while that server runs, since a copy of an open "
        "file is worth nothing: fail, or leave them out with a warning.",
    )
    method: Literal["logical", "physical"] = Field("logical", description="How it is captured.")
    jobs: int = Field(2, ge=1, le=32, description="Dumps and proofs that run side by side.")


class BusinessData(Model):
    """One tree of documents or artefacts outside WSO2."""

    path: AbsolutePath = Field(description="The directory on its host.")
    engine: EngineName = Field("tree", description="The engine that captures it.")
    site: Name = Field("main", description="The site that it belongs to.")
    host: Name = Field("worker", description="The host that it is on.")
    run_as: str | None = Field(None, description="Account that can read it.")
    exclude: list[Glob] = Field([], description="Globs inside the tree that are not captured.")
    external_links: list[RelativePath] = Field([], description="Symbolic links out of the tree that are known.")


UnitKind = Literal["database", "home", "tree", "rds", "image"]
UnitSettings = Server | DatabaseServer | BusinessData | RdsDatabase | MachineImage


class Unit(Model):
    """What one task captures or drills: a database server with its databases, a home, a tree, or a thing in AWS."""

    kind: UnitKind
    name: Name

    @classmethod
    def parse(cls, text: str) -> "Unit":
        """Given text such as home/apim-cp-1, return the unit."""
        kind, _, name = text.partition("/")
        return cls.model_validate({"kind": kind, "name": name})

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


class Deployment(Model):
    """One WSO2 installation."""

    version: Literal[1] = Field(description="Version of this schema.")
    name: Name = Field(description="Name of the deployment; the file is called <name>.yaml.")
    description: str = Field("", description="What this installation is, for people.")
    signing: ConnectionId = Field(description="Connection whose password is the key that signs manifests.")
    trusted_keys: list[str] = Field([], description="Public keys (base64) of earlier signing keys, after a rotation.")
    max_skew: Duration = Field(
        timedelta(minutes=30), description="The most time between the captures of one restore point."
    )
    objectives: Objectives = Field(Objectives(), description="What must be kept: RPO, RTO, ages, growth.")
    schedules: Schedules = Field(Schedules(), description="When the DAGs run.")
    notifications: Notifications = Field(Notifications(), description="Who is told what is wrong.")
    retention: RetentionSettings = Field(
        RetentionSettings(), description="What stays in the vault, and how housekeeping works."
    )
    recovery: RecoverySettings = Field(RecoverySettings(), description="Who approves recoveries.")
    update: UpdateSettings = Field(UpdateSettings(), description="How servers are updated.")
    sites: dict[Name, Site] = Field(min_length=1, description="Regions or data centres, by name.")
    hosts: dict[Name, HostSettings] = Field({}, description="Machines besides this worker, by name.")
    servers: dict[Name, Server] = Field({}, description="WSO2 homes, by name.")
    database_servers: dict[Name, DatabaseServer] = Field({}, description="RDBMS servers, by name.")
    business_data: dict[Name, BusinessData] = Field({}, description="Trees outside WSO2, by name.")
    rds: dict[Name, RdsDatabase] = Field({}, description="Databases of RDS whose snapshots stay in AWS, by name.")
    images: dict[Name, MachineImage] = Field({}, description="EC2 machines whose images stay in AWS, by name.")
    known_violations: list[str] = Field([], description="WSO2 checks whose violations are known and never red.")

    @model_validator(mode="after")
    def _references(self) -> "Deployment":
        problems = [f"{'.'.join(place)}: {what}" for place, what in reference_problems(self.model_dump())]
        if problems:
            raise ValueError("; ".join(problems))
        return self

    def units(self, site: str | None = None) -> list[Unit]:
        """Return the units of a site, or of all: database servers first, for they take longest."""
        groups = self._groups().items()
        return [Unit(kind=kind, name=n) for kind, group in groups for n, s in group.items() if site in (None, s.site)]

    def settings_of(self, unit: Unit) -> UnitSettings:
        """Given a unit, return its part of the file. Raise KeyError when the file no longer has it."""
        return self._groups()[unit.kind][unit.name]

    def _groups(self) -> dict[UnitKind, Mapping[str, UnitSettings]]:
        kinds: tuple[UnitKind, ...] = get_args(UnitKind)
        groups = (self.database_servers, self.servers, self.business_data, self.rds, self.images)
        return dict(zip(kinds, groups, strict=True))

    def queue_of(self, unit: Unit) -> str | None:
        """Given a unit, return the Airflow queue whose worker is its host, or None for any worker."""
        settings = self.hosts.get(self.settings_of(unit).host)
        return settings.queue if settings else None

    def home_site(self) -> str:
        """Return the name of the site whose vault new restore points live in: the first one."""
        return next(iter(self.sites))

    def other_sites(self) -> list[str]:
        """Return the names of the sites to whose vaults restore points are copied: all but the first one."""
        return list(self.sites)[1:]


def deployments_directory() -> Path:
    """Return the directory of the deployment files: LIFEBOAT_DEPLOYMENTS, or include/deployments."""
    return Path(os.environ.get("LIFEBOAT_DEPLOYMENTS") or Path(__file__).parents[1] / "deployments")
