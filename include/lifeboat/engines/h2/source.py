"""The embedded databases of one home as they lie on its host: which there are, which H2 reads them, who uses them."""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

from lifeboat.deployment import Server
from lifeboat.engines._database_unit import DatabaseUnit
from lifeboat.engines.h2 import jars
from lifeboat.errors import AccessError, CaptureInterruptedError, CommandError, ConfigurationError, PreflightError
from lifeboat.host import Command, Completed, Host
from lifeboat.processes import pump
from lifeboat.wso2.layout_rules import DATABASE_FILES

_MODULE = "lifeboat.h2probe"
_FOLDER = "repository/database"
_DATABASE = re.compile(r"[\w.-]+(?:/[\w.-]+)*")
_REFUSED = 3


@dataclass(frozen=True)
class Found:
    """One data file on its host, and the jar there that reads it."""

    database: str
    path: str
    jar: str
    facts: Mapping[str, Any]

    @property
    def file(self) -> str:
        return PurePosixPath(self.path).name

    @property
    def metadata(self) -> list[int]:
        """Mode, owner and group."""
        return [self.facts["mode"], self.facts["uid"], self.facts["gid"]]


class H2Source(DatabaseUnit):
    """What capture and recovery share about the home."""

    @property
    def home_server(self) -> Server:
        """The server in whose home the databases are. Raise ConfigurationError when the file names none."""
        name = self.server.server
        if name is None:
            raise ConfigurationError(
                f"{self.unit} has engine h2, but names no server in whose home its databases are.",
                next_step=f"Set database_servers.{self.unit.name}.server in the deployment file.",
            )
        return self.runtime.deployment.servers[name]

    @property
    def run_as(self) -> str | None:
        return self.home_server.run_as

    def paths_of(self, database: str) -> list[str]:
        """Given a database's name, return the paths that its data file may have, the usual one first."""
        if not _DATABASE.fullmatch(database) or ".." in database.split("/"):
            raise ConfigurationError(
                f"{self.unit}: '{database}' is no name of an embedded database.",
                next_step=f"Name it as its file in {_FOLDER} without suffix, or by its path inside the home.",
            )
        inside = database if "/" in database else f"{_FOLDER}/{database}"
        return [f"{self.home_server.home}/{inside}.{suffix}" for suffix in DATABASE_FILES]

    def find(self) -> list[Found]:
        """Return the databases of the deployment file. Raise PreflightError for one that is not there, or that no jar
        of the product reads."""
        found = self._probe([path for name in self.server.databases for path in self.paths_of(name)])
        return [self._found(name, found) for name in self.server.databases]

    def _found(self, database: str, found: Mapping[str, Any]) -> Found:
        paths = [path for path in self.paths_of(database) if path in found["files"]]
        if len(paths) != 1:
            what = "there are both " + " and ".join(paths) if paths else f"there is no {self.paths_of(database)[0]}"
            raise PreflightError(
                f"{self.member(database)}: on host '{self.host.name}' {what}.",
                next_step="Correct its name in the deployment file, or remove the file that the server does not use.",
            )
        facts = found["files"][paths[0]]
        form = jars.format_of(facts["head"])
        jar = jars.choose(found["jars"], form)
        if jar is None:
            known = ", ".join(found["jars"]) or "none"
            raise PreflightError(
                f"{self.member(database)} is in {form}, which no H2 of its product reads (found: {known}).",
                next_step=f"Put the path of a fitting jar on host '{self.host.name}' into the extra `jar` of "
                f"connection '{self.server.connection}'.",
            )
        return Found(database, paths[0], jar, facts)

    def _probe(self, paths: list[str]) -> dict[str, Any]:
        home = self.home_server.home
        configured = self.runtime.connection(self.server.connection).extra.get("jar")
        patterns = [str(configured)] if configured else [f"{home}/{p}/{n}" for p in jars.PLACES for n in jars.NAMES]
        try:
            answer: dict[str, Any] = self.host.run_python(
                _MODULE, {"files": paths, "jars": patterns}, run_as=self.run_as
            )
        except CommandError as error:
            if error.exit_status != _REFUSED:
                raise
            raise AccessError(
                f"{self.unit}: its files on host '{self.host.name}' cannot be read: {error.stderr}",
                next_step="Set run_as of the server to the account that owns them.",
            ) from None
        return answer

    def hot(self, paths: list[str]) -> list[str]:
        """Given data files, return the reasons to think that one of them is open."""
        return [f"{path}: {why}" for path, it in self._probe(paths)["files"].items() for why in it["hot"]]

    def fetch(self, path: str, target: Path) -> str:
        """Copy a file of the host to this worker, and return the SHA-256 of what arrived."""
        return fetch(self.host, path, target, self.run_as)

    def refuse_touched(self, found: list[Found]) -> None:
        """Raise CaptureInterruptedError when a file changed since it was found: somebody opened it meanwhile."""
        now = self._probe([each.path for each in found])["files"]
        touched = [e.path for e in found if e.path not in now or now[e.path]["stamp"] != e.facts["stamp"]]
        if touched:
            raise CaptureInterruptedError(
                f"{self.unit}: {', '.join(touched)} changed while it was copied; nothing of it is kept.",
                next_step="See who opened it, and capture again when nobody has it open.",
            )


def fetch(host: Host, path: str, target: Path, run_as: str | None) -> str:
    """Copy a file of a host to a new file of this worker, and return the SHA-256 of what arrived."""
    digest = hashlib.sha256()
    command = Command(["cat", "--", path], run_as=run_as)
    with target.open("xb") as file, host.start(command) as process:
        target.chmod(0o600)
        pump(process.stdout, file, digest.update)
        status = process.wait()
        if status != 0:
            raise host.failure(command, Completed(status, b"", process.stderr()))
    return digest.hexdigest()
