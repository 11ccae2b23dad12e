"""The command line on a deployment: what a person sees and what a script gets."""

import re

import pytest

from tests.contract.usecases.conftest import Damaged
from tests.support.command_line import lifeboat, lifeboat_here
from tests.support.miniature import TREE, Miniature
from tests.support.planting import flip_byte


def test_from_backup_to_last_known_good(mini: Miniature) -> None:
    """The whole way: back up, list, drill, lose the catalog, read it anew from the vault."""
    environment = mini.environment()
    backup = lifeboat(environment, "backup", "mini", "--reason", "before the change", "--jobs", "1")
    assert backup.status == 0, backup.stderr
    (point,) = re.findall(r"Restore point (\S+) \(system_backup\)", backup.stdout)
    for member in ("database/main-db/shared_db", "database/main-db/apim_db", "roles/main-db", "home/apim-cp-1"):
        assert member in backup.stdout
    assert f"Sealed restore point {point}: 5 members" in backup.stderr

    drill = lifeboat(environment, "drill", "mini")
    assert drill.status == 0, drill.stderr
    assert "Drill passed: fidelity passed, health passed" in drill.stdout
    assert re.search(r"RTO .* \(objective 4h\)", drill.stdout)
    assert re.search(r"RPO .* \(objective 1d\)", drill.stdout)
    assert "table-content" in drill.stdout

    before = lifeboat_here(environment, "points", "mini")
    assert re.search(rf"{point}.*good", before.stdout)
    assert f"Last known good: {point}" in before.stdout
    show = lifeboat_here(environment, "show", "mini", point[:13])
    assert show.status == 0
    assert "roles/main-db" in show.stdout
    assert "Drill passed" in show.stdout

    mini.catalog_file.unlink()
    rebuilt = lifeboat(environment, "catalog", "rebuild", "mini")
    assert (rebuilt.status, rebuilt.stdout) == (0, "mini: 1 restore points and 1 pieces of evidence.\n")
    after = lifeboat_here(environment, "points", "mini")
    assert without_age(after.stdout) == without_age(before.stdout)
    for secret in (connection.password for connection in mini.connections().values()):
        for ended in (backup, drill, before, show, rebuilt):
            assert secret not in ended.stdout + ended.stderr


def without_age(table: str) -> str:
    return re.sub(r"\d+ seconds|a second|now|[ ━─┏┳┓┡╇┩└┴┘]", "", table)


def test_a_red_drill_ends_with_status_1(damaged: Damaged) -> None:
    address = damaged.address(str(TREE))
    flip_byte(damaged.mini.vault_directory, address.snapshot, "Müller & Söhne/order 0001.json")
    drill = lifeboat(damaged.mini.environment(), "drill", "mini", damaged.point)
    assert drill.status == 1
    assert "Drill failed: fidelity failed, health passed" in drill.stdout
    assert re.search(r"member-readable\s+│ fidelity │ failed", drill.stdout)
    points = lifeboat_here(damaged.mini.environment(), "points", "mini").stdout
    assert re.search(rf"{damaged.point}.*failed", points)
    assert f"Last known good: {damaged.proven.old.manifest.id}" in points


def test_a_drill_that_could_not_be_done_ends_with_status_1(damaged: Damaged) -> None:
    environment = damaged.mini.environment()
    del environment["AIRFLOW_CONN_MINI_POSTGRES"]
    drill = lifeboat(environment, "drill", "mini")
    assert drill.status == 1
    assert "Drill incomplete: fidelity passed" in drill.stdout
    assert "without a result: database/main-db" in drill.stdout
    assert "Connection 'mini_postgres' is not set." in drill.stderr


def test_rebuild_tells_what_it_refuses(damaged: Damaged) -> None:
    manifest = damaged.document("manifest")
    flip_byte(damaged.mini.vault_directory, manifest.id, "/manifest.json")
    rebuilt = lifeboat_here(damaged.mini.environment(), "catalog", "rebuild", "mini")
    assert rebuilt.status == 0
    assert rebuilt.stdout == "mini: 1 restore points and 1 pieces of evidence.\n"
    assert "holds damaged data" in rebuilt.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["points", "prod"], "There is no deployment 'prod' in"),
        (["drill", "mini"], "Deployment 'mini' has no restore point."),
        (["show", "mini", "2026"], "Deployment 'mini' has no restore point whose id begins with '2026'."),
    ],
)
def test_mistakes_have_a_next_step_and_no_trace(mini: Miniature, arguments: list[str], message: str) -> None:
    ended = lifeboat_here(mini.environment(), *arguments)
    assert (ended.status, ended.stdout) == (1, "")
    assert f"Error: {message}" in ended.stderr
    assert "\n  Next: " in ended.stderr


def test_a_wrong_password_is_an_error_and_not_a_verdict(damaged: Damaged) -> None:
    environment = {**damaged.mini.environment(), "AIRFLOW_CONN_MINI_VAULT": "generic://:of+another+vault@"}
    for command in ("backup", "drill"):
        ended = lifeboat_here(environment, command, "mini")
        assert ended.status == 1
        assert "Error: The password of vault" in ended.stderr
    assert damaged.catalog.point("mini", damaged.point).verdict == "unproven"


def test_a_catalog_out_of_reach_is_told_before_the_backup(mini: Miniature) -> None:
    environment = {**mini.environment(), "LIFEBOAT_CATALOG": str(mini.directory)}
    backup = lifeboat_here(environment, "backup", "mini")
    assert backup.status == 1
    assert "Error: The catalog" in backup.stderr
    assert "Capturing" not in backup.stderr


def test_a_broken_file_is_shown_with_all_its_problems(mini: Miniature) -> None:
    document = mini.document()
    document["max_skew"], document["servers"]["apim-cp-1"]["site"] = "soon", "nowhere"
    mini.write_file(document)
    ended = lifeboat_here(mini.environment(), "validate", "mini")
    assert ended.status == 1
    assert re.search(r"mini.yaml:\d+: max_skew: 'soon' is not a duration", ended.stderr)
    assert re.search(r"mini.yaml:\d+: servers.apim-cp-1.site: 'nowhere' is not one of sites", ended.stderr)
    assert ended.stderr.count("  Next: ") == 2
