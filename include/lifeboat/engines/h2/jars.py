"""Which jar of H2 reads which file: their formats are not interchangeable, so it is always the product's own."""

import re
from collections.abc import Sequence
from pathlib import PurePosixPath

Version = tuple[int, ...]

#: Where products keep it, below their home; WSO2 wraps it as h2_1.4.199.wso2v1.jar or h2-engine_2.3.232.wso2v1.jar.
PLACES = ("repository/components/plugins", "wso2/components/plugins", "repository/components/lib", "lib")
NAMES = ("h2-*.jar", "h2_*.jar")
_VERSION = re.compile(r"h2[-_](?:engine[-_])?(\d+)\.(\d+)\.(\d+)")
_PAGE_STORE = "-- H2 "
_FORMAT = re.compile(r"\bformat:(\d+)")
#: A format, the first version that writes it, and the first that no longer reads it. By MVStore.FORMAT_READ_MIN.
_READERS: dict[str, tuple[Version, Version]] = {
    "page store": ((1, 0), (2, 0)),
    "MV store format 1": ((1, 3), (2, 0)),
    "MV store format 2": ((2, 0), (2, 2)),
    "MV store format 3": ((2, 2), (3, 0)),
}


def version_of(jar: str) -> Version | None:
    """Given the path of a jar, return H2's version as its name tells it, or None."""
    found = _VERSION.match(PurePosixPath(jar).name)
    return tuple(map(int, found.groups())) if found else None


def format_of(head: str) -> str:
    """Given the beginning of a data file, return the name of its format."""
    if head.startswith(_PAGE_STORE):
        return "page store"
    found = _FORMAT.search(head)
    return f"MV store format {found[1]}" if head.startswith("H:2") and found else "an unknown format"


def reads(jar: str, form: str) -> bool:
    """Return whether a jar reads a format. What has no known version or format is left to H2 itself."""
    version, known = version_of(jar), _READERS.get(form)
    return version is None or known is None or known[0] <= version < known[1]


def choose(jars: Sequence[str], form: str) -> str | None:
    """Given the jars of a home, return the newest that reads a format, or None."""
    fitting = [jar for jar in jars if reads(jar, form)]
    return max(fitting, key=lambda jar: version_of(jar) or (0,)) if fitting else None
