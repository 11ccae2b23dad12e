"""Every error that Lifeboat raises on purpose, as one small tree.

An error says what happened, to which thing, and what to do next. `permanent` tells a caller whether trying
the same thing again can help: Airflow operators fail at once on a permanent error and retry any other.
"""

from collections.abc import Sequence
from typing import ClassVar


class LifeboatError(Exception):
    """The root of the tree: a message and the next step."""

    permanent: ClassVar[bool] = True

    def __init__(self, message: str, *, next_step: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.message}\n  Next: {self.next_step}" if self.next_step else self.message


class ConfigurationError(LifeboatError):
    """The deployment file, a setting or a connection is wrong or missing."""


class PreflightError(LifeboatError):
    """Something that the work needs is not there; found before any work started."""


class ToolError(PreflightError):
    """A command line tool is missing or too old."""


class UnreachableError(LifeboatError):
    """A host, database or endpoint does not answer; it may answer later."""

    permanent = False


class AccessError(LifeboatError):
    """A login, key or privilege was refused."""


class CommandError(LifeboatError):
    """A command ended with an exit status that was not expected."""

    permanent = False

    def __init__(self, message: str, *, exit_status: int, stderr: str = "", next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.exit_status = exit_status
        self.stderr = stderr


class ServerError(LifeboatError):
    """A WSO2 server did not stop, start or become healthy, or must not be started as it is."""


class PuppetError(LifeboatError):
    """A run of Puppet failed, or must not begin; `failed` are its resources that failed, by name."""

    def __init__(self, message: str, *, failed: Sequence[str] = (), next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.failed = tuple(failed)


class PuppetBusyError(PuppetError):
    """A run of Puppet is in progress on the host; it will end."""

    permanent = False


class SpaceError(LifeboatError):
    """A disk is full, or would be."""


class CaptureError(LifeboatError):
    """A member could not be captured whole; nothing of it is referenced by a restore point."""


class CaptureInterruptedError(CaptureError):
    """Something got in the way of a capture that may not do so again."""

    permanent = False


class SwapError(LifeboatError):
    """What is live cannot be exchanged for what was restored; it is left as it is."""


class RecoveryError(LifeboatError):
    """A recovery may not go on: its plan is not good, was not approved, or what was restored is not proven."""


class UpdateError(LifeboatError):
    """An update tool failed, or a server is not what an update should have made of it."""


class ConflictError(UpdateError):
    """An update tool found files that the installation changed; `conflicts` are their paths in the home."""

    def __init__(self, message: str, *, conflicts: Sequence[str], next_step: str = "") -> None:
        super().__init__(message, next_step=next_step)
        self.conflicts = tuple(conflicts)


class PointError(LifeboatError):
    """A restore point does not allow this: it is sealed, expired, incomplete or unknown."""


class SignatureError(LifeboatError):
    """A document of the vault is not signed by a trusted key, or was changed after it was signed."""


class DocumentError(LifeboatError):
    """A manifest or evidence is of a form that this version does not know."""


class VaultError(LifeboatError):
    """The vault refused or failed."""


class VaultMissingError(VaultError):
    """There is no repository at the vault's address."""


class VaultPasswordError(VaultError):
    """The vault's password is wrong."""


class VaultDamagedError(VaultError):
    """The vault holds data that does not match its own checksums."""


class VaultLockedError(VaultError):
    """Another process holds the vault's lock; it will let go or its lock must be cleared."""

    permanent = False


class VaultBusyError(VaultError):
    """The vault's storage failed in a way that may pass (network, time-out)."""

    permanent = False


class CloudError(LifeboatError):
    """The cloud refused a request, or what it was to make failed."""


class CloudBusyError(CloudError):
    """The cloud is throttling, out of order, or still at work; asking again later may help."""

    permanent = False


class CloudQuotaError(CloudError):
    """The account may not have more of something."""


class CloudMissingError(CloudError):
    """There is no such thing in the cloud, or it is not seen yet."""


class CloudExistsError(CloudError):
    """There is a thing of that name already."""


class NotifyError(LifeboatError):
    """A message to people was not accepted by a service; it is kept, and sent later."""

    permanent = False
