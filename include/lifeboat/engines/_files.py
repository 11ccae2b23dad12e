"""Databases that are one file: put beside the live file, on its own host."""

import hashlib
import subprocess
from typing import IO

from lifeboat.engines.base import Restored, fidelity
from lifeboat.errors import SpaceError, VaultDamagedError
from lifeboat.host import Command, Completed, Host
from lifeboat.manifest import MemberSnapshot
from lifeboat.processes import pump
from lifeboat.vault import Vault

_WRITE = 'umask 077; cat > "$1" && sync "$1"'


def place_file(
    restored: Restored, vault: Vault, member: MemberSnapshot, path: str, host: Host, target: str, run_as: str | None
) -> bool:
    """Write the file `path` of a member's snapshot to a host, where nothing is at `target` or something of ours, and
    say whether it could be read; whether it is what was captured is a check. Raise SpaceError when it does not fit.

    It gets the owner, if the account may give files away, and the mode that were captured.
    """
    digest = hashlib.sha256()

    def drain(source: IO[bytes]) -> int:
        nonlocal digest
        digest = hashlib.sha256()
        return _write(host, source, digest, target, run_as)

    try:
        restored.restored_bytes += vault.pour(member.address.snapshot, path, drain)
    except VaultDamagedError as error:
        restored.checks.append(fidelity("member-readable", member.member, False, error.message))
        return False
    mode, uid, gid = member.details["metadata"]
    if host.run(Command(["id", "-u"], run_as=run_as)).stdout.strip() == b"0":
        host.run(Command(["chown", f"{uid}:{gid}", "--", target], run_as=run_as))
    host.run(Command(["chmod", f"{mode:04o}", "--", target], run_as=run_as))
    restored.checks.append(fidelity("member-readable", member.member, True, "read whole from the vault"))
    same = digest.hexdigest() == member.stream_sha256
    detail = "the bytes of the capture" if same else "not the bytes of the capture"
    restored.checks.append(fidelity("stream-digest", member.member, same, detail))
    return True


def _write(host: Host, source: IO[bytes], digest: "hashlib._Hash", target: str, run_as: str | None) -> int:
    command = Command(["sh", "-c", _WRITE, "sh", target], run_as=run_as)
    with host.start(command, stdin=subprocess.PIPE) as process:
        try:
            size = pump(source, process.stdin, digest.update)
            process.stdin.close()
        except BrokenPipeError:
            size = 0
        status = process.wait()
        if status != 0:
            said = process.stderr()
            if "No space left" in said:
                raise SpaceError(
                    f"'{target}' on host '{host.name}' does not fit: {said}", next_step="Free space there."
                )
            raise host.failure(command, Completed(status, b"", said))
    return size
