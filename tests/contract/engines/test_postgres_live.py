"""A product's databases, captured while the product writes to both: the restored ones are of one instant."""

import threading
from collections.abc import Callable, Iterator

import psycopg
import pytest

from lifeboat.sample.databases import APIM, OWNER, SHARED, create_databases, keep_writing
from lifeboat.sample.postgres_server import SamplePostgres
from lifeboat.wso2.checks import new_violations, run_checks
from tests.support.engine_bench import Bench, red


@pytest.fixture
def live(postgres: SamplePostgres) -> Iterator[None]:
    """The sample's databases, written to without a pause."""
    create_databases(postgres.admin_conninfo, owner_password="of the owner")
    stop = threading.Event()
    writer = threading.Thread(target=keep_writing, args=(postgres.admin_conninfo, stop, 150))
    writer.start()
    yield
    stop.set()
    writer.join()
    with psycopg.connect(postgres.admin_conninfo, autocommit=True) as admin:
        for name in (SHARED, APIM):
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())
        admin.execute(f"DROP ROLE {OWNER}".encode())


def test_a_capture_under_constant_writes(live: None, postgres_bench: Callable[..., Bench]) -> None:
    bench = postgres_bench(settings={"databases": {SHARED: {"role": "shared"}, APIM: {"role": "apim"}}})
    snapshot = bench.capture()
    assert snapshot.skew_ms == 0
    with bench.restored(snapshot) as restored:
        checks = [*restored.checks, *bench.compare(bench.facts(snapshot), restored.prove())]
        with restored.databases() as databases:
            results = run_checks(databases)
    assert {check.outcome for check in checks} == {"passed"}, red(checks)
    verdicts = new_violations(snapshot.checks, results, [])
    assert len(verdicts) > 10
    assert [verdict for verdict in verdicts if verdict.red] == []
    assert bench.facts(snapshot) != bench.facts(bench.capture())
