"""When retention deletes nothing at all: backups or drills are not what they should be."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from lifeboat.catalog.states import PointState
from lifeboat.deployment import Deployment
from lifeboat.retention_run import reasons_to_wait
from tests.support.points import made_up_drill, made_up_point

NOON, HOUR = datetime(2026, 3, 1, 12, tzinfo=UTC), timedelta(hours=1)
DEPLOYMENT = Deployment.model_validate(
    {
        "version": 1,
        "name": "sample",
        "signing": "key",
        "objectives": {"rpo": "1d", "drill_age": "2d"},
        "sites": {"main": {"vault": {"repository": "/v", "writer": "w"}}},
        "business_data": {"documents": {"path": "/documents"}},
    }
)


def state(hours_ago: float, drill: Any = None, kind: str = "system_backup") -> PointState:
    point = made_up_point(NOON - hours_ago * HOUR)
    manifest = point.manifest.model_copy(update={"kind": kind})
    return PointState(manifest, point.sha256, None if drill is None else made_up_drill(point, drill))


@pytest.mark.parametrize(
    ("states", "told"),
    [
        ([], ["was never made", "a drill passed never"]),
        ([state(2, "passed")], []),
        ([state(2), state(30, "passed")], []),
        ([state(25, "passed")], ["the newest backup is 1d1h"]),
        ([state(2, "passed", "pre_upgrade"), state(25)], ["the newest backup is 1d1h"]),
        ([state(2), state(60, "passed")], ["a drill passed 2d11h ago"]),
        ([state(2), state(3, "failed"), state(30, "passed")], ["the newest that was drilled, failed"]),
        ([state(2, "passed"), state(3, "failed")], []),
        ([state(2), state(3, "failed", "safety"), state(30, "passed")], []),
    ],
)
def test_nothing_goes_while_backups_or_drills_are_not_what_they_should_be(
    states: list[PointState], told: list[str]
) -> None:
    found = reasons_to_wait(states, DEPLOYMENT, NOON)
    assert len(found) == len(told)
    assert all(part in reason for part, reason in zip(told, found, strict=True)), found
