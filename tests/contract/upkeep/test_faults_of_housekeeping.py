"""Every call to the outside fails once while house is kept: what must stay stays, and the next run ends well."""

from collections.abc import Callable
from datetime import timedelta

import pytest

from lifeboat.documents import read_all
from lifeboat.errors import LifeboatError
from lifeboat.housekeeping import housekeep
from tests.support.faults import sweep, watch_everything
from tests.support.small_deployment import NAME, Small

OLD = timedelta(hours=20)


@pytest.mark.timeout(900)
def test_house_is_kept(small: Small, monkeypatch: pytest.MonkeyPatch, swept: Callable[..., None]) -> None:
    small.point(OLD)
    new = small.point(drilled=True).manifest.id
    catalog = small.catalog()
    faults = watch_everything(monkeypatch)

    with small.runtime() as runtime:

        def keep_house() -> None:
            record = housekeep(runtime, catalog)
            if record.errors:
                explained = all("Next:" in error for error in record.errors)
                raise LifeboatError("; ".join(record.errors), next_step="as they say" if explained else "")

        def the_good_point_is_there() -> None:
            vault, signer = runtime.vault("main"), runtime.signer()
            manifests, _, refused = read_all(vault, signer, NAME)
            assert refused == []
            assert new in {signed.manifest.id for signed in manifests}
            good = catalog.last_known_good(NAME)
            assert good is not None
            assert good.manifest.id == new

        swept(sweep(faults, "housekeeping", keep_house, the_good_point_is_there, lambda: small.point(OLD)))
        monkeypatch.undo()
        manifests, _, _ = read_all(runtime.vault("main"), runtime.signer(), NAME)
    assert [signed.manifest.id for signed in manifests] == [new]
    assert [state.manifest.id for state in catalog.points(NAME)] == [new]
