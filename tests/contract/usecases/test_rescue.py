"""Lifeboat itself, brought back from a vault's address and password."""

import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import URL, create_engine, text

from lifeboat.catalog import Catalog
from lifeboat.connections import from_environment
from lifeboat.documents import SignedManifest
from lifeboat.signing import new_private_key
from tests.support.command_line import Ended, lifeboat_here
from tests.support.miniature import Miniature
from tests.support.own_lifeboat import OPEN_TASKS, Metadata, OwnLifeboat, migrate
from tests.support.quick_vault import PASSWORD


@pytest.fixture(scope="module")
def migrated(place: Path) -> Path:
    """An empty metadata database of the installed Airflow."""
    home = place / "migrated"
    migrate(URL.create("sqlite", database=str(home / "airflow.db")), home)
    return home / "airflow.db"


@dataclass
class Lost:
    """A Lifeboat that is gone: of its machine there is only the vault."""

    own: OwnLifeboat
    old: SignedManifest
    unproven: SignedManifest
    directory: Path

    def rescue(self, *arguments: str, into: str = "back", **environment: str) -> Ended:
        bare = {
            "RESTIC_PASSWORD": PASSWORD,
            "LIFEBOAT_DEPLOYMENTS": "/proc/none",
            "LIFEBOAT_CATALOG": "/proc/none/catalog.db",
            "HOME": str(self.own.directory),  # for restic's cache
            **environment,
        }
        where = ["--vault", str(self.own.vault), "--into", str(self.directory / into)]
        return lifeboat_here(bare, "rescue", *where, *arguments)

    def refused(self, *arguments: str, into: str = "back", **environment: str) -> str:
        """Run a rescue that must fail, and return what it said; nothing may be left of it."""
        before = sorted(self.directory.rglob("*"))
        ended = self.rescue(*arguments, into=into, **environment)
        assert ended.status == 1, ended.stdout
        assert "\n  Next: " in ended.stderr
        assert sorted(self.directory.rglob("*")) == before
        return ended.stderr


def lose(own: OwnLifeboat) -> None:
    """Leave nothing of the machine but the vault."""
    for part in (own.home, own.deployments):
        shutil.rmtree(part)
    (own.directory / "catalog.db").unlink()


@pytest.fixture(scope="module")
def gone(
    place: Path, migrated: Path, untouched: Miniature
) -> Iterator[tuple[OwnLifeboat, SignedManifest, SignedManifest]]:
    own = OwnLifeboat(place / "own")
    with pytest.MonkeyPatch.context() as patch:
        own.make(migrated, untouched.vault_directory)
        for name, value in own.environment().items():
            patch.setenv(name, value)
        old = own.point()
        own.metadata.insert("variable", key="later", val="than the good point", is_encrypted=False)
        unproven = own.point(drilled=False)
    lose(own)
    yield own, old, unproven


@pytest.fixture
def lost(gone: tuple[OwnLifeboat, SignedManifest, SignedManifest], tmp_path: Path) -> Lost:
    return Lost(*gone, tmp_path)


def test_everything_comes_back_from_address_and_password(lost: Lost, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = lost.rescue()
    assert ended.status == 0, ended.stderr
    back = lost.directory / "back"
    assert f"as of restore point {lost.old.manifest.id}" in ended.stdout.replace("\n", " ")
    assert {each.name for each in back.iterdir()} == {
        "airflow",
        "deployments",
        "lifeboat-catalog",
        "environment",
        "connections",
    }
    assert (back / "deployments/lifeboat.yaml").read_bytes() == (
        Path(__file__).parents[3] / "include/deployments/lifeboat.yaml"
    ).read_bytes()
    for secret in ("airflow/.env", "environment", "connections"):
        assert (back / secret).stat().st_mode & 0o777 == 0o600
    assert back.stat().st_mode & 0o777 == 0o700
    read = 'set -a; . "$1/environment"; . "$1/connections"; exec env -0'
    shell = subprocess.run(["sh", "-c", read, "sh", str(back)], env={}, capture_output=True, check=True, text=True)
    found = dict(line.split("=", 1) for line in shell.stdout.split("\0") if line)
    assert found["LIFEBOAT_AIRFLOW"] == str(back / "airflow")
    assert found["LIFEBOAT_DEPLOYMENTS"] == str(back / "deployments")
    assert found["LIFEBOAT_CATALOG"] == str(back / "lifeboat-catalog/catalog.db")
    assert found["LIFEBOAT_SAMPLE"] == lost.own.environment()["LIFEBOAT_SAMPLE"]
    assert from_environment("airflow_metadata", found).host == str(back / "airflow/airflow.db")
    assert f"sqlite:///{back}/airflow/airflow.db" in (back / "airflow/airflow.cfg").read_text()
    kept = from_environment("in_database", found)
    assert (kept.password, kept.port, kept.extra) == ("it's a $ecret", 5433, {"region": "eu-1"})
    assert from_environment("lifeboat_signing", found).password == lost.own.signing_key
    for step in ("catalog rebuild", "validate"):
        ended = lifeboat_here(found, *step.split(), "lifeboat")
        assert ended.status == 0, ended.stderr
    catalog = Catalog(URL.create("sqlite", database=found["LIFEBOAT_CATALOG"]))
    assert {state.manifest.id: state.verdict for state in catalog.points("lifeboat")} == {
        lost.old.manifest.id: "good",
        lost.unproven.manifest.id: "unproven",
    }


def test_what_was_under_way_is_ended_in_the_metadata(lost: Lost) -> None:
    ended = lost.rescue()
    assert ended.status == 0, ended.stderr
    metadata = Metadata(URL.create("sqlite", database=str(lost.directory / "back/airflow/airflow.db")))
    assert_rewound(metadata)
    told = "4 runs, 9 tasks, 1 questions to persons, 1 backfills, 1 jobs: ended"
    assert told in ended.stdout
    assert "failed: lifeboat.system_backup at work" in ended.stdout
    assert not list((lost.directory / "back/airflow").glob("airflow.db-*"))


def assert_rewound(metadata: Metadata) -> None:
    """Assert that nothing in a metadata database is under way, and that all that was finished is as it was."""
    runs = metadata.rows("dag_run")
    assert {row["run_id"]: row["state"] for row in runs} == {
        "waits": "failed",
        "at work": "failed",
        "next": "failed",
        "noted": "failed",
        "yesterday": "success",
    }
    assert all((row["end_date"] is not None) == (row["state"] == "failed") for row in runs)
    tasks = [(row["run_id"], row["state"]) for row in metadata.rows("task_instance")]
    assert sorted(tasks, key=str) == sorted(
        [
            *(("waits", "failed") for _ in OPEN_TASKS),
            ("waits", "success"),
            ("waits", None),
            ("at work", "success"),
            ("at work", "failed"),
            ("yesterday", "success"),
            ("yesterday", "skipped"),
        ],
        key=str,
    )
    notes = {row["dag_run_id"]: row["content"] for row in metadata.rows("dag_run_note")}
    by_run = {row["run_id"]: notes.get(row["id"], "") for row in runs}
    assert by_run["yesterday"] == ""
    assert by_run["noted"].startswith("of a person\nEnded by lifeboat rescue")
    assert all("Ended by lifeboat rescue" in note for run, note in by_run.items() if run != "yesterday")
    asked = metadata.rows("hitl_detail")
    assert len(asked) == 2  # the answer that was given, and a question of a run that had ended before
    assert all(row["completed_at"] for row in metadata.rows("backfill"))
    assert {row["state"] for row in metadata.rows("job")} == {"failed", "success"}
    assert all(row["end_date"] for row in metadata.rows("job"))
    for row in metadata.rows("dag"):
        assert (row["next_dagrun_create_after"], row["exceeds_max_non_backfill"]) == (None, False)


def test_the_key_that_came_back_is_told_from_one_that_is_trusted(lost: Lost) -> None:
    first = lost.rescue()
    assert "signed by the key that came back with them (fingerprint" in first.stdout
    assert "or run this again with --trusted-key" in first.stdout
    trusted = lost.rescue("--trusted-key", lost.own.public_key(), into="trusted")
    assert "Signatures: verified by the trusted key. The signing key that came back" in trusted.stdout
    assert "is not signed by a trusted key" in lost.refused("--trusted-key", "B" * 43 + "=", into="other")


def test_a_point_that_is_not_proven_is_named_and_wanted(lost: Lost) -> None:
    point = lost.unproven.manifest.id
    assert f"Restore point '{point}' is unproven" in lost.refused("--point", point)
    ended = lost.rescue("--point", point, "--unproven")
    assert ended.status == 0, ended.stderr
    metadata = Metadata(URL.create("sqlite", database=str(lost.directory / "back/airflow/airflow.db")))
    assert "later" in [row["key"] for row in metadata.rows("variable")]


def test_mistakes_are_told_before_anything_is_written(lost: Lost) -> None:
    assert "The password of vault" in lost.refused(RESTIC_PASSWORD="of another vault")
    assert "no deployment 'prod'" in lost.refused("--deployment", "prod")
    (lost.directory / "back").mkdir()
    (lost.directory / "back/mine").touch()
    assert f"'{lost.directory}/back' is there already, and it is not an empty directory" in lost.refused()


def test_a_wrong_or_missing_fernet_key_names_what_it_does_not_open(lost: Lost) -> None:
    other = Fernet.generate_key().decode()
    for key in (other, "no key at all"):
        said = lost.refused(AIRFLOW__CORE__FERNET_KEY=key)
        assert ("connection 'in_database', variable 'token'" in said) == (key == other)
    both = lost.rescue(AIRFLOW__CORE__FERNET_KEY=f"{other},{lost.own.fernet_key}")
    assert both.status == 0, both.stderr


@pytest.fixture
def changed(migrated: Path, untouched: Miniature, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Lost]:
    """A Lifeboat that is still there, to be changed before it is lost."""
    own = OwnLifeboat(tmp_path / "own")
    own.make(migrated, untouched.vault_directory)
    for name, value in own.environment().items():
        monkeypatch.setenv(name, value)
    (tmp_path / "machine").mkdir()
    yield Lost(own, None, None, tmp_path / "machine")  # type: ignore[arg-type]


def test_metadata_of_a_newer_airflow_and_no_key_at_all(changed: Lost) -> None:
    engine = create_engine(changed.own.metadata.url)
    with engine.begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'f00dfeedcafe'"))
    engine.dispose()
    newer = changed.own.point(drilled=False).manifest.id
    (changed.own.home / ".env").write_text("NOTHING=1\n")
    with create_engine(changed.own.metadata.url).begin() as session:
        session.execute(text("UPDATE alembic_version SET version_num = 'd2f4e1b3c5a7'"))
    keyless = changed.own.point(drilled=False).manifest.id
    lose(changed.own)
    said = changed.refused("--point", newer, "--unproven")
    assert "the revision of its tables is f00dfeedcafe" in said
    said = changed.refused("--point", keyless, "--unproven")
    assert "no encryption key (AIRFLOW__CORE__FERNET_KEY) came back" in said
    assert "connection 'in_database', variable 'token'" in said


def test_a_point_that_another_key_signed_is_refused(changed: Lost) -> None:
    changed.own.signing_key, signed_by = new_private_key(), changed.own.signing_key
    changed.own.keep_environment()  # the `.env` holds a key, but the running Lifeboat signs with another
    point = changed.own.point(drilled=False).manifest.id
    assert signed_by != changed.own.signing_key
    lose(changed.own)
    assert "is not signed by the signing key that it holds" in changed.refused("--point", point, "--unproven")


def test_what_is_no_lifeboat_is_refused(changed: Lost) -> None:
    engine = create_engine(changed.own.metadata.url)
    with engine.begin() as session:
        session.execute(text("DROP TABLE dag_run"))
    engine.dispose()
    point = changed.own.point(drilled=False).manifest.id
    assert "holds 0 metadata databases of Airflow" in changed.refused("--point", point, "--unproven")
