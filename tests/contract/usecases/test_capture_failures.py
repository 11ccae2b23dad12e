"""After any failure nothing is sealed, and the next run is green without anybody cleaning up."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lifeboat.capture import make_point
from lifeboat.connections import Connection
from lifeboat.errors import (
    CaptureError,
    ConfigurationError,
    LifeboatError,
    PreflightError,
    UnreachableError,
    VaultMissingError,
    VaultPasswordError,
)
from tests.support.miniature import Miniature
from tests.support.planting import restic

INCLUDE = Path(__file__).parents[3] / "include"


def sealed(mini: Miniature) -> list[object]:
    found: list[object] = json.loads(restic(mini.vault_directory, "snapshots", "--json", "--tag", "kind=manifest"))
    return found


#: Given the deployment, its right database connection, return the connections that break it.
BROKEN_CONNECTIONS: dict[str, tuple[Callable[[Connection], dict[str, Connection | None]], type[LifeboatError], str]] = {
    "unreachable database": (
        lambda right: {"mini_postgres": replace(right, port=1)},
        UnreachableError,
        "database/main-db: database 'shared_db' cannot be reached at 127.0.0.1:1",
    ),
    "unset connection": (
        lambda right: {"mini_postgres": None},
        ConfigurationError,
        "Connection 'mini_postgres' is not set",
    ),
    "unset signing key": (
        lambda right: {"mini_signing": None},
        ConfigurationError,
        "Connection 'mini_signing' is not set",
    ),
    "wrong vault password": (
        lambda right: {"mini_vault": Connection("mini_vault", password="of another vault")},
        VaultPasswordError,
        "password of vault",
    ),
}


@pytest.mark.parametrize("case", BROKEN_CONNECTIONS)
def test_broken_connection(mini: Miniature, case: str) -> None:
    breaking, error, message = BROKEN_CONNECTIONS[case]
    broken = breaking(mini.connections()["mini_postgres"])
    with mini.runtime(**broken) as runtime, pytest.raises(error, match=message):
        make_point(runtime, "system_backup")
    assert sealed(mini) == []
    with mini.runtime() as runtime:
        assert len(make_point(runtime, "system_backup").manifest.units) == 3


def move_away(path: Path) -> Callable[[], object]:
    aside = path.with_name("aside")
    path.rename(aside)
    return lambda: aside.rename(path)


def link_out(path: Path) -> Callable[[], object]:
    link = path / "repository/conf/outside.toml"
    link.symlink_to("/etc/passwd")
    return link.unlink


def empty(path: Path) -> Callable[[], object]:
    """A home whose disk was not mounted: the directory is there, nothing is in it."""
    undo = move_away(path)
    path.mkdir()

    def put_back() -> None:
        path.rmdir()
        undo()

    return put_back


#: Each breaks something on disk and returns what repairs it.
BROKEN_FILES: dict[str, tuple[Callable[[Miniature], Callable[[], object]], type[LifeboatError], str]] = {
    "missing home": (lambda mini: move_away(mini.home), PreflightError, "home' is not a readable directory"),
    "empty home": (lambda mini: empty(mini.home), ConfigurationError, "the layout of no known WSO2 product"),
    "link out of the home": (lambda mini: link_out(mini.home), CaptureError, "outside.toml -> /etc/passwd"),
    "missing vault": (lambda mini: move_away(mini.vault_directory), VaultMissingError, "There is no vault at"),
}


@pytest.mark.parametrize("case", BROKEN_FILES)
def test_broken_files(mini: Miniature, case: str) -> None:
    breaking, error, message = BROKEN_FILES[case]
    document = mini.document()
    del document["database_servers"]
    mini.write_file(document)
    repair = breaking(mini)
    with mini.runtime() as runtime, pytest.raises(error, match=message):
        make_point(runtime, "system_backup")
    repair()
    assert sealed(mini) == []
    with mini.runtime() as runtime:
        assert len(make_point(runtime, "system_backup").manifest.units) == 2


#: A vault on a file system of its own that is as small as its one argument says, then larger. Runs in a mount
#: namespace of its own, which ends with it.
ON_A_FULL_DISK = """
set -u
mount -t tmpfs -o size="$1" none "$2"
cp -a "$3"/. "$2"
shift 3
"$@"; echo "status $?"
restic -r "$0" --no-cache snapshots --json --tag kind=manifest
mount -o remount,size=64m "$0"
"$@"; echo "status $?"
"""


def test_full_disk(mini: Miniature, tmp_path: Path) -> None:
    document = mini.document()
    del document["database_servers"]
    mini.write_file(document)
    (mini.tree / "large.bin").write_bytes(os.urandom(2 << 20))
    repository = tmp_path / "repository"
    shutil.move(mini.vault_directory, repository)
    mini.vault_directory.mkdir()
    vault = str(mini.vault_directory)
    command = [sys.executable, "-m", "lifeboat.cli", "backup", mini.name]
    done = subprocess.run(
        [
            "unshare",
            "--map-root-user",
            "--mount",
            "sh",
            "-c",
            ON_A_FULL_DISK,
            vault,
            "1m",
            vault,
            str(repository),
            *command,
        ],
        env={
            **os.environ,
            **mini.environment(),
            "PYTHONPATH": str(INCLUDE),
            "RESTIC_PASSWORD": mini.connections()["mini_vault"].password,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    first, *_ = done.stdout.split("status ", 1)
    assert "status 1\n[]" in done.stdout, done
    assert first.strip() == ""
    assert re.search(rf"Error: .* disk .* full.*{re.escape(vault)}|Error: .*{re.escape(vault)}.* full", done.stderr)
    assert "no space left on device" in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout.rstrip().endswith("status 0")
    assert "tree/documents" in done.stdout
