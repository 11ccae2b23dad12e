"""What the messages of `ssh` mean, as errors of ours."""

from lifeboat.errors import AccessError, LifeboatError
from lifeboat.host import unreachable
from lifeboat.ssh_settings import SshSettings

_UNTRUSTED = ("Host key verification failed", "host key is known for")
_REFUSED = ("Permission denied", "Too many authentication failures")


def login_error(host: str, settings: SshSettings, message: str) -> LifeboatError:
    """Given what ssh said when it could not log in, return the error that tells what to do about it."""
    if any(sign in message for sign in _UNTRUSTED):
        return _host_key_error(host, settings, message)
    if any(sign in message for sign in _REFUSED):
        return AccessError(
            f"Host '{host}' refused the login of {settings}: {message}",
            next_step=f"Check login, password and private_key of connection '{settings.connection_id}', and "
            "that the public key is in authorized_keys of that account.",
        )
    return lost_connection(host, settings, message)


def lost_connection(host: str, settings: SshSettings, message: str) -> LifeboatError:
    """Given what ssh said about a host that does not answer, or no longer, return the error for it."""
    return unreachable(
        host,
        f"{settings}: {message or 'the connection ended.'}",
        "Check the network, the firewall and sshd on that host; then try again.",
    )


def refused_request(host: str, settings: SshSettings, request: str, message: str) -> LifeboatError:
    """Given a forwarding that the host or this machine refused, return the error for it."""
    return AccessError(
        f"Host '{host}' ({settings}) refused to {request}: {message or 'no message'}",
        next_step="Allow it in the host's sshd_config (AllowTcpForwarding, AllowStreamLocalForwarding, "
        "PermitListen) and in the options of the key in authorized_keys.",
    )


def _host_key_error(host: str, settings: SshSettings, message: str) -> AccessError:
    changed = "IDENTIFICATION HAS CHANGED" in message
    problem = "shows another host key than the known one" if changed else "has a host key that is not known"
    caution = "Find out why the key changed before you trust the new one. " if changed else ""
    jump = " The key of the jump host belongs there, too." if settings.jump else ""
    return AccessError(
        f"Host '{host}' ({settings}) {problem}, so nothing was sent to it: {message}",
        next_step=f"{caution}Run `ssh-keyscan -p {settings.port} {settings.address}`, compare the key with the "
        "one on the host itself (`ssh-keygen -lf /etc/ssh/ssh_host_ed25519_key.pub`), and put it into the "
        f"extra 'host_key' of connection '{settings.connection_id}'.{jump}",
    )
