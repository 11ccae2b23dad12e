"""The deployments of the end-to-end tests: the sample under several names, so that no test disturbs another."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.support.deployments import LIFEBOAT, Change, with_schedules, with_units_of, write_deployment
from tests.support.patchable import server_settings
from tests.support.wso2_server import DoubleHome

WRONG_VAULT_PASSWORD = "not-the-vaults-password-8c1f"
WEST_WRITER, WEST_PASSWORD = "west_vault_writer", "the-western-vaults-password-3b7e"
TREE, DATABASE, HOMES = "business_data", "database_servers", "servers"


def write_deployments(directory: Path, servers: Mapping[str, Mapping[str, DoubleHome]]) -> None:
    """Write all deployment files into a directory; `servers` are those of the deployments that have servers of their
    own."""
    directory.mkdir()
    changes: dict[str, list[Change]] = {
        "main": [],
        "before": [with_units_of(HOMES)],
        "sealed": [with_units_of(TREE)],
        "killed": [with_units_of(DATABASE), _roles_beside_dumps],
        "halted": [with_units_of(DATABASE)],
        "outage": [with_units_of(DATABASE)],
        "older": [with_units_of(TREE), _own_documents, with_schedules(system_backup=_quiet_cron())],
        "damaged": [with_units_of(TREE), _own_documents],
        "tidy": [with_units_of(TREE), _only_the_newest],
        "stranger": [with_units_of(TREE), _wrong_vault_password],
        "updating": [with_units_of(HOMES), _own_servers(servers["updating"]), _update_tools],
        "rolling": [
            with_units_of(DATABASE, HOMES),
            _own_servers(servers["rolling"]),
            _update_tools,
            _own_databases,
            _brakes,
        ],
        "unset": [with_units_of(DATABASE), _unset_connection],
        "sample": [_two_servers, _own_documents],
        "hasty": [with_units_of(TREE), _own_documents, _no_patience],
        "twin": [with_units_of(TREE), _own_documents, _another_site],
        "watched": [with_units_of(TREE), _own_documents, _people],
        "returning": [_own_documents, _own_databases, _standby_alone],
        "drowned": [with_units_of(DATABASE, TREE), _own_documents, _own_databases, _connection_of_airflow],
    }
    for name, more in changes.items():
        units = [] if name == "returning" else [_without_standby_and_key_manager]
        write_deployment(directory, name, _own_places, _quiet_schedules(), *units, *more)
    write_deployment(directory, "lifeboat", _own_places, _quiet_schedules(), source=LIFEBOAT)


def _own_places(document: dict[str, Any]) -> None:
    site = document["sites"]["main"]
    site["vault"]["repository"] = "${LIFEBOAT_TESTS}/vaults/" + document["name"]
    site["scratch"] = "${LIFEBOAT_TESTS}/scratch/" + document["name"]


def _no_patience(document: dict[str, Any]) -> None:
    document["recovery"] = {"approval_timeout": "1s"}


def _own_servers(servers: Mapping[str, DoubleHome]) -> Change:
    def change(document: dict[str, Any]) -> None:
        document["servers"] = server_settings(servers)

    return change


def _update_tools(document: dict[str, Any]) -> None:
    backups = "${LIFEBOAT_TESTS}/backups-of-update-tools"
    document["update"] = {"connection": "wso2_updates", "backup_directory": backups, "timeout": "60s"}
    document["update"]["pack_directory"] = "${LIFEBOAT_TESTS}/packs"


def _brakes(document: dict[str, Any]) -> None:
    for name, server in document["servers"].items():
        server["drain"] = ["${LIFEBOAT_TESTS}/brakes/drain-command", name]
        server["control"] |= {"stop_timeout": "5s", "start_timeout": "10s"}


def _own_databases(document: dict[str, Any]) -> None:
    """One database of its own on PostgreSQL, and one of the same name on MariaDB if it has that."""
    for server in {"main-db", "identity-db"} & document["database_servers"].keys():
        document["database_servers"][server]["databases"] = {f"{document['name']}_db": {"role": "other"}}


def _another_site(document: dict[str, Any]) -> None:
    """A second site, whose vault has a password of its own."""
    document["schedules"]["replication"] = _quiet_cron()
    document["sites"]["west"] = {
        "vault": {"repository": "${LIFEBOAT_TESTS}/vaults/twin-west", "writer": WEST_WRITER, "pool": "lifeboat_vault"},
        "scratch": "${LIFEBOAT_TESTS}/scratch/twin-west",
    }


def _people(document: dict[str, Any]) -> None:
    """Somebody is told, by hand and not by a schedule; no backup is done within its limit."""
    document["notifications"] = {"connections": ["people"], "backup_limit": "1s"}
    document["schedules"]["objectives"] = None


def _standby_alone(document: dict[str, Any]) -> None:
    document["servers"] = {"apim-standby": document["servers"]["apim-standby"]}


def _roles_beside_dumps(document: dict[str, Any]) -> None:
    """The roles are stored while both dumps stand still."""
    document["database_servers"]["main-db"]["jobs"] = 3


def _without_standby_and_key_manager(document: dict[str, Any]) -> None:
    """One PostgreSQL and four running servers are enough for whoever does not look at databases of other vendors."""
    document["database_servers"] = {"main-db": document["database_servers"]["main-db"]}
    del document["servers"]["apim-standby"]


def _own_documents(document: dict[str, Any]) -> None:
    document["business_data"]["documents"]["path"] = "${LIFEBOAT_TESTS}/documents-of-" + document["name"]


def _two_servers(document: dict[str, Any]) -> None:
    document["servers"] = {name: document["servers"][name] for name in ("apim-cp-1", "apim-gw-1")}


def _only_the_newest(document: dict[str, Any]) -> None:
    document["retention"] = {"last": 1, "daily": 0, "weekly": 0, "monthly": 0, "yearly": 0, "check_parts": 1}


def _wrong_vault_password(document: dict[str, Any]) -> None:
    document["sites"]["main"]["vault"]["writer"] = "wrong_vault_writer"


def _unset_connection(document: dict[str, Any]) -> None:
    document["database_servers"]["main-db"]["connection"] = "nobody_set_this"


def _connection_of_airflow(document: dict[str, Any]) -> None:
    document["database_servers"]["main-db"]["connection"] = "drowned_postgres"


def _quiet_schedules() -> Change:
    """No tick falls into the tests: Airflow makes up for one of a daily schedule that is up to 2.4 hours ago."""
    return with_schedules(system_backup=None, restore_drill=_quiet_cron(), housekeeping=_quiet_cron())


def _quiet_cron() -> str:
    return f"0 {(datetime.now(UTC).hour + 12) % 24} * * *"
