"""Names in the cloud: valid for what they name, the same each time, and never those of two things."""

import re
from datetime import UTC, datetime

import pytest

from lifeboat.aws.names import LONGEST_SNAPSHOT, Mark, client_token, image_name, marked, rds_name
from lifeboat.errors import CloudError

PARTS = [
    ("prod", "20261120T143712Z", "rds/apim"),
    ("a-b", "c"),
    ("a", "b-c"),
    ("A", "b-c"),
    ("Ünïcode", "--", "x_y"),
    ("", ""),
    ("9", "x" * 400),
    ("9", "x" * 401),
]


def test_names_are_valid_and_told_apart() -> None:
    names = [rds_name(*each) for each in PARTS]
    assert len(set(names)) == len(PARTS)
    assert names == [rds_name(*each) for each in PARTS]
    assert all(re.fullmatch(r"[a-z](-?[a-z0-9])*", name) and len(name) <= 63 for name in names)
    long = [rds_name(*each, longest=LONGEST_SNAPSHOT) for each in PARTS]
    assert all(re.fullmatch(r"[a-z](-?[a-z0-9])*", name) and len(name) <= 255 for name in long)
    images = [image_name(*each) for each in PARTS]
    assert len(set(images)) == len(PARTS)
    assert all(re.fullmatch(r"[a-z0-9()./_-]{3,128}", name) for name in images)
    tokens = [client_token(*each) for each in PARTS]
    assert len(set(tokens)) == len(PARTS)
    assert all(len(token) <= 64 and token.isascii() for token in tokens)


def test_a_name_says_what_it_is_of() -> None:
    assert re.fullmatch(r"lifeboat-prod-20261120t143712z-rds-apim-[0-9a-f]{10}", rds_name(*PARTS[0]))


def test_a_mark_is_read_back_and_refuses_what_is_others() -> None:
    mark = Mark("prod", "drill-1", "drill", datetime(2026, 11, 21, 3, tzinfo=UTC))
    assert marked(mark.tags("x")) == mark
    mark.require(mark.tags("x"), "it")
    with pytest.raises(CloudError, match="its tags say otherwise"):
        mark.require(mark.tags("x") | {"lifeboat:run": "drill-2"}, "it")


@pytest.mark.parametrize(
    "change",
    [
        {"lifeboat:purpose": "fun"},
        {"lifeboat:deployment": ""},
        {"lifeboat:expires": "soon"},
        {"lifeboat:expires": "2026-11-21T03:00:00"},
    ],
)
def test_a_mark_that_cannot_be_read_is_none(change: dict[str, str]) -> None:
    assert marked(Mark("prod", "drill-1", "drill").tags("x") | change) is None
