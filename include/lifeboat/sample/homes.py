"""Generates the four product homes of the sample deployment."""

from pathlib import Path, PurePosixPath

from lifeboat.sample.content import file_content
from lifeboat.sample.home_configuration import write_configuration, write_identity
from lifeboat.sample.home_files import write_file
from lifeboat.sample.home_patches import BASELINE, apply_patch, patched_bundles, write_bundle_list
from lifeboat.sample.home_state import shared_state_files, start_script, write_state
from lifeboat.sample.home_tree import TreeFile, tree_files
from lifeboat.sample.keystores import find_keytool, make_keystores
from lifeboat.sample.marker import Marker
from lifeboat.sample.scales import Scale, check_scale
from lifeboat.sample.servers import SERVERS, SampleServer


def generate_homes(root: Path, scale: Scale = "small", seed: int = 45) -> list[Path]:
    """Given a directory, generate the four homes of the sample deployment in it and return their paths.

    `small` homes have some hundred files and about 3 MB each, `reference` homes about 1.7 GB each. The same
    scale and seed give the same bytes, except for the keystores. Homes that are there already are kept; those
    of another scale or seed are replaced. Raise ToolError if there is no keytool, and PreflightError if a
    directory with a home's name is there that was not generated.
    """
    check_scale(scale)
    homes = {server: root / server.name for server in SERVERS}
    marker = Marker(root / ".lifeboat-sample-homes.json", list(homes.values()), {"scale": scale, "seed": seed})
    if not marker.is_current():
        find_keytool()
        marker.claim()
        _generate(homes, scale, seed)
        marker.complete()
    return list(homes.values())


def _generate(homes: dict[SampleServer, Path], scale: Scale, seed: int) -> None:
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
        write_file(home, f"bin/{server.script}", start_script())
        write_state(home, server, scale, seed)
        write_configuration(home, server)


def _write_to_all(homes: dict[SampleServer, Path], file: TreeFile, seed: int) -> None:
    """Write one file of the tree to every home that has it; a bundle goes into patch0000 as well."""
    content = file_content(file.path, file.size, seed)
    for server, home in homes.items():
        if file.belongs_to(server.server_type):
            write_file(home, file.path, content)
            if file.is_plugin:
                write_file(home, f"{BASELINE}/{PurePosixPath(file.path).name}", content)
