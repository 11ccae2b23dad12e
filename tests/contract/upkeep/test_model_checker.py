"""What must never be deleted is never deleted, whatever is done in whatever order and killed wherever."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import URL, event

from lifeboat import retention
from lifeboat.catalog import Catalog
from lifeboat.connections import Connection
from lifeboat.deployment import Deployment
from lifeboat.signing import Signer, new_private_key
from lifeboat.upkeep_documents import Removed
from tests.support.keeping_model import NAME, Checker
from tests.support.quick_vault import PASSWORD
from tests.support.vault_model import Clock, MemoryVault, ResticVault, VaultRuntime

SEEDS, STEPS = 100, 20
#: Sequences that are long, beside many short ones.
LONG_SEEDS, LONG_STEPS = range(1000, 1008), 300
#: Seeds of sequences that are run on a real restic as well, and their steps.
REAL = {12: 10, 28: 10, 108: 10}
KEY = Signer.from_connection(Connection("key", "generic", password=new_private_key()))
PERIODS = ("last", "daily", "weekly", "monthly", "yearly")
RULES = ({"last": 1}, {"last": 0, "daily": 1}, {"last": 2, "weekly": 1}, {"daily": 2, "weekly": 1})


def deployment(rule: Mapping[str, int]) -> Deployment:
    """Return a deployment that keeps points by a rule."""
    document = {
        "version": 1,
        "name": NAME,
        "signing": "key",
        "sites": {"main": {"vault": {"repository": "/nowhere", "writer": "w", "housekeeper": "h"}}},
        "business_data": {"documents": {"path": "/documents"}},
        "objectives": {"rpo": "2d", "drill_age": "4d"},
        "retention": {**dict.fromkeys(PERIODS, 0), **rule, "swapped_out": "2d"},
    }
    return Deployment.model_validate(document)


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    return fast_catalog(tmp_path / "catalog.db")


def fast_catalog(path: Path) -> Catalog:
    """A catalog that waits for no disk."""
    catalog = Catalog(URL.create("sqlite", database=str(path)))

    @event.listens_for(catalog._engine, "connect")
    def _fast(connection: Any, _record: Any) -> None:
        connection.execute("PRAGMA synchronous = OFF")

    catalog._engine.dispose()
    return catalog


def checker(seed: int, catalog: Catalog, clock: Clock, vault: Any) -> Checker:
    catalog.rebuild(NAME, [], [])
    return Checker(VaultRuntime(deployment(RULES[seed % len(RULES)]), vault, KEY), catalog, clock, random.Random(seed))


def run_in_memory(seed: int, catalog: Catalog, steps: int = STEPS) -> Checker:
    clock = Clock()
    made = checker(seed, catalog, clock, MemoryVault(clock))
    with clock.everywhere():
        made.begin()
        for number in range(steps):
            try:
                made.step()
            except AssertionError as error:
                raise AssertionError(f"seed {seed}, step {number}: {error}") from error
    return made


def test_nothing_that_must_stay_is_ever_deleted(
    catalog: Catalog, record_property: Callable[[str, object], None]
) -> None:
    done: Counter[str] = Counter()
    for seed in range(SEEDS):
        done += run_in_memory(seed, catalog).done
    for seed in LONG_SEEDS:
        done += run_in_memory(seed, catalog, LONG_STEPS).done
    sequences = f"{SEEDS} sequences of {STEPS} steps and {len(LONG_SEEDS)} of {LONG_STEPS}"
    record_property("counted", f"model checker, {sequences}: {in_words(done)}")
    assert done["points deleted"] > SEEDS
    assert done["killed"] > SEEDS / 4
    assert done["orphans removed"] > SEEDS / 4
    assert done["refused leases"] > 0


def in_words(done: Counter[str]) -> str:
    """Return what sequences did, in words."""
    return ", ".join(f"{count} {what}" for what, count in sorted(done.items()))


def without(*arguments: str) -> Any:
    """Return the protection of points, blind to holds or uses."""
    protect = retention._protected

    def blind(newest_first: Any, held: Any, used: Any) -> Any:
        return protect(newest_first, {} if "held" in arguments else held, {} if "used" in arguments else used)

    return blind


def data_first(vault: Any, catalog: Catalog, deployment: str, going: Mapping[str, str], removed: Any) -> None:
    """Remove points, their manifests last."""
    mine = [each for each in vault.snapshots({"deployment": deployment}) if each.tags.get("point") in going]
    vault.forget([each.id for each in mine if each.tags["kind"] != "manifest"])
    vault.forget([each.id for each in mine if each.tags["kind"] == "manifest"])
    catalog.gone(deployment, list(going))
    removed += [Removed(kind="point", name=point, why="") for point in going]


@pytest.mark.parametrize(
    ("place", "fault", "told"),
    [
        ("retention.newest_good", lambda states: None, "the last known good is gone"),
        ("retention._protected", without("held"), "is held or in use, and gone"),
        ("retention._protected", without("used"), "is held or in use, and gone"),
        ("housekeeping.remove_points", data_first, "exists, and is not whole"),
    ],
    ids=["last known good", "holds", "uses", "order"],
)
def test_the_checker_sees_a_planted_fault(
    place: str, fault: Any, told: str, catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(f"lifeboat.{place}", fault)
    with pytest.raises(AssertionError, match=told):
        for seed in range(SEEDS):
            run_in_memory(seed, catalog)


def test_a_real_vault_behaves_as_the_one_in_memory(
    tmp_path: Path, empty_vault: Path, record_property: Callable[[str, object], None]
) -> None:
    """The same operations on both, compared after each; the order in which snapshots go is the same, too."""
    done: Counter[str] = Counter()
    for seed, steps in REAL.items():
        both = []
        for kind in ("memory", "restic"):
            directory, clock = tmp_path / f"{kind}-{seed}", Clock()
            directory.mkdir()
            vault: Any = MemoryVault(clock)
            if kind == "restic":
                vault = ResticVault(Path(shutil.copytree(empty_vault, directory / "vault")), PASSWORD, clock)
            made = checker(seed, fast_catalog(directory / "catalog.db"), clock, vault)
            made.most_at_first = 3
            with clock.everywhere():
                made.begin()
            both.append(made)
        for number in range(steps):
            for made in both:
                with made.clock.everywhere():
                    made.step()
            assert both[0].state() == both[1].state(), f"seed {seed}, step {number}"
            assert both[0].done == both[1].done
        done += both[1].done
    record_property("counted", f"model checker on a real restic, {len(REAL)} sequences: {in_words(done)}")
    assert done["points deleted"] > 0
    assert done["killed"] > 0
