"""How to reach a host over SSH, read from an Airflow connection of type `ssh`."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from lifeboat.connections import Connection, environment_variable
from lifeboat.errors import ConfigurationError

#: Extras of Airflow's own SSH hook that would accept any host key: with them anybody could pose as the host.
_UNSAFE_EXTRAS = ("no_host_key_check", "allow_host_key_change")
_CONNECT_SECONDS = 15


@dataclass(frozen=True)
class JumpHost:
    """The machine through which a host is reached: `[login@]host[:port]` of the extra `proxy_jump`."""

    address: str
    login: str
    port: int


@dataclass(frozen=True)
class SshSettings:
    """One host's address, account and keys.

    `known_hosts` is the text of a known_hosts file, or empty when the account's own file is to be used.
    """

    connection_id: str
    address: str
    port: int
    login: str
    known_hosts: str
    connect_seconds: int
    key_file: str = ""
    jump: JumpHost | None = None
    password: str = field(default="", repr=False)
    private_key: str = field(default="", repr=False)
    passphrase: str = field(default="", repr=False)

    def __str__(self) -> str:
        account = f"{self.login}@" if self.login else ""
        return f"{account}{bracketed(self.address)}:{self.port}"

    @classmethod
    def from_connection(cls, connection: Connection) -> Self:
        """Given a connection of type ssh, return its settings.

        Host, port, login and password are the fields of that name. Extras: private_key (PEM),
        private_key_passphrase, key_file, host_key (`ssh-ed25519 AAAA…`, or lines of a known_hosts file),
        connect_timeout in seconds (Airflow's conn_timeout also), proxy_jump (`[login@]host[:port]`, logged in
        to with the same key; its host key belongs into the same place as the host's).
        Raise ConfigurationError when the host is missing, an extra cannot be read or would accept any host key.
        """
        extra = connection.extra
        _refuse_unsafe(connection)
        address, port = connection.require("host"), connection.port or 22
        timeout = extra.get("connect_timeout") or extra.get("conn_timeout") or _CONNECT_SECONDS
        return cls(
            connection_id=connection.id,
            address=address,
            port=port,
            login=connection.login,
            known_hosts=_known_hosts(_text(extra, "host_key"), address, port),
            connect_seconds=_positive_integer(connection, "connect_timeout", timeout),
            key_file=_text(extra, "key_file"),
            jump=_jump_host(connection, _text(extra, "proxy_jump")),
            password=connection.password,
            private_key=_text(extra, "private_key"),
            passphrase=_text(extra, "private_key_passphrase"),
        )


def bracketed(address: str) -> str:
    """Given a host's name or address, return it as it stands before a colon: an IPv6 address in brackets."""
    return f"[{address}]" if ":" in address else address


def _text(extra: Mapping[str, Any], name: str) -> str:
    return str(extra.get(name) or "").strip()


def _refuse_unsafe(connection: Connection) -> None:
    for name in _UNSAFE_EXTRAS:
        if str(connection.extra.get(name, "")).strip().lower() in {"true", "1", "yes"}:
            raise ConfigurationError(
                f"Connection '{connection.id}' sets the extra '{name}', which would trust any machine that "
                f"answers in the place of host '{connection.host}'.",
                next_step=f"Remove '{name}' and set the extra 'host_key' to the host's public key "
                f"(see `ssh-keyscan {connection.host}`, compared with the key on the host itself).",
            )


def _known_hosts(host_key: str, address: str, port: int) -> str:
    """Given the extra host_key, return it as a known_hosts file: bare keys get the host's name in front."""
    name = f"[{address}]:{port}" if port != 22 else address
    lines = [line.strip() for line in host_key.splitlines() if line.strip()]
    return "".join(f"{name.lower()} {line}\n" if _is_bare_key(line) else f"{line}\n" for line in lines)


def _is_bare_key(line: str) -> bool:
    """Given a line, return whether it is `type base64 [comment]`; every public key's base64 begins with AAAA."""
    return line.partition(" ")[2].lstrip().startswith("AAAA")


def _jump_host(connection: Connection, text: str) -> JumpHost | None:
    if not text:
        return None
    login, _, rest = text.rpartition("@")
    address, _, port = rest.rpartition(":") if rest.rpartition(":")[2].isdigit() else (rest, "", "22")
    if not address or address.startswith("-") or "," in address:
        raise ConfigurationError(
            f"The extra 'proxy_jump' of connection '{connection.id}' names no single host.",
            next_step=f"Write it as login@host:port, in Airflow or in {environment_variable(connection.id)}.",
        )
    return JumpHost(address.strip("[]"), login, int(port))


def _positive_integer(connection: Connection, name: str, value: Any) -> int:
    if str(value).isdigit() and int(value) > 0:
        return int(value)
    raise ConfigurationError(
        f"The extra '{name}' of connection '{connection.id}' is not a number of seconds.",
        next_step="Set it to a whole number above zero, or remove it.",
    )
