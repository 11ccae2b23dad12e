"""Rescue: Lifeboat itself, from a vault's address and password alone, into an empty directory.

Lifeboat is a deployment like any other: Airflow's metadata database, the catalog, the deployment files and the
directory with `.env` and the keys are members of its restore points. Everything is brought back and proven aside, and
only when it can be read and has been rewound it gets the name that was asked for. What fails leaves nothing.
"""

import contextlib
import functools
import logging
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import yaml
from sqlalchemy import URL

from lifeboat.airflow_metadata import AirflowMetadata, Rewound
from lifeboat.break_glass import SITE, BareRuntime, Opened
from lifeboat.capture import engine_for
from lifeboat.catalog import PointState
from lifeboat.connections import Connection, from_environment
from lifeboat.deployment import Unit
from lifeboat.documents import list_point, located
from lifeboat.engines import sqlite
from lifeboat.errors import ConfigurationError, PointError, RecoveryError
from lifeboat.manifest import Manifest, MemberSnapshot
from lifeboat.places import new_directory, require_new
from lifeboat.rescue_environment import (
    CONNECTIONS,
    ENVIRONMENT,
    FILE,
    as_variables,
    captured_environment,
    fernet_keys,
    move_settings,
    moved,
    write_shell_file,
)
from lifeboat.rescue_signature import SigningKey, verify
from lifeboat.restore import Result, Wanted, choose_point, inside, restore_from

log = logging.getLogger(__name__)

#: The engines whose members Lifeboat itself consists of.
_FILES, _SERVERS = ("sqlite", "tree"), ("postgres",)
_NOTE = "Ended by lifeboat rescue: it was under way when restore point {point} was captured, on a machine that is gone."


@dataclass
class Rescued:
    """What came back: where, from which point, what was ended, and what the signatures prove. `on_server`: databases
    are on a server that was there before."""

    into: Path
    point: PointState
    results: list[Result] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    deployments: list[str] = field(default_factory=list)
    connections: list[str] = field(default_factory=list)
    airflow: str = ""
    rewound: Rewound | None = None
    on_server: bool = False
    signature: str = ""


@dataclass
class _Members:
    """The members of a point by what becomes of them; trees and SQLite databases by the name of their unit."""

    trees: dict[str, MemberSnapshot]
    files: dict[str, MemberSnapshot]
    databases: dict[Unit, list[MemberSnapshot]]
    left: list[str]


def choose(opened: Opened, point: str | None, *, unproven: bool) -> PointState:
    """Given an opened vault whose points were read, and a point's id or its beginning, return that point, by default
    the newest good one. Raise PointError for one that is not good, unless it is named and `unproven` says so."""
    state = choose_point(opened.catalog, opened.deployment, point)
    if state.verdict != "good" and not unproven:
        raise PointError(
            f"Restore point '{state.manifest.id}' is {state.verdict}: no drill has shown that it can be restored.",
            next_step="Leave out --point for the newest good one, or take this one all the same by --unproven; what "
            "comes back is compared with what was captured in any case.",
        )
    return state


def rescue(opened: Opened, state: PointState, into: Path, *, databases: bool = True) -> Rescued:
    """Given a restore point of Lifeboat itself, bring it back into a new or empty directory; databases of a server
    into new or empty ones of the server that AIRFLOW_CONN_<its name> tells, unless `databases` is false.

    Raise LifeboatError, and then nothing of it is left, when the place is not empty, something does not come back as
    it was captured, keys are missing or not the right ones, Airflow's version is unknown, or the signature is not that
    of the key that came back.
    """
    into = into.absolute()
    require_new(into)
    members = _sort(state.manifest)
    rescued = Rescued(into, state, left=members.left)
    with BareRuntime(state.manifest, opened) as runtime, contextlib.ExitStack() as undo:
        if databases:
            for unit, each in members.databases.items():
                for member in each:
                    engine_for(runtime, unit).require_place(member.details["database"])
        else:
            rescued.left += [member.member for each in members.databases.values() for member in each]
            members.databases = {}
        with new_directory(into) as aside:
            aside.mkdir(mode=0o700)
            work = _Work(runtime, opened, rescued, members, aside)
            work.bring_back_files()
            work.bring_back_databases(undo)
            work.finish()
        undo.pop_all()
    return rescued


class _Work:
    """One rescue at work in a directory aside."""

    def __init__(self, runtime: BareRuntime, opened: Opened, rescued: Rescued, members: _Members, aside: Path) -> None:
        self.runtime, self.opened, self.rescued, self.members, self.aside = runtime, opened, rescued, members, aside
        point = rescued.point.manifest
        self.manifest = located(point, list_point(opened.vault, point.deployment, point.id))
        #: Where each captured path is now, below `aside`.
        self.places: dict[str, Path] = {}

    # -- members --------------------------------------------------------------------------------------------

    def bring_back_files(self) -> None:
        """Bring back trees, then SQLite databases: one that lay in such a tree goes back to its place in it."""
        for name, member in self.members.trees.items():
            place = self.aside / name
            self._restore(Wanted(member.member, into=place), self._final(place))
            self.places[str(member.details["path"]).rstrip("/")] = place
        for name, member in self.members.files.items():
            path = Path(member.details["path"])
            place = self._place_of(name, path)
            aside = self.aside / f".{name}"
            self._restore(Wanted(member.member, into=aside), self._final(place))
            for side in sqlite.SIDES:  # of the live file, if the tree had them: they do not belong to this one
                place.with_name(place.name + side).unlink(missing_ok=True)
            place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            (aside / sqlite.FILE).rename(place)
            aside.rmdir()
            place.chmod(member.details["metadata"][0])
            self.places[str(path)] = place

    def _place_of(self, name: str, path: Path) -> Path:
        for root, place in self.places.items():
            if path.is_relative_to(root):
                return place / inside(str(path.relative_to(root)))
        return self.aside / name / inside(path.name)

    def bring_back_databases(self, undo: contextlib.ExitStack) -> None:
        """Bring back databases of servers, and have `undo` drop them again."""
        for unit, members in self.members.databases.items():
            self.rescued.on_server = True
            engine = engine_for(self.runtime, unit)
            for member in members:
                name = member.details["database"]
                engine.require_place(name, clear=True)
                made = functools.partial(undo.callback, engine.drop_database, name)
                self._restore(Wanted(member.member, into_database=name), None, made)

    def _restore(self, wanted: Wanted, where: str | None, made: Callable[[], object] = lambda: None) -> None:
        """Bring a member back, and call `made` as soon as it is there, proven or not."""
        log.info("Bringing back %s", wanted)
        result = restore_from(self.runtime, self.opened.vault, self.manifest, wanted, SITE)
        made()
        red = [f"{check.name}: {check.detail}" for check in result.checks if check.outcome == "failed"]
        if not result.proven:
            raise RecoveryError(
                f"{wanted.member} of restore point '{self.manifest.id}' does not come back as it was captured: "
                f"{'; '.join(red) or 'nothing of it is proven'}",
                next_step="Take another restore point with --point; `lifeboat points --vault …` lists them.",
            )
        self.rescued.results.append(
            Result(result.what, where or result.where, result.size_bytes, result.seconds, result.checks)
        )

    def _final(self, place: Path) -> str:
        """Given a place aside, return where it will be."""
        return str(self.rescued.into / place.relative_to(self.aside))

    # -- what makes them a Lifeboat again -------------------------------------------------------------------

    def finish(self) -> None:
        """Read keys and connections, verify the signature, rewind the metadata, and write the environment."""
        trees = [self.places[str(member.details["path"]).rstrip("/")] for member in self.members.trees.values()]
        captured = captured_environment(trees)
        for root in trees:
            if (root / FILE).is_file():
                (root / FILE).chmod(0o600)
        metadata = self._metadata()
        kept: list[Connection] = []
        if metadata:
            self.rescued.airflow = metadata.require_known_version()
            kept = metadata.connections(fernet_keys(trees, os.environ, captured))
        self.rescued.deployments = sorted(file.stem for root in trees for file in root.glob("*.yaml"))
        self.rescued.signature = verify(self.opened, self.rescued.point, self._signing_key(trees, captured, kept))
        if metadata:
            self.rescued.rewound = metadata.rewind(datetime.now(UTC), _NOTE.format(point=self.manifest.id))
        places = {old: self._final(new) for old, new in self.places.items()}
        move_settings(trees, places)
        write_shell_file(self.aside / ENVIRONMENT, moved(captured, places))
        write_shell_file(self.aside / CONNECTIONS, as_variables(kept))
        self.rescued.connections = sorted({each.id for each in kept} | set(_connection_ids(captured)))

    def _metadata(self) -> AirflowMetadata | None:
        """Return Airflow's metadata database among what came back, None if databases were left. Raise
        ConfigurationError when there is none, or several."""
        found = [each for each in self._candidates() if each.is_airflows()]
        if len(found) == 1:
            return found[0]
        if not found and self.rescued.left and not self.members.databases:
            return None
        raise ConfigurationError(
            f"Restore point '{self.manifest.id}' of deployment '{self.manifest.deployment}' holds {len(found)} "
            "metadata databases of Airflow, not one.",
            next_step="Name the deployment that describes Lifeboat itself with --deployment; "
            "`lifeboat restore --vault …` brings back members of any other.",
        )

    def _candidates(self) -> Iterator[AirflowMetadata]:
        for member in self.members.files.values():
            url = URL.create("sqlite", database=str(self.places[str(Path(member.details["path"]))]))
            yield AirflowMetadata(url, member.member)
        for unit, members in self.members.databases.items():
            connection = self.runtime.connection(unit.name)
            for member in members:
                yield AirflowMetadata(_postgres_url(connection, member.details["database"]), member.member)

    def _signing_key(
        self, trees: Sequence[Path], captured: Mapping[str, str], kept: Sequence[Connection]
    ) -> SigningKey | None:
        """Return the key by which the deployment signs, from the deployment file and the connections that came back:
        as in Airflow, the environment goes before the database."""
        files = [root / f"{self.manifest.deployment}.yaml" for root in trees]
        for file in filter(Path.is_file, files):
            document = yaml.safe_load(file.read_text(encoding="utf-8"))
            name = str(document["signing"])
            connection = _find(name, captured, kept)
            if connection is not None:
                return SigningKey(connection, tuple(document.get("trusted_keys", ())))
        return None


def _sort(manifest: Manifest) -> _Members:
    """Given a manifest, return its members by what becomes of them. Raise ConfigurationError for one that is nothing
    of Lifeboat's."""
    found = _Members({}, {}, {}, [])
    for unit in manifest.units:
        for member in unit.members:
            if member.engine not in (*_FILES, *_SERVERS) or unit.unit.kind == "home":
                raise ConfigurationError(
                    f"Deployment '{manifest.deployment}' is not Lifeboat itself: it has {member.member}.",
                    next_step="Name the deployment that describes Lifeboat with --deployment; this one comes back by "
                    "`lifeboat recover` once Lifeboat runs.",
                )
            if member.engine == "tree":
                found.trees[unit.unit.name] = member
            elif member.engine == "sqlite":
                found.files[unit.unit.name] = member
            elif "database" in member.details:
                found.databases.setdefault(unit.unit, []).append(member)
            else:
                found.left.append(member.member)
    return found


def _postgres_url(connection: Connection, database: str) -> URL:
    return URL.create(
        "postgresql+psycopg",
        username=connection.login,
        password=connection.password,
        host=connection.host,
        port=connection.port,
        database=database,
    )


def _find(name: str, captured: Mapping[str, str], kept: Sequence[Connection]) -> Connection | None:
    if name in _connection_ids(captured):
        return from_environment(name, captured)
    return next((each for each in kept if each.id == name), None)


def _connection_ids(environment: Mapping[str, str]) -> list[str]:
    prefix = "AIRFLOW_CONN_"
    return [
        name.removeprefix(prefix).lower() for name, value in environment.items() if name.startswith(prefix) and value
    ]
