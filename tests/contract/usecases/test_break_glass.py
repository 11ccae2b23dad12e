"""Break glass: the vault's address and password, and nothing else that belongs to Lifeboat."""

from pathlib import Path
from urllib.parse import quote

import psycopg
import pytest

from tests.contract.usecases.conftest import Proven
from tests.support.command_line import Ended, lifeboat_here
from tests.support.miniature import HOME, TREE, VAULT_PASSWORD


@pytest.fixture
def bare(proven: Proven, tmp_path: Path) -> dict[str, str]:
    """The environment of a bare machine: no deployment file, no catalog, no key, no connection."""
    return {
        "RESTIC_PASSWORD": VAULT_PASSWORD,
        "LIFEBOAT_DEPLOYMENTS": str(tmp_path / "none"),
        "LIFEBOAT_CATALOG": "/proc/none/catalog.db",
        "HOME": str(tmp_path),
    }


def on_vault(proven: Proven, environment: dict[str, str], command: str, *arguments: str) -> Ended:
    return lifeboat_here(environment, command, "--vault", str(proven.mini.vault_directory), *arguments)


def public_key(proven: Proven) -> str:
    with proven.mini.runtime() as runtime:
        return runtime.signer().public_key


def test_points_are_listed_and_the_missing_key_is_told(proven: Proven, bare: dict[str, str]) -> None:
    ended = on_vault(proven, bare, "points")
    assert ended.status == 0, ended.stderr
    assert f"Last known good: {proven.old.manifest.id}" in ended.stdout
    assert proven.new.manifest.id in ended.stdout
    with proven.mini.runtime() as runtime:
        fingerprint = runtime.signer().fingerprint
    assert f"NOT VERIFIED. The documents say that the key with the fingerprint {fingerprint} signed" in ended.stderr


def test_a_trusted_key_verifies_and_another_refuses(proven: Proven, bare: dict[str, str]) -> None:
    right = on_vault(proven, bare, "points", "--trusted-key", public_key(proven))
    assert "Signatures: verified by the trusted key." in right.stderr
    assert proven.old.manifest.id in right.stdout
    other = on_vault(proven, bare, "points", "--trusted-key", "B" * 43 + "=")
    assert "is not signed by a trusted key" in other.stderr
    assert proven.old.manifest.id not in other.stdout


def test_the_last_known_good_home_comes_back(proven: Proven, bare: dict[str, str], tmp_path: Path) -> None:
    arguments = ["--member", str(HOME), "--into", str(tmp_path / "home")]
    ended = on_vault(proven, bare, "restore", *arguments)
    assert ended.status == 0, ended.stderr
    assert f"Restore point {proven.old.manifest.id}" in ended.stderr
    assert "as captured: tree-files, tree-content, tree-metadata" in ended.stdout
    conf = "repository/conf/deployment.toml"
    assert (tmp_path / "home" / conf).read_bytes() == (proven.mini.home / conf).read_bytes()


def test_a_named_point_and_a_database_of_a_server(proven: Proven, bare: dict[str, str]) -> None:
    postgres = proven.mini.connections()["mini_postgres"]
    uri = f"postgres://{postgres.login}:{quote(postgres.password, safe='')}@127.0.0.1:{postgres.port}/"
    point = proven.new.manifest.id
    arguments = ["--deployment", "mini", point[:20], "--member", "database/main-db/apim_db", "--table", "am_api"]
    into = ["--into-table", "am_api_glass", "--trusted-key", public_key(proven)]
    unset = on_vault(proven, bare, "restore", *arguments, *into)
    assert "AIRFLOW_CONN_MAIN_DB" in unset.stderr
    ended = on_vault(proven, bare | {"AIRFLOW_CONN_MAIN_DB": uri}, "restore", *arguments, *into)
    try:
        assert ended.status == 0, ended.stderr
        assert "as captured: table-content" in ended.stdout
    finally:
        with psycopg.connect(proven.mini.postgres.admin_conninfo, dbname="apim_db", autocommit=True) as session:
            session.execute("DROP TABLE am_api_glass")


def test_runbooks_name_the_paths_of_the_capture(proven: Proven, bare: dict[str, str], tmp_path: Path) -> None:
    ended = on_vault(proven, bare, "runbook", proven.new.manifest.id, "--write", str(tmp_path / "scripts"))
    assert ended.status == 0, ended.stderr
    script = (tmp_path / "scripts/tree-documents.sh").read_text()
    assert f"default={proven.mini.tree}.restored" in script


@pytest.mark.parametrize(
    ("change", "arguments", "message"),
    [
        ({"RESTIC_PASSWORD": ""}, ["points"], "The vault's password is not set."),
        ({"RESTIC_PASSWORD": "of another vault"}, ["points"], "The password of vault"),
        ({}, ["points", "--deployment", "prod"], "holds the restore points of no deployment 'prod'"),
        ({}, ["restore", "2020", "--member", str(TREE), "--into", "x"], "has no restore point whose id begins"),
    ],
)
def test_mistakes_have_a_next_step(
    proven: Proven, bare: dict[str, str], change: dict[str, str], arguments: list[str], message: str
) -> None:
    ended = on_vault(proven, bare | change, arguments[0], *arguments[1:])
    assert ended.status == 1
    assert message in ended.stderr
    assert "\n  Next: " in ended.stderr
