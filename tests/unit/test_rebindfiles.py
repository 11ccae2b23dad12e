"""Addresses in configuration: replaced as wholes, once, and nothing around them."""

import io
import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest

from lifeboat import rebindfiles

RULES = [
    ["db.main:5432", "db.west:5433"],
    ["db.main", "db.west"],
    ["10.0.0.1", "10.1.0.1"],
    ["/opt/wso2", "/opt/wso2/west"],
    ["cp", "cp-west"],
]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("jdbc:postgresql://db.main:5432/x", "jdbc:postgresql://db.west:5433/x"),
        ("db.main:54321", "db.west:54321"),
        (r"jdbc\:postgresql\://db.main\:5432/x", r"jdbc\:postgresql\://db.west\:5433/x"),
        ("DB.Main", "db.west"),
        ("db.main.", "db.west."),
        ("db.main.example", "db.main.example"),
        ("mydb.main my-db.main x.db.main db.mainly db.main-2 db.main_2", None),
        ("110.0.0.1 10.0.0.11 10.0.0.1.2", None),
        ("http://10.0.0.1/;10.0.0.1", "http://10.1.0.1/;10.1.0.1"),
        ("/opt/wso2/bin:/opt/wso2", "/opt/wso2/west/bin:/opt/wso2/west"),
        ("/opt/wso2/west/bin", None),
        ("/opt/wso2am /srv/opt/wso2 /OPT/WSO2", None),
        ("cp cp-west scp cp.other", "cp-west cp-west scp cp.other"),
        ("db.main,db.main", "db.west,db.west"),
    ],
)
def test_an_address_is_replaced_as_a_whole(before: str, after: str | None) -> None:
    told: list[Any] = []
    once = rebindfiles.rebound(before.encode(), RULES, told)
    assert once.decode() == (before if after is None else after)
    assert bool(told) == (after is not None and after != before)
    assert rebindfiles.rebound(once, RULES, []) == once


def test_what_is_left_of_other_sites_is_found_with_its_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contents = {
        "conf/a.toml": b"\xff db.main\r\nurl = 'ERP.main' # cp\r\n",
        "conf/b.bin": b"db.main",
        "conf/c.xml": b"db.main \0",
        "logs/d.xml": b"erp.main",
        "conf/e.xml": b"<other/>",
        "conf/g.xml": "<a>\nerp.main db.main</a>".encode("utf-16"),
        "conf/f.properties": b"url=jdbc\\:x\\://erp.main\\:22/\n",
    }
    for name, content in contents.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(content)
    (tmp_path / "conf/a.toml").chmod(0o640)
    (tmp_path / "conf/link.xml").symlink_to("/etc/hosts")
    times = (tmp_path / "conf/e.xml").stat()
    payload = {"root": str(tmp_path), "skipped": ["logs"], "suffixes": [".toml", ".xml", ".properties"]}
    monkeypatch.setattr(
        sys, "stdin", io.StringIO(json.dumps({**payload, "rules": RULES, "foreign": ["erp.main", "erp.main:22"]}))
    )
    rebindfiles.main()
    assert json.loads(capsys.readouterr().out) == {
        "changes": [["conf/a.toml", 1, "db.main", "db.west"], ["conf/a.toml", 2, "cp", "cp-west"]],
        "left": [
            ["conf/a.toml", 2, "ERP.main"],
            ["conf/f.properties", 1, "erp.main:22"],
            *(["conf/g.xml", 2, each] for each in ("db.main", "erp.main")),
        ],
    }
    assert (tmp_path / "conf/a.toml").read_bytes() == b"\xff db.west\r\nurl = 'ERP.main' # cp-west\r\n"
    assert oct((tmp_path / "conf/a.toml").stat().st_mode)[-3:] == "640"
    del contents["conf/a.toml"]
    assert {name: (tmp_path / name).read_bytes() for name in contents} == contents
    assert (tmp_path / "conf/e.xml").stat() == times
    assert sorted(os.listdir(tmp_path / "conf")) == [
        "a.toml",
        "b.bin",
        "c.xml",
        "e.xml",
        "f.properties",
        "g.xml",
        "link.xml",
    ]
