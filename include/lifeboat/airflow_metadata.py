"""Airflow's metadata database, after it came back from a restore point and before an Airflow has seen it.

What it holds is what was true on a machine that is gone: a backup was running, since it is a backup that captured it;
recoveries waited for a person; a scheduler was alive. `rewind` ends all of that, so that the new Airflow neither goes
on with it nor counts it as active. Airflow's own code cannot be asked here, so its tables are found by their names,
and only in the versions that are known.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import URL, MetaData, Table, create_engine, delete, inspect, select, update
from sqlalchemy import Connection as Session
from sqlalchemy.exc import NoSuchTableError

from lifeboat.connections import Connection, extra_of
from lifeboat.errors import ConfigurationError
from lifeboat.text import shown

#: The revision of the tables (`airflow.utils.db._REVISION_HEADS_MAP`) and the first Airflow that has it.
REVISIONS = {
    "29ce7909c52b": "3.0.0",
    "fe199e1abd77": "3.0.3",
    "cc92b33c6709": "3.1.0",
    "509b94a1042d": "3.1.8",
    "1d6611b6ab7c": "3.2.0",
    "d2f4e1b3c5a7": "3.3.0",
}
#: Tables by which the metadata database is told from any other.
_OF_AIRFLOW = {"alembic_version", "dag_run", "task_instance", "connection"}
_OPEN_RUNS = ("queued", "running")
#: Every state of a task from which Airflow would go on by itself, or by an answer.
_OPEN_TASKS = (
    "scheduled",
    "queued",
    "running",
    "restarting",
    "up_for_retry",
    "up_for_reschedule",
    "deferred",
    "awaiting_input",
)
_NOTE_LENGTH = 1000


@dataclass(frozen=True)
class Rewound:
    """What was ended: runs by the ids of their DAG and their own, and numbers of the rest."""

    runs: tuple[str, ...]
    tasks: int
    questions: int
    backfills: int
    jobs: int


class AirflowMetadata:
    """One metadata database of Airflow, at a URL; `name` is what messages call it."""

    def __init__(self, url: URL, name: str) -> None:
        self._url = url
        self._name = name
        self._tables = MetaData()

    @contextmanager
    def _session(self) -> Iterator[Session]:
        engine = create_engine(self._url)
        try:
            with engine.begin() as session:
                yield session
        finally:
            engine.dispose()

    def is_airflows(self) -> bool:
        """Return whether the database is Airflow's at all."""
        with self._session() as session:
            return set(inspect(session).get_table_names()) >= _OF_AIRFLOW

    def require_known_version(self) -> str:
        """Return the first version of Airflow that has these tables. Raise ConfigurationError for tables of a version
        that is not known, such as a newer one."""
        with self._session() as session:
            revisions = list(session.scalars(select(self._table(session, "alembic_version").c.version_num)))
        if len(revisions) != 1 or revisions[0] not in REVISIONS:
            raise ConfigurationError(
                f"{self._name} is of a version of Airflow that this Lifeboat does not know: the revision of its tables "
                f"is {', '.join(revisions) or 'missing'}.",
                next_step=f"Known are Airflow {next(iter(REVISIONS.values()))} to those with the tables of "
                f"{list(REVISIONS.values())[-1]}. Check out the Lifeboat that the lost machine had, or a newer one.",
            )
        return REVISIONS[revisions[0]]

    # -- secrets --------------------------------------------------------------------------------------------

    def connections(self, fernet_key: str) -> list[Connection]:
        """Given Airflow's encryption key, return all connections, decrypted. Raise ConfigurationError, naming them,
        when connections or variables do not decrypt."""
        with self._session() as session:
            rows = session.execute(select(self._table(session, "connection"))).mappings().all()
            variables = session.execute(select(self._table(session, "variable"))).mappings().all()
        fernet = _fernet(fernet_key, self._name)
        unreadable: list[str] = []

        def clear(text: Any, encrypted: Any, what: str) -> str:
            try:
                return _decrypted(fernet, text, encrypted)
            except InvalidToken:
                unreadable.append(what)
                return ""

        found = []
        for row in rows:
            what = f"connection '{row['conn_id']}'"
            password = clear(row["password"], row["is_encrypted"], what)
            extra = clear(row["extra"], row["is_extra_encrypted"], what)
            found.append(_connection(row, password, extra))
        for row in variables:
            clear(row["val"], row["is_encrypted"], f"variable '{row['key']}'")
        if unreadable:
            raise _undecryptable(self._name, list(dict.fromkeys(unreadable)), missing=not fernet_key)
        return found

    # -- rewind ---------------------------------------------------------------------------------------------

    def rewind(self, now: datetime, why: str) -> Rewound:
        """End, in one transaction, everything that was under way when the database was captured, and write `why` as a
        note to each run that ends so.

        Runs and their tasks fail, open questions to persons go, backfills are completed, and the jobs of the old
        machine end. What a DAG's next run would be is left to Airflow, which works it out when it reads the DAG.
        """
        with self._session() as session:
            runs = self._end_runs(session, now, why)
            tasks, questions = self._end_tasks(session, now)
            backfill, job, dag = (self._table(session, name) for name in ("backfill", "job", "dag"))
            backfills = session.execute(
                update(backfill).where(backfill.c.completed_at.is_(None)).values(completed_at=now)
            )
            jobs = session.execute(
                update(job).where(job.c.state.in_(("running", "restarting"))).values(state="failed", end_date=now)
            )
            session.execute(
                update(dag).values(_known(dag, next_dagrun_create_after=None, exceeds_max_non_backfill=False))
            )
        return Rewound(tuple(runs), tasks, questions, backfills.rowcount, jobs.rowcount)

    def _end_runs(self, session: Session, now: datetime, why: str) -> list[str]:
        run, note = self._table(session, "dag_run"), self._table(session, "dag_run_note")
        still_open = run.c.state.in_(_OPEN_RUNS)
        rows = session.execute(select(run.c.id, run.c.dag_id, run.c.run_id).where(still_open).order_by(run.c.id)).all()
        notes = dict(session.execute(select(note.c.dag_run_id, note.c.content)).tuples().all())
        for identity, _, _ in rows:
            values = {"content": f"{notes.get(identity) or ''}\n{why}".strip()[-_NOTE_LENGTH:], "updated_at": now}
            if identity in notes:
                session.execute(update(note).where(note.c.dag_run_id == identity).values(values))
            else:
                session.execute(note.insert().values(dag_run_id=identity, created_at=now, **values))
        session.execute(update(run).where(still_open).values(state="failed", end_date=now))
        return [f"{dag_id} {run_id}" for _, dag_id, run_id in rows]

    def _end_tasks(self, session: Session, now: datetime) -> tuple[int, int]:
        """End the tasks and return how many there were, and how many of them waited for a person."""
        task = self._table(session, "task_instance")
        still_open = task.c.state.in_(_OPEN_TASKS)
        questions = 0
        if inspect(session).has_table("hitl_detail"):  # from 3.1 on
            question = self._table(session, "hitl_detail")
            asked = select(task.c.id).where(still_open).scalar_subquery()
            # Answers stay, as a record; a task that is cleared asks anew.
            unanswered = question.c.responded_at.is_(None)
            gone = session.execute(delete(question).where(unanswered, question.c.ti_id.in_(asked)))
            questions = gone.rowcount
        ended = session.execute(
            update(task).where(still_open).values(state="failed", end_date=now, **_known(task, trigger_id=None))
        )
        return ended.rowcount, questions

    def _table(self, session: Session, name: str) -> Table:
        try:
            return Table(name, self._tables, autoload_with=session, resolve_fks=False)
        except NoSuchTableError:
            raise ConfigurationError(
                f"{self._name} has no table '{name}'; it is no whole metadata database of Airflow 3.",
                next_step="Take another restore point with --point.",
            ) from None


def _known(table: Table, **values: Any) -> dict[str, Any]:
    """Return those of the values for whose names the table has a column: not all versions have them all."""
    return {name: value for name, value in values.items() if name in table.c}


def _fernet(keys: str, name: str) -> MultiFernet | None:
    """Given the setting `fernet_key`, keys with commas between them, return what decrypts by any of them."""
    found = [key.strip() for key in keys.split(",") if key.strip()]
    try:
        return MultiFernet([Fernet(key) for key in found]) if found else None
    except ValueError:
        raise ConfigurationError(
            f"The encryption key for {name} is no Fernet key (32 bytes in url-safe base64).",
            next_step="Set AIRFLOW__CORE__FERNET_KEY to the right one, and run the same command again.",
        ) from None


def _decrypted(fernet: MultiFernet | None, text: Any, encrypted: Any) -> str:
    """Return a value as it was before Airflow encrypted it. Raise InvalidToken when the key is not its key."""
    if not text or not encrypted:
        return str(text or "")
    if fernet is None:
        raise InvalidToken
    return fernet.decrypt(str(text).encode()).decode()


def _undecryptable(name: str, what: Sequence[str], *, missing: bool) -> ConfigurationError:
    key = "no encryption key (AIRFLOW__CORE__FERNET_KEY) came back" if missing else "the encryption key is not theirs"
    return ConfigurationError(
        f"{name}: {key}, so these cannot be read: {shown(what, 20)}.",
        next_step="Set AIRFLOW__CORE__FERNET_KEY to the key that the lost machine had, and run the same command again; "
        "or take a point with the right one by --point.",
    )


def _connection(row: Any, password: str, extra: str) -> Connection:
    return Connection(
        id=row["conn_id"],
        type=row["conn_type"] or "",
        host=row["host"] or "",
        port=row["port"],
        login=row["login"] or "",
        password=password,
        schema=row["schema"] or "",
        extra=extra_of(extra),
    )
