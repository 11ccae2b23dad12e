"""Restored databases, proven with the very H2 that was captured with them."""

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

from lifeboat.connections import Connection
from lifeboat.engines.base import Facts, Restored, fidelity
from lifeboat.engines.h2 import script
from lifeboat.engines.h2.checked import checked_database
from lifeboat.engines.h2.source import fetch
from lifeboat.errors import CommandError
from lifeboat.host import Host
from lifeboat.manifest import Check, MemberSnapshot
from lifeboat.processes import pump
from lifeboat.vault import Vault
from lifeboat.wso2.checks import CheckedDatabase, Role


@dataclass
class RestoredOne:
    """One restored data file: in `place` on this worker, or at `path` of a host, from where it is fetched."""

    member: MemberSnapshot
    place: Path
    host: Host | None = None
    path: str = ""
    run_as: str | None = None
    by_hand: bool = False

    @property
    def file(self) -> Path:
        return self.place / str(self.member.details["file"])

    @property
    def jar(self) -> Path:
        return self.place / str(self.member.details["jar"])

    def fetch_jar(self, vault: Vault) -> None:
        """Read the jar from the vault into `place`."""

        def drain(source: IO[bytes]) -> int:
            with self.jar.open("wb") as file:
                return pump(source, file)

        vault.pour(self.member.address.snapshot, f"/{self.jar.name}", drain)

    def sha256_of(self, path: Path) -> str:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()

    def digest_check(self) -> Check:
        """Return the check that the file in `place` is the captured one."""
        same = self.sha256_of(self.file) == self.member.stream_sha256
        detail = "the bytes of the capture" if same else "not the bytes of the capture"
        return fidelity("stream-digest", self.member.member, same, detail)

    def fetch(self) -> None:
        if self.host is not None and not self.file.exists():
            fetch(self.host, self.path, self.file, self.run_as)


@dataclass
class RestoredDatabases(Restored):
    """The databases of one unit."""

    connection: Connection = field(default_factory=lambda: Connection(""))
    role_of: Callable[[str], Role] = field(default=lambda name: Role.OTHER)
    found: list[RestoredOne] = field(default_factory=list)
    #: Those that H2 has opened.
    opened: list[RestoredOne] = field(default_factory=list)

    def prove(self) -> Facts:
        facts = {one.member.member: self._prove(one) for one in self.found}
        return {member: found for member, found in facts.items() if found is not None}

    def _prove(self, one: RestoredOne) -> dict[str, Any] | None:
        """Return the facts of one database, or None. The jar runs here, so it must be the one that was sealed."""
        name = one.member.member
        if one.sha256_of(one.jar) != one.member.details["jar_sha256"]:
            detail = f"{one.jar.name} is not the jar of the capture, so it is not run"
            self.checks.append(fidelity("restore-complete", name, False, detail))
            return None
        one.fetch()
        try:
            found = script.prove(one.file, one.jar, self.connection.login, self.connection.password)
        except CommandError as error:
            self.checks.append(fidelity("restore-complete", name, False, script.problem(error)))
            return None
        self.opened.append(one)
        if not one.by_hand:
            self.checks.append(fidelity("restore-complete", name, True, f"opened by {one.jar.name}"))
        return found

    @contextmanager
    def databases(self) -> Iterator[Mapping[str, CheckedDatabase]]:
        with ExitStack() as stack:
            yield {one.member.member: stack.enter_context(self._checked(one)) for one in self.opened}

    def _checked(self, one: RestoredOne) -> AbstractContextManager[CheckedDatabase]:
        name = str(one.member.details["database"])
        return checked_database(one.file, one.jar, self.connection, name, self.role_of(name))
