"""The kinds of values in a deployment file: durations, cron expressions, names, paths, globs."""

import re
from datetime import timedelta
from typing import Annotated, Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from croniter import croniter
from pydantic import AfterValidator, BeforeValidator, PlainSerializer, StringConstraints

from lifeboat.engines import known_engines
from lifeboat.globs import translate

#: So many digits never overflow.
_DURATION = re.compile(r"(?:(\d{1,6})w)?(?:(\d{1,6})d)?(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,6})s)?", re.ASCII)
_CRON_PRESETS = ("@hourly", "@daily", "@weekly", "@monthly")


def parse_duration(value: Any) -> Any:
    """Given text such as 90s, 15m, 24h, 7d or 1d12h, or a timedelta, return a timedelta. Raise ValueError for
    anything else: a number would leave open of what."""
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(value.strip()) if isinstance(value, str) else None
    if not match or not any(int(part or 0) for part in match.groups()):
        raise ValueError("is not a duration; write it like 90s, 15m, 24h, 7d or 1d12h")
    weeks, days, hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes, seconds=seconds)


def format_duration(value: timedelta) -> str:
    """Given a timedelta, return it as a deployment file writes it, such as 1d12h."""
    rest, parts = int(value.total_seconds()), []
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"


def size_bytes(value: str) -> int:
    """Given a size as a deployment file writes it, such as 5G, return it in bytes."""
    return int(value[:-1]) << {"K": 10, "M": 20, "G": 30, "T": 40}[value[-1]]


def _check_cron(value: str) -> str:
    if value not in _CRON_PRESETS and not (len(value.split()) == 5 and croniter.is_valid(value)):
        raise ValueError("is not a cron expression; write five fields such as '0 2 * * *'")
    return value


def _check_engine(value: str) -> str:
    if value not in known_engines():
        raise ValueError(f"is not a known engine; known are: {', '.join(known_engines())}")
    return value


def _check_inside(value: str) -> str:
    if not value or value.startswith("/") or ".." in value.split("/") or "\x00" in value:
        raise ValueError("is not a path inside its root; write it relative and without ..")
    return value


def _check_glob(value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("leads out of its root; write it relative and without ..")
    translate(value)
    return value


def _check_straight(value: str) -> str:
    if ".." in value.split("/"):
        raise ValueError("leads through ..; write where it ends")
    return value


def _check_health_url(value: str) -> str:
    try:
        parts = urlsplit(value.replace("{http}", "1").replace("{https}", "1"))
        whole = parts.scheme in ("http", "https") and parts.hostname and (parts.port or 1) and "{" not in parts.netloc
    except ValueError:
        whole = False
    if not whole:
        raise ValueError("is not a URL; write it like http://127.0.0.1:{http}/services/Version")
    if parts.username or parts.password:
        raise ValueError("holds a login, which a health check must not need")
    return value


def _check_timezone(value: str) -> str:
    try:
        ZoneInfo(value)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise ValueError("is not a time zone; write it like UTC or Europe/Berlin") from None
    return value


Duration = Annotated[timedelta, BeforeValidator(parse_duration), PlainSerializer(format_duration)]
Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,62}$")]
ConnectionId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,250}$")]
AbsolutePath = Annotated[str, StringConstraints(pattern=r"^/[^\x00]*$"), AfterValidator(_check_straight)]
RelativePath = Annotated[str, AfterValidator(_check_inside)]
Glob = Annotated[str, AfterValidator(_check_glob)]
HealthUrl = Annotated[str, AfterValidator(_check_health_url)]
HostName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9.:_-]{0,252}$")]
#: What configuration may hold of another site: a host name, perhaps with a port, or an absolute path.
Address = Annotated[str, StringConstraints(pattern=r"^(/[^\x00\n]+|[A-Za-z0-9][A-Za-z0-9.:_-]{0,252})$")]
PuppetWord = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]{1,100}$")]
UnitName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9:_.\\@-]{0,250}$")]
Timezone = Annotated[str, AfterValidator(_check_timezone)]
Cron = Annotated[str, AfterValidator(_check_cron)]
#: As restic writes sizes: 500M, 5G.
Size = Annotated[str, StringConstraints(pattern=r"^[1-9][0-9]{0,6}[KMGT]$")]
EmbeddedName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,200}$")]
EngineName = Annotated[str, AfterValidator(_check_engine)]
