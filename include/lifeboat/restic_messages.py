"""The JSON messages of `restic backup`, one per line: status and summary on standard output, errors on the other."""

import errno
import json
import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any


def read_summary(stdout: Iterable[bytes], progress: Callable[[float], None]) -> dict[str, Any] | None:
    """Given restic's standard output, read it to its end, tell the progress (0 to 1), and return the summary."""
    summary: dict[str, Any] | None = None
    for line in stdout:
        message = _json_object(line)
        if message.get("message_type") == "status":
            progress(float(message.get("percent_done", 0)))
        elif message.get("message_type") == "summary":
            summary = message
    return summary


@dataclass(frozen=True)
class FileError:
    """A file that restic could not back up, why, and whether it was gone when restic came to it."""

    path: str
    reason: str
    vanished: bool

    def __str__(self) -> str:
        return f"{self.path}: {self.reason}"


def file_errors(stderr: str) -> list[FileError]:
    """Given restic's standard error, return what it tells of files that it could not back up.

    What its scan says is left out: the scan only foretells how much there is.
    """
    messages = (_json_object(line.encode()) for line in stderr.splitlines())
    errors = (message for message in messages if message.get("message_type") == "error")
    return [_file_error(message) for message in errors if message.get("during") != "scan"]


def _file_error(message: Mapping[str, Any]) -> FileError:
    error = message.get("error") or {}
    number = error.get("Err")  # restic 0.14 tells the system's error number alone, and of a directory nothing
    told = os.strerror(number).lower() if isinstance(number, int) else error.get("message")
    reason = str(told or "cannot be read")
    return FileError(str(message.get("item", "?")), reason, reason.endswith(os.strerror(errno.ENOENT).lower()))


def _json_object(line: bytes) -> dict[str, Any]:
    try:
        value = json.loads(line)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
