"""A deployment in miniature that may be replaced: two databases on a server of its own, two homes, a tree."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import yaml
from psycopg import sql

from lifeboat.capture import engine_for, make_point
from lifeboat.catalog import Catalog
from lifeboat.deployment import Unit
from lifeboat.documents import SignedManifest
from lifeboat.drill import drill_point
from lifeboat.engines.postgres import PostgresEngine
from lifeboat.engines.postgres.restored import database_facts
from lifeboat.engines.postgres.tools import tools_directory
from lifeboat.recovery_documents import RecoveryJournal, RecoveryRequest
from lifeboat.recovery_run import plan_and_begin
from lifeboat.runtime import Runtime
from tests.support.miniature import DATABASE, DATABASES, HOME, TREE, Miniature

SECOND_HOME = Unit.parse("home/apim-gw-1")
UNITS = (DATABASE, HOME, SECOND_HOME, TREE)
_PRISTINE = "pristine_"


@dataclass
class Recoverable:
    """The deployment, and what tells exactly what is live of it."""

    mini: Miniature
    runtime: Runtime
    catalog: Catalog

    @property
    def second_home(self) -> Path:
        return self.mini.directory / "home-2"

    def point(self, *, drilled: bool = True) -> SignedManifest:
        """Make a restore point, and drill it."""
        signed = make_point(self.runtime, "system_backup", reason="a test")
        self.catalog.add_point(signed)
        if drilled:
            evidence = drill_point(self.runtime, self.catalog, signed.manifest.id)
            assert evidence.passed, evidence
        return signed

    def change(self) -> None:
        """Change what is live, in every unit."""
        self.run("shared_db", "DELETE FROM um_user_attribute; UPDATE um_user SET um_user_name = um_user_name || ' too'")
        self.run("apim_db", "DROP TABLE am_api CASCADE")
        for home in (self.mini.home, self.second_home):
            (home / "repository/conf/deployment.toml").write_text("[server]\nhostname = 'changed'\n")
            (home / "repository/components/plugins/org.example_1.0.0.jar").unlink()
            (home / "repository/logs/wso2carbon.log").write_text("a line of today\n")
        shutil.rmtree(self.mini.tree / "株式会社")

    def run(self, database: str, statements: str) -> None:
        with psycopg.connect(self.mini.postgres.admin_conninfo, dbname=database, autocommit=True) as session:
            session.execute(statements.encode())

    def live(self) -> dict[str, Any]:
        """Return the facts of everything that is live now, by member."""
        facts: dict[str, Any] = {}
        for unit in UNITS:
            engine = engine_for(self.runtime, unit)
            if isinstance(engine, PostgresEngine):
                with engine.access() as access:
                    tools = tools_directory(15, "pg_dump")
                    for name in DATABASES:
                        facts[engine.member(name)] = database_facts(tools, access, name)
            else:
                facts[str(unit)] = _tree_facts(self.directory_of(unit))
        return facts

    def directory_of(self, unit: Unit) -> Path:
        return {HOME: self.mini.home, SECOND_HOME: self.second_home, TREE: self.mini.tree}[unit]

    def begun(self, **request: Any) -> RecoveryJournal:
        """Plan a recovery, confirm it, and return its journal."""
        asked = RecoveryRequest(**{"safety_point": False, "reason": "a test", **request})
        journal = plan_and_begin(self.runtime, self.catalog, asked, "a tester", lambda plan: True)
        assert journal is not None
        return journal

    def databases(self) -> set[str]:
        """Return the names of all databases but the server's own and the pristine ones."""
        with psycopg.connect(self.mini.postgres.admin_conninfo) as session:
            rows = session.execute("SELECT datname FROM pg_database WHERE NOT datistemplate").fetchall()
        return {row[0] for row in rows if not row[0].startswith(_PRISTINE)} - {"postgres"}

    def beside(self) -> set[str]:
        """Return the names of everything in the deployment's directory that lies beside something live."""
        return {
            path.name for path in self.mini.directory.iterdir() if ".before-" in path.name or ".restored-" in path.name
        }


def _tree_facts(root: Path) -> Mapping[str, Any]:
    """Return every path below a directory but its logs, with mode, owner and content."""
    facts = {}
    for path in sorted(root.rglob("*")):
        name, status = str(path.relative_to(root)), path.lstat()
        content: object = path.readlink() if path.is_symlink() else path.read_bytes() if path.is_file() else None
        if "logs" not in path.parts and path.suffix != ".pid" and name != "tmp":
            facts[name] = (oct(status.st_mode), status.st_uid, status.st_gid, content)
    return facts


def make_recoverable(mini: Miniature) -> None:
    """Give a deployment in miniature a second home, and write its file."""
    second = mini.directory / "home-2"
    if not second.exists():
        shutil.copytree(mini.home, second, symlinks=True)
        (second / "repository/conf/deployment.toml").write_text('[server]\nhostname = "gateway"\n')
    document = mini.document()
    document["servers"][SECOND_HOME.name] = {"type": "apim-gateway", "home": str(second)}
    mini.file.write_text(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), encoding="utf-8")


def keep_pristine(conninfo: str) -> None:
    """Keep a copy of the databases, from which `reset_databases` makes them anew."""
    _administrate(conninfo, *(_copied(name, _PRISTINE + name) for name in DATABASES))


def reset_databases(conninfo: str) -> None:
    """Remove every database that a recovery made, and make the two anew."""
    with psycopg.connect(conninfo, autocommit=True) as session:
        names = [row[0] for row in session.execute("SELECT datname FROM pg_database WHERE NOT datistemplate")]
    drop = sql.SQL("DROP DATABASE {} WITH (FORCE)")
    made = [name for name in names if not name.startswith(_PRISTINE) and name != "postgres"]
    _administrate(conninfo, *(drop.format(sql.Identifier(name)) for name in made))
    _administrate(conninfo, *(_copied(_PRISTINE + name, name) for name in DATABASES))


def _copied(source: str, target: str) -> sql.Composed:
    statement = sql.SQL("CREATE DATABASE {} OWNER wso2carbon TEMPLATE {}")
    return statement.format(sql.Identifier(target), sql.Identifier(source))


def _administrate(conninfo: str, *statements: sql.Composed) -> None:
    with psycopg.connect(conninfo, autocommit=True) as session:
        for statement in statements:
            session.execute(statement)
