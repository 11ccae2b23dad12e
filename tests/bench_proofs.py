"""`make bench-proofs`: what a database's proof costs beside its dump, table by table, in one run.

Each is measured in turn, one stream and one session at a time, so that both meet the same machine with the same
parallelism: the dump into a new vault, as a first capture makes it, the same dump to nowhere, and the proof's queries
of all rows. The table shows the best of the rounds.
"""

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil
import psycopg
from psycopg.conninfo import conninfo_to_dict

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "include"), str(REPOSITORY)]

from lifeboat.engines.mariadb import facts as mariadb_facts  # noqa: E402
from lifeboat.engines.postgres import facts as postgres_facts  # noqa: E402
from lifeboat.engines.postgres.access import Access  # noqa: E402
from lifeboat.sample.databases import create_databases  # noqa: E402
from lifeboat.sample.identity_database import IDENTITY, create_identity_database  # noqa: E402
from lifeboat.sample.postgres_server import SamplePostgres  # noqa: E402
from tests.support.mariadb_server import MariaDBServer  # noqa: E402

NARROW, WIDE, BLOBS = "narrow rows", "rows of 300 bytes", "blobs of 150 kB"


@dataclass
class Contest:
    """One set of tables: the command that dumps it, and what proves it."""

    what: str
    dump: list[str]
    environment: dict[str, str]
    prove: Callable[[], object]
    vault: list[float] = field(default_factory=list)
    nowhere: list[float] = field(default_factory=list)
    proof: list[float] = field(default_factory=list)

    def round(self, directory: Path) -> None:
        """Dump it twice and prove it once."""
        environment = new_vault(directory / "vault")
        self.vault.append(seconds(lambda: self._into_a_vault(environment)))
        self.nowhere.append(seconds(self._to_nowhere))
        self.proof.append(seconds(self.prove))

    def _into_a_vault(self, environment: dict[str, str]) -> None:
        with subprocess.Popen(self.dump, env={**os.environ, **self.environment}, stdout=subprocess.PIPE) as dump:
            restic = ["restic", "backup", "-q", "--stdin", "--stdin-filename", "/dump"]
            subprocess.run(restic, env=environment, stdin=dump.stdout, check=True)
        if dump.returncode:
            raise SystemExit(f"{self.dump[0]} failed")

    def _to_nowhere(self) -> None:
        subprocess.run(self.dump, env={**os.environ, **self.environment}, stdout=subprocess.DEVNULL, check=True)

    def line(self) -> str:
        """Return the best of the rounds as a line of a Markdown table."""
        vault, nowhere, proof = (min(each) for each in (self.vault, self.nowhere, self.proof))
        return (
            f"| {self.what} | {vault:.1f} | {nowhere:.1f} | {proof:.1f} | {proof / vault:.2f} | {proof / nowhere:.2f} |"
        )


def new_vault(vault: Path) -> dict[str, str]:
    """Make an empty vault in the place of what is there, and return the environment for restic."""
    environment = {**os.environ, "RESTIC_PASSWORD": "bench", "RESTIC_REPOSITORY": str(vault)}
    shutil.rmtree(vault, ignore_errors=True)
    subprocess.run(["restic", "init", "-q"], env=environment, check=True)
    return environment


def seconds(work: Callable[[], object]) -> float:
    """Do the work and return how long it took."""
    began = time.monotonic()
    work()
    return time.monotonic() - began


@contextmanager
def postgres(directory: Path, rows: int) -> Iterator[list[Contest]]:
    """Run a PostgreSQL server with the reference sample and a narrow table."""
    server = SamplePostgres(directory / "postgres")
    server.start()
    try:
        create_databases(server.admin_conninfo, "reference", owner_password="bench")
        with psycopg.connect(server.admin_conninfo, autocommit=True) as session:
            session.execute("CREATE DATABASE narrow")
        with psycopg.connect(server.admin_conninfo, dbname="narrow", autocommit=True) as session:
            session.execute("CREATE TABLE narrow (id int PRIMARY KEY, a int NOT NULL, b varchar(12))")
            session.execute(
                "INSERT INTO narrow SELECT n, n * 7919::bigint %% 100003, "
                "CASE WHEN n %% 10 > 0 THEN 'v' || n %% 1000 END FROM generate_series(1, %s) n",
                [rows],
            )
            session.execute("VACUUM ANALYZE")
        known = conninfo_to_dict(server.admin_conninfo)
        access = Access("bench", str(known["host"]), server.port, str(known["user"]), str(known["password"]))

        def contest(what: str, database: str) -> Contest:
            def prove() -> None:
                with access.connect(database) as session:
                    postgres_facts.table_facts(session)

            environment = {**access.environment(database), **access.secrets()}
            return Contest(f"PostgreSQL: {what}", ["pg_dump", "-Fc", "-Z0"], environment, prove)

        yield [
            contest("WSO2's shared_db", "shared_db"),
            contest("WSO2's apim_db", "apim_db"),
            contest(f"{rows:,} {NARROW}", "narrow"),
        ]
    finally:
        server.stop()


MARIADB_TABLES = """
    CREATE TABLE narrow (id int PRIMARY KEY, a int NOT NULL, b varchar(12));
    INSERT INTO narrow SELECT seq, seq * 7919 % 100003, IF(seq % 10, CONCAT('v', seq % 1000), NULL)
        FROM seq_1_to_{rows};
    CREATE TABLE wide (id int PRIMARY KEY, path varchar(200), value varchar(200), at datetime, tenant int);
    INSERT INTO wide SELECT seq, REPEAT(MD5(seq), 4), REPEAT(SHA1(seq), 4), '2026-01-01', -1234
        FROM seq_1_to_400000;
    CREATE TABLE blobs (id int PRIMARY KEY, value longblob);
"""


@contextmanager
def mariadb(directory: Path, rows: int) -> Iterator[list[Contest]]:
    """Run a MariaDB server with the reference sample's database, blobs, rows of usual length and a narrow table."""
    server = MariaDBServer(directory / "mariadb", **{"innodb-buffer-pool-size": "1G"})
    server.start()
    try:
        server.run("CREATE DATABASE bench CHARACTER SET utf8mb4")
        server.run(MARIADB_TABLES.format(rows=rows), "bench")
        with server.connect("bench") as session, session.cursor() as cursor:
            for number in range(1000):
                cursor.execute("INSERT INTO blobs VALUES (%s, %s)", [number, os.urandom(150_000)])
        create_identity_database(server, "reference")
        access = server.access()

        def contest(what: str, *tables: str, database: str = "bench") -> Contest:
            def prove() -> None:
                with access.connect(database) as session:
                    known = mariadb_facts.read_tables(session, database)
                    wanted = [each for each in known if not tables or each.name in tables]
                    mariadb_facts.table_facts(session, wanted, (10, 11))

            options = ["--single-transaction", "--quick", "--hex-blob", database, *tables]
            dump = ["mariadb-dump", *access.options(), *options]
            return Contest(f"MariaDB: {what}", dump, {"MYSQL_PWD": access.password}, prove)

        yield [
            contest("WSO2's identity_db", database=IDENTITY),
            contest(f"1,000 {BLOBS}", "blobs"),
            contest(f"400,000 {WIDE}", "wide"),
            contest(f"{rows:,} {NARROW}", "narrow"),
        ]
    finally:
        server.stop()


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--rows", type=int, default=10_000_000, help="of the narrow tables")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    try:
        lines = []
        for vendor in (postgres, mariadb):
            with vendor(directory, arguments.rows) as contests:
                for _ in range(arguments.rounds):
                    for contest in contests:
                        contest.round(directory)
                lines += [contest.line() for contest in contests]
                lines.append(total(contests).line())
        memory = psutil.virtual_memory().total >> 30
        print(f"{os.cpu_count()} cores ({platform.machine()}), {memory} GiB, best of {arguments.rounds} rounds\n")
        print("| what | dump into a vault s | dump to nowhere s | proof s | proof / dump | proof / dump to nowhere |")
        print("| --- | ---: | ---: | ---: | ---: | ---: |", *lines, sep="\n")
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def total(contests: list[Contest]) -> Contest:
    """Return the sum of the best rounds of all."""
    first = contests[0]
    whole = Contest(f"{first.what.partition(':')[0]}: all", [], {}, lambda: None)
    for name in ("vault", "nowhere", "proof"):
        getattr(whole, name).append(sum(min(getattr(each, name)) for each in contests))
    return whole


if __name__ == "__main__":
    main()
