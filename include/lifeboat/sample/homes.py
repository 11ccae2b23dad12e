"""Generates the four product homes of the sample deployment."""

import hashlib
from dataclasses import replace
from pathlib import Path, PurePosixPath

from lifeboat.sample.content import file_content
from lifeboat.sample.home_configuration import DatabaseAccess, write_configuration, write_identity
from lifeboat.sample.home_files import write_file
from lifeboat.sample.home_patches import BASELINE, apply_patch, patched_bundles, write_bundle_list
from lifeboat.sample.home_state import shared_state_files, write_server, write_state
from lifeboat.sample.home_tree import TreeFile, tree_files
from lifeboat.sample.keystores import find_keytool, make_keystores
from lifeboat.sample.marker import Marker
from lifeboat.sample.scales import Scale, check_scale
from lifeboat.sample.servers import SERVERS, SampleServer

#: Databases that are not there, for homes that are only looked at.
SOMEWHERE = DatabaseAccess()


def generate_homes(
    root: Path,
    scale: Scale = "small",
    seed: int = 45,
    *,
    port_offset: int = 0,
    database: DatabaseAccess = SOMEWHERE,
) -> list[Path]:
    """Given a directory, generate the four homes of the sample deployment in it and return their paths.

    `small` homes have some hundred files and about 3 MB each, `reference` homes about 1.7 GB each. Their servers
    use ports from `port_offset` on, and the databases given. The same arguments give the same bytes, except for
    the keystores. Homes that are there already are kept; those made from other arguments are replaced. Raise
    ToolError if there is no keytool, and PreflightError if a directory with a home's name is there that was not
    generated.
    """
    check_scale(scale)
    servers = [replace(server, port_offset=server.port_offset + port_offset) for server in SERVERS]
    homes = {server: root / server.name for server in servers}
    access = hashlib.sha256(f"{database.host} {database.port} {database.password}".encode()).hexdigest()
    settings = {"scale": scale, "seed": seed, "port_offset": port_offset, "database": access}
    marker = Marker(root / ".lifeboat-sample-homes.json", list(homes.values()), settings)
    if not marker.is_current():
        find_keytool()
        marker.claim()
        _generate(homes, scale, seed, database)
        marker.complete()
    return list(homes.values())


def _generate(homes: dict[SampleServer, Path], scale: Scale, seed: int, database: DatabaseAccess) -> None:
    files = tree_files(scale) + shared_state_files(scale)
    for file in files:
        _write_to_all(homes, file, seed)
    keystores = make_keystores()
    patch = patched_bundles(files, seed)
    for server, home in homes.items():
        for name, content in keystores.items():
            write_file(home, f"repository/resources/security/{name}", content)
        apply_patch(home, patch)
        write_bundle_list(home)
        write_identity(home, server, seed)
        write_server(home, server.script)
        write_state(home, server, scale, seed)
        write_configuration(home, server, database)


def _write_to_all(homes: dict[SampleServer, Path], file: TreeFile, seed: int) -> None:
    """Write one file of the tree to every home that has it; a bundle goes into patch0000 as well."""
    content = file_content(file.path, file.size, seed)
    for server, home in homes.items():
        if file.belongs_to(server.server_type):
            write_file(home, file.path, content)
            if file.is_plugin:
                write_file(home, f"{BASELINE}/{PurePosixPath(file.path).name}", content)
