"""The settings of an Airflow on this machine: its ports, its secrets and its environment.

Ports and secrets are made once and kept in the state directory, so that a second start has the same address,
password and keys.
"""

import base64
import json
import os
import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

from dotenv import dotenv_values, set_key

from lifeboat.sample.ports import free_ports, is_free

_SECRET_BYTES = 64
_FERNET_KEY, _USERS = "AIRFLOW__CORE__FERNET_KEY", "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS"


@dataclass(frozen=True)
class Ports:
    """The TCP ports of one Airflow, all on the loopback address."""

    api: int
    scheduler_log: int
    triggerer_log: int


@dataclass(frozen=True)
class Secrets:
    """What one Airflow must keep to itself: the keys it signs and encrypts with, and its users' passwords."""

    jwt_secret: str
    secret_key: str
    fernet_key: str
    passwords: dict[str, str]


def remembered_ports(home: Path) -> Ports:
    """Given Airflow's home, return the ports it used before; new free ones if it has none or one is taken."""
    file = home / "ports.json"
    if file.exists():
        ports = Ports(**json.loads(file.read_text()))
        if all(is_free(port) for port in asdict(ports).values()):
            return ports
    ports = Ports(*free_ports(3))
    file.write_text(json.dumps(asdict(ports)))
    return ports


def remembered_secrets(home: Path, usernames: list[str]) -> Secrets:
    """Given Airflow's home, return its secrets; make missing ones at random, in files only we can read."""
    keys = _remembered(
        home / "keys.json",
        {
            "jwt_secret": _random_text,
            "secret_key": _random_text,
            "fernet_key": lambda: base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
        },
    )
    passwords = _remembered(passwords_file(home), {name: lambda: secrets.token_urlsafe(18) for name in usernames})
    return Secrets(**keys, passwords=passwords)


def passwords_file(home: Path) -> Path:
    """Return the file in which Airflow's simple login looks for the passwords of its users."""
    return home / "passwords.json"


def keep_environment(home: Path, environment: Mapping[str, str], keys: Secrets, users: Mapping[str, str]) -> None:
    """Given Airflow's home, what is added to its environment, its keys, and its users, keep them in its `.env`, which
    only we can read: then a backup of the home holds all that another machine needs to start the same Airflow."""
    file = home / ".env"
    aside = home / ".env.new"
    aside.unlink(missing_ok=True)
    aside.touch(mode=0o600)
    for name, value in {**environment, _FERNET_KEY: keys.fernet_key, _USERS: _user_list(users)}.items():
        set_key(aside, name, value)
    os.replace(aside, file)


def kept_environment(home: Path) -> tuple[dict[str, str], dict[str, str]]:
    """Given Airflow's home, return what `keep_environment` kept there: the environment, and users with their roles."""
    found = {name: value or "" for name, value in dotenv_values(home / ".env", interpolate=False).items()}
    users = dict(each.split(":", 1) for each in found.pop(_USERS, "").split(",") if each)
    found.pop(_FERNET_KEY, None)
    return found, users


def _user_list(users: Mapping[str, str]) -> str:
    return ",".join(f"{name}:{role}" for name, role in users.items())


def airflow_environment(
    home: Path,
    *,
    dags_folder: Path,
    plugins_folder: Path,
    ports: Ports,
    keys: Secrets,
    users: Mapping[str, str],
) -> dict[str, str]:
    """Return the whole environment of the Airflow in `home`, where `users` maps user names to roles.

    It keeps everything of our own environment but the settings of Airflow: another's must not leak in.
    """
    include_folder = Path(__file__).parents[2]
    url = f"http://127.0.0.1:{ports.api}"
    own = {name: value for name, value in os.environ.items() if not name.lstrip("_").startswith("AIRFLOW")}
    return (
        own
        | {
            # `airflow standalone` finds its parts on PATH.
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "PYTHONPATH": f"{include_folder}{os.pathsep}{plugins_folder}",
            "PYTHONUNBUFFERED": "1",
            "NO_COLOR": "1",
            "AIRFLOW_HOME": str(home),
            "AIRFLOW__CORE__DAGS_FOLDER": str(dags_folder),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(plugins_folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            # SQLite locks up with Airflow's default of 32.
            "AIRFLOW__CORE__PARALLELISM": "4",
            _USERS: _user_list(users),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_PASSWORDS_FILE": str(passwords_file(home)),
            _FERNET_KEY: keys.fernet_key,
            # The two addresses must agree with the port, or tasks cannot report.
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{url}/execution/",
            "AIRFLOW__API__BASE_URL": url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(ports.api),
            "AIRFLOW__API__SECRET_KEY": keys.secret_key,
            "AIRFLOW__API__EXPOSE_CONFIG": "False",
            "AIRFLOW__API_AUTH__JWT_SECRET": keys.jwt_secret,
            "AIRFLOW__LOGGING__WORKER_LOG_SERVER_PORT": str(ports.scheduler_log),
            "AIRFLOW__LOGGING__TRIGGER_LOG_SERVER_PORT": str(ports.triggerer_log),
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
        }
        | _TUNING
    )


#: How long Airflow waits for SQLite's one writer. With the default of 5 s a backfill that takes longer to write its
#: runs ends the scheduler, and nobody starts it again.
SQLITE_ARGUMENTS = {"timeout": 60}

# docker-compose.yaml has the same tuning for production, except for SQLite's.
_TUNING = {
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS": f"{__name__}.SQLITE_ARGUMENTS",
    "AIRFLOW__DATABASE__SQL_ALCHEMY_CONNECT_ARGS_ASYNC": f"{__name__}.SQLITE_ARGUMENTS",
    # With the defaults a task of 0.3 s holds its slot for 5 s, and a hop between tasks costs 1 s.
    "AIRFLOW__WORKERS__MIN_HEARTBEAT_INTERVAL": "1",
    "AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME": "0.2",
    # The first call after a start takes up to 8 s and the default limit is 5 s.
    "AIRFLOW__WORKERS__EXECUTION_API_TIMEOUT": "30",
    # An API server that is away for a while must not cost a backup of hours.
    "AIRFLOW__WORKERS__MAX_FAILED_HEARTBEATS": "20",
    "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "1800",
    "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
    "AIRFLOW__DAG_PROCESSOR__REFRESH_INTERVAL": "10",
}


def _remembered(file: Path, makers: Mapping[str, Callable[[], str]]) -> dict[str, str]:
    values: dict[str, str] = json.loads(file.read_text()) if file.exists() else {}
    missing = {name: make() for name, make in makers.items() if name not in values}
    if missing:
        values |= missing
        file.touch(mode=0o600)
        file.write_text(json.dumps(values))
    return values


def _random_text() -> str:
    return secrets.token_urlsafe(_SECRET_BYTES)
