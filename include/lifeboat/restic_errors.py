"""What restic's failures mean: it tells most of them in words only, and restic 0.14 ends with status 1 for all.

Each text is one that restic 0.14 was seen to print; tests/contract pins them all with real failures. The
texts end their lines or stand beside restic's own words, so that names of files cannot be taken for errors.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from lifeboat.errors import (
    CaptureError,
    LifeboatError,
    SpaceError,
    VaultBusyError,
    VaultDamagedError,
    VaultError,
    VaultLockedError,
    VaultMissingError,
    VaultPasswordError,
)

#: What restic says each of ten times, over 45 seconds, before it gives up; or else the attempt did no harm.
_ATTEMPT = re.compile(r"\) returned error, retrying after ")
_FULL = r"(no space left on device|disk quota exceeded)$"
#: The frames of the stack trace that restic prints behind some errors.
_FRAME = re.compile(r"\t|(github\.com/|golang\.org/|main\.|runtime\.)\S+$")


@dataclass(frozen=True)
class Failure:
    """A failure that restic can report: one pattern for a line of its messages, the status that newer versions
    end with, and the error that it becomes."""

    kind: type[LifeboatError]
    pattern: str
    message: str
    next_step: str
    exit_status: int | None = None

    def told_by(self, exit_status: int, lines: list[str]) -> str | None:
        """Given how restic ended, return the line that tells this failure, or None if it was another."""
        for line in lines:
            if re.search(self.pattern, line):
                return line
        return "\n".join(lines[:1]) if exit_status == self.exit_status else None


#: The first that fits decides. What may pass comes before damage: it is the safer conclusion when both are told.
FAILURES = (
    Failure(
        VaultPasswordError,
        r"or no key found$",
        "The password of vault {vault} is wrong.",
        "Correct the password of the vault's connection.",
        exit_status=12,
    ),
    Failure(
        VaultMissingError,
        r"unable to open config file: .*(no such file or directory|does not exist\.?)$",
        "There is no vault at {vault}.",
        "Correct sites.….vault.repository, or create it with `lifeboat vault init`.",
        exit_status=10,
    ),
    Failure(
        VaultLockedError,
        r"repository is already locked ",
        "Vault {vault} is locked by another process.",
        "Wait until that process ends. If it is dead, `restic unlock` clears its lock: on the same machine at once, "
        "from another one after 30 minutes.",
        exit_status=11,
    ),
    Failure(
        CaptureError,
        r"unable to save snapshot: snapshot is empty$",
        "There is nothing to store in vault {vault}: the directory or stream is empty.",
        "Look whether its file system is mounted; leave a directory out of the deployment file while it is empty.",
    ),
    Failure(
        SpaceError,
        rf"^ignoring error for .*{_FULL}",
        "There is no space for what is restored from vault {vault}.",
        "Free space there, or restore to a larger file system.",
    ),
    Failure(
        SpaceError,
        rf"/restic-temp-pack-\d+: {_FULL}",
        "The temporary directory of restic, which works on vault {vault}, is full.",
        "Free space there; restic needs about 100 MB in TMPDIR or /tmp.",
    ),
    Failure(
        SpaceError,
        _FULL,
        "The disk of vault {vault} is full.",
        "Free space there, or let housekeeping remove expired restore points; then start a new run.",
    ),
    Failure(
        VaultBusyError,
        r"(connection refused|connection reset by peer)$",
        "The storage of vault {vault} does not answer.",
        "Check the endpoint and the network; the next try goes on.",
    ),
    Failure(
        VaultError,
        r"Access Denied\.?$|The request signature we calculated does not match|"
        r"The Access Key Id you provided does not exist|unexpected HTTP response \(40[13]\)|"
        r"^(?!ignoring error for ).*(permission denied|read-only file system)$|"
        r"(ReadFull|StreamPack)\b.*permission denied$",
        "The storage of vault {vault} refused access.",
        "Check the account in the vault's connection and its rights on the storage. Reading takes a lock too, so it "
        "needs the right to write; by hand, `restic --no-lock` reads without.",
    ),
    Failure(
        VaultDamagedError,
        r"^Fatal: Unmarshal: ",
        "Vault {vault} lost data, or holds damaged data. A file below keys/ is no key, so restic opens it no more.",
        "Each file below keys/ is JSON: move the one that is not away, with the housekeeper's account. If it was a key "
        "of the vault, bring it back from a copy of the storage; if not, find out who "
        "writes to the vault. Then run `restic check --read-data`.",
    ),
    Failure(
        VaultDamagedError,
        r"ciphertext verification failed$|returned invalid hash$|wrong data returned, hash is |"
        r"load <(index|snapshot)/\w+>: invalid data returned|"
        r"(ReadFull|StreamPack)\b.*(no such file or directory|does not exist\.?|EOF)$|"
        r"id [0-9a-f]{64} not found in repository$|^Unknown blob [0-9a-f]{64}$|no matching ID found for prefix |"
        r'^cannot dump file: path ".*" not found in snapshot$',
        "Vault {vault} lost data, or holds damaged data.",
        "Run `restic check --read-data` on it, which names what is bad; recover from another restore point or site "
        "meanwhile. A bad index is made anew by `restic rebuild-index` (since 0.16: `restic repair index`), with the "
        "housekeeper's account.",
    ),
)


def classify(vault: str, exit_status: int, stderr: str) -> LifeboatError | None:
    """Given a vault's name and how restic failed, return the error that this is, or None if it is none known."""
    lines = list(essence(stderr))
    for failure in FAILURES:
        if (line := failure.told_by(exit_status, lines)) is not None:
            detail = f" ({line.removeprefix('Fatal: ')})" if line else ""
            return failure.kind(failure.message.format(vault=vault) + detail, next_step=failure.next_step)
    return None


def essence(stderr: str) -> Iterator[str]:
    """Given restic's messages, yield the lines that tell how it ended: no earlier attempts, no stack traces."""
    for line in stderr.splitlines():
        if line.strip() and not _ATTEMPT.search(line) and not _FRAME.match(line):
            yield line
