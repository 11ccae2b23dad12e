"""Connections from the environment: Airflow's URI and JSON forms, and errors that show nothing."""

import json
from typing import Any
from urllib.parse import urlencode

import pytest

from lifeboat.connections import Connection, from_environment
from lifeboat.errors import ConfigurationError


def read(monkeypatch: pytest.MonkeyPatch, text: str) -> Connection:
    monkeypatch.setenv("AIRFLOW_CONN_ERP_DB", text)
    return from_environment("erp_db")


def test_uri_with_every_part(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = read(
        monkeypatch, "postgres://b%40ckup:p%2F%3A%40ss@db.example.com:5433/WSO2_AM?sslmode=require&empty="
    )
    assert connection == Connection(
        id="erp_db",
        type="postgres",
        host="db.example.com",
        port=5433,
        login="b@ckup",
        password="p/:@ss",
        schema="WSO2_AM",
        extra={"sslmode": "require", "empty": ""},
    )


@pytest.mark.parametrize(
    ("uri", "host", "port"),
    [
        ("postgres://me:pw@%2FVar%2FRun%2FPostgreSQL/db", "/Var/Run/PostgreSQL", None),
        ("postgres://me:pw@%2FVar%2FRun:5433/db", "/Var/Run", 5433),
        ("postgres://me:p%40w@DB.Example.com:5433/db", "DB.Example.com", 5433),
        ("ssh://me@[fe80::1]:22", "fe80::1", 22),
        ("ssh://[fe80::1]", "fe80::1", None),
        ("ssh://host.example.com", "host.example.com", None),
        ("postgres://me:pw@/db", "", None),
    ],
)
def test_host_and_port_of_a_uri(monkeypatch: pytest.MonkeyPatch, uri: str, host: str, port: int | None) -> None:
    connection = read(monkeypatch, uri)
    assert (connection.host, connection.port) == (host, port)


@pytest.mark.parametrize(
    ("scheme", "type_"),
    [("postgresql", "postgres"), ("postgres", "postgres"), ("google-cloud-platform", "google_cloud_platform")],
)
def test_type_of_a_uri(monkeypatch: pytest.MonkeyPatch, scheme: str, type_: str) -> None:
    assert read(monkeypatch, f"{scheme}://host").type == type_


def test_nested_extra_of_a_uri(monkeypatch: pytest.MonkeyPatch) -> None:
    extra = {"private_key": "-----BEGIN\nline\n", "nested": {"list": [1, 2]}}
    assert read(monkeypatch, f"ssh://host?{urlencode({'__extra__': json.dumps(extra)})}").extra == extra


@pytest.mark.parametrize("as_text", [True, False])
def test_json(monkeypatch: pytest.MonkeyPatch, as_text: bool) -> None:
    extra = {"private_key": "-----BEGIN\nline\n"}
    document = {
        "conn_type": "ssh",
        "host": "erp.example.com",
        "port": "2222",
        "login": "backup",
        "password": "p/:@ss",
        "schema": None,
        "extra": json.dumps(extra) if as_text else extra,
    }
    assert read(monkeypatch, json.dumps(document)) == Connection(
        "erp_db", "ssh", "erp.example.com", 2222, "backup", "p/:@ss", "", extra
    )


def test_json_with_little_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, ' {"conn_type": "generic"} ') == Connection("erp_db", "generic")


def test_json_with_a_number_as_password(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read(monkeypatch, '{"password": 17}').password == "17"


@pytest.mark.parametrize(
    "text",
    [
        "s3cret-value",
        "postgres://me:s3cret-value@host:port/db",
        "postgres://me:s3cret-value@[host/db",
        "ssh://me:s3cret-value@host?__extra__=%7Bbroken",
        '{"password": "s3cret-value"',
        '{"password": "s3cret-value", "port": "many"}',
        '{"password": "s3cret-value", "extra": "[1, 2]"}',
        '{"password": "s3cret-value", "extra": [1, 2]}',
        '{"password": "s3cret-value", "extra": "broken"}',
        "ssh://me:s3cret-value@host?__extra__=%5B1%5D",
    ],
)
def test_what_cannot_be_read_is_not_shown(monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    with pytest.raises(ConfigurationError, match="AIRFLOW_CONN_ERP_DB") as caught:
        read(monkeypatch, text)
    assert "s3cret-value" not in f"{caught.value} {caught.value!r}"
    assert caught.value.__cause__ is None and caught.value.__suppress_context__


@pytest.mark.parametrize("text", [None, "", "  "])
def test_unset(monkeypatch: pytest.MonkeyPatch, text: str | None) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_ERP_DB", raising=False)
    if text is not None:
        monkeypatch.setenv("AIRFLOW_CONN_ERP_DB", text)
    with pytest.raises(ConfigurationError, match="'erp_db' is not set") as caught:
        from_environment("erp_db")
    assert "AIRFLOW_CONN_ERP_DB" in caught.value.next_step


def test_secrets_are_not_in_the_representation() -> None:
    connection = Connection("erp_db", password="s3cret-value", extra={"private_key": "s3cret-value"})
    assert "s3cret-value" not in repr(connection)


@pytest.mark.parametrize(("fields", "value"), [({"login": "me"}, "me"), ({}, None), ({"login": ""}, None)])
def test_require(fields: dict[str, Any], value: str | None) -> None:
    connection = Connection("erp_db", **fields)
    if value is not None:
        assert connection.require("login") == value
    else:
        with pytest.raises(ConfigurationError, match="'erp_db' has no login"):
            connection.require("login")
