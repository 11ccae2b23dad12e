"""Restoring into a place: what comes back is what was captured, what is live stays, and nothing is overwritten."""

import os
import re
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from lifeboat import places
from lifeboat.by_hand import ByHand
from lifeboat.errors import ConfigurationError, LifeboatError, PointError, PreflightError, SpaceError
from lifeboat.restore import Result, Wanted, restore
from tests.contract.usecases.conftest import Damaged, Proven
from tests.support.command_line import lifeboat_here
from tests.support.miniature import HOME, TREE, Miniature
from tests.support.planting import flip_byte
from tests.support.workshop import Workshop

SHARED = "database/main-db/shared_db"
APIM = "database/main-db/apim_db"
JAR = "repository/components/plugins/org.example_1.0.0.jar"


def bring_back(proven: Proven, member: str, **wanted: object) -> Result:
    with proven.mini.runtime() as runtime:
        return restore(runtime, proven.new.manifest.id, Wanted(member, **wanted))  # type: ignore[arg-type]


@pytest.fixture
def names(proven: Proven) -> Iterator[list[str]]:
    """Databases that a test made, dropped at its end."""
    made: list[str] = []
    yield made
    with psycopg.connect(proven.mini.postgres.admin_conninfo, autocommit=True) as admin:
        for name in made:
            admin.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))


def ask(mini: Miniature, database: str, query: str) -> list[tuple[object, ...]]:
    with psycopg.connect(mini.postgres.admin_conninfo, dbname=database, autocommit=True) as session:
        cursor = session.execute(query.encode())
        return cursor.fetchall() if cursor.description else []


def databases(mini: Miniature) -> set[object]:
    return {row[0] for row in ask(mini, "postgres", "SELECT datname FROM pg_database")}


def tree_of(root: Path) -> dict[str, object]:
    """Return every path with its mode and its content."""
    return {
        str(path.relative_to(root)): (
            os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None,
            path.lstat().st_mode,
        )
        for path in root.rglob("*")
    }


def test_a_whole_home(proven: Proven, tmp_path: Path) -> None:
    target = tmp_path / "home"
    target.mkdir()
    result = bring_back(proven, str(HOME), into=target)
    assert result.proven
    assert {check.name for check in result.checks} == {
        *("tree-files", "tree-content", "tree-metadata"),
        "patch-inventory",
    }
    never = ("logs/", ".pid")
    live = {path: e for path, e in tree_of(proven.mini.home).items() if not any(each in path for each in never)}
    assert tree_of(target) == live
    assert result.where == str(target)
    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_a_sub_tree_and_a_file_and_nothing_else(proven: Proven, tmp_path: Path) -> None:
    folder = bring_back(proven, str(TREE), into=tmp_path / "a", path="./Müller & Söhne/")
    assert folder.proven
    live = {path for path in tree_of(proven.mini.tree) if path.startswith("Müller")}
    assert set(tree_of(tmp_path / "a")) == live
    file = bring_back(proven, str(TREE), into=tmp_path / "b", path="株式会社/catalogue [/draft].csv")
    assert file.proven
    assert set(tree_of(tmp_path / "b")) == {"株式会社", "株式会社/catalogue [", "株式会社/catalogue [/draft].csv"}
    assert (file.what, file.size_bytes) == ("tree/documents: 株式会社/catalogue [/draft].csv", 23)


@pytest.mark.parametrize("path", ["../outside", "bin/../../outside", "/etc/passwd", "..", "", ".", "bin\0x"])
def test_a_path_cannot_leave_the_root(proven: Proven, tmp_path: Path, path: str) -> None:
    with pytest.raises(ConfigurationError, match="not a path inside of a member"):
        bring_back(proven, str(HOME), into=tmp_path / "x", path=path)
    assert list(tmp_path.iterdir()) == []


def test_what_was_not_captured_cannot_be_asked_for(proven: Proven, tmp_path: Path) -> None:
    for path in ("repository/logs/wso2carbon.log", "latest.jar/x", "version.txt", "bin/*"):
        with pytest.raises(PointError, match="home/apim-cp-1 has no '"):
            bring_back(proven, str(HOME), into=tmp_path / "x", path=path)
    with pytest.raises(PointError, match="has no member 'home/other'"):
        bring_back(proven, "home/other", into=tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_is_taken_or_too_small_is_refused_before_any_work(
    proven: Proven, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "full").mkdir()
    (tmp_path / "full/file").touch()
    (tmp_path / "link").symlink_to("nowhere")
    for name in ("full", "full/file", "link"):
        with pytest.raises(PreflightError, match="is there already"):
            bring_back(proven, str(HOME), into=tmp_path / name)
    with pytest.raises(PreflightError, match="There is no directory"):
        bring_back(proven, str(HOME), into=tmp_path / "no/such")
    usage = places.shutil.disk_usage("/")
    monkeypatch.setattr(places.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    with pytest.raises(SpaceError, match=r"home/apim-cp-1 needs about .*; 1.0 kB are free"):
        bring_back(proven, str(HOME), into=tmp_path / "new")
    with pytest.raises(SpaceError, match=r"apim_db needs about .*"):
        bring_back(proven, APIM, into_database="apim_db_small")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["full", "link"]


def test_damage_is_no_partial_directory(damaged: Damaged, tmp_path: Path) -> None:
    flip_byte(damaged.mini.vault_directory, damaged.address(str(HOME)).snapshot, JAR)
    with pytest.raises(LifeboatError, match="damaged data"):
        restore(damaged.runtime, damaged.point, Wanted(str(HOME), into=tmp_path / "home"))
    assert list(tmp_path.iterdir()) == []


def test_what_is_not_as_captured_is_told(damaged: Damaged, tmp_path: Path) -> None:
    writer = damaged.writer()
    order = "Müller & Söhne/order 0001.json"
    writer.alter_tree(str(TREE), tmp_path / "altered", lambda root: (root / order).write_text(""))
    writer.seal()
    arguments = ["restore", "mini", damaged.point, "--member", str(TREE), "--into", str(tmp_path / "back")]
    ended = lifeboat_here(damaged.mini.environment(), *arguments)
    assert ended.status == 1
    assert "NOT as captured: 1 red" in ended.stdout
    assert "failed tree-content: 1 changed: Müller & Söhne/order 0001.json" in ended.stdout
    whole = restore(damaged.runtime, damaged.point, Wanted(str(TREE), into=tmp_path / "part", path="inbox"))
    assert whole.proven


def test_a_database_under_another_name_is_proven_whole(proven: Proven, names: list[str]) -> None:
    """Also its owner, settings, privileges and comment, under a name that needs quotes."""
    mini, name = proven.mini, 'Restored "apim" = x'
    names += [name]
    before = ask(mini, "apim_db", "SELECT count(*) FROM pg_class")
    result = bring_back(proven, APIM, into_database=name)
    assert [check for check in result.checks if check.outcome != "passed"] == []
    assert {"table-rows", "table-content", "schema-objects", "sequences", "large-objects"} == {
        check.name for check in result.checks
    }
    assert ask(mini, name, "SELECT * FROM am_api ORDER BY 1") == ask(mini, "apim_db", "SELECT * FROM am_api ORDER BY 1")
    owner = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
    assert ask(mini, name, owner) == [("wso2carbon",)]
    assert ask(mini, "apim_db", "SELECT count(*) FROM pg_class") == before
    with pytest.raises(PreflightError, match="there is a database"):
        bring_back(proven, APIM, into_database=name)
    assert ask(mini, name, owner) == [("wso2carbon",)]


def test_a_database_that_somebody_makes_meanwhile_is_left_alone(
    proven: Proven, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    names += ["of_somebody"]
    run = ByHand.run

    def late(self: ByHand, *arguments: object) -> bool:
        ask(proven.mini, "postgres", "CREATE DATABASE of_somebody")
        return run(self, *arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(ByHand, "run", late)
    with pytest.raises(LifeboatError, match="there is a database of_somebody already"):
        bring_back(proven, APIM, into_database="of_somebody")
    assert "of_somebody" in databases(proven.mini)


def test_settings_of_a_database_are_part_of_its_proof(
    damaged: Damaged, names: list[str], workshop: Workshop, roles_loaded: None
) -> None:
    """They come with the dump, and a copy that lacks them is red."""
    writer = damaged.writer()
    workshop.load(writer.read(SHARED))
    settings = (
        "ALTER DATABASE shared_db SET lock_timeout = '3min'; REVOKE CONNECT ON DATABASE shared_db FROM public; "
        "COMMENT ON DATABASE shared_db IS 'shared_db, of all'; ALTER DATABASE shared_db CONNECTION LIMIT 77"
    )
    workshop.execute("shared_db", settings)
    writer.write(SHARED, workshop.dump("shared_db"))
    writer.seal()
    names += ["shared_db_x"]
    result = restore(damaged.runtime, damaged.point, Wanted(SHARED, into_database="shared_db_x"))
    (red,) = (check for check in result.checks if check.outcome == "failed")
    assert red.name == "schema-objects"
    kinds = "ACL -.DATABASE shared_db, COMMENT -.DATABASE shared_db, DATABASE PROPERTIES -.shared_db"
    assert red.detail == f"3 extra: {kinds}"
    asked = (
        "SELECT datconnlimit, shobj_description(oid, 'pg_database'), "
        "has_database_privilege('pg_monitor', oid, 'CONNECT'), (SELECT setconfig::text FROM pg_db_role_setting "
        "WHERE setdatabase = pg_database.oid) FROM pg_database WHERE datname = 'shared_db_x'"
    )
    assert ask(damaged.mini, "postgres", asked) == [(77, "shared_db, of all", False, "{lock_timeout=3min}")]
    workshop.execute("shared_db", "DROP SCHEMA public CASCADE")


def test_a_database_that_cannot_be_loaded_leaves_nothing(damaged: Damaged) -> None:
    writer = damaged.writer()
    dump = writer.read(APIM)
    writer.write(APIM, dump[: len(dump) * 2 // 3])
    writer.seal()
    before = databases(damaged.mini)
    with pytest.raises(LifeboatError, match="could not be restored into 'apim_db_x'"):
        restore(damaged.runtime, damaged.point, Wanted(APIM, into_database="apim_db_x"))
    assert databases(damaged.mini) == before


def test_a_table_beside_the_live_one(proven: Proven) -> None:
    mini = proven.mini
    before = databases(mini)
    rows = "SELECT * FROM {} ORDER BY 1"
    live = ask(mini, "apim_db", rows.format("am_api"))
    assert live
    result = bring_back(proven, APIM, table="am_api", into_table="public.Restored am_api")
    try:
        assert result.proven
        (check,) = result.checks
        assert (check.name, check.member) == ("table-content", f"{APIM}: public.am_api")
        assert ask(mini, "apim_db", rows.format('"Restored am_api"')) == live
        columns = "SELECT attname, format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = '{}'::regclass"
        columns += " AND attnum > 0 ORDER BY attnum"
        assert ask(mini, "apim_db", columns.format('"Restored am_api"')) == ask(
            mini, "apim_db", columns.format("am_api")
        )
        with pytest.raises(PreflightError, match=r"has a table 'public.Restored am_api' already"):
            bring_back(proven, APIM, table="public.am_api", into_table='"Restored am_api"')
    finally:
        ask(mini, "apim_db", 'DROP TABLE "Restored am_api"')
    assert databases(mini) == before


def test_rows_that_are_not_the_captured_ones_are_red(damaged: Damaged, workshop: Workshop, roles_loaded: None) -> None:
    writer = damaged.writer()
    workshop.load(writer.read(SHARED))
    workshop.execute("shared_db", "UPDATE um_user SET um_user_name = 'eve' WHERE um_id = 2")
    writer.write(SHARED, workshop.dump("shared_db"))
    writer.seal()
    try:
        result = restore(damaged.runtime, damaged.point, Wanted(SHARED, table="um_user", into_table="um_user_x"))
        assert not result.proven
        assert [check.detail for check in result.checks] == ["rows differ in content"]
    finally:
        ask(damaged.mini, "shared_db", "DROP TABLE um_user_x")
        workshop.execute("shared_db", "DROP SCHEMA public CASCADE")


def test_a_table_that_is_not_there(proven: Proven) -> None:
    with pytest.raises(PointError, match="has no tables 'AM_API'") as told:
        bring_back(proven, APIM, table="AM_API", into_table="x")
    assert "public.am_api" in told.value.next_step
    with pytest.raises(PointError, match=r"has no tables 'other.am_api'"):
        bring_back(proven, APIM, table="other.am_api", into_table="x")
    with pytest.raises(ConfigurationError, match="is not the name of a table"):
        bring_back(proven, APIM, table="a.b.c", into_table="x")


def test_the_dump_of_a_database_as_a_file(proven: Proven, tmp_path: Path) -> None:
    result = bring_back(proven, APIM, into=tmp_path / "dumps")
    assert result.proven
    assert (tmp_path / "dumps/apim_db.dump").read_bytes().startswith(b"PGDMP")


def test_what_fits_no_member_is_refused(proven: Proven, tmp_path: Path) -> None:
    for wanted in (
        {"into_database": "x"},
        {"table": "a", "into_table": "x"},
    ):
        with pytest.raises(ConfigurationError, match="home/apim-cp-1: its engine has no"):
            bring_back(proven, str(HOME), **wanted)
    both, path = {"into": tmp_path, "into_database": "x"}, {"path": "x", "into_database": "x"}
    for wanted in ({}, both, path, {"into_table": "x"}):
        with pytest.raises(ConfigurationError):
            Wanted(str(HOME), **wanted)  # type: ignore[arg-type]


def test_the_command_takes_the_last_known_good_and_says_what_is_not(proven: Proven, tmp_path: Path) -> None:
    environment = proven.mini.environment()
    good = lifeboat_here(environment, "restore", "mini", "--member", str(TREE), "--into", str(tmp_path / "a"))
    assert good.status == 0, good.stderr
    assert f"Restore point {proven.old.manifest.id}" in good.stderr
    assert "is good: its newest drill passed" in good.stderr
    assert re.search(r"tree/documents *│.*│ *\d+\.\d │ as captured: tree-files, tree-content", good.stdout)
    named = ["restore", "mini", proven.new.manifest.id, "--member", str(TREE), "--into", str(tmp_path / "b")]
    assert "is NOT PROVEN: no drill has restored it." in lifeboat_here(environment, *named).stderr


def test_without_a_good_point_one_must_be_named(mini: Miniature, tmp_path: Path) -> None:
    ended = lifeboat_here(mini.environment(), "restore", "mini", "--member", str(TREE), "--into", str(tmp_path / "a"))
    assert ended.status == 1
    assert "has no restore point" in ended.stderr
