"""Names and tags: a repeated task finds what an earlier try has made, and nobody else's things are touched.

A name follows from what it is for, so the same task always asks for the same one. Its digest is of all parts, also of
those that were shortened or hold characters that AWS does not take, so two things never get one name.
"""

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal, get_args

from lifeboat.errors import CloudError

Purpose = Literal["backup", "drill", "rehearsal", "recovery"]
PURPOSES: tuple[str, ...] = get_args(Purpose)

#: Of an instance or a cluster; a snapshot's may have 255.
LONGEST_DATABASE = 63
LONGEST_SNAPSHOT = 255
LONGEST_IMAGE = 128

_DIGEST = 10


def rds_name(*parts: str, longest: int = LONGEST_DATABASE) -> str:
    """Given what a thing of RDS is for, return its identifier: small letters, digits and single hyphens, a letter
    first, no hyphen last."""
    return _name(parts, r"[^a-z0-9]+", longest)


def image_name(*parts: str) -> str:
    """Given what an image is for, return its name; it is unique in its account and region."""
    return _name(parts, r"[^a-z0-9._/]+", LONGEST_IMAGE)


def client_token(*parts: str) -> str:
    """Given what is asked for, return the token by which EC2 knows a repeated request; at most 64 characters."""
    return f"lifeboat-{_digest(parts, 48)}"


def _name(parts: tuple[str, ...], refused: str, longest: int) -> str:
    readable = re.sub(refused, "-", "-".join(parts).lower()).strip("-./_")
    room = longest - len("lifeboat--") - _DIGEST
    return f"lifeboat-{readable[:room].rstrip('-./_')}-{_digest(parts, _DIGEST)}".replace("--", "-")


def _digest(parts: tuple[str, ...], length: int) -> str:
    told = b"".join(b"%d:%s" % (len(part.encode()), part.encode()) for part in parts)
    return hashlib.sha256(told).hexdigest()[:length]


@dataclass(frozen=True)
class Mark:
    """Whose a thing in the cloud is: the tags that Lifeboat puts on everything that it makes.

    :param run: the restore point, drill, update or recovery that it was made for
    :param expires: when it may be removed; None for what only retention or a person removes. A repeated task should
        give the same time: by another one EC2 would not know a repeated request.
    """

    deployment: str
    run: str
    purpose: Purpose
    expires: datetime | None = None

    def tags(self, name: str) -> dict[str, str]:
        """Given the thing's name, return its tags."""
        tags = {
            "Name": name,
            "lifeboat:deployment": self.deployment,
            "lifeboat:run": self.run,
            "lifeboat:purpose": self.purpose,
            "lifeboat:name": name,
        }
        if self.expires is not None:
            tags["lifeboat:expires"] = self.expires.astimezone(UTC).isoformat(timespec="seconds")
        return tags

    def require(self, tags: dict[str, str], what: str) -> None:
        """Raise CloudError unless a thing that was found carries this mark; `what` names it."""
        wanted = (self.deployment, self.run, self.purpose)
        if tuple(tags.get(f"lifeboat:{key}") for key in ("deployment", "run", "purpose")) != wanted:
            raise CloudError(
                f"There is {what}, but it was not made for {' / '.join(wanted)}: its tags say otherwise.",
                next_step="Find out whose it is; rename or remove it by hand, then repeat the task.",
            )


def marked(tags: dict[str, str]) -> Mark | None:
    """Given a thing's tags, return Lifeboat's mark, or None if it is not ours or its mark cannot be read."""
    deployment, run, purpose = (tags.get(f"lifeboat:{key}", "") for key in ("deployment", "run", "purpose"))
    if not deployment or not run or purpose not in PURPOSES:
        return None
    expires: datetime | None = None
    if told := tags.get("lifeboat:expires"):
        try:
            expires = datetime.fromisoformat(told)
        except ValueError:
            return None
        if expires.tzinfo is None:
            return None
    known: dict[str, Purpose] = {each: each for each in get_args(Purpose)}
    return Mark(deployment, run, known[purpose], expires)
