"""A deployment as it is at another site, and which addresses change with that."""

from pathlib import Path
from typing import Any

import pytest
import yaml

from lifeboat.bindings import at_site, rebindings
from lifeboat.connections import Connection
from lifeboat.deployment import Deployment
from lifeboat.errors import ConfigurationError

CONNECTIONS = {
    each.id: each
    for each in (
        Connection("pg", "postgres", host="db.main", port=5432),
        Connection("pg_west", "postgres", host="db.west", port=5433),
        Connection("my", "mysql", host="127.0.0.1", port=3306),
        Connection("my_west", "mysql", host="127.0.0.1", port=3307),
        Connection("gw_ssh", "ssh", host="gw.main"),
        Connection("gw_west_ssh", "ssh", host="gw.west"),
        Connection("erp_ssh", "ssh", host="erp.main"),
    )
}
BINDINGS: dict[str, Any] = {
    "pg": {"stands_in_for": "main-db", "connection": "pg_west"},
    "my": {"stands_in_for": "small-db", "connection": "my_west"},
    "gw": {"stands_in_for": "gw-1", "connection": "gw_west_ssh", "path": "/srv/gw-1", "replaces": ["gw.example"]},
    "files": {"stands_in_for": "documents", "path": "/srv/documents"},
}


def deployment(tmp_path: Path, **bindings: Any) -> Deployment:
    text = (Path(__file__).parents[2] / "include/deployments/sample.yaml").read_text()
    document = {key: value for key, value in yaml.safe_load(text).items() if key in ("version", "name", "signing")}
    vault = {"repository": str(tmp_path), "writer": "w"}
    document["sites"] = {"main": {"vault": vault}, "west": {"vault": vault, "bindings": bindings}}
    document["hosts"] = {"gw-host": {"ssh": "gw_ssh"}, "erp": {"ssh": "erp_ssh"}}
    document["servers"] = {
        "gw-1": {"type": "gateway", "home": "/opt/gw-1", "host": "gw-host"},
        "cp-1": {"type": "control-plane", "home": "/opt/cp-1"},
    }
    document["database_servers"] = {
        "main-db": {"engine": "postgres", "connection": "pg", "admin_connection": "pg", "databases": {"a": {}}},
        "small-db": {"engine": "mariadb", "connection": "my", "databases": {"b": {}}},
        "local": {"engine": "h2", "connection": "h2", "server": "gw-1", "host": "gw-host", "databases": {"c": {}}},
    }
    document["business_data"] = {"documents": {"path": "/var/documents", "host": "erp"}}
    return Deployment.model_validate(document)


def test_what_is_bound_is_elsewhere_there(tmp_path: Path) -> None:
    file = deployment(tmp_path, **BINDINGS)
    there = at_site(file, "west")
    assert (there.home_site(), list(there.sites)) == ("west", ["west", "main"])
    gateway = there.servers["gw-1"]
    assert (gateway.home, gateway.host, gateway.site) == ("/srv/gw-1", "gw-1-at-west", "west")
    assert there.hosts["gw-1-at-west"].ssh == "gw_west_ssh"
    assert there.servers["cp-1"] == file.servers["cp-1"]
    assert (there.database_servers["main-db"].connection, there.database_servers["main-db"].admin_connection) == (
        "pg_west",
        None,
    )
    assert (there.database_servers["local"].host, there.database_servers["local"].site) == ("gw-1-at-west", "west")
    assert there.business_data["documents"].path == "/srv/documents"
    assert at_site(file, "main") is file


def test_addresses_come_from_connections_and_from_the_file(tmp_path: Path) -> None:
    found, foreign = rebindings(deployment(tmp_path, **BINDINGS), "west", CONNECTIONS.__getitem__)
    assert {each.old: (each.new, each.binding) for each in found} == {
        "db.main:5432": ("db.west:5433", "pg"),
        "db.main": ("db.west", "pg"),
        "127.0.0.1:3306": ("127.0.0.1:3307", "my"),
        "localhost:3306": ("127.0.0.1:3307", "my"),
        "gw.example": ("gw.west", "gw"),
        "gw.main": ("gw.west", "gw"),
        "/opt/gw-1": ("/srv/gw-1", "gw"),
        "/var/documents": ("/srv/documents", "files"),
    }
    assert [each.address for each in foreign] == ["erp.main"]


def test_what_nothing_stands_in_for_is_foreign_with_the_reason(tmp_path: Path) -> None:
    empty = {**BINDINGS, "my": None, "pg": {"stands_in_for": "main-db"}}
    file = deployment(tmp_path, **{name: each for name, each in empty.items() if each})
    found, foreign = rebindings(file, "west", CONNECTIONS.__getitem__)
    assert "db.main" not in {each.old for each in found}
    assert {each.address: each.of for each in foreign} == {
        "db.main:5432": "main-db: binding 'pg' of site 'west' has neither host_name nor connection",
        "db.main": "main-db: binding 'pg' of site 'west' has neither host_name nor connection",
        "127.0.0.1:3306": "small-db, for which no binding of site 'west' stands in",
        "localhost:3306": "small-db, for which no binding of site 'west' stands in",
        "erp.main": "documents: binding 'files' of site 'west' has neither host_name nor connection",
    }


def resolve(connection_id: str) -> Connection:
    if connection_id not in CONNECTIONS:
        raise ConfigurationError(f"{connection_id} is not set")
    return CONNECTIONS[connection_id]


def test_at_home_the_addresses_of_other_sites_are_foreign_as_far_as_they_are_known(tmp_path: Path) -> None:
    more = {"stands_in_for": "erp", "connection": "nobody_set_this", "host_name": "erp.west"}
    file = deployment(tmp_path, **BINDINGS, more=more, same={"stands_in_for": "cp-1", "host_name": "erp.main"})
    rules, foreign = rebindings(file, "main", resolve)
    assert rules == ()
    assert {each.address: each.of for each in foreign} == {
        "db.west": "binding 'pg' of site 'west'",
        "db.west:5433": "binding 'pg' of site 'west'",
        "127.0.0.1:3307": "binding 'my' of site 'west'",
        "localhost:3307": "binding 'my' of site 'west'",
        "gw.west": "binding 'gw' of site 'west'",
        "erp.west": "binding 'more' of site 'west'",
    }


def test_an_address_for_which_bindings_disagree_must_not_be_left(tmp_path: Path) -> None:
    twice = {"stands_in_for": "cp-1", "host_name": "other.west", "replaces": ["gw.example"]}
    rules, foreign = rebindings(deployment(tmp_path, **BINDINGS, twice=twice), "west", CONNECTIONS.__getitem__)
    assert "gw.example" not in {each.old for each in rules}
    of = {each.address: each.of for each in foreign}["gw.example"]
    assert of == "the bindings 'gw', 'twice' of site 'west' put different addresses in its place"


def test_names_that_are_exchanged_are_refused(tmp_path: Path) -> None:
    swapped = {"stands_in_for": "cp-1", "host_name": "gw.example", "replaces": ["gw.west"]}
    with pytest.raises(ConfigurationError, match=r"'gw\.(west|example)' is replaced by binding"):
        rebindings(deployment(tmp_path, **BINDINGS, swapped=swapped), "west", CONNECTIONS.__getitem__)


def test_at_home_nothing_is_elsewhere_and_an_unknown_site_is_refused(tmp_path: Path) -> None:
    file = deployment(tmp_path, **BINDINGS)
    with pytest.raises(ConfigurationError, match="has no site 'mars'"):
        at_site(file, "mars")


@pytest.mark.parametrize("wrong", [{"replaces": ["two words"]}, {"host_name": "a b"}, {"replaces": [""]}])
def test_an_address_that_is_none(tmp_path: Path, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="pattern"):
        deployment(tmp_path, pg={**BINDINGS["pg"], **wrong})
