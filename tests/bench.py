"""`make bench`: Lifeboat's command line against the same bare tools, on the reference sample, in one run.

Each round runs every contender once, Lifeboat and bare in turn, so that both meet the same machine; the table shows
medians of the rounds. Memory is the greatest sum of resident sizes of the contender's processes, sampled ten times a
second (the PostgreSQL server's not counted).
"""

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import humanize
import psutil
from psycopg.conninfo import conninfo_to_dict

REPOSITORY = Path(__file__).parents[1]
sys.path[:0] = [str(REPOSITORY / "include")]

from lifeboat.engines.postgres.scratch import scratch_server  # noqa: E402
from lifeboat.engines.postgres.tools import tools_directory  # noqa: E402
from lifeboat.sample.stage import Stage  # noqa: E402

DATABASES = ("shared_db", "apim_db")
HOME = "apim-cp-1"


@dataclass
class Measured:
    """One run of one contender: seconds, peak bytes of memory, bytes added to its vault, and the proof's seconds."""

    seconds: float
    peak: int
    stored: int = 0
    proof_seconds: float = 0.0


class Bench:
    """The reference sample, and one vault per contender and round."""

    def __init__(self, directory: Path, scale: str) -> None:
        self.directory = directory
        self.stage = Stage(directory / "sample")
        self.stage.prepare(scale)  # type: ignore[arg-type]
        self.environment = {**os.environ, **self.stage.environment(), "PYTHONPATH": str(REPOSITORY / "include")}
        self.password = json.loads(self.environment["AIRFLOW_CONN_LIFEBOAT_VAULT_WRITER"])["password"]
        admin = conninfo_to_dict(self.stage.postgres.admin_conninfo)
        self.postgres = {
            "PGHOST": str(admin["host"]),
            "PGPORT": str(admin["port"]),
            "PGUSER": str(admin["user"]),
            "PGPASSWORD": str(admin["password"]),
        }
        major = (
            int(subprocess.check_output(["psql", "-XAtc", "SHOW server_version_num"], env=self.bare(), text=True))
            // 10000
        )
        self.tools = tools_directory(major, "pg_dump", "pg_restore", "initdb", "postgres")

    def bare(self, vault: Path | None = None) -> dict[str, str]:
        """Return the environment of a bare tool."""
        return {**os.environ, **self.postgres, "RESTIC_PASSWORD": self.password, "RESTIC_REPOSITORY": str(vault)}

    def deployment(self, name: str, part: str) -> Path:
        """Write a deployment file of one part, on a vault of its own."""
        sections = {
            "database": "database_servers:\n  main-db:\n    engine: postgres\n    connection: wso2_postgres\n"
            "    databases:\n      shared_db: {role: shared}\n      apim_db: {role: apim}\n",
            "home": f"servers:\n  {HOME}:\n    type: apim-control-plane\n"
            f"    home: {self.stage.directory}/homes/{HOME}\n",
        }
        file = self.directory / f"{name}.yaml"
        file.write_text(
            f"version: 1\nname: {name}\nsigning: lifeboat_signing\nsites:\n  main:\n"
            f"    vault: {{repository: {self.vault(name)}, writer: lifeboat_vault_writer}}\n"
            f"    scratch: {self.directory}/scratch\n{sections[part]}"
        )
        return file

    def vault(self, name: str) -> Path:
        """Return a vault's directory; it is made when there is none."""
        vault = self.directory / "vaults" / name
        if not vault.exists():
            subprocess.run(["restic", "init", "-q"], env=self.bare(vault), check=True)
        return vault

    def lifeboat(self, *arguments: str) -> Measured:
        """Run Lifeboat's command line and measure it."""
        argv = [sys.executable, "-m", "lifeboat.cli", *arguments]
        return measured(lambda: run(argv, self.environment))


def run(argv: list[str], environment: dict[str, str], **more: object) -> None:
    """Run a command; its failure ends the benchmark with what it printed."""
    done = subprocess.run(argv, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False, **more)  # type: ignore[call-overload]
    if done.returncode != 0:
        raise SystemExit(f"{argv[:4]} failed:\n{done.stdout.decode()}")


def together(*works: Callable[[], None]) -> None:
    """Do the works side by side, as Lifeboat does."""
    threads = [threading.Thread(target=work) for work in works]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def measured(work: Callable[[], None]) -> Measured:
    """Do the work and return its seconds and the peak memory of our children."""
    peak, done = 0, threading.Event()

    def sample() -> None:
        nonlocal peak
        while not done.wait(0.1):
            total = 0
            for child in psutil.Process().children(recursive=True):
                try:
                    total += child.memory_info().rss
                except psutil.Error:
                    continue
            peak = max(peak, total)

    sampler = threading.Thread(target=sample)
    sampler.start()
    began = time.monotonic()
    try:
        work()
    finally:
        seconds = time.monotonic() - began
        done.set()
        sampler.join()
    return Measured(seconds, peak)


def size_of(directory: Path) -> int:
    """Return the bytes of all files below a directory."""
    return sum(file.stat().st_size for file in directory.rglob("*") if file.is_file())


def proof_seconds(bench: Bench, name: str) -> float:
    """Return the seconds of the newest point of a deployment in which only its proofs were computed."""
    from sqlalchemy import URL

    from lifeboat.catalog import Catalog

    catalog = Catalog(URL.create("sqlite", database=bench.environment["LIFEBOAT_CATALOG"]))
    return sum(unit.proof_seconds for unit in catalog.points(name)[0].manifest.units)


def capture_by_lifeboat(bench: Bench, name: str, part: str) -> Measured:
    """Capture a part by Lifeboat."""
    file, before = bench.deployment(name, part), size_of(bench.vault(name))
    found = bench.lifeboat("backup", str(file))
    found.stored = size_of(bench.vault(name)) - before
    found.proof_seconds = proof_seconds(bench, name)
    return found


def dump_bare(bench: Bench, vault: Path, database: str) -> None:
    """pg_dump | restic, with the status of both."""
    dump = subprocess.Popen(
        [f"{bench.tools}/pg_dump", "-Fc", "-Z0", database], env=bench.bare(), stdout=subprocess.PIPE
    )
    run(
        ["restic", "backup", "-q", "--stdin", "--stdin-filename", f"/{database}.dump"],
        bench.bare(vault),
        stdin=dump.stdout,
    )
    if dump.wait() != 0:
        raise SystemExit("pg_dump failed")


def capture_databases_bare(bench: Bench, name: str) -> Measured:
    """Capture the databases by pg_dump and restic, both at once."""
    vault = bench.vault(name)
    before = size_of(vault)
    found = measured(lambda: together(*(lambda d=d: dump_bare(bench, vault, d) for d in DATABASES)))  # type: ignore[misc]
    found.stored = size_of(vault) - before
    return found


def capture_home_bare(bench: Bench, name: str) -> Measured:
    """Capture a home by restic."""
    vault, home = bench.vault(name), bench.stage.directory / "homes" / HOME
    before = size_of(vault)
    found = measured(lambda: run(["restic", "backup", "-q", "."], bench.bare(vault), cwd=home))
    found.stored = size_of(vault) - before
    return found


def restore_home_bare(bench: Bench, name: str) -> Measured:
    """Restore a home by restic."""
    target = bench.directory / "restored"
    found = measured(
        lambda: run(["restic", "restore", "-q", "latest", "--target", str(target)], bench.bare(bench.vault(name)))
    )
    shutil.rmtree(target)
    return found


def restore_databases_bare(bench: Bench, name: str) -> Measured:
    """Restore the databases by restic and pg_restore -j2 into a scratch server like a drill's."""
    vault, place = bench.vault(name), Path(tempfile.mkdtemp(prefix="bare-", dir=bench.directory))
    place.chmod(0o711)

    def restore(access_environment: dict[str, str], database: str) -> None:
        spool = place / f"{database}.dump"
        with spool.open("wb") as file:
            argv = ["restic", "dump", "latest", "--path", f"/{database}.dump", f"/{database}.dump"]
            subprocess.run(argv, env=bench.bare(vault), stdout=file, check=True)
        argv = [f"{bench.tools}/pg_restore", "--create", "--no-owner", "--no-acl", "-j2", "-d", "postgres", str(spool)]
        run(argv, {**os.environ, **access_environment})
        spool.unlink()

    def work() -> None:
        with scratch_server(bench.tools, place / "pg") as access:
            environment = access.environment("postgres")
            together(*(lambda d=d: restore(environment, d) for d in DATABASES))  # type: ignore[misc]

    found = measured(work)
    shutil.rmtree(place)
    return found


def one_round(bench: Bench, number: int) -> dict[str, tuple[Measured, Measured]]:
    """Run every contender once, bare and Lifeboat in turn, and return (bare, Lifeboat) by what was done."""
    bare_db, ours_db, bare_home, ours_home = (f"{who}-{number}" for who in ("bare-db", "db", "bare-home", "home"))
    results = {
        "capture databases, first": (
            capture_databases_bare(bench, bare_db),
            capture_by_lifeboat(bench, ours_db, "database"),
        ),
        "capture home, first": (capture_home_bare(bench, bare_home), capture_by_lifeboat(bench, ours_home, "home")),
        "capture home, unchanged": (capture_home_bare(bench, bare_home), capture_by_lifeboat(bench, ours_home, "home")),
        "drill databases": (
            restore_databases_bare(bench, bare_db),
            bench.lifeboat("drill", str(bench.directory / f"{ours_db}.yaml")),
        ),
        "drill home": (
            restore_home_bare(bench, bare_home),
            bench.lifeboat("drill", str(bench.directory / f"{ours_home}.yaml")),
        ),
    }
    shutil.rmtree(bench.directory / "vaults")
    return results


def table(rounds: list[dict[str, tuple[Measured, Measured]]]) -> str:
    """Return the medians of the rounds as a Markdown table."""
    lines = [
        "| what | bare s | Lifeboat s | of it proof s | ratio | ratio without proof | bare peak | Lifeboat peak "
        "| bare stored | Lifeboat stored |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for what in rounds[0]:
        pairs = [each[what] for each in rounds]
        bare, ours = (statistics.median(pair[side].seconds for pair in pairs) for side in (0, 1))
        proof = statistics.median(pair[1].proof_seconds for pair in pairs)
        peaks = [humanize.naturalsize(statistics.median(pair[side].peak for pair in pairs)) for side in (0, 1)]
        stored = [statistics.median(pair[side].stored for pair in pairs) for side in (0, 1)]
        sizes = [humanize.naturalsize(value) if value else "" for value in stored]
        capture = what.startswith("capture")
        lines.append(
            f"| {what} | {bare:.1f} | {ours:.1f} | {f'{proof:.1f}' if capture else ''} | {ours / bare:.2f} "
            f"| {f'{(ours - proof) / bare:.2f}' if capture else ''} "
            f"| {peaks[0]} | {peaks[1]} | {sizes[0]} | {sizes[1]} |"
        )
    return "\n".join(lines)


def main() -> None:
    """Run the rounds and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--scale", default="reference")
    arguments = parser.parse_args()
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-bench-", dir="/var/tmp"))
    directory.chmod(0o711)
    bench: Bench | None = None
    try:
        print(f"Preparing the {arguments.scale} sample in {directory}", flush=True)
        bench = Bench(directory, arguments.scale)
        rounds = []
        for number in range(1, arguments.rounds + 1):
            print(f"Round {number} of {arguments.rounds}", flush=True)
            rounds.append(one_round(bench, number))
        print(table(rounds))
    finally:
        if bench:
            bench.stage.stop()
        shutil.rmtree(directory, ignore_errors=True)


if __name__ == "__main__":
    main()
