"""Points of time as people read and write them."""

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from lifeboat.errors import ConfigurationError
from lifeboat.times import for_command, in_utc, in_utc_and, read_time

KOLKATA = ZoneInfo("Asia/Kolkata")


@pytest.mark.parametrize(
    ("time", "shown"),
    [
        (datetime(2026, 3, 1, 23, 59, 59, 1, tzinfo=UTC), "2026-03-02 00:00:00 UTC"),
        (datetime(2026, 3, 1, 12, tzinfo=timezone(timedelta(hours=2))), "2026-03-01 10:00:00 UTC"),
    ],
)
def test_a_time_is_shown_in_utc_and_never_earlier_than_it_is(time: datetime, shown: str) -> None:
    assert in_utc(time) == shown


def test_a_time_is_shown_in_another_zone_where_that_differs() -> None:
    noon = datetime(2026, 3, 1, 12, tzinfo=UTC)
    assert in_utc_and(KOLKATA, noon) == "2026-03-01 12:00:00 UTC (2026-03-01 17:30:00 in Asia/Kolkata)"
    assert in_utc_and(ZoneInfo("Europe/London"), noon) == "2026-03-01 12:00:00 UTC"
    assert in_utc_and(ZoneInfo("UTC"), noon) == "2026-03-01 12:00:00 UTC"


def test_what_is_given_to_a_command_is_read_back() -> None:
    time = datetime(2026, 3, 1, 17, 30, 0, 250, tzinfo=KOLKATA)
    assert for_command(time) == "2026-03-01T12:00:01+00:00"
    assert read_time(for_command(time)) == datetime(2026, 3, 1, 12, 0, 1, tzinfo=UTC)


def test_without_a_zone_a_time_is_utc_as_airflow_has_it() -> None:
    assert read_time(" 2026-11-20T14:37:12 ") == datetime(2026, 11, 20, 14, 37, 12, tzinfo=UTC)
    assert read_time("2026-11-20 14:37:12+05:30") == datetime(2026, 11, 20, 14, 37, 12, tzinfo=KOLKATA)


def test_what_is_no_time_is_named_with_an_example() -> None:
    with pytest.raises(ConfigurationError, match="'yesterday' is no time") as caught:
        read_time("yesterday")
    assert "2026-11-20T14:37:12+05:30" in caught.value.next_step
