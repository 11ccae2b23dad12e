"""Which files of a product home are captured, and which of them must stay equal once the product has run.

The rules are globs (see `lifeboat.globs`) on paths relative to the home; the first match wins and a path that
no rule names is COMPARED. Excluding a directory excludes what is in it: the directory itself is captured
empty, with its owner and mode, or as the link that it is.
"""

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cache

from lifeboat.errors import ConfigurationError
from lifeboat.globs import first_match, translate
from lifeboat.wso2.layout_rules import (
    CONFIGURATION,
    DATABASE_SUFFIXES,
    RECREATED_DIRECTORIES,
    RULES,
    FileClass,
    LayoutKind,
    Rule,
)

__all__ = [
    "TEMPLATES",
    "EmbeddedDatabase",
    "FileClass",
    "LayoutKind",
    "Rule",
    "classify",
    "detect_layout",
    "embedded_databases",
    "excluded_patterns",
    "recreated_directories",
    "rules_for",
]

#: Where a modern product keeps the templates of its configuration, relative to the home.
TEMPLATES = "repository/resources/conf/templates/"

#: Paths that must all be there for a layout to be of that kind; the first that fits wins. A Micro Integrator
#: home also has conf/carbon.xml (rendered), so it is asked for before Enterprise Integrator 6.
_MARKERS: tuple[tuple[LayoutKind, tuple[str, ...]], ...] = (
    (LayoutKind.MODERN, ("repository/conf/deployment.toml",)),
    (LayoutKind.MICRO_INTEGRATOR, ("conf/deployment.toml", "wso2")),
    (LayoutKind.CARBON4, ("repository/conf/carbon.xml",)),
    (LayoutKind.CARBON4, ("conf/carbon.xml", "wso2/components")),
)

_DATABASE_FILE = re.compile(
    r"(?P<path>(?:wso2/[^/]+/)?repository/database/[^/]+?)\."
    rf"(?P<suffix>{'|'.join(map(re.escape, DATABASE_SUFFIXES))})(?P<below>/.*)?",
    re.DOTALL,
)


@dataclass(frozen=True)
class EmbeddedDatabase:
    """One H2 database inside a home: its path without suffix, its data file, and every file of it."""

    path: str
    data_file: str
    files: tuple[str, ...]


def detect_layout(listing_has: Callable[[str], bool]) -> LayoutKind:
    """Given a function that says whether a relative path exists in a home, return the home's layout.

    Raise ConfigurationError if the home looks like no known product.
    """
    for kind, markers in _MARKERS:
        if all(listing_has(marker) for marker in markers):
            return kind
    looked_for = "; ".join(" with ".join(markers) for _, markers in _MARKERS)
    raise ConfigurationError(
        f"The home has the layout of no known WSO2 product (looked for: {looked_for}).",
        next_step="Check that 'home' names the directory that holds bin/ and repository/.",
    )


def rules_for(kind: LayoutKind, templates: Iterable[str] | None = None) -> list[Rule]:
    """Given a layout, return its rules, first match wins; no match means COMPARED.

    A start may render `repository/resources/conf/templates/<path>.j2` to `<path>`. Given the paths of the
    home's templates (relative to the home), exactly those files are GENERATED, wherever they lie, and all
    other configuration is COMPARED. Without them the rules fall back on what is known of released packs.
    """
    if templates is None:
        return [*RULES[kind], *CONFIGURATION[kind]]
    jinja = sorted(path for path in templates if path.startswith(TEMPLATES) and path.endswith(".j2"))
    rendered = (path.removeprefix(TEMPLATES).removesuffix(".j2") for path in jinja)
    return [*RULES[kind], *((FileClass.GENERATED, path) for path in rendered)]


def classify(kind: LayoutKind, relative_path: str) -> FileClass:
    """Given a layout and a path relative to the home, return the class that the rules give it.

    These are the rules without the home's own templates.
    """
    return FileClass(first_match(_compiled(kind), relative_path, FileClass.COMPARED))


def excluded_patterns(kind: LayoutKind) -> list[str]:
    """Given a layout, return what is not captured, as patterns relative to the home for restic and a walker.

    Give them to restic behind the home's path (`<home>/<pattern>`), since a relative pattern matches at any
    depth there. They name the entries of an excluded directory (`tmp/*`), because restic takes `tmp/**` for
    `tmp` itself too. A walker must not descend into a directory that matches.
    """
    excluded = (pattern for label, pattern in RULES[kind] if label is FileClass.EXCLUDED)
    return [pattern[:-1] if pattern.endswith("/**") else pattern for pattern in excluded]


def recreated_directories(kind: LayoutKind) -> list[str]:
    """Given a layout, return the directories that must exist in a restored home before its first start.

    They are captured when they were there. Create missing ones after the proof was compared, in which they
    would be extra. A missing `tmp` can be fatal: a Windows start script of Micro Integrator then deletes the
    whole home.
    """
    return list(RECREATED_DIRECTORIES[kind])


def embedded_databases(paths: Iterable[str]) -> list[EmbeddedDatabase]:
    """Given relative paths of a home, return the H2 databases that the rules keep out of the home's capture.

    They are members of their own. Whoever captures a home must see to it that each of them is captured, or
    say that it is not. Lock and trace files without a data file are no database.
    """
    files: dict[str, list[str]] = {}
    data_files: dict[str, str] = {}
    for path in sorted(paths):
        match = _DATABASE_FILE.fullmatch(path)
        if match is None:
            continue
        files.setdefault(match["path"], []).append(path)
        if match["suffix"] in ("h2.db", "mv.db") and match["below"] is None:
            data_files[match["path"]] = path
    return [EmbeddedDatabase(path, data_files[path], tuple(files[path])) for path in sorted(data_files)]


@cache
def _compiled(kind: LayoutKind) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((label, translate(pattern)) for label, pattern in rules_for(kind))
