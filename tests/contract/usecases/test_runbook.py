"""The runbook: what it prints restores every member without Lifeboat, and a drill that runs it sees what is wrong."""

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from lifeboat import by_hand
from lifeboat.capture import engine_for
from lifeboat.drill import drill_point, drill_unit
from lifeboat.engines.base import load_facts
from lifeboat.engines.postgres.access import Access
from lifeboat.engines.postgres.restored import RestoredServer, database_facts
from lifeboat.engines.postgres.runbook import _renaming
from lifeboat.engines.tree import TreeEngine
from lifeboat.manifest import Check
from lifeboat.runbook import in_order, runbook_turns, scripts, whose_turn
from lifeboat.sample.postgres_server import SamplePostgres
from tests.contract.usecases.conftest import Damaged, Proven
from tests.support.by_hand import clean_root, named_tools, run_script
from tests.support.command_line import lifeboat, lifeboat_here
from tests.support.miniature import DATABASE, HOME, TREE, VAULT_PASSWORD
from tests.support.planting import flip_byte

APIM, ROLES = "database/main-db/apim_db", "roles/main-db"
POSTGRES_TOOLS = "/usr/lib/postgresql/15/bin"


@pytest.fixture
def bare_server(place: Path) -> Iterator[SamplePostgres]:
    """A new, empty server."""
    server = SamplePostgres(place / "bare")
    server.start()
    yield server
    server.stop()


def test_without_lifeboat_the_scripts_reproduce_all_proofs(
    proven: Proven, bare_server: SamplePostgres, tmp_path: Path
) -> None:
    """Every script runs under `env -i` with the programs that it names; there is no Python among them."""
    with proven.mini.runtime() as runtime:
        manifest = proven.new.manifest
        found = scripts(runtime, manifest, "main")
        assert sorted(found) == sorted(member.member for member in manifest.members())
        account = conninfo_to_dict(bare_server.admin_conninfo)
        environment = {
            "RESTIC_PASSWORD": VAULT_PASSWORD,
            "PGHOST": str(account["host"]),
            "PGPORT": str(account["port"]),
            "PGUSER": str(account["user"]),
            "PGPASSWORD": str(account["password"]),
        }
        for number, member in enumerate(in_order(found)):
            assert not {"python3", "lifeboat", "jq"} & set(named_tools(found[member]))
            links, home = clean_root(
                tmp_path / str(number), named_tools(found[member]), f"{POSTGRES_TOOLS}:{os.environ['PATH']}"
            )
            target = {"TARGET": str(tmp_path / member.replace("/", "-"))}
            ran = run_script(found[member], links, home, environment | target)
            assert (ran.status, ran.stdout.splitlines()[-1:]) == (0, ["OK"]), ran
            assert VAULT_PASSWORD not in found[member] + ran.stdout + ran.stderr
        checks = list(_compare_all(proven, runtime, bare_server, tmp_path))
    assert [check for check in checks if check.outcome != "passed"] == []
    assert {"table-content", "schema-objects", "roles", "tree-content", "tree-metadata"} <= {c.name for c in checks}
    assert {c.member for c in checks} == set(found)


def _compare_all(proven: Proven, runtime, server: SamplePostgres, place: Path) -> Iterator[Check]:
    account = conninfo_to_dict(server.admin_conninfo)
    access = Access("bare", str(account["host"]), int(account["port"]), account["user"], account["password"])
    manifest = proven.new.manifest
    for unit in manifest.units:
        facts, engine = load_facts(runtime.vault("main"), unit), engine_for(runtime, unit.unit)
        if unit.unit == DATABASE:
            restored = RestoredServer(access=access, tools=POSTGRES_TOOLS, roles_member=ROLES)
            (roles,) = (m for m in restored.prove().values())
            captured = {name: text for name, text in facts[ROLES]["roles"].items() if "wso2carbon" in name}
            found = {name: text for name, text in roles["roles"].items() if "wso2carbon" in name}
            assert captured
            yield from engine.compare(ROLES, {"roles": captured}, {"roles": found})
            for member in unit.members:
                if member.member != ROLES:
                    live = member.details["database"]
                    again = database_facts(POSTGRES_TOOLS, access, f"{live}_restored", known_as=live)
                    yield from engine.compare(member.member, facts[member.member], again)
        else:
            name = str(unit.unit)
            assert isinstance(engine, TreeEngine)
            tree = engine.restored(member=name, directory=str(place / name.replace("/", "-")), owners=os.geteuid() == 0)
            yield from engine.compare(name, facts[name], tree.prove()[name])


@pytest.mark.parametrize("member", [APIM, ROLES, str(HOME), str(TREE)])
def test_a_drill_brings_a_member_back_by_its_runbook_and_says_so(damaged: Damaged, member: str) -> None:
    (unit,) = (unit.unit for unit in damaged.proven.new.manifest.units if member in [m.member for m in unit.members])
    drill = drill_unit(damaged.runtime, damaged.point, unit, runbook=member)
    assert drill.failed() == []
    assert drill.runbook == member
    (check,) = (check for check in drill.checks if check.name == "runbook")
    assert (check.member, check.detail) == (member, "brought back by the printed commands alone")
    # Lifeboat's own way was not taken for it.
    loaded = {check.member for check in drill.checks if check.name == "member-readable"}
    assert member not in loaded


def test_each_drill_executes_the_runbook_of_the_next_member(damaged: Damaged) -> None:
    """The first drill of the point before took a database; this one takes what is no database."""
    assert [drill.runbook for drill in damaged.proven.evidence.units] == ["database/main-db/shared_db", "", ""]
    evidence = drill_point(damaged.runtime, damaged.catalog, damaged.point)
    assert evidence.passed
    assert [drill.runbook for drill in evidence.units] == [ROLES, "", ""]
    manifest = damaged.proven.new.manifest
    turns = [whose_turn(manifest, drills) for drills in range(8)]
    assert turns[0::2] == ["database/main-db/shared_db", APIM] * 2
    assert turns[1::2] == [ROLES, str(HOME), str(TREE), ROLES]
    assert list(runbook_turns(manifest, 3).values()) == ["", str(HOME), ""]


def test_a_point_without_databases_takes_turns_among_its_trees(proven: Proven) -> None:
    manifest = proven.new.manifest
    trees = manifest.model_copy(update={"units": tuple(unit for unit in manifest.units if unit.unit != DATABASE)})
    assert [whose_turn(trees, drills) for drills in range(3)] == [str(HOME), str(TREE), str(HOME)]
    databases = manifest.model_copy(update={"units": manifest.units[:1]})
    assert [whose_turn(databases, drills) for drills in range(2)] == ["database/main-db/shared_db", ROLES]


@pytest.mark.parametrize(
    ("member", "wrong", "detail"),
    [
        (APIM, (r'(same "digest of the dump") \w+', r"\1 0123"), "digest of the dump: captured 0123"),
        (APIM, (r'(same "rows of each table") \w+', r"\1 0123"), "rows of each table: captured 0123"),
        (ROLES, (r"restic --no-cache --no-lock dump \w+", "restic --no-cache --no-lock dump 0123"), "status 1"),
        (str(HOME), (r'(same "content of the files") \w+', r"\1 0123"), "content of the files: captured 0123"),
        (str(HOME), (r"^echo OK$", ""), "ended with status 0"),
        (str(TREE), (r" sort -z ", " missing-tool -z "), "missing-tool: not found"),
    ],
)
def test_a_wrong_script_is_red_by_itself(
    damaged: Damaged, monkeypatch: pytest.MonkeyPatch, member: str, wrong: tuple[str, str], detail: str
) -> None:
    """Lifeboat's own restore takes its place, so that all other verdicts are told, and they are green."""
    right = by_hand.render

    def render(*arguments: object) -> str:
        changed, count = re.subn(*wrong, right(*arguments), flags=re.M)  # type: ignore[arg-type]
        assert count
        return changed

    monkeypatch.setattr("lifeboat.runbook.render", render)
    (unit,) = (unit.unit for unit in damaged.proven.new.manifest.units if member in [m.member for m in unit.members])
    drill = drill_unit(damaged.runtime, damaged.point, unit, runbook=member)
    (red,) = drill.failed()
    assert (red.name, red.verdict, red.member) == ("runbook", "fidelity", member)
    assert detail in red.detail
    assert {c.member for c in drill.checks if c.name in ("table-content", "tree-content", "roles")} >= {member}
    assert not damaged.record(drill).passed


def test_a_runbook_that_names_too_few_tools_is_red(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifeboat.engines._tree_runbook._TOOLS", ("awk", "chmod", "chown", "df", "dirname", "id", "wc"))
    drill = drill_unit(damaged.runtime, damaged.point, HOME, runbook=str(HOME))
    (red,) = drill.failed()
    assert red.name == "runbook"
    assert "find: not found" in red.detail


def test_a_tool_that_is_not_on_the_worker_is_told(damaged: Damaged, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lifeboat.engines._tree_runbook._TOOLS", ("no-such-tool",))
    (red,) = drill_unit(damaged.runtime, damaged.point, TREE, runbook=str(TREE)).failed()
    assert (red.name, red.detail) == ("runbook", "not on this worker: no-such-tool")


def test_damage_in_the_vault_is_red_for_the_runbook_and_for_the_member(damaged: Damaged) -> None:
    flip_byte(damaged.mini.vault_directory, damaged.address(APIM).snapshot, "/apim_db.dump")
    drill = drill_unit(damaged.runtime, damaged.point, DATABASE, runbook=APIM)
    assert {(c.name, c.member) for c in drill.failed()} >= {("runbook", APIM), ("member-readable", APIM)}


def test_what_the_runbook_restored_wrongly_is_red_for_both(damaged: Damaged, tmp_path: Path) -> None:
    """The script sees it, and so does the proof of Lifeboat's own restore."""
    writer = damaged.writer()
    writer.alter_tree(str(TREE), tmp_path / "tree", lambda root: (root / "inbox").rmdir())
    writer.seal()
    drill = drill_unit(damaged.runtime, damaged.point, TREE, runbook=str(TREE))
    assert {check.name for check in drill.failed()} == {"runbook", "tree-files"}


def test_what_moved_during_the_capture_is_not_compared(damaged: Damaged, tmp_path: Path) -> None:
    """As the proof does, the script leaves it out: a file that kept changing, and what came and went in a directory."""
    draft = "株式会社/catalogue [/draft].csv"

    def alter(root: Path) -> None:
        (root / draft).write_text("changed while it was read")
        (root / "Müller & Söhne/came and went").touch()

    writer = damaged.writer()
    writer.alter_tree(str(TREE), tmp_path / "tree", alter)
    moved = {"skew": [draft], "restless": ["Müller & Söhne"]}
    writer.alter_facts(writer.manifest.unit(TREE), lambda facts: facts[str(TREE)].update(moved))
    writer.seal()
    drill = drill_unit(damaged.runtime, damaged.point, TREE, runbook=str(TREE))
    assert drill.failed() == []
    script = scripts(damaged.runtime, writer.manifest, "main", str(TREE))[str(TREE)]
    assert 'same "number of files" 0 ' in script
    assert "\\[" in script


def test_a_tree_whose_top_moved_is_brought_back_without_a_comparison(damaged: Damaged) -> None:
    writer = damaged.writer()
    writer.alter_facts(writer.manifest.unit(TREE), lambda facts: facts[str(TREE)].update(restless=["."]))
    writer.seal()
    drill = drill_unit(damaged.runtime, damaged.point, TREE, runbook=str(TREE))
    assert drill.failed() == []
    assert "runbook" in {check.name for check in drill.checks}


def test_the_command_prints_one_script_or_all(proven: Proven, tmp_path: Path) -> None:
    environment = proven.mini.environment()
    one = lifeboat(environment, "runbook", "mini", proven.new.manifest.id, "--member", APIM)
    assert one.status == 0
    assert one.stdout.startswith("#!/bin/sh\n")
    assert "is NOT PROVEN: no drill has restored it." in one.stderr
    everything = lifeboat(environment, "runbook", "mini")
    assert f"# Runbook of restore point {proven.old.manifest.id}" in everything.stdout
    assert everything.stdout.index("roles/main-db of") < everything.stdout.index("apim_db of")
    written = lifeboat_here(environment, "runbook", "mini", "--write", str(tmp_path / "scripts"))
    files = sorted((tmp_path / "scripts").iterdir())
    assert sorted(written.stdout.split()) == [str(file) for file in files]
    assert len(files) == 5
    for file in files:
        subprocess.run(["sh", "-n", str(file)], check=True)
    for secret in (connection.password for connection in proven.mini.connections().values()):
        assert secret not in one.stdout + everything.stdout
    wrong = lifeboat_here(environment, "runbook", "mini", "--member", "home/nobody")
    assert "has no member 'home/nobody'" in wrong.stderr


def test_names_that_need_quotes() -> None:
    """A database's name in the statements about it, whatever it holds, becomes that of its copy."""
    for name, sql in (
        (
            'a "b" /c',
            'CREATE DATABASE "a ""b"" /c" WITH TEMPLATE = template0;\nALTER DATABASE "a ""b"" /c" OWNER TO x;',
        ),
        ("x.y", 'REVOKE CONNECT ON DATABASE "x.y" FROM PUBLIC;\nALTER ROLE z IN DATABASE "x.y" SET a TO \'x.y\';'),
        ("plain", "COMMENT ON DATABASE plain IS 'plain';\nALTER DATABASE plain SET a TO 'plain';"),
    ):
        done = subprocess.run(["sed", "-E", _renaming(name)], input=sql, capture_output=True, text=True, check=True)
        assert done.stdout.count(':"database"') == 2, done.stdout
        assert "DATABASE plain" not in done.stdout
