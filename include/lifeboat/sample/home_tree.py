"""The files that every home of the sample has, after the tree of a real WSO2 API Manager 4.5 home."""

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import PurePosixPath

from lifeboat.sample.scales import Scale

PLUGINS = "repository/components/plugins"

# A small home keeps a few files of each directory, and cuts them short.
_SMALL_FILES_PER_DIRECTORY = 8
_WHOLE_DIRECTORY = "repository/conf"
_SMALL_PLUGINS = 60
_SMALL_TEXT_BYTES = 2_500
_SMALL_BINARY_BYTES = 12_000
# A reference home is made as large as production homes are: its bulk is in the bundles.
_REFERENCE_PLUGIN_FACTOR = 4.4

# The tree is of the all-in-one distribution; a gateway comes without the portals.
_CONTROL_PLANE_ONLY = ("am#publisher", "am#devportal", "am#admin", "am#governance", "am#service-catalog")


@dataclass(frozen=True)
class TreeFile:
    """One file of the tree: its path in the home and its size in bytes."""

    path: str
    size: int

    @property
    def is_plugin(self) -> bool:
        return self.path.startswith(PLUGINS + "/")

    def belongs_to(self, server_type: str) -> bool:
        """Return whether servers of this type have the file."""
        return server_type == "apim-control-plane" or not any(part in self.path for part in _CONTROL_PLANE_ONLY)


def tree_files(scale: Scale) -> list[TreeFile]:
    """Given a scale, return the files of a home with their sizes at that scale, sorted by path."""
    files = list(_read_tree())
    if scale == "reference":
        return [_grow(file) for file in files]
    directories: dict[PurePosixPath, list[TreeFile]] = defaultdict(list)
    for file in files:
        directories[PurePosixPath(file.path).parent].append(file)
    return [_cut(file) for directory, group in directories.items() for file in _pick(directory, group)]


def _read_tree() -> Iterator[TreeFile]:
    lines = resources.files(__package__).joinpath("data/apim-4.5-home.tsv").read_text().splitlines()
    for line in lines[1:]:
        size, path = line.split("\t")
        yield TreeFile(path, int(size))


def _pick(directory: PurePosixPath, group: list[TreeFile]) -> list[TreeFile]:
    """Spread the choice over the directory, so that every kind of file stays in."""
    wanted = _SMALL_PLUGINS if group[0].is_plugin else _SMALL_FILES_PER_DIRECTORY
    if len(group) <= wanted or directory == PurePosixPath(_WHOLE_DIRECTORY):
        return group
    return [group[position * len(group) // wanted] for position in range(wanted)]


def _cut(file: TreeFile) -> TreeFile:
    limit = _SMALL_BINARY_BYTES if file.path.endswith((".jar", ".war")) else _SMALL_TEXT_BYTES
    return TreeFile(file.path, min(file.size, limit))


def _grow(file: TreeFile) -> TreeFile:
    return TreeFile(file.path, int(file.size * _REFERENCE_PLUGIN_FACTOR)) if file.is_plugin else file
