"""Files of a home that are known to hold secrets in clear text, and how they may be shown.

The update tool of Updates 2.0 keeps (in its older versions) access and refresh tokens in `updates/config.json`, and
the configuration mapper writes the environment variables and system properties that `deployment.toml` refers to,
resolved, into `references.properties`. Both are captured, since a home without them is not whole; the vault is
encrypted. Their values are never shown.
"""

import json
import re
from collections.abc import Iterator
from typing import Any

from lifeboat.text import shown
from lifeboat.wso2.identity import UPDATES_2_FILE, ReadFile

REFERENCES_FILE = "repository/resources/conf/.metadata/references.properties"
HIDDEN = "(hidden)"

_SECRET_KEY = re.compile(r"token|key|secret|password|username|subscription", re.IGNORECASE)
#: A URL is not secret, though its key may speak of tokens.
_PLAIN_KEY = re.compile(r".*url", re.IGNORECASE)
#: As in Java's properties, where \: is a colon of the name.
_PROPERTY = re.compile(r"(?P<name>(?:\\.|[^#!\s=:\\])(?:\\.|[^\s=:\\])*)(?:\s*[=:]\s*|\s+)(?P<value>\S.*)")
_NEXT_STEPS = {
    UPDATES_2_FILE: "Log the update tool out, or update it: newer versions keep no tokens on disk.",
    REFERENCES_FILE: "Use the product's cipher tool for secrets instead of plain environment variables.",
}


def secret_warnings(read: ReadFile) -> list[str]:
    """Given a reader of a home's files, return a warning for each that holds secrets: names, never values."""
    warnings = []
    for path in (UPDATES_2_FILE, REFERENCES_FILE):
        content = read(path)
        names = secret_names(path, content) if content else []
        if names:
            warnings.append(f"{path} holds secrets in clear text ({shown(names)}). {_NEXT_STEPS[path]}")
    return warnings


def secret_names(path: str, content: bytes) -> list[str]:
    """Given one of these files, return the names under which it holds secrets."""
    if path == REFERENCES_FILE:
        found = filter(None, map(_PROPERTY.fullmatch, _lines(content)))
        return sorted({match["name"].replace("\\", "") for match in found})
    return sorted(name for name, value in _leaves(_json(content)) if value and _is_secret(name))


def redacted(path: str, content: bytes) -> str:
    """Given a file of a home, return its text for people: of these files without any secret, of others as it is.

    What cannot be read as what it should be is hidden as a whole.
    """
    if path == UPDATES_2_FILE:
        document = _json(content)
        return HIDDEN if document is None else json.dumps(_hidden(document), indent=2)
    if path == REFERENCES_FILE:
        return "\n".join(_hidden_line(line) for line in _lines(content))
    return content.decode(errors="backslashreplace")


def _is_secret(name: str) -> bool:
    last = name.rpartition(".")[2]
    return bool(_SECRET_KEY.search(last)) and not _PLAIN_KEY.fullmatch(last)


def _lines(content: bytes) -> list[str]:
    whole = re.sub(r"\\\r?\n[ \t]*", "", content.decode(errors="replace"))  # a value goes on behind a backslash
    return [line.strip() for line in whole.splitlines()]


def _hidden_line(line: str) -> str:
    if not line or line[0] in "#!":
        return line
    match = _PROPERTY.fullmatch(line)
    return f"{match['name']}={HIDDEN}" if match else HIDDEN


def _json(content: bytes) -> Any:
    try:
        return json.loads(content.decode("utf-8-sig").strip("\0\r\n\t "))
    except (ValueError, RecursionError):
        return None


def _leaves(value: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, below in value.items():
            yield from _leaves(below, f"{name}.{key}" if name else str(key))
    elif isinstance(value, list):
        for below in value:
            yield from _leaves(below, name)
    else:
        yield name, value


def _hidden(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _hidden(below, key) for key, below in value.items()}
    if isinstance(value, list):
        return [_hidden(below, name) for below in value]
    return HIDDEN if value and _is_secret(name) else value
