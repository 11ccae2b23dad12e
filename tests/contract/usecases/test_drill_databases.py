"""Damage planted in databases between capture and vault: the check that is there for a kind catches it.

Damages of several kinds share a drill: each is on a table or object of its own, and every check must name exactly
what is its own. A check that is red in one drill is green in another.
"""

from dataclasses import dataclass

import psycopg
import pytest

from lifeboat.capture import make_point
from lifeboat.drill import drill_unit
from lifeboat.engines.base import Facts
from lifeboat.manifest import UnitDrill
from lifeboat.sample.postgres_server import SamplePostgres
from tests.contract.usecases.conftest import Damaged
from tests.support.miniature import DATABASE, Miniature
from tests.support.planting import FaultyWriter, flip_byte
from tests.support.workshop import Workshop

SHARED = "database/main-db/shared_db"
APIM = "database/main-db/apim_db"
ROLES = "roles/main-db"
ORPHAN = "UPDATE reg_resource_property SET reg_version = {} WHERE id = {}"


@dataclass(frozen=True)
class Damage:
    """Statements that damage shared_db, a change of the roles, and what the checks must say of both."""

    statements: tuple[str, ...]
    role: str
    expected: dict[tuple[str, str], str]


ROWS_AND_SEQUENCES = Damage(
    (
        "DELETE FROM um_user_attribute",
        "INSERT INTO um_role (um_id, um_role_name, um_tenant_id) VALUES (3, 'eve', -1234)",
        "SELECT setval('reg_path_pk_seq', 5000)",
    ),
    "ALTER ROLE wso2carbon CREATEDB;",
    {
        ("table-rows", SHARED): "2 changed: public.um_role, public.um_user_attribute",
        ("sequences", SHARED): "public.reg_path_pk_seq is 5000, captured between 100 and 100",
        ("roles", ROLES): "1 changed: ALTER ROLE wso2carbon",
    },
)
CONTENT_AND_OBJECTS = Damage(
    (
        "UPDATE um_user SET um_user_name = 'eve' WHERE um_id = 2",
        "DELETE FROM um_role_permission WHERE um_id = 1",
        "INSERT INTO um_role_permission (um_id, um_permission_id, um_role_name, um_is_allowed, um_tenant_id, "
        "um_domain_id) VALUES (2, 1, 'admin', 1, -1234, 1)",
        "SELECT lo_put(424501, 0, 'A LARGE')",
    ),
    "ALTER ROLE wso2carbon PASSWORD 'known';",
    {
        ("table-content", SHARED): "2 changed: public.um_role_permission, public.um_user",
        ("large-objects", SHARED): "1 captured, 1 restored",
        ("roles", ROLES): "1 changed: ALTER ROLE wso2carbon",
    },
)
SCHEMA = Damage(
    (
        "DROP INDEX by_tenant",
        "ALTER TABLE reg_resource DROP CONSTRAINT reg_resource_reg_path_id_reg_tenant_id_fkey",
        "ALTER TABLE reg_path ALTER reg_tenant_id SET DEFAULT 1",
        "ALTER TABLE um_user OWNER TO postgres",
        "GRANT SELECT ON um_role TO public",
        "ALTER DATABASE shared_db SET lock_timeout = '3min'",
    ),
    "",
    {
        ("schema-objects", SHARED): "2 missing: FK CONSTRAINT public.reg_resource "
        "reg_resource_reg_path_id_reg_tenant_id_fkey, INDEX public.by_tenant; 2 extra: ACL public.TABLE um_role, "
        "DATABASE PROPERTIES -.shared_db; 5 changed: CONSTRAINT public.um_user um_user_pkey, "
        "CONSTRAINT public.um_user um_user_um_user_id_key, CONSTRAINT public.um_user "
        "um_user_um_user_name_um_tenant_id_key, TABLE public.reg_path, TABLE public.um_user"
    },
)


def rewrite(damaged: Damaged, workshop: Workshop, statements: str) -> FaultyWriter:
    """Put shared_db through the workshop, and return the writer before it seals."""
    writer = damaged.writer()
    workshop.load(writer.read(SHARED))
    workshop.execute("shared_db", statements)
    writer.write(SHARED, workshop.dump("shared_db"))
    return writer


def test_control_is_green(damaged: Damaged, workshop: Workshop, roles_loaded: None) -> None:
    """All the same steps without damage: the red drills below are red for the damage alone."""
    writer = rewrite(damaged, workshop, "SELECT 1")
    writer.write(ROLES, writer.read(ROLES))
    writer.seal()
    drill = damaged.drill(DATABASE)
    assert drill.failed() == []
    assert {"stream-digest", "table-content", "registry-property-version"} <= {check.name for check in drill.checks}
    evidence = damaged.record(drill)
    assert evidence.passed
    good = damaged.catalog.last_known_good("mini")
    assert good is not None
    assert good.manifest.id == damaged.point


def reasons(drill: UnitDrill) -> dict[tuple[str, str], str]:
    return {(check.name, check.member): check.detail for check in drill.failed() if check.verdict == "fidelity"}


@pytest.mark.parametrize(
    "damage",
    [ROWS_AND_SEQUENCES, CONTENT_AND_OBJECTS, SCHEMA],
    ids=["rows and sequences", "content and large objects", "schema"],
)
def test_altered_database(damaged: Damaged, workshop: Workshop, roles_loaded: None, damage: Damage) -> None:
    writer = rewrite(damaged, workshop, "; ".join(damage.statements))
    writer.write(ROLES, writer.read(ROLES) + f"\n{damage.role}\n".encode())
    writer.seal()
    drill = damaged.assert_red(DATABASE, *{name for name, _ in damage.expected})
    assert reasons(drill) == damage.expected


def test_truncated_dumps(damaged: Damaged) -> None:
    """Of shared_db the digest was taken before it was cut, of apim_db after."""
    writer = damaged.writer()
    for member, digest in ((SHARED, writer.member(SHARED).stream_sha256), (APIM, None)):
        dump = writer.read(member)
        writer.write(member, dump[: len(dump) * 2 // 3], digest=digest)
    writer.seal()
    drill = damaged.assert_red(DATABASE, "stream-digest", "restore-complete", "member-proven", health=None)
    assert reasons(drill).keys() == {
        ("stream-digest", SHARED),
        ("restore-complete", SHARED),
        ("member-proven", SHARED),
        ("restore-complete", APIM),
        ("member-proven", APIM),
    }


def test_flipped_byte_and_another_stream_of_the_same_content(
    damaged: Damaged, workshop: Workshop, roles_loaded: None
) -> None:
    """The pack of shared_db's dump is damaged; apim_db is dumped anew, equal in content and different in bytes."""
    writer = damaged.writer()
    workshop.load(writer.read(APIM))
    writer.write(APIM, workshop.dump("apim_db"), digest=writer.member(APIM).stream_sha256)
    writer.seal()
    flip_byte(damaged.mini.vault_directory, damaged.address(SHARED).snapshot, "shared_db.dump")
    drill = damaged.assert_red(DATABASE, "stream-digest", "member-readable", "member-proven", health=None)
    assert reasons(drill).keys() == {("stream-digest", APIM), ("member-readable", SHARED), ("member-proven", SHARED)}


def test_new_orphan_with_a_proof_that_agrees(damaged: Damaged, workshop: Workshop, roles_loaded: None) -> None:
    """What was captured may be torn as a whole: then the proof is of torn data, and only the joins tell."""
    writer = rewrite(damaged, workshop, ORPHAN.format(999_999, 1))
    adjust_proof(writer, workshop, SHARED)
    writer.seal()
    drill = damaged.assert_red(DATABASE, health=("registry-property-version",))
    assert "tenant -1234 link 1 version 999999" in drill.failed()[0].detail


def test_orphan_that_was_there_at_capture_is_known(
    mini: Miniature, postgres: SamplePostgres, workshop: Workshop, roles_loaded: None
) -> None:
    """Production data is not without fault. What was wrong at capture is no fault of the restore point; what came
    on top of it is."""
    make_torn_database(postgres)
    mini.databases = {"torn_db": "shared"}
    document = mini.document()
    del document["servers"], document["business_data"]
    mini.write_file(document)
    with mini.runtime() as runtime:
        point = make_point(runtime, "system_backup").manifest.id
        drill = drill_unit(runtime, point, DATABASE)
        (known,) = (check for check in drill.checks if check.name == "registry-property-version")
        assert known.outcome == "passed"
        assert known.detail == "known (the same violations as at capture)"
        assert drill.failed() == []

        writer = FaultyWriter(runtime, point)
        workshop.load(writer.read("database/main-db/torn_db"))
        workshop.execute("torn_db", ORPHAN.format(888_888, 2))
        writer.write("database/main-db/torn_db", workshop.dump("torn_db"))
        adjust_proof(writer, workshop, "database/main-db/torn_db")
        writer.seal()
        (red,) = drill_unit(runtime, point, DATABASE).failed()
    assert red.name == "registry-property-version"
    assert "version 888888" in red.detail
    assert "version 999999" not in red.detail


def make_torn_database(postgres: SamplePostgres) -> None:
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        admin.execute("CREATE DATABASE torn_db TEMPLATE shared_db OWNER wso2carbon")
    with psycopg.connect(postgres.admin_conninfo, dbname="torn_db", autocommit=True) as torn:
        torn.execute(ORPHAN.format(999_999, 1).encode())


def adjust_proof(writer: FaultyWriter, workshop: Workshop, member: str) -> None:
    """Take the proof of a database from the altered data."""

    def alter(facts: Facts) -> None:
        found = workshop.facts(member.rpartition("/")[2])
        for sequence in found["sequences"].values():
            sequence["after"] = sequence["value"]
        facts[member] = found

    writer.alter_facts(writer.manifest.unit(DATABASE), alter)
