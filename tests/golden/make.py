"""Makes a golden vault: a restore point of each kind of member, frozen as a file, and what must come back of it.

    PYTHONPATH=include:. .venv/bin/python -m tests.golden.make NAME

Run once for each vault, in the version that it stands for, and never again for the same name: see README.md.
"""

import hashlib
import json
import os
import shutil
import sqlite3
import sys
import tarfile
import tempfile
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import URL

from lifeboat import __version__
from lifeboat.capture import make_point
from lifeboat.catalog import Catalog
from lifeboat.connections import Connection
from lifeboat.deployment_file import load_deployment
from lifeboat.drill import drill_point
from lifeboat.runtime import Runtime
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.signing import new_private_key
from tests.support.mariadb_server import MariaDBServer
from tests.support.quick_vault import make_quick_vault

HERE = Path(__file__).parent
PASSWORD = "golden"
NAME = "golden"

_POSTGRES = """
    CREATE TABLE item (id serial PRIMARY KEY, name text NOT NULL, price numeric(10, 2), at timestamptz);
    INSERT INTO item (name, price, at) SELECT 'item ' || g, g * 1.25, '2026-01-01'::timestamptz + g * interval '1 day'
        FROM generate_series(1, 50) g;
    CREATE VIEW cheap AS SELECT id FROM item WHERE price < 10;
    CREATE TABLE "Odd name" (value bytea, document jsonb);
    INSERT INTO "Odd name" VALUES ('\\x00ff', '{"a": [1, null]}'), (NULL, NULL);
    SELECT lo_from_bytea(424242, 'a large object');
"""
_MARIADB = """
    CREATE TABLE item (id int AUTO_INCREMENT PRIMARY KEY, name varchar(50) NOT NULL, price decimal(10, 2), raw blob);
    INSERT INTO item (name, price, raw) VALUES ('Zoë', 1.50, x'00ff'), ('株式会社', NULL, NULL), ('', 0, '');
    CREATE VIEW cheap AS SELECT id FROM item WHERE price < 10;
"""
_SQLITE = """
    CREATE TABLE item (id integer PRIMARY KEY AUTOINCREMENT, name text, price);
    INSERT INTO item (name, price) VALUES ('first', 1.0), ('Zoë', 2.5), (NULL, 9e999);
    CREATE VIEW cheap AS SELECT id FROM item WHERE price < 2;
"""


def make_tree(root: Path) -> None:
    """Make a tree with odd names, modes, links and times."""
    (root / "empty directory").mkdir(parents=True)
    (root / "株式会社").mkdir()
    files = {"株式会社/catalogue [draft].csv": b"a,b\n", "Müller & Söhne.txt": b"", " leading": b"\x00"}
    for name, content in files.items():
        (root / name).write_bytes(content)
    (root / "script.sh").write_text("#!/bin/sh\necho golden\n")
    (root / "script.sh").chmod(0o755)
    (root / "secret").write_text("of nobody\n")
    (root / "secret").chmod(0o600)
    (root / "link").symlink_to("script.sh")
    (root / "new\nline").write_bytes(bytes(range(256)))
    for path in root.rglob("*"):
        os.utime(path, (1_767_225_600, 1_767_225_600), follow_symlinks=False)


def describe(root: Path) -> dict[str, list[str]]:
    """Given a directory, return kind, mode and content of everything below it, by path."""
    found = {}
    for path in sorted(root.rglob("*")):
        name = str(path.relative_to(root))
        if path.is_symlink():
            found[name] = ["link", "", os.readlink(path)]
        elif path.is_dir():
            found[name] = ["directory", oct(path.stat().st_mode & 0o7777), ""]
        else:
            found[name] = ["file", oct(path.stat().st_mode & 0o7777), hashlib.sha256(path.read_bytes()).hexdigest()]
    return found


def document(directory: Path) -> dict[str, Any]:
    """Return the deployment file of a golden vault that lies in a directory."""
    return {
        "version": 1,
        "name": NAME,
        "signing": "signing",
        "sites": {
            "main": {
                "vault": {"repository": str(directory / "vault"), "writer": "vault"},
                "scratch": str(directory / "scratch"),
            }
        },
        "database_servers": {
            "postgres": {"engine": "postgres", "connection": "postgres", "databases": {"golden_db": {}}},
            "mariadb": {"engine": "mariadb", "connection": "mariadb", "databases": {"golden_db": {}}},
            "sqlite": {"engine": "sqlite", "connection": "sqlite", "databases": {"main": {}}},
        },
        "business_data": {"tree": {"path": str(directory / "tree")}},
    }


def main(name: str) -> None:
    """Make the golden vault `name`."""
    archive, expected = HERE / f"{name}.tar.gz", HERE / f"{name}.json"
    if archive.exists() or expected.exists():
        sys.exit(f"{archive.name} is there already: a golden vault is never made again")
    directory = Path(tempfile.mkdtemp(prefix="lifeboat-golden-"))
    directory.chmod(0o711)
    try:
        told = _make(directory)
        with tarfile.open(archive, "w:gz") as file:
            file.add(directory / "vault", "vault")
        expected.write_text(json.dumps(told, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    finally:
        shutil.rmtree(directory)


def _make(directory: Path) -> dict[str, Any]:
    postgres, mariadb = SamplePostgres(directory / "pg"), MariaDBServer(directory / "maria")
    postgres.start()
    mariadb.start()
    try:
        _fill(directory, postgres, mariadb)
        make_quick_vault(directory / "vault", PASSWORD)
        file = directory / "golden.yaml"
        file.write_text(yaml.safe_dump(document(directory)))
        admin = conninfo_to_dict(postgres.admin_conninfo)
        login = {"login": str(admin["user"]), "password": str(admin["password"])}
        connections = {
            "signing": Connection("signing", "generic", password=new_private_key()),
            "vault": Connection("vault", "generic", password=PASSWORD),
            "postgres": Connection("postgres", "postgres", host="127.0.0.1", port=postgres.port, **login),
            "mariadb": mariadb.connection("mariadb"),
            "sqlite": Connection("sqlite", "sqlite", host=str(directory / "golden.sqlite")),
        }
        with Runtime(load_deployment(file), connections.__getitem__) as runtime:
            catalog = Catalog(URL.create("sqlite", database=str(directory / "catalog.db")))
            signed = make_point(runtime, "system_backup", reason="to be read for ever")
            catalog.add_point(signed)
            evidence = drill_point(runtime, catalog, signed.manifest.id)
            assert evidence.passed, evidence
            return {
                "lifeboat": __version__,
                "public_key": runtime.signer().public_key,
                "point": signed.manifest.id,
                "evidence": evidence.id,
                "tree": describe(directory / "tree"),
                "streams": {m.member: m.stream_sha256 for m in signed.manifest.members() if m.stream_sha256},
                "proofs": {m.member: m.proof.digest for m in signed.manifest.members()},
            }
    finally:
        mariadb.stop()
        postgres.stop()


def _fill(directory: Path, postgres: SamplePostgres, mariadb: MariaDBServer) -> None:
    make_tree(directory / "tree")
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as session:
        session.execute("CREATE DATABASE golden_db")
    with psycopg.connect(postgres.admin_conninfo, dbname="golden_db", autocommit=True) as session:
        session.execute(_POSTGRES.encode())
    mariadb.run("CREATE DATABASE golden_db CHARACTER SET utf8mb4")
    mariadb.run(_MARIADB, "golden_db")
    with closing(sqlite3.connect(directory / "golden.sqlite")) as session, session:
        session.executescript(_SQLITE)


if __name__ == "__main__":
    main(sys.argv[1])
