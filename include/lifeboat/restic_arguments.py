"""How restic wants its arguments: tags, patterns of what to leave out, addresses."""

import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, unquote


def encode_tags(tags: Mapping[str, str]) -> str:
    """Given tags, return restic's list of them; values are percent-encoded, since restic splits the list at
    commas and trims spaces."""
    return ",".join(f"{name}={quote(value, safe='/-_.:@')}" for name, value in tags.items())


def decode_tags(tags: Iterable[str]) -> dict[str, str]:
    """Given a snapshot's tags as restic lists them, return names and values; what is no such pair is left out."""
    pairs = (tag.split("=", 1) for tag in tags if "=" in tag)
    return {name: unquote(value) for name, value in pairs}


def address_without_login(repository: str) -> str:
    """Given a repository's address, return it without the login and password that a URL may hold."""
    return re.sub(r"//[^/@]*@", "//", repository)


def restic_pattern(directory: str, glob: str) -> str:
    """Given a directory and a glob inside it (see `lifeboat.globs`), return restic's exclude pattern for it.

    `x/**` means the content of x but not x itself; restic would take x away too, so it becomes `x/*`.
    """
    if glob == "**" or glob.endswith("/**"):
        glob = glob[:-1]
    return f"{_literal(directory.rstrip('/'), '*?')}/{_literal(glob)}"


def restic_path(path: str) -> str:
    """Given a path inside a snapshot, return the pattern that fits it, and what is below it, alone."""
    return f"/{_literal(path, '*?')}"


def _literal(text: str, more: str = "") -> str:
    """Given a text, return it with what restic's patterns give a meaning escaped: brackets, backslash and `more`."""
    return re.sub(rf"([\\\[{more}])", r"\\\1", text)
