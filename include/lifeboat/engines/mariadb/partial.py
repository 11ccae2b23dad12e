"""A database under another name, beside the live one: restored on the live server and proven there."""

import functools
from pathlib import Path

from lifeboat.by_hand import failure_of
from lifeboat.engines.base import Part, Returned
from lifeboat.engines.mariadb import stream, tools
from lifeboat.engines.mariadb.access import Access, Session, quoted, server_series
from lifeboat.engines.mariadb.beside import as_live, live_bytes
from lifeboat.engines.mariadb.comparison import compare_database
from lifeboat.engines.mariadb.facts import series_in
from lifeboat.engines.mariadb.restored import database_facts
from lifeboat.engines.mariadb.runbook import MADE
from lifeboat.errors import PreflightError
from lifeboat.places import require_space


def restore_into_database(access: Access, part: Part, name: str) -> Returned:
    """Given a server and a name that no database there has, make the database by the member's runbook, the way that
    drills prove, and compare it with its facts. Its events do not run: it is not the live one."""
    member = part.member.member
    with access.connect() as session:
        series = server_series(session)
        _refuse_unfit(session, access, part, series, name)
        require_space(part.scratch, round(part.member.size_bytes * 1.1), member)
        client = tools.client(series)
        environment = {**access.environment(), "DATABASE": name}
        if not part.by_hand.run(member, environment, access.secrets(), [str(Path(client.path).parent)]):
            if MADE in part.by_hand.stdout.splitlines():  # else it is somebody else's
                session.run(f"DROP DATABASE IF EXISTS {quoted(name)}")
            raise failure_of(part.by_hand, f"{member} could not be restored into '{name}'")
        size = live_bytes(session, [name]).get(name, 0)
    spelled = functools.partial(as_live, beside=name, live=part.member.details["database"])
    dump = tools.dump_tool(series) if f"-{stream.KIND}/" in part.member.proof.algorithm else None
    found = database_facts(access, name, series, dump, spelled)
    return Returned(f"database {name} of {access.name}", size, tuple(compare_database(member, part.facts, found)))


def _refuse_unfit(session: Session, access: Access, part: Part, series: tuple[int, int], name: str) -> None:
    if (name,) in session.rows("SHOW DATABASES"):
        raise PreflightError(
            f"{access.name}: there is a database '{name}' already.",
            next_step="Name a new one; a restore never overwrites anything.",
        )
    captured = series_in(part.member.proof.algorithm)
    if captured != series:
        then, now = (".".join(map(str, each)) for each in (captured, series))
        raise PreflightError(
            f"{part.member.member} was captured from MariaDB {then}; the server is of {now}.",
            next_step="Restore to a server of the same release, or load the dump by hand: see `lifeboat runbook`.",
        )
