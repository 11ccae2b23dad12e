"""Deployment files as a whole: all problems are told at once, and one broken file never breaks another."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from lifeboat.deployment_file import find_deployment, load_all, load_deployment
from lifeboat.errors import ConfigurationError
from tests.support.deployment_file import GOOD, problems_of, writer


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    return writer(tmp_path)


def test_the_good_file_is_good(write: Callable[..., Path]) -> None:
    deployment = load_deployment(write())
    assert [str(unit) for unit in deployment.units()] == ["database/main-db", "home/cp-1", "tree/documents"]
    assert deployment.max_skew == timedelta(days=1, hours=12)
    assert deployment.schedules.system_backup == "0 2 * * *"


def test_a_script_outside_of_its_home(write: Callable[..., Path]) -> None:
    path = write(("    home: /opt/wso2\n", "    home: /opt/wso2\n    control: {script: ../../bin/sh}\n"))
    (problem,) = problems_of(path)
    assert (problem.line, problem.key) == (20, "servers.cp-1.control.script")
    assert "write it relative and without .." in problem.message


def test_databases_of_a_home_are_where_the_home_is(write: Callable[..., Path]) -> None:
    path = write(
        ("    connection:", "    server: cp-1\n    host: nfs\n    connection:"),
        ("servers:\n  cp-1", "hosts: {nfs: {ssh: nfs}}\nservers:\n  cp-1"),
    )
    (problem,) = problems_of(path)
    assert (problem.line, problem.key) == (14, "database_servers.main-db.host")
    assert "is 'nfs', but that of server 'cp-1' is 'worker'" in problem.message


def test_stop_and_start_in_two_ways_or_none(write: Callable[..., Path]) -> None:
    for control in ("{}", "{unit: a.service, script: bin/a.sh}"):
        (problem,) = problems_of(write(("    home: /opt/wso2\n", f"    home: /opt/wso2\n    control: {control}\n")))
        assert (problem.line, problem.key) == (20, "servers.cp-1.control")
        assert "give either unit or script" in problem.message


def test_a_binding_that_stands_in_for_nothing(write: Callable[..., Path]) -> None:
    path = write(
        ("      writer: the_vault\n", "      writer: the_vault\n    bindings: {far: {stands_in_for: nobody}}\n")
    )
    (problem,) = problems_of(path)
    assert (problem.line, problem.key) == (10, "sites.main.bindings.far.stands_in_for")
    assert "'nobody' is unknown" in problem.message


def test_packs_that_are_made_ready_on_no_known_host(write: Callable[..., Path]) -> None:
    (problem,) = problems_of(write(more="update: {pack_host: gone}\n"))
    assert problem.key == "update.pack_host"
    assert "'gone' is not one of hosts (worker)" in problem.message


def test_what_is_in_a_cloud_that_the_file_does_not_know(write: Callable[..., Path]) -> None:
    rds = "rds: {db: {identifier: wso2, database_server: gone-db, places: {far: {multi_az: true}}}}\n"
    images = "images: {gw: {instance: i-0f12, launches: {main: {subnet: subnet-1}}}}\n"
    assert [(problem.key, problem.message) for problem in problems_of(write(more=rds + images))] == [
        ("rds.db.site", "site 'main' has no account and region"),
        ("rds.db.database_server", "'gone-db' is not one of database_servers"),
        ("rds.db.places.far", "is not one of sites (main)"),
        ("images.gw.launches.main", "give template or instance_type, or both"),
        ("images.gw.site", "site 'main' has no account and region"),
    ]


def test_a_takeover_of_what_the_file_does_not_know(write: Callable[..., Path]) -> None:
    takeover = """\
    bindings: {cp: {stands_in_for: cp-1}}
    takeover:
      databases: {db: {}, gone: {}}
      machines: {m: {bindings: [cp, far], image: gone, launch: {template: t}}, n: {bindings: [], launch: {subnet: s}}}
      switch:
        - {kind: record, zone: Z, name: am.example.com, machines: [nobody]}
        - {kind: record, zone: Z, name: am.example.com, database: nothing}
        - {kind: record, zone: Z, name: am.example.com}
        - {kind: fax}
"""
    path = write(
        ("      writer: the_vault\n", f"      writer: the_vault\n{takeover}"),
        more="rds: {db: {identifier: wso2, database_server: main-db}}\n",
    )
    found = {problem.key.removeprefix("sites.main.takeover"): problem.message for problem in problems_of(path)}
    assert found[""] == "site 'main' has no account and region"
    assert "a binding of site 'main' with a connection" in found[".databases.db"]
    assert found[".databases.gone"] == "is not one of rds (db)"
    assert found[".machines.m.image"] == "'gone' is not one of images"
    assert found[".machines.m.bindings"] == "'far' is not a binding of site 'main' with a connection"
    assert found[".switch.0"] == "'nobody' is not one of machines"
    assert found[".switch.1"] == "'nothing' is not one of databases"
    assert "one of machines, database and values" in found[".switch.2.record"]
    assert any("fax" in message for message in found.values())
    assert any("template or instance_type" in message for message in found.values())


def test_two_machines_cannot_share_a_connection(write: Callable[..., Path]) -> None:
    site = """\
    region: r
    account: a
    bindings: {cp: {stands_in_for: cp-1, connection: one_ssh}, gw: {stands_in_for: main-db, connection: one_ssh}}
    takeover:
      machines: {m: {bindings: [cp], launch: {template: t}}, n: {bindings: [gw], launch: {template: t}}}
"""
    (problem,) = problems_of(write(("      writer: the_vault\n", f"      writer: the_vault\n{site}")))
    assert problem.key == "sites.main.takeover.machines.n"
    assert "'one_ssh' is that of machine 'm' already" in problem.message


def test_nothing_to_back_up(tmp_path: Path) -> None:
    path = tmp_path / "prod.yaml"
    path.write_text(GOOD[: GOOD.index("database_servers:")])
    (problem,) = problems_of(path)
    assert (problem.line, problem.key) == (1, "")
    assert "prod.yaml:1: the file: nothing to back up" in str(problem)


def test_all_problems_are_told_at_once_in_the_order_of_their_lines(write: Callable[..., Path]) -> None:
    """Also those that pydantic tells only when all else is right: names that refer to nothing, the file's name."""
    path = write(
        ("version: 1", "version: 7"),
        ("name: prod", "name: test"),
        ("1d12h", "soon"),
        ("/vault", "/${NOT_SET}"),
        ("engine: postgres", "engine: oracel"),
        ("    home:", "    site: nowhere\n    home:"),
        ("path: /srv/documents", "path: ../srv"),
        more='    host: gone\nschedules: {system_backup: "* *", system_backup: "* *"}\nextra: 1\n',
    )
    assert [(problem.line, problem.key) for problem in problems_of(path)] == [
        (1, "version"),
        (2, "name"),
        (4, "max_skew"),
        (8, "sites.main.vault.repository"),
        (12, "database_servers.main-db.engine"),
        (19, "servers.cp-1.site"),
        (23, "business_data.documents.path"),
        (24, "business_data.documents.host"),
        (25, "schedules.system_backup"),
        (25, "schedules.system_backup"),
        (26, "extra"),
    ]


@pytest.mark.parametrize(
    ("content", "line", "message"),
    [
        (b"a: b\n c: d\n", 2, "is not YAML: mapping values are not allowed"),
        (b"a: [1\n", 2, "is not YAML"),
        (b"a: \tb: {\n", 1, "is not YAML: found character"),
        (b"- a\n", 1, "is not a mapping of keys"),
        (b"", 1, "is not a mapping of keys"),
        (b"just text", 1, "is not a mapping of keys"),
        (b"a: 1\n---\nb: 2\n", 2, "is not YAML: but found another document"),
        (b"name: \xff\n", 0, "is not UTF-8"),
        (b"name: \x00\n", 0, "is not YAML: unacceptable character"),
        (b"a: !!python/object:os.system x\n", 1, "is not YAML: could not determine a constructor"),
        (b"? [a, b]\n: c\n", 1, "is not YAML: found unhashable key"),
        (b"description: 2026-13-45\n", 0, "has a value that YAML cannot read: month must be in 1..12"),
        (b"sites: &all\n  main: *all\n", 1, "has an alias that refers to itself"),
    ],
)
def test_what_is_no_deployment_at_all(tmp_path: Path, content: bytes, line: int, message: str) -> None:
    path = tmp_path / "prod.yaml"
    path.write_bytes(content)
    (problem,) = problems_of(path)
    assert message in problem.message
    assert problem.line == line


def test_a_file_that_cannot_be_read(tmp_path: Path) -> None:
    (problem,) = problems_of(tmp_path / "gone.yaml")
    assert "cannot be read: No such file or directory" in problem.message
    (tmp_path / "directory.yaml").mkdir()
    (problem,) = problems_of(tmp_path / "directory.yaml")
    assert "cannot be read: Is a directory" in problem.message


def test_aliases_and_merged_keys_are_yaml_too(write: Callable[..., Path]) -> None:
    path = write(
        (
            "    type: apim\n    home: /opt/wso2\n",
            "    &cp\n    type: apim\n    home: /opt/1\n  cp-2:\n    <<: *cp\n    home: /opt/2\n",
        )
    )
    servers = load_deployment(path).servers
    assert {name: server.home for name, server in servers.items()} == {"cp-1": "/opt/1", "cp-2": "/opt/2"}
    path.write_text(path.read_text().replace("type: apim", "type: A PI M"))
    assert [(problem.line, problem.key) for problem in problems_of(path)] == [
        (19, "servers.cp-1.type"),
        (19, "servers.cp-2.type"),
    ]


def test_variables(write: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = write(("/vault", "${PLACE:-/default}/${PART}"))
    monkeypatch.setenv("PART", "mine")
    assert load_deployment(path).sites["main"].vault.repository == "/default/mine"
    monkeypatch.setenv("PLACE", "/there")
    assert load_deployment(path).sites["main"].vault.repository == "/there/mine"
    monkeypatch.setenv("PART", "")
    (problem,) = problems_of(path)
    assert "variable PART is not set" in problem.message
    assert problem.next_step == "Set PART, or write ${PART:-default}."


def test_a_broken_file_does_not_break_the_others(write: Callable[..., Path], tmp_path: Path) -> None:
    write()
    write(("name: prod", "name: test"), name="test.yaml")
    write(("engine: postgres", "engine: gone"), ("name: prod", "name: broken"), name="broken.yaml")
    (tmp_path / "cyclic.yaml").write_text("sites: &all\n  main: *all\n")
    (tmp_path / "forgotten.yml").write_text(GOOD)
    deployments, problems = load_all(tmp_path)
    assert [deployment.name for deployment in deployments] == ["prod", "test"]
    found: dict[str, Any] = {Path(problem.file).name: problem.message for problem in problems}
    assert found.keys() == {"broken.yaml", "cyclic.yaml", "forgotten.yml"}
    assert "is not read" in found["forgotten.yml"]


def test_finding_a_deployment(write: Callable[..., Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write()
    monkeypatch.setenv("LIFEBOAT_DEPLOYMENTS", str(tmp_path))
    assert find_deployment("prod") == find_deployment(str(path))
    with pytest.raises(ConfigurationError, match=r"no deployment 'prdo' in .*\n  Next: Use one of: prod; or give"):
        find_deployment("prdo")
    monkeypatch.setenv("LIFEBOAT_DEPLOYMENTS", str(tmp_path / "gone"))
    with pytest.raises(ConfigurationError, match=r"Use one of: \(none yet\)"):
        find_deployment("prod")


def test_the_sample_is_good() -> None:
    sample = Path(__file__).parents[2] / "include/deployments/sample.yaml"
    assert len(load_deployment(sample).units()) == 9
